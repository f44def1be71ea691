"""Runs that log to Weights & Biases and to MLflow, as the presets say, without a network."""

import os
from pathlib import Path

import pytest

from gkmvlp.app.cli import main
from tests.tiny import words


@pytest.fixture
def fit(phantoms, tmp_path, monkeypatch):
    """A tiny pre-training with a preset of a logger, in a folder of its own; what is given goes on the command line."""
    monkeypatch.chdir(tmp_path)

    def run(preset, *more):
        line = words("pretrain-phantom", phantoms, tmp_path / "run", f"--trainer=zoo://_base/{preset}", *more)
        assert main(["fit", *line, "--trainer.log_every_n_steps=1", "--trainer.limit_train_batches=2"]) == 0

    return run


@pytest.mark.slow
def test_weights_and_biases_offline(fit, monkeypatch):
    pytest.importorskip("wandb", reason="wandb is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    fit("logger_wandb")
    [folder] = Path("outputs/wandb/wandb").glob("offline-run-*")
    [log] = folder.glob("run-*.wandb")
    content = log.read_bytes()
    assert b"train/loss" in content
    assert not list(folder.rglob("*.ckpt"))


@pytest.mark.slow
def test_mlflow_in_a_folder(fit, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    fit("logger_mlflow")
    client = mlflow.tracking.MlflowClient(tracking_uri=f"file:{os.getcwd()}/outputs/mlflow")
    experiment = client.get_experiment_by_name("gkmvlp")
    [run] = client.search_runs([experiment.experiment_id])
    assert "train/loss" in run.data.metrics
    assert len(client.get_metric_history(run.info.run_id, "train/loss")) == 2
