import pytest
from pydicom.sr._concepts_dict import concepts

from gkmvlp.anatomy import REGIONS
from gkmvlp.app.dicom import codes
from gkmvlp.entities import ENTITIES

CODES = [value for value in vars(codes).values() if isinstance(value, codes.Code)]


def is_in_dicom(code):
    """Whether the dictionary of PS3.16 that pydicom ships has the code with this meaning."""
    meanings = [meaning for entry in concepts[code.scheme_designator].values() for key, (meaning, _) in entry.items()
                if key == code.value]  # fmt: skip
    return code.meaning in meanings


@pytest.mark.parametrize("code", [*codes.DICOM.values(), *codes.ANATOMIC.values()], ids=str)
def test_codes_are_those_of_dicom(code):
    assert is_in_dicom(code)


@pytest.mark.parametrize("code", [code for code in CODES if code.scheme_designator != codes.SCHEME], ids=str)
def test_so_are_those_of_values_and_properties(code):
    assert is_in_dicom(code)


def test_each_entity_and_region_has_a_code_of_its_own():
    finding = [codes.finding_code(entity.name) for entity in ENTITIES]
    assert len({(code.scheme_designator, code.value) for code in finding}) == len(ENTITIES)
    places = [codes.place_of(region) for region in REGIONS]
    assert len({(place.structure.value, str(place.laterality)) for place in places}) == len(REGIONS)
    schemes = {code.scheme_designator for code in (*finding, *(place.structure for place in places))}
    assert schemes == {"DCM", "SCT", "99GKMVLP"}  # nothing of UMLS


def test_a_name_without_a_code_is_its_own():
    assert codes.finding_code("low lung volumes") == codes.Code("low lung volumes", "99GKMVLP", "low lung volumes")
    assert codes.finding_code("Effusion").value == "60046008"  # by its name in ChestX-ray14
    assert codes.finding_code("something of a user").scheme_designator == "99GKMVLP"
    assert codes.finding_code("x" * 99) == codes.Code("x" * 99, "99GKMVLP", "x" * 64)  # what a meaning can hold


@pytest.mark.parametrize(
    ("region", "structure", "side"),
    [("right lung", "39607008", "24028007"), ("left clavicle", "51299004", "7771000"), ("spine", "421060004", None),
     ("right atrium", "73829009", None), ("left costophrenic angle", "costophrenic angle", "7771000")],
)  # fmt: skip
def test_sides_of_regions(region, structure, side):
    place = codes.place_of(region)
    assert place.structure.value == structure
    assert (place.laterality.value if place.laterality else None) == side
