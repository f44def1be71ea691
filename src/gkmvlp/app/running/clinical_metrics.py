"""Generated reports scored by radeval, which lives in an environment of its own: its packages would break this one's.

Its models read clinical text (RadGraph, CheXbert); they are fetched by radeval, under licences of their own.
"""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from gkmvlp.errors import ResultsError, UsageError
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions
from gkmvlp.metrics.words import words

SCRIPT = Path(__file__).with_name("radeval_program.py")
INSTALL = "python -m venv radeval && radeval/bin/pip install radeval pyarrow, then --radeval radeval/bin/python"


def score_clinically(file: Path, python: str, metrics: Sequence[str]) -> Path:
    """Writes the scores of generated reports beside their predictions, as ``NAME_clinical.parquet``.

    Args:
        file: Predictions of report generation.
        python: The Python of the environment that has radeval.
        metrics: Names of radeval's metrics.

    Raises:
        ResultsError: If the file holds no generated reports.
        UsageError: If radeval cannot be run.
    """
    table, meta = read_predictions(file)
    if meta["task"] != "report_generation":
        raise ResultsError(f"{file}: predictions of report_generation are expected, got {meta['task']}")
    table = table[[bool(words(text)) for text in table["target"].fillna("")]]  # without reference there is no score
    pairs = table[["target", "prediction"]].drop_duplicates(ignore_index=True)
    scores, version = _run(pairs, python, metrics)
    wide = table.merge(pairs.join(scores), on=["target", "prediction"], how="left")
    ids = ["sample_id", "patient_id", "model", "seed", *(["fold"] if "fold" in wide else [])]
    rows = wide[[*ids, *scores]].melt(id_vars=ids, value_vars=list(scores), var_name="metric", value_name="score")
    target = file.with_name(f"{file.stem}_clinical.parquet")
    write_predictions(
        target,
        rows,
        {**meta, "task": "report_clinical", "signature": {**meta["signature"], "scorer": f"radeval {version}"}},
    )
    return target


def _run(pairs: pd.DataFrame, python: str, metrics: Sequence[str]) -> tuple[pd.DataFrame, str]:
    """Scores of pairs, one column a scorer, and the version of radeval."""
    with tempfile.TemporaryDirectory() as folder:  # texts of patients may be among them: nobody else's to read
        source, target = Path(folder, "pairs.parquet"), Path(folder, "scores.parquet")
        pairs.to_parquet(source)
        command = [python, str(SCRIPT), str(source), str(target), *metrics]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            raise UsageError(f"--radeval {python}: cannot be run ({error.strerror}): {INSTALL}") from error
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
            raise UsageError(f"--radeval {python}: {reason[0][:200]}: {INSTALL}")
        scores = pd.read_parquet(target)
    return scores.drop(columns="version"), str(scores["version"].iloc[0])
