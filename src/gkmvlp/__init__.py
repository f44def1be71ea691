"""Grounded, knowledge-enhanced vision-language pre-training on chest radiographs."""

from typing import TYPE_CHECKING

from gkmvlp.on_demand import on_demand

if TYPE_CHECKING:
    from gkmvlp.zoo.inference.loading import load as load
    from gkmvlp.zoo.registry import list_models as list_models

__version__ = "0.1.0"

# ``load`` brings torch along
__getattr__, __dir__ = on_demand(
    __name__, {"load": "gkmvlp.zoo.inference.loading", "list_models": "gkmvlp.zoo.registry"}
)
