"""The folder of a run as training and evaluation leave it, at 32 px."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.metrics.results.metric_result import MetricResult, Results
from gkmvlp.metrics.results.predictions import write_table
from tests.app.small_models import build

HASH = "5" * 64
SIGNATURE = "boot:1000x patient, seed 0|metric:pointing_game|split:official@555555555555|unit:trial|version:1"


def figure(**changes: Any) -> MetricResult:
    fields = {"task": "grounding", "name": "pointing_game", "value": 0.5, "low": 0.4, "high": 0.6, "level": 0.95}
    more = {"signature": SIGNATURE, "model": "pretrained", "n": 40, "n_patients": 20, "seeds": 1}
    return MetricResult(**{**fields, **more, "data": "phantom-mimic-cxr", **changes})


def write_run(folder: Path, data: str = "phantom-mimic-cxr", module: str = "MimicCxr", **info: Any) -> Path:
    """A run on that data set; ``info`` goes into the backbone's ``config.json``."""
    backbone = build(data)
    backbone.info |= {"manifest": HASH, "patients": ["0" * 16], **info}
    backbones.save(backbone, folder / "backbone")
    options = {"root": "/home/somebody/data", "dataset_name": data, "atlas_file": None, "batch_size": 8}
    config = {
        "seed_everything": 3,
        "trainer": {"default_root_dir": str(folder), "max_epochs": 1},
        "model": {"class_path": "gkmvlp.tasks.PreTraining", "init_args": {"backbone": str(folder / "backbone")}},
        "data": {"class_path": f"gkmvlp.data_modules.{module}", "init_args": options},
    }
    (folder / "config.yaml").write_text("# lightning\n" + yaml.safe_dump(config))
    (folder / "manifest.json").write_text(json.dumps({"data": data, "hash": HASH, "members": {}}))
    write_results(folder, figure())
    return folder


def write_results(folder: Path, *figures: MetricResult) -> None:
    Results(
        "2026-01-01T00:00:00+00:00", f"gkmvlp test --config {folder}/c.yaml", "c0ffee", 1.0, 1, list(figures)
    ).write(folder / "results.json")


def write_predictions(folder: Path, data: str, credentialed: bool) -> None:
    """Predictions with answers, marked as the DataModule marks them."""
    table = pd.DataFrame({"sample_id": ["1"], "target": ["no effusion"]})
    meta = {"task": "vqa", "data": data, "split": "official@1", "credentialed": credentialed}
    write_table(folder / "predictions" / "vqa.parquet", table, meta)
