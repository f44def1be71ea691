"""Tables by group of the documents: patients by ChestX-ray14's table, the figure that stands for a task."""

import numpy as np
import pandas as pd
import pytest

from gkmvlp.app.experiments.real.subgroups import groups_of_file, with_people
from gkmvlp.data_modules.formats.chest_xray14 import find_files, read_people
from gkmvlp.metrics.groups import age_group
from gkmvlp.metrics.results.predictions import write_predictions
from gkmvlp.metrics.results.tables import group_rows

PATIENTS = [str(number) for number in range(50)]


def people():
    return pd.DataFrame({"patient_id": PATIENTS, "sex": ["F"] * 40 + ["M"] * 10, "age": [30.0] * 50})


def test_a_patient_has_the_age_of_the_first_image_where_the_row_tells_none():
    told = pd.DataFrame({"patient_id": ["1", "1", "2"], "sex": ["F", "F", "M"], "age": [41.0, 39.0, 70.0]})
    rows = with_people(pd.DataFrame({"patient_id": ["1", "2", "3"]}), told)
    assert rows["sex"].tolist()[:2] == ["F", "M"]
    assert rows["age"].tolist()[:2] == [39, 70]
    assert rows["sex"].isna().tolist() == [False, False, True]
    rows = with_people(pd.DataFrame({"patient_id": ["1", "1"], "age": [50.0, np.nan]}), told)
    assert rows["age"].tolist() == [50, 39]


def test_hits_are_counted_in_each_group_and_small_groups_have_no_figure(tmp_path):
    rows = pd.DataFrame(
        {
            "sample_id": PATIENTS, "patient_id": PATIENTS, "entity": "mass", "lateral": True, "seed": 0,
            "x": np.where(np.arange(50) % 4, 5.0, 50.0), "y": 5.0, "boxes": [[0.0, 0.0, 10.0, 10.0]] * 50,
        }
    )  # fmt: skip
    table = pd.concat([rows.assign(model=model) for model in ("pretrained", "baseline:prior_box")])
    file = tmp_path / "grounding.parquet"
    write_predictions(file, table, {"task": "grounding", "data": "d", "split": "s@0"})
    _, found = group_rows(groups_of_file(file, people()))
    assert [row[:6] for row in found] == [
        ["pointing_game", "all", model, "sex", group, f"{count} ({count})"]
        for model in ("prior_box", "pretrained")
        for group, count in (("F", 40), ("M", 10))
    ]
    assert [row[6].startswith("0.750 [") for row in found] == [True, False] * 2
    assert [row[6] for row in found][1::2] == ["too few", "too few"]


@pytest.mark.parametrize(("written", "years"), [("058Y", 58.0), ("58", 58.0), ("011M", 0.0), ("", float("nan"))])
def test_ages_are_read_in_either_spelling(written, years, tmp_path):
    file = tmp_path / "Data_Entry_2017.csv"
    file.write_text(f"Image Index,Patient ID,Patient Age,Patient Gender\n00000001_000.png,1,{written},F\n")
    (person,) = read_people(file).itertuples(index=False)
    assert (person.patient_id, person.sex) == ("1", "F")
    np.testing.assert_equal(person.age, years)


def test_nearly_every_patient_of_the_real_table_has_sex_and_age(shared_data):
    people = read_people(find_files(str(shared_data / "chestxray14")).entries)
    first = people.groupby("patient_id").agg(sex=("sex", "first"), age=("age", "min"))
    assert len(people) == 112_120
    assert first["sex"].isin(["F", "M"]).sum() == 30_805
    assert 30_805 - 30 < first["age"].map(age_group).notna().sum() <= 30_805
