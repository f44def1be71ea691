"""Grounded, knowledge-enhanced vision-language pre-training on chest radiographs."""

from pathlib import Path
from typing import TYPE_CHECKING

from gkmvlp.checkpoints.references import register_scheme
from gkmvlp.on_demand import on_demand

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

# ``load`` brings torch along
__getattr__, __dir__ = on_demand(
    __name__, {"load": "gkmvlp.zoo.inference.loading", "list_models": "gkmvlp.zoo.registry"}
)
