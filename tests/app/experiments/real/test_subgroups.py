"""Figures by sex and age: who is in a group, its figure against a count, and groups that are too small."""

import numpy as np
import pandas as pd
import pytest

from gkmvlp.app.experiments.real.subgroups import age_group, group_rows, groups_of
from gkmvlp.data_modules.formats.chest_xray14 import find_files, read_people
from gkmvlp.metrics.results.predictions import write_predictions


@pytest.mark.parametrize(
    ("age", "group"),
    [(0, "under 40"), (39, "under 40"), (40, "40 to 59"), (59, "40 to 59"), (60, "60 and over"), (414, None),
     (float("nan"), None)],
)  # fmt: skip
def test_ages_have_their_group(age, group):
    assert age_group(age) == group


def test_a_patient_is_in_the_group_of_the_first_image():
    people = pd.DataFrame({"patient_id": ["1", "1", "2"], "sex": ["F", "F", "M"], "age": [41.0, 39.0, 70.0]})
    assert groups_of(people) == {
        "sex F": {"1"}, "sex M": {"2"}, "age under 40": {"1"}, "age 40 to 59": set(), "age 60 and over": {"2"}
    }  # fmt: skip


def test_hits_are_counted_in_each_group_and_small_groups_have_no_figure(tmp_path):
    patients = [str(number) for number in range(50)]
    rows = pd.DataFrame(
        {
            "sample_id": patients, "patient_id": patients, "entity": "mass", "lateral": True, "seed": 0,
            "x": np.where(np.arange(50) % 4, 5.0, 50.0), "y": 5.0, "boxes": [[0.0, 0.0, 10.0, 10.0]] * 50,
        }
    )  # fmt: skip
    table = pd.concat([rows.assign(model=model) for model in ("pretrained", "baseline:prior_box")])
    file = tmp_path / "grounding.parquet"
    write_predictions(file, table, {"task": "grounding", "data": "d", "split": "s@0"})
    groups = {"sex F": set(patients[:40]), "sex M": set(patients[40:])}
    found = group_rows(file, groups)
    assert [row[:5] for row in found] == [
        ["grounding", "pointing_game all", model, group, count]
        for group, count in (("sex F", 40), ("sex M", 10))
        for model in ("pretrained", "prior_box")
    ]
    assert str(found[0][5]).startswith("0.750 [")
    assert [row[5] for row in found[2:]] == ["too few", "too few"]


@pytest.mark.parametrize(("written", "years"), [("058Y", 58.0), ("58", 58.0), ("011M", 0.0), ("", float("nan"))])
def test_ages_are_read_in_either_spelling(written, years, tmp_path):
    file = tmp_path / "Data_Entry_2017.csv"
    file.write_text(f"Image Index,Patient ID,Patient Age,Patient Gender\n00000001_000.png,1,{written},F\n")
    (person,) = read_people(file).itertuples(index=False)
    assert (person.patient_id, person.sex) == ("1", "F")
    np.testing.assert_equal(person.age, years)


def test_nearly_every_patient_of_the_real_table_has_sex_and_age(shared_data):
    people = read_people(find_files(str(shared_data / "chestxray14")).entries)
    groups = groups_of(people)
    assert len(people) == 112_120
    assert len(groups["sex F"] | groups["sex M"]) == 30_805
    assert 30_805 - 30 < sum(len(members) for name, members in groups.items() if name.startswith("age")) <= 30_805
