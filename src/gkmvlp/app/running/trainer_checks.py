"""What the Trainer takes as it is, and what cannot work: its numbers, and the checkpoint that it starts from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer

from gkmvlp.checkpoints.pickles import load_pickle
from gkmvlp.errors import ConfigError, require_between

ANOTHER_CHECKPOINT = "name another by --ckpt_path"  # the remedy of an error
# Least value -> numbers of the Trainer
_LEAST = {
    0: ("gradient_clip_val", "log_every_n_steps", "reload_dataloaders_every_n_epochs"),
    1: ("accumulate_grad_batches", "check_val_every_n_epoch", "num_nodes"),
}


def require_numbers(config: Mapping[str, Any]) -> None:
    """Check the numbers of the Trainer that it takes as they are, and divides by later.

    Args:
        config: Its arguments; one that is open is None or not there.

    Raises:
        ConfigError: If one is too small.
    """
    for least, keys in _LEAST.items():
        given = {key: value for key in keys if isinstance(value := config.get(key), int | float)}
        require_between("trainer", least, **given)
    if config.get("val_check_interval") == 0:
        raise ConfigError(
            "trainer.val_check_interval must be above 0, got 0: limit_val_batches=0 leaves validation out"
        )
    try:
        devices = int(config.get("devices") or 0)
    except (TypeError, ValueError):  # a list, or auto
        return
    if devices < -1 or config.get("devices") == 0:
        raise ConfigError(f"trainer.devices must be a number of devices from 1 on, a list, -1 or auto, got {devices}")


def require_steps(trainer: Trainer) -> None:
    """Check that a fit has a step to train: it would leave a model as it was drawn, and say nothing.

    Raises:
        ConfigError: If an option of the Trainer leaves none.
    """
    for key in ("max_epochs", "max_steps", "limit_train_batches"):
        if getattr(trainer, key) == 0:
            raise ConfigError(
                f"trainer.{key}: 0 trains nothing, and the model would stay untrained: give 1 or more, "
                "or run validate or test"
            )


def require_batches(trainer: Trainer, key: str) -> None:
    """Check that a test or validation reads a batch: it would end without a figure, and say nothing.

    Raises:
        ConfigError: If ``key``, an option of the Trainer, leaves none.
    """
    if getattr(trainer, key) == 0:
        raise ConfigError(f"trainer.{key}: 0 reads nothing: give 1 or more, or leave it out")


def checked_checkpoint(model: LightningModule, path: Path, mmap: bool = False) -> dict[str, Any]:
    """Compare a checkpoint with the task before the run writes anything.

    Args:
        model: The task.
        path: The checkpoint.
        mmap: Whether its tensors stay in the file, where every process of a sharded fit would else hold all of them.

    Returns:
        Its content.

    Raises:
        BackboneError: If the file is not whole.
        ConfigError: If it is none of a fit, holds weights that are not finite, or other tensors than the task.
        GkmvlpError: Whatever the task's ``on_load_checkpoint`` finds.
    """
    stored = load_pickle(path, ANOTHER_CHECKPOINT, mmap=mmap)
    if not isinstance(stored, dict) or not {"state_dict", "global_step", "loops"} <= stored.keys():
        raise ConfigError(f"{path} is no checkpoint of a fit: {ANOTHER_CHECKPOINT}")
    content = {**stored, "state_dict": dict(stored["state_dict"])}  # what a task changes is not what is gone on from
    saved, ours = content["state_dict"], model.state_dict()
    # a mask may hold infinities from the start
    if spoilt := next((name for name in saved if not _is_finite(saved[name]) and _is_finite(ours.get(name))), None):
        raise ConfigError(f"{path}: weights of {spoilt} are no finite numbers: {ANOTHER_CHECKPOINT}")
    try:
        model.on_load_checkpoint(content)
    except KeyError as error:  # what a task keeps beside its weights
        raise ConfigError(
            f"checkpoint {path} is of another task, it holds no {error.args[0]}: take the config it was trained with"
        ) from error
    theirs, ours = (
        {name: tuple(getattr(each, "shape", ())) for name, each in state.items()}
        for state in (content["state_dict"], model.state_dict())
    )
    differing = sorted(key for key in theirs.keys() | ours.keys() if theirs.get(key) != ours.get(key))
    if differing:
        raise ConfigError(
            f"checkpoint {path} is of another model, {len(differing)} tensors differ ({differing[0]}: "
            f"{theirs.get(differing[0])} there, {ours.get(differing[0])} here): take the config it was trained with"
        )
    return stored


def _is_finite(value: Any) -> bool:
    """Whether a value of a state_dict holds finite numbers alone; what is no tensor is taken as it is."""
    return not isinstance(value, torch.Tensor) or bool(value.isfinite().all())
