"""Figures by group against counts by hand: who is in a group, its figure, worst and best, the gap, small groups."""

import json

import numpy as np
import pandas as pd
import pytest

from gkmvlp.app.cli import main
from gkmvlp.metrics.groups import age_group, grouped, known_columns, with_group_columns
from gkmvlp.metrics.protocols import PROTOCOLS
from gkmvlp.metrics.results.evaluate import figures_of, groups_of
from gkmvlp.metrics.results.group_result import grouped_from_json, grouped_to_json
from gkmvlp.metrics.results.predictions import write_predictions
from gkmvlp.metrics.results.tables import gap_lines, group_rows

META = {"task": "vqa", "data": "d", "split": "s@0"}
PEOPLE = 100


def table(right, **columns):
    """One question a patient; whether it is answered right."""
    ids = [f"p{number:03d}" for number in range(len(right))]
    return pd.DataFrame(
        {
            "sample_id": ids, "patient_id": ids, "model": "pretrained", "seed": 0, "question": ids,
            "answer_type": "open", "chest": True, "target": "yes", "in_vocabulary": True,
            "prediction": np.where(right, "yes", "no"), **columns,
        }
    )  # fmt: skip


def halves():
    """60 women, of whom 45 get a right answer; 40 men, 20; ages unknown of ten women."""
    right = np.r_[np.arange(60) < 45, np.arange(40) < 20]
    age = np.r_[np.full(10, np.nan), np.full(50, 30.0), np.full(35, 50.0), np.full(5, 70.0)]
    return table(right, sex=np.r_[["F"] * 60, ["M"] * 40], age=age)


@pytest.mark.parametrize(
    ("age", "group"),
    [(0, "under 40"), (39, "under 40"), (40, "40 to 59"), (59, "40 to 59"), (60, "60 and over"), (414, None),
     (float("nan"), None)],
)  # fmt: skip
def test_ages_have_their_group(age, group):
    assert age_group(age) == group


def overall(figures, by):
    (found,) = [f for f in figures if f.by == by and f.name == "accuracy_overall" and f.label is None]
    return found


def test_groups_are_counted_and_the_gap_is_best_minus_worst(tmp_path):
    write_predictions(tmp_path / "vqa.parquet", halves(), META)
    figures = groups_of(tmp_path / "vqa.parquet")
    found = overall(figures, "sex")
    women, men = found.groups
    assert (women.group, women.n, women.n_patients, women.value) == ("F", 60, 60, pytest.approx(0.75))
    assert (men.group, men.n, men.value) == ("M", 40, pytest.approx(0.5))
    assert women.low < women.value < women.high
    assert (found.worst, found.best, found.gap) == ("M", "F", pytest.approx(0.25))
    # two independent shares: the normal interval of their difference, within the error of 1000 resamples
    error = 1.96 * np.sqrt(0.75 * 0.25 / 60 + 0.5 * 0.5 / 40)
    assert [found.gap_low, found.gap_high] == pytest.approx([0.25 - error, 0.25 + error], abs=0.04)
    assert "by:sex" in found.signature.split("|")
    assert "fewest:30 patients" in found.signature.split("|")


def test_small_groups_have_no_figure_and_no_part_in_the_gap(tmp_path):
    write_predictions(tmp_path / "vqa.parquet", halves(), META)
    found = overall(groups_of(tmp_path / "vqa.parquet"), "age")
    assert [(group.group, group.n_patients) for group in found.groups] == [
        ("under 40", 50), ("40 to 59", 35), ("60 and over", 5)
    ]  # fmt: skip
    assert found.groups[2].value is None
    assert found.unknown == 10
    assert {found.worst, found.best} == {"under 40", "40 to 59"}
    _, rows = group_rows([found])
    assert [row[4:] for row in rows][2:4] == [["60 and over", "5 (5)", "too few"], ["not known", "10", ""]]
    (line,) = gap_lines([found])
    assert "by age: worst 40 to 59" in line
    assert line.endswith("no figure: 60 and over")


