"""What a DICOM says it shows, from which side, and which way up."""

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence

from gkmvlp.data_modules.pipeline.images import ImageError, read_image
from tests.data_modules.pipeline.small_files import SHADE, dicom


def sided(orientation: list[str], upright: np.ndarray) -> np.ndarray:
    """Stored pixels whose rows and columns run towards those sides of the patient, pixel by pixel."""
    height, width = upright.shape
    step = {"L": (0, 1), "R": (0, -1), "F": (1, 0), "H": (-1, 0)}  # towards a side: down and to the right, upright
    across, down = (step[way] for way in orientation)
    rows, columns = (height, width) if down[0] else (width, height)
    first = height - 1 if -1 in (across[0], down[0]) else 0, width - 1 if -1 in (across[1], down[1]) else 0
    places = [[(first[0] + r * down[0] + c * across[0], first[1] + r * down[1] + c * across[1])
               for c in range(columns)] for r in range(rows)]  # fmt: skip
    return np.array([[upright[place] for place in line] for line in places])


@pytest.mark.parametrize("orientation", ["L F", "R F", "L H", "R H", "F L", "F R", "H L", "H R"])
def test_the_patients_left_is_on_the_right(orientation: str):
    upright = SHADE.astype(np.uint16) * 16
    stored = sided(orientation.split(), upright)
    assert np.array_equal(read_image(dicom(stored, PatientOrientation=orientation.split())), read_image(dicom(upright)))


@pytest.mark.parametrize("told", ["R/F", "R,F", "r f", "RIGHT\\FEET", "RT\\CD", "RA\\FP", " R \\F"])
@pytest.mark.filterwarnings("ignore:.*Invalid value for VR:UserWarning")
def test_sides_are_read_however_they_are_spelled(told: str):
    """RT and CD are right and caudal, of animals on four legs (PS3.3 C.7.6.1.1.1)."""
    upright = SHADE.astype(np.uint16) * 16
    stored = sided(["R", "F"], upright)
    assert np.array_equal(read_image(dicom(stored, PatientOrientation=told.split("\\"))), read_image(dicom(upright)))


def test_lateral_by_code_and_by_axes_and_decubitus():
    for tags in (
        {"ViewCodeSequence": Sequence([coded("lateral")])},
        {"PatientOrientation": ["A", "F"]},
        {"ViewPosition": "LATERAL"},
    ):
        with pytest.raises(ImageError, match="accept: lateral"):
            read_image(dicom(**tags))
        assert read_image(dicom(**tags), accept=["lateral"]).shape == (16, 16)
    assert read_image(dicom(ViewPosition="LLD")).shape == (16, 16)


def coded(meaning: str) -> Dataset:
    item = Dataset()
    item.CodeMeaning = meaning
    return item


def region(meaning: str) -> Dataset:
    """An item of AnatomicRegionSequence."""
    item = Dataset()
    item.CodeMeaning = meaning
    return item


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"ViewPosition": "RAO"}, "ViewPosition RAO is not frontal: no regions of the atlas"),
        ({"ViewPosition": "AP SUPINE"}, None),
        ({"ViewPosition": "XYZ"}, "ViewPosition XYZ is spelled in no known way: no regions of the atlas"),
        ({"ViewPosition": "PA", "PatientOrientation": ["A", "F"]}, "ViewCodeSequence, PatientOrientation or Image"),
        ({"SeriesDescription": "Chest lateral"}, "no ViewPosition, and a description that names a lateral view"),
        ({"SeriesDescription": "Chest PA and lateral"}, None),
        ({"SeriesDescription": "CHEST_LAT"}, "no ViewPosition, and a description that names a lateral view"),
        ({"SeriesDescription": "Thorax seitl."}, "no ViewPosition, and a description that names a lateral view"),
        ({"SeriesDescription": "CHEST_PA_LAT"}, None),
        ({"PatientOrientation": ["L", "R"]}, "PatientOrientation L\\R names no two sides: left out of account"),
        ({"PatientOrientation": "L"}, "PatientOrientation L names no two sides: left out of account"),
        ({"PatientOrientation": ["L", ""]}, "PatientOrientation L\\ names no two sides: left out of account"),
        ({"PatientOrientation": ["", ""]}, None),
        ({"BodyPartExamined": "HAND"}, "BodyPartExamined is HAND, no chest"),
        ({"BodyPartExamined": "PORT CHEST"}, None),
        ({"AnatomicRegionSequence": [region("Foot")]}, "AnatomicRegionSequence is FOOT, no chest"),
        ({"AnatomicRegionSequence": [region("Chest")]}, None),
        ({"PresentationIntentType": "FOR PROCESSING"}, "PresentationIntentType is FOR PROCESSING: raw values"),
        ({"WindowCenter": 2040, "WindowWidth": 4080, "VOILUTFunction": "SIGMOIDAL"}, "VOILUTFunction SIGMOIDAL is not"),
    ],
)
def test_what_makes_a_reading_doubtful_is_said(tags, said: str | None):
    notes: list[str] = []
    assert np.array_equal(read_image(dicom(**tags), notes=notes), read_image(dicom()))
    assert [note[: len(said or "")] for note in notes] == ([] if said is None else [said])


def test_image_orientation_turns_where_patient_orientation_is_absent_and_dummies_do_not():
    plain, notes = read_image(dicom()), list[str]()
    assert np.array_equal(read_image(dicom(ImageOrientationPatient=[-1, 0, 0, 0, 0, -1])), plain[:, ::-1])
    assert np.array_equal(read_image(dicom(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]), notes=notes), plain)
    assert not notes
    with pytest.raises(ImageError, match="a lateral view"):
        read_image(dicom(ImageOrientationPatient=[0, 1, 0, 0, 0, -1]))


@pytest.mark.parametrize("code", ["399198007", "R-10236"])
def test_a_lateral_view_is_known_by_its_code_whatever_language_names_it(code: str):
    item = Dataset()
    item.CodeValue, item.CodeMeaning = code, "seitlich"
    with pytest.raises(ImageError, match="a lateral view"):
        read_image(dicom(ViewCodeSequence=Sequence([item])))
