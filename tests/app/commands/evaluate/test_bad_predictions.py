"""Predictions on which a figure is undefined, through the real command: null, named, counted, exit 0."""

import json

import pandas as pd
import pytest

from gkmvlp.app.cli import main
from gkmvlp.metrics.results.predictions import write_predictions
from tests.metrics.corpora import META

BASE = {"model": "pretrained", "seed": 0}
BOX = [10.0, 10.0, 30.0, 30.0]


def labels(**changes):
    """Two labels of 12 patients in three folds, both with both classes in every fold."""
    rows = [
        {
            "sample_id": f"i{n}",
            "patient_id": f"p{n}",
            "entity": entity,
            "fold": n % 3,
            "target": float(n // 3 % 2),
            "score": n / 12,
        }
        for n in range(12)
        for entity in ("edema", "mass")
    ]
    table = pd.DataFrame(rows).assign(**BASE)
    for entity, wrong in changes.items():
        is_it = table["entity"].eq(entity)
        table.loc[is_it, "target"] = wrong(table[is_it])
    return table


def boxes(true, predicted):
    scores = [[0.9] * (len(found) // 4) for found in predicted]
    rows = [(f"i{n}", f"p{n}", *row) for n, row in enumerate(zip(true, predicted, scores, strict=True))]
    table = pd.DataFrame(rows, columns=["sample_id", "patient_id", "boxes", "predicted", "scores"])
    return table.assign(entity="Pneumonia", threshold=0.5, **BASE)


def reports(*pairs):
    rows = [(f"i{n}", f"p{n}", f"s{n}", target, text) for n, (target, text) in enumerate(pairs)]
    table = pd.DataFrame(rows, columns=["sample_id", "patient_id", "study_id", "target", "prediction"])
    return table.assign(score=-1.0, **BASE)


SAID = "A left pleural effusion is seen. The heart is not enlarged."
CASES = {  # task, table, name and label of a figure, its value (None: undefined), what its note says
    "a class missing from a fold": (
        "classification",
        labels(edema=lambda rows: rows["target"].where(rows["fold"] != 1, 0.0)),
        ("auroc_macro", None, 0.75, "left out in some of the folds, without both classes: 1 (edema in 1)"),
    ),
    "a constant label": (
        "classification",
        labels(edema=lambda rows: 1.0),
        ("auroc_macro", "edema", None, "no row of one of the two classes"),
    ),
    "a constant label in the mean": (
        "classification",
        labels(edema=lambda rows: 1.0),
        ("auroc_macro", None, 0.75, "without both classes: 1 of 2 (edema)"),
    ),
    "no positive image": (
        "localization",
        boxes([[], []], [BOX, []]),
        ("map_40_75", None, None, "no image has a true box"),
    ),
    "no prediction": (
        "localization",
        boxes([BOX, []], [[], []]),
        ("map_40_75", None, 0.0, "no prediction at all on 2 rows"),
    ),
    "an empty report": (
        "report_generation",
        reports((SAID, ""), (SAID, SAID)),
        ("entity_f1_micro", None, 2 / 3, "empty generated reports, scored as such: 1"),
    ),
    "only empty reports": (
        "report_generation",
        reports((SAID, ""), (SAID, "")),
        ("bleu_4", None, 0.0, "empty generated reports, scored as such: 2"),
    ),
    "an empty reference": (
        "report_generation",
        reports(("", SAID), (SAID, SAID)),
        ("entity_f1_micro", None, 1.0, "empty references, left out: 1"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_scored_is_null_or_left_out_and_named(case, tmp_path, capsys):
    task, table, (name, label, value, note) = CASES[case]
    path = tmp_path / f"{task}.parquet"
    write_predictions(path, table, {**META, "task": task})
    assert main(["evaluate", str(path), "--json"]) == 0
    (figure,) = (
        row for row in json.loads(capsys.readouterr().out)["figures"] if (row["name"], row["label"]) == (name, label)
    )
    assert figure["value"] == (None if value is None else pytest.approx(value))
    assert note in figure["note"]
