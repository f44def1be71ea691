"""What the entity head of a backbone means on real ChestX-ray14 over patient folds, before and after calibration."""

from pathlib import Path

import pandas as pd

from gkmvlp.app.actions.calibration import make_data
from gkmvlp.app.actions.calibration_figures import finding_rows
from gkmvlp.app.experiments.real.folds import FOLDS, merge_folds, require_unseen
from gkmvlp.metrics.calibration.fitting import fit_map
from gkmvlp.metrics.calibration.rows import before_and_after
from gkmvlp.metrics.calibration.score_map import ScoreMap
from gkmvlp.metrics.groups import with_group_columns
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.metric_result import MetricResult
from gkmvlp.metrics.results.predictions import write_predictions
from gkmvlp.zoo.inference.calibrating import score_rows
from gkmvlp.zoo.inference.loading import open_predictor


def measure_calibration(backbone: str, root: Path, out: Path) -> list[MetricResult]:
    """ECE and Brier score; the rows of the other folds calibrate, which the backbone never saw. Nothing is trained.

    Args:
        backbone: Reference of it.
        root: Folder of ChestX-ray14.
        out: Folder of the predictions.
    """
    predictor, parts, table = open_predictor(backbone), dict[int, Path](), pd.DataFrame()
    for fold in range(FOLDS):
        data = make_data(predictor, "ChestXray14", str(root), {"fold": fold, "num_folds": FOLDS, "num_workers": 0})
        require_unseen(data, backbone)
        if table.empty:  # the images are the same in every fold
            scored = finding_rows(predictor, data, score_rows(predictor, data, data.samples))
            scored = with_group_columns(scored, data.known_groups(None))
            table = scored.assign(model="pretrained", seed=0).dropna(subset="target")
        is_tested = table["sample_id"].isin(set(data.rows("test").values("sample_id")))
        parts[fold] = out / f"fold{fold}" / "predictions" / "calibration.parquet"
        meta = {
            "task": "calibration", "data": data.name, "split": data.split_name, "boxes": predictor.region_boxes,
            "credentialed": data.credentialed, "trained_on": predictor.info.get("trained_on"),
            "note": "each fold is calibrated on the others",
        }  # fmt: skip
        write_predictions(parts[fold], before_and_after(table[is_tested], _maps(table[~is_tested])), meta)
    return figures_of(merge_folds(parts, out / "predictions" / "calibration.parquet"))


def _maps(rows: pd.DataFrame) -> dict[str, ScoreMap]:
    """What the scores of each entity mean on these rows."""
    return {
        str(name): fit_map(of_entity["score"].to_numpy(), of_entity["target"].to_numpy())
        for name, of_entity in rows.groupby("entity")
    }
