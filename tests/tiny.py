"""Phantom configs at the size of a test: words for ``main``, and tasks without the command."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

ARCHITECTURE = Path(__file__).with_name("tiny.yaml")
ARL_ARCHITECTURE = Path(__file__).with_name("tiny_arl.yaml")
DATA = {"image_size": 32, "batch_size": 8, "num_workers": 0}


def options(architecture: Path = ARCHITECTURE) -> list[str]:
    """Words that shrink a phantom config: one epoch of the tiny architecture at 32 px."""
    shrunk = [f"--data.init_args.{key}={value}" for key, value in DATA.items()]
    epochs = ["--trainer.max_epochs=1", "--trainer.check_val_every_n_epoch=1", "--trainer.val_check_interval=1.0"]
    return [*shrunk, f"--model.init_args.architecture={architecture}", *epochs]


def words(config: str, root: Path, out: Path, *more: str) -> list[str]:
    """Words after ``fit`` or ``test``: a config of the zoo, shrunk, on a tiny corpus.

    Without TensorBoard, whose pictures take a third of such a fit, unless ``more`` asks for it.
    """
    places = [f"--config=zoo://{config}", f"--data.init_args.root={root}", f"--trainer.default_root_dir={out}"]
    shrunk = options(ARL_ARCHITECTURE if "-arl-" in config else ARCHITECTURE)
    return [*places, *shrunk, "--trainer.logger=false", *more]


def architecture(**changes: Any) -> Any:
    """The tiny architecture; dotted keys are set to the values given."""
    from gkmvlp.models.config import Architecture

    made = Architecture.from_dict(yaml.safe_load(ARCHITECTURE.read_text()))
    for key, value in changes.items():
        set_key(made, key, value)
    return made


def arl_architecture(**changes: Any) -> Any:
    """The tiny architecture of ARL; dotted keys are set to the values given."""
    from gkmvlp.models.config import ArlArchitecture

    made = ArlArchitecture.from_dict(yaml.safe_load(ARL_ARCHITECTURE.read_text()))
    for key, value in changes.items():
        set_key(made, key, value)
    return made


def set_key(owner: Any, key: str, value: Any) -> None:
    """Sets a dotted key of nested dataclasses."""
    *path, name = key.split(".")
    for part in path:
        owner = getattr(owner, part)
    assert hasattr(owner, name), key
    setattr(owner, name, copy.deepcopy(value))


def training_loss(task: Any, batch: Any) -> Any:
    """The loss of a training step of a pre-training, all chance drawn from one seed."""
    import torch

    task.train()
    torch.manual_seed(1)
    return task.shared_step(batch, "train", task.enabled())


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def leaves(values: dict[str, Any], prefix: str = "") -> Sequence[str]:
    """Dotted keys of a nested dict."""
    found: list[str] = []
    for key, value in values.items():
        found += leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key]
    return found
