"""What is chosen on which hardware, and that a config's own choice of precision stands."""

import os

import pytest
import torch
from lightning.pytorch import LightningModule

from gkmvlp.app.running.trainer_defaults import trainer_arguments
from gkmvlp.hardware import best_precision, runs_at_once


@pytest.fixture
def machine(monkeypatch):
    """Pretends to be a machine."""

    def pretend(gpu=False, gpu_bf16=False, avx512_bf16=False, amx=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: gpu_bf16)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)

    return pretend


@pytest.mark.parametrize(
    ("has", "accelerator", "expected"),
    [
        ({}, "auto", "32-true"),
        ({"avx512_bf16": True}, "auto", "bf16-mixed"),
        ({"amx": True}, "cpu", "bf16-mixed"),
        ({"gpu": True, "gpu_bf16": True}, "auto", "bf16-mixed"),
        ({"gpu": True, "gpu_bf16": True}, "cpu", "32-true"),
        ({"gpu": True, "amx": True}, "gpu", "32-true"),
    ],
)
def test_bfloat16_only_where_the_hardware_multiplies_it(machine, has, accelerator, expected):
    machine(**has)
    assert best_precision(accelerator) == expected


@pytest.mark.parametrize(("given", "chosen"), [(None, "bf16-mixed"), ("32-true", None)])
def test_the_trainer_gets_it_where_the_config_leaves_it_open(machine, tmp_path, given, chosen):
    machine(amx=True)
    config = {
        "default_root_dir": tmp_path,
        "callbacks": None,
        "logger": False,
        "enable_checkpointing": None,
        "fast_dev_run": False,
        "limit_val_batches": None,
        "enable_progress_bar": False,
        "enable_model_summary": None,
        "val_check_interval": None,
        "max_epochs": 1,
        "check_val_every_n_epoch": 1,
        "accelerator": "cpu",
        "precision": given,
        "sync_batchnorm": False,
        "plugins": None,
    }
    assert trainer_arguments(config, LightningModule(), "fit").get("precision") == chosen


@pytest.mark.parametrize(("has", "cores", "expected"), [({}, 2, 2), ({}, 1, 1), ({"gpu": True}, 16, 1)])
def test_processors_take_two_small_runs_at_once(machine, monkeypatch, has, cores, expected):
    machine(**has)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))  # of 64, as a scheduler binds a job
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert runs_at_once() == expected
