"""Grounded, knowledge-enhanced vision-language pre-training on chest radiographs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gkmvlp.checkpoints.references import register_scheme

if TYPE_CHECKING:
    from gkmvlp.zoo.inference.loading import load as load
    from gkmvlp.zoo.registry import list_models as list_models

__version__ = "0.1.0"


def _zoo_folder(reference: str) -> Path:
    """The folder behind ``zoo://NAME``; the zoo is imported when the first such reference is read."""
    from gkmvlp.zoo.store.references import zoo_folder

    return zoo_folder(reference)


def _hub_folder(reference: str) -> Path:
    """The folder behind ``hf://org/repo``."""
    from gkmvlp.zoo.store.hub import hub_folder

    return hub_folder(reference)


# The library knows no zoo: whoever reads a model, from whichever part of the package, asks for it through these.
register_scheme("zoo", _zoo_folder)
register_scheme("hf", _hub_folder)


def __getattr__(name: str) -> Any:
    """``gkmvlp.load`` and ``list_models``, imported when they are first asked for: ``load`` brings torch along."""
    if name == "load":
        from gkmvlp.zoo.inference.loading import load

        return load
    if name == "list_models":
        from gkmvlp.zoo.registry import list_models

        return list_models
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