def test_one_large_group_alone_has_a_figure_and_no_gap():
    rows = table(np.ones(40, bool), sex=["F"] * 35 + ["M"] * 5)
    found = overall(grouped(PROTOCOLS["vqa"], rows, META | {"signature": {}}, ["sex"]), "sex")
    assert [group.value for group in found.groups] == [1.0, None]
    assert (found.worst, found.best, found.gap) == (None, None, None)


def test_groups_that_are_all_too_small_are_told():
    rows = table(np.ones(40, bool), sex=["F"] * 20 + ["M"] * 20)
    found = overall(grouped(PROTOCOLS["vqa"], rows, META | {"signature": {}}, ["sex"]), "sex")
    assert [(group.group, group.n_patients, group.value) for group in found.groups] == [
        ("F", 20, None),
        ("M", 20, None),
    ]
    assert found.gap is None
    assert [row[-1] for row in group_rows([found])[1]] == ["too few", "too few"]


def test_a_gap_within_patients_is_paired():
    """Every patient has an image of each view, one right and one wrong: the gap is 1 in every resample."""
    one = table(np.ones(40, bool), view="PA")
    other = table(np.zeros(40, bool), view="AP").assign(sample_id=lambda rows: rows["sample_id"] + "b")
    rows = pd.concat([one, other], ignore_index=True)
    found = overall(grouped(PROTOCOLS["vqa"], rows, META | {"signature": {}}, ["view"]), "view")
    assert (found.worst, found.best) == ("AP", "PA")
    assert (found.gap, found.gap_low, found.gap_high) == (1, 1, 1)


def test_of_a_figure_that_is_better_low_the_worst_is_the_highest():
    rows = pd.DataFrame({"sample_id": [f"{n}" for n in range(80)], "patient_id": [f"{n}" for n in range(80)]})
    rows = rows.assign(model="pretrained", seed=0, entity="mass", target=np.tile([1.0, 0.0], 40))
    sure = rows["target"] * 0.8 + 0.1
    rows["score"] = np.where(np.arange(80) < 40, sure, 1 - sure)  # the second half is sure of what is wrong
    rows["source"] = np.where(np.arange(80) < 40, "here", "there")
    meta = {"task": "classification", "data": "d", "split": "s@0", "signature": {}}
    figures = {f.name: f for f in grouped(PROTOCOLS["classification"], rows, meta, ["source"])}
    assert (figures["ece"].worst, figures["ece"].gap) == ("there", pytest.approx(0.8))
    assert (figures["auroc_macro"].worst, figures["auroc_macro"].gap) == ("there", pytest.approx(1))


def test_columns_come_with_the_samples_and_own_ones_stay():
    rows = pd.DataFrame({"sample_id": ["a", "b", "a"], "view": ["PA", "PA", "PA"]})
    told = {"sample_id": ["a", "b"], "sex": ["F", None], "view": ["AP", "AP"]}
    found = with_group_columns(rows, told)
    assert found["sex"].tolist()[::2] == ["F", "F"]
    assert found["sex"].isna().tolist() == [False, True, False]
    assert found["view"].tolist() == ["PA"] * 3
    assert known_columns(found) == []  # one sex, one view


def test_the_command_tells_of_groups_where_it_is_asked(tmp_path, capsys):
    file = tmp_path / "vqa.parquet"
    write_predictions(file, halves().assign(hospital=["x", "y"] * 50), META)
    assert main(["evaluate", str(file), "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"figures"}
    assert main(["evaluate", str(file), "--json", "--by", "sex", "hospital"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["figures"]) == len(figures_of(file))
    found = grouped_from_json(told["groups"])
    assert grouped_to_json(found) == told["groups"]
    assert {figure.by for figure in found} == {"sex", "hospital"}
    assert [group.group for group in overall(found, "hospital").groups] == ["x", "y"]
    assert main(["evaluate", str(file), "--by", "view"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "has sex, age; test again with data that know it" in told
