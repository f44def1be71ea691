"""The arms of classification: which runs are made, and what their predictions are merged into."""

from pathlib import Path

import pandas as pd
import pytest

from gkmvlp.app.experiments import runs
from gkmvlp.app.experiments.classification import classification_conditions
from gkmvlp.app.running.run import data_overrides
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import write_predictions
from tests.app.toy import given_by

SCORES = {"pretrained": (0.1, 0.2, 0.9, 0.8), "variant:linear_probe": (0.1, 0.7, 0.9, 0.8),
          "scratch": (0.9, 0.2, 0.8, 0.1), "baseline:prevalence": (0.5,) * 4}  # fmt: skip


@pytest.fixture
def lightning(monkeypatch):
    """Lightning's runs are recorded; a test leaves predictions that depend on the arm."""
    ran: list[dict[str, str]] = []

    def lightning(*words: str) -> None:
        given = given_by(words)
        ran.append({"stage": words[0], **given})
        if words[0] != "test":
            return
        model = "scratch" if given["model.init_args.backbone"] == "null" else "pretrained"
        model = "variant:linear_probe" if "model.init_args.linear_probe" in given else model
        fraction = float(given["data.init_args.train_fraction"])
        meta = {"data": "phantom-chestxray14", "split": f"official@{fraction}"}
        rows = {"sample_id": list("abcd"), "patient_id": list("1223"), "entity": "Mass", "target": [0.0, 0, 1, 1]}
        made = [pd.DataFrame(rows).assign(model=name, seed=int(given["seed_everything"]), score=SCORES[name])
                for name in (model, "baseline:prevalence")]  # fmt: skip
        folder = Path(given["trainer.default_root_dir"]) / "predictions"
        write_predictions(folder / "classification.parquet", pd.concat(made),
                          {"task": "classification", "label_fraction": fraction, **meta})  # fmt: skip
        if model != "scratch":
            write_predictions(folder / "zero_shot.parquet", made[0], {"task": "zero_shot", **meta})

    monkeypatch.setattr(runs, "run_in_process", lightning)
    return ran


def test_every_arm_seed_and_share_is_run_once_and_compared(lightning, tmp_path):
    def run():
        return classification_conditions(
            "zoo://classification-phantom", tmp_path, "b", [0, 1], [0.01, 1.0], data_overrides(root="r")
        )

    files = run()
    assert len(lightning) == 2 * 3 * 2 * 2
    assert {word["data.init_args.root"] for word in lightning} == {"r"}
    assert [file.name for file in files] == ["classification-0.01.parquet", "classification-1.parquet",
                                             "classification-zero_shot.parquet"]  # fmt: skip
    for file, fraction in zip(files[:2], (0.01, 1.0), strict=True):
        found = {f.model: f for f in figures_of(file) if (f.name, f.label) == ("auroc_macro", None)}
        assert {model: figure.value for model, figure in found.items()} == {
            "pretrained": 1.0, "variant:linear_probe": 1.0, "scratch": 0.25
        }  # fmt: skip
        pretrained = found["pretrained"]
        assert (pretrained.label_fraction, pretrained.seeds, pretrained.split) == (fraction, 2, f"official@{fraction}")
        assert pretrained.difference["scratch"]["value"] == 0.75
        assert pretrained.baselines["prevalence"]["value"] == 0.5
    seen = [figure for figure in figures_of(files[2]) if figure.label is None]
    assert [(figure.split, figure.label_fraction) for figure in seen] == [("official@1.0", None)]
    run()
    assert len(lightning) == 24  # what is there is not repeated
