"""Grounded, knowledge-enhanced vision-language pre-training on chest radiographs."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gkmvlp.zoo.loading import load as load

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """``gkmvlp.load``, imported when it is first asked for: it brings torch along."""
    if name == "load":
        from gkmvlp.zoo.loading import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
