"""A run calibrates the model that it left, on its validation rows, and tells on its test rows what that changed."""

from pathlib import Path

from gkmvlp.app.actions.calibration import calibrate_model, make_data
from gkmvlp.app.running.run_config import read_run_config
from gkmvlp.checkpoints.calibration_file import Calibration, Scores
from gkmvlp.errors import GkmvlpError
from gkmvlp.metrics.assemble import BASELINE
from gkmvlp.metrics.calibration.rows import before_and_after
from gkmvlp.metrics.calibration.score_map import log_odds
from gkmvlp.metrics.results.group_result import COLUMNS
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions
from gkmvlp.task_ids import TaskId
from gkmvlp.zoo.inference.calibrating import is_calibratable
from gkmvlp.zoo.inference.loading import INSIDE, open_predictor

# predictions of findings -> the kind of score that they hold
PREDICTIONS: dict[TaskId, Scores] = {"classification": "labels", "entity_classification": "entities"}


def calibrate_run(out: Path) -> None:
    """Writes ``calibration.json`` into the model of a run, and ``predictions/calibration.parquet``.

    A model without probabilities (boxes, reports) is left as it is; so is one whose validation rows do not allow it,
    with a line that says why.

    Args:
        out: The run's folder.
    """
    folder = next((out / name for name in INSIDE if (out / name / "config.json").is_file()), None)
    if folder is None:
        return
    try:
        predictor = open_predictor(folder)
        if not is_calibratable(predictor):
            return
        name, arguments = read_run_config(out).data
        root = arguments.get("root")
        rest = {key: value for key, value in arguments.items() if key != "root"}
        made = calibrate_model(predictor, make_data(predictor, name, root, rest), folder)
    except GkmvlpError as error:
        print(f"not calibrated: {error}", flush=True)
        return
    for task, kind in PREDICTIONS.items():
        if made.of(kind) and (file := out / "predictions" / f"{task}.parquet").is_file():
            _write_rows(file, made, kind)


def _write_rows(file: Path, made: Calibration, kind: Scores) -> None:
    """The rows of a run's predictions before and after."""
    table, meta = read_predictions(file)
    table = table[~table["model"].str.startswith(BASELINE)]
    if meta["task"] == "classification":
        table = table.assign(score=log_odds(table["score"]))
    maps = {name: one.map for name, one in made.of(kind).items()}
    note = "; ".join(filter(None, (made.summary, meta["note"])))
    columns = ["sample_id", "patient_id", "model", "seed", "entity", "target", "score"]
    rows = before_and_after(table[[*columns, *(name for name in COLUMNS if name in table)]], maps)
    write_predictions(file.with_name("calibration.parquet"), rows, {**meta, "task": "calibration", "note": note})
