"""Errors of other packages and of the disk become one line for the user."""

import errno

import pytest
import torch
from lightning.fabric.utilities import move_data_to_device
from lightning.pytorch.accelerators import CPUAccelerator

from gkmvlp.app.running.user_errors import user_error


def test_errors_of_other_packages_and_of_the_disk_are_for_the_user():
    refused = type("UsageError", (Exception,), {"__module__": "wandb.errors.errors"})("No API key configured.\nLog in.")
    assert user_error(RuntimeError("x")) is None
    told = str(user_error(refused))
    assert told == "the logger of wandb does not start: No API key configured. Log in. (--trainer.logger=false: none)"
    full = OSError(errno.ENOSPC, "No space left on device", "out/checkpoints/last.ckpt")
    assert str(user_error(full)).startswith("out/checkpoints/last.ckpt: No space left on device; ")
    assert user_error(BrokenPipeError(errno.EPIPE, "Broken pipe")) is None


def test_what_lightning_raises_is_for_the_user_and_calls_that_fail_in_it_are_not():
    with pytest.raises(TypeError, match="should be an int > 0") as stated:
        CPUAccelerator.parse_devices([0, 1])
    assert "should be an int > 0" in str(user_error(stated.value))
    with pytest.raises(NotImplementedError, match="meta") as failed:
        move_data_to_device(torch.zeros(1, device="meta"), torch.device("cpu"))
    assert failed.traceback[-1].frame.f_globals["__name__"].startswith("lightning.")
    assert user_error(failed.value) is None
    with pytest.raises(TypeError) as called:
        move_data_to_device()
    assert user_error(called.value) is None
