"""Grounded, knowledge-enhanced vision-language pre-training on chest radiographs."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gkmvlp.zoo.inference.loading import load as load
    from gkmvlp.zoo.registry import list_models as list_models

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """``gkmvlp.load`` and ``list_models``, imported when they are first asked for: ``load`` brings torch along."""
    if name == "load":
        from gkmvlp.zoo.inference.loading import load

        return load
    if name == "list_models":
        from gkmvlp.zoo.registry import list_models

        return list_models
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
