"""What the entity head of a backbone means on real ChestX-ray14 over patient folds, before and after calibration."""

from pathlib import Path

from gkmvlp.app.actions.calibration import make_data
from gkmvlp.app.actions.calibration_figures import measure
from gkmvlp.app.experiments.real.folds import FOLDS, merge_folds, require_unseen
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.metric_result import MetricResult
from gkmvlp.zoo.inference.calibrating import calibrate
from gkmvlp.zoo.inference.loading import open_predictor


def measure_calibration(backbone: str, root: Path, out: Path) -> list[MetricResult]:
    """ECE and Brier score; the validation rows of each fold calibrate, its test rows measure, nothing is trained.

    Args:
        backbone: Reference of it.
        root: Folder of ChestX-ray14.
        out: Folder of the predictions.
    """
    predictor, parts = open_predictor(backbone), {}
    for fold in range(FOLDS):
        data = make_data(predictor, "ChestXray14", str(root), {"fold": fold, "num_folds": FOLDS, "num_workers": 0})
        require_unseen(data, backbone)
        predictor.calibration = calibrate(predictor, data)
        parts[fold] = measure(predictor, data, out / f"fold{fold}" / "predictions" / "calibration.parquet").file
    return figures_of(merge_folds(parts, out / "predictions" / "calibration.parquet"))
