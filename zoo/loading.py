"""From a reference to a model: ``gkmvlp.load``."""

import warnings
from collections.abc import Callable
from pathlib import Path

import torch

from gkmvlp.errors import UsageError
from gkmvlp.models import backbone as backbones
from gkmvlp.models.backbone import Backbone
from gkmvlp.models.generation import Search
from gkmvlp.models.locations import folder_of
from gkmvlp.tasks.answering import load_answer_head
from gkmvlp.tasks.detecting import load_box_head
from gkmvlp.tasks.labelling import load_label_head
from gkmvlp.zoo import references  # noqa: F401  explains zoo:// and hf://
from gkmvlp.zoo.entry import SCHEME
from gkmvlp.zoo.reader import Head, Reader

HEADS: dict[str, Callable[[Path, Backbone], Head]] = {  # task -> what its model folder holds beside the backbone
    "vqa": lambda folder, backbone: load_answer_head(folder, backbone.model.architecture.text.width),
    "classification": lambda folder, backbone: load_label_head(folder, backbone.model.architecture),
    "localization": lambda folder, backbone: load_box_head(folder, backbone.model),
    "report_generation": lambda folder, backbone: Search(**backbone.info["search"]),
}
INSIDE = ("model", "backbone")  # what a run leaves in its folder


def open_reader(reference: str | Path, device: str | None = None) -> Reader:
    """The model behind a reference.

    Args:
        reference: A backbone folder, the folder ``model`` of a fine-tuning, the run's folder that holds either,
            ``zoo://NAME`` or a bare NAME of the zoo, or ``hf://org/repo[@REVISION]``.
        device: ``cpu``, ``cuda`` or ``cuda:N``; None takes a GPU where there is one.

    Raises:
        UsageError: If the reference is of a form that is not known yet, or the device is absent.
        ZooError: If a model of the zoo is not known, or cannot be had.
        BackboneError: If there is no model, or it cannot be read.
    """
    if str(reference).endswith(".ckpt"):
        raise UsageError(
            f"--model {reference}: name a folder: a backbone (outputs/pretrain/backbone), a fine-tuned model "
            "(outputs/finetune-vqa/model), the folder of their run, or zoo://NAME (gkmvlp zoo list)"
        )
    folder = folder_of(_named(reference))
    if not (folder / "config.json").is_file():
        folder = next((folder / name for name in INSIDE if (folder / name / "config.json").is_file()), folder)
    backbone = backbones.load(folder)
    make = HEADS.get(str(backbone.info.get("task")))
    return Reader(backbone, make(folder, backbone) if make else None, _device(device))


def _named(reference: str | Path) -> str | Path:
    """A bare name as the reference it stands for; whatever is a path stays one."""
    is_name = isinstance(reference, str) and Path(reference).name == reference and not Path(reference).exists()
    return f"{SCHEME}{reference}" if is_name else reference


def _device(name: str | None) -> torch.device:
    """The device of that name."""
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"--device {name}: torch cannot use it here; use --device cpu") from error
    return device


def load(reference: str | Path, device: str | None = None) -> Reader:
    """``gkmvlp.load``: like ``open_reader``; warns where the model never saw a patient."""
    reader = open_reader(reference, device)
    if reader.notice:
        warnings.warn(reader.notice, stacklevel=2)
    return reader
