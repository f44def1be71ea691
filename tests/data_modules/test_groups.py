"""What data sets know of the groups of their rows: sex, age, view and source, in every spelling."""

import pandas as pd
import pytest
from PIL import Image

from gkmvlp.data_modules import ChestXray14, ImageReportPairs, MimicCxr, MixedCorpora, RsnaPneumonia
from gkmvlp.data_modules.formats.mimic_cxr import age_at, read_patients
from gkmvlp.data_modules.formats.people import sex_of, years
from gkmvlp.data_modules.synthetic import chest_xray14, rsna_pneumonia
from gkmvlp.errors import ConfigError, DataError


@pytest.mark.parametrize(
    ("text", "sex"),
    [("F", "F"), ("Female", "F"), (" male", "M"), ("M", "M"), ("O", ""), ("", ""), (None, ""), ("männlich", "M")],
)
def test_sexes(text, sex):
    assert sex_of(text) == sex


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("058Y", 58),
        ("58", 58),
        ("58.0", 58),
        (91, 91),
        ("011M", 0),
        ("02w", 0),
        ("", None),
        ("x", None),
        ("60 years", 60),
        ("155", None),
    ],
)
def test_ages(text, age):
    assert years(text) == age


def columns(data, split="test"):
    data.check()
    return pd.DataFrame(data.known_groups(split)).set_index("sample_id")


def entries(folder):
    """The label table; its header has commas inside brackets."""
    path = next((folder / "chestxray14").glob("Data_Entry_2017*.csv"))
    return pd.read_csv(path, usecols=range(7), header=0, names=path.read_text().partition("\n")[0].split(",")[:7])


def test_the_table_of_chest_xray14(tmp_path):
    chest_xray14.write(tmp_path, 12, 0, size=32, workers=1)
    found = columns(ChestXray14(str(tmp_path), num_workers=0))
    table = entries(tmp_path).set_index("Image Index")
    rows = table.loc[[f"{name}.png" for name in found.index]]
    assert found["sex"].tolist() == rows["Patient Gender"].tolist()
    assert found["age"].tolist() == rows["Patient Age"].astype(float).tolist()
    assert found["view"].tolist() == rows["View Position"].tolist()
    assert "source" not in found


def test_a_table_without_people_is_read_as_before(tmp_path):
    chest_xray14.write(tmp_path, 12, 0, size=32, workers=1)
    path = next((tmp_path / "chestxray14").glob("Data_Entry_2017*.csv"))
    table = entries(tmp_path)
    table[["Image Index", "Finding Labels", "Patient ID", "View Position"]].to_csv(path, index=False)
    assert list(columns(ChestXray14(str(tmp_path), num_workers=0))) == ["view"]


def test_headers_of_rsna(tmp_path):
    rsna_pneumonia.write(tmp_path, 20, 0, size=32, workers=1)
    data = RsnaPneumonia(str(tmp_path), num_workers=0, cache_dir=str(tmp_path / "cache"), fold=0, num_folds=2)
    found = columns(data)
    assert set(found["sex"]) <= {"F", "M"}
    assert found["age"].between(18, 160).all()
    again = RsnaPneumonia(str(tmp_path), num_workers=0, cache_dir=str(tmp_path / "cache"), fold=0, num_folds=2)
    pd.testing.assert_frame_equal(columns(again), found)  # out of the cached headers


def test_patients_of_mimic_iv(phantoms, tmp_path):
    plain = MimicCxr(str(phantoms), num_workers=0)
    planted = columns(plain, "train")
    assert set(planted) == {"view", "sex", "age"}
    assert planted["age"].between(18, 97).all()
    assert set(planted["sex"]) == {"F", "M"}
    rows = plain.rows("train")
    patients = sorted(set(rows.values("patient_id")))
    path = tmp_path / "patients.csv"
    pd.DataFrame(
        {"subject_id": patients, "gender": "F", "anchor_age": 50, "anchor_year": 2100, "anchor_year_group": "-"}
    ).to_csv(path, index=False)
    found = columns(MimicCxr(str(phantoms), num_workers=0, patients=str(path)), "train")
    assert set(found["sex"]) == {"F"}
    tables = phantoms / "mimic-cxr-jpg" / "2.1.0"
    taken = pd.read_csv(tables / "mimic-cxr-2.0.0-metadata.csv.gz").set_index("dicom_id")["StudyDate"]
    assert found["age"].tolist() == [50 + taken[name] // 10_000 - 2100 for name in found.index]
    with pytest.raises(DataError, match=r"get hosp/patients.csv.gz of MIMIC-IV"):
        MimicCxr(str(phantoms), patients=str(tmp_path / "none.csv")).check()


def test_ages_at_a_study_need_both_years(tmp_path):
    path = tmp_path / "patients.csv"
    path.write_text("subject_id,gender,anchor_age,anchor_year\n1,M,40,2150\n2,F,,2150\n3,F,40,\n")
    people = read_patients(path)
    assert people["1"][0] == "M"
    assert age_at(people["1"], "21550101") == 45
    assert age_at(people["1"], "") is None
    assert age_at(people["2"], "21550101") is None
    assert age_at(people["3"], "21550101") is None


@pytest.fixture
def pairs(tmp_path):
    for number in range(4):
        Image.effect_noise((16, 16), 40).save(tmp_path / f"{number}.png")
    table = pd.DataFrame(
        {"image": [f"{n}.png" for n in range(4)], "report": "No effusion.", "patient_id": list("abcd")}
    )
    return table.assign(split="test", Sex=["Female", "Male", "", "Unknown"], Age=["61", "33", "", "7"], source="here")


def test_columns_of_a_table_of_ones_own(pairs, tmp_path):
    path = tmp_path / "pairs.csv"
    pairs.to_csv(path, index=False)
    assert set(columns(ImageReportPairs(str(path)))) == {"sex", "age", "source"}  # Sex and Age are meant too
    found = columns(ImageReportPairs(str(path), group_columns={"sex": "Sex", "age": "Age"}))
    assert found["sex"].fillna("").tolist() == ["F", "M", "", ""]
    assert found["age"].fillna(-1).tolist() == [61, 33, -1, 7]
    with pytest.raises(DataError, match="Gender"):
        ImageReportPairs(str(path), group_columns={"sex": "Gender"}).check()
    with pytest.raises(ConfigError, match=r"group_columns: race: one of sex, age, source"):
        ImageReportPairs(str(path), group_columns={"race": "Race"})


def test_several_corpora_are_sources(pairs, tmp_path):
    path = tmp_path / "pairs.csv"
    split = ["train", "train", "test", "test"]
    pairs.drop(columns="source").assign(split=split).to_csv(path, index=False)
    mixed = MixedCorpora({"here": ImageReportPairs(str(path))})
    assert columns(mixed)["source"].tolist() == ["here"] * 2
