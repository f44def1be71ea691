"""Numbers of the Trainer that it takes as they are, and that cannot work."""

from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Trainer

from gkmvlp.errors import ConfigError, require_between

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
