"""Runs that log to Weights & Biases and to MLflow, as the presets say, without a network."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.tiny import words

STEPS = ["--trainer.log_every_n_steps=1", "--trainer.limit_train_batches=2"]


@pytest.fixture
def fit(phantoms, tmp_path, monkeypatch):
    """The real command: a tiny pre-training with a preset of a logger. Its end flushes what a logger holds back."""
    monkeypatch.chdir(tmp_path)

    def run(preset, **environment):
        line = words("pretrain-phantom", phantoms, tmp_path / "run", f"--trainer=zoo://_base/{preset}", *STEPS)
        told = subprocess.run(
            [sys.executable, "-m", "gkmvlp", "fit", *line],
            env={**os.environ, **environment}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert told.returncode == 0, told.stderr[-2000:]

    return run


@pytest.mark.slow
@pytest.mark.skipif(find_spec("wandb") is None, reason="wandb is not installed")
def test_weights_and_biases_offline(fit):
    fit("logger_wandb", WANDB_MODE="offline", WANDB_SILENT="true")
    [folder] = Path("outputs/wandb/wandb").glob("offline-run-*")
    [log] = folder.glob("run-*.wandb")
    assert b"train/loss" in log.read_bytes()
    assert not list(folder.rglob("*.ckpt"))


@pytest.mark.slow
def test_mlflow_in_a_folder(fit, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # as the preset says; before mlflow reads it
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    fit("logger_mlflow")
    client = mlflow.tracking.MlflowClient(tracking_uri=f"file:{os.getcwd()}/outputs/mlflow")
    experiment = client.get_experiment_by_name("gkmvlp")
    [run] = client.search_runs([experiment.experiment_id])
    assert "train/loss" in run.data.metrics
    assert len(client.get_metric_history(run.info.run_id, "train/loss")) == 2
