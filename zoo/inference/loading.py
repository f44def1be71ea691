"""From a reference to a model: ``gkmvlp.load``."""

import warnings
from pathlib import Path

from gkmvlp.checkpoints.references import folder_of
from gkmvlp.errors import UsageError
from gkmvlp.zoo.entry import SCHEME
from gkmvlp.zoo.inference.predictor import Predictor

INSIDE = ("model", "backbone")  # what a run leaves in its folder


def open_predictor(reference: str | Path, device: str | None = None) -> Predictor:
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
    return Predictor.open_folder(model_folder(reference), device)


def model_folder(reference: str | Path) -> Path:
    """The folder of the model behind a reference; of a run that of the model it left.

    Raises:
        ZooError: If a model of the zoo is not known, or cannot be had.
        BackboneError: If nobody explains the scheme of the reference.
    """
    folder = folder_of(_named(reference))
    if not (folder / "config.json").is_file():
        folder = next((folder / name for name in INSIDE if (folder / name / "config.json").is_file()), folder)
    return folder


def _named(reference: str | Path) -> str | Path:
    """A bare name as the reference it stands for; whatever is a path stays one."""
    is_name = isinstance(reference, str) and Path(reference).name == reference and not Path(reference).exists()
    return f"{SCHEME}{reference}" if is_name else reference


def load(reference: str | Path, device: str | None = None) -> Predictor:
    """``gkmvlp.load``: like ``open_predictor``; warns where the model never saw a patient."""
    predictor = open_predictor(reference, device)
    if predictor.notice:
        warnings.warn(predictor.notice, stacklevel=2)
    return predictor
