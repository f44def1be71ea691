"""The parser of configs and options: LightningCLI's, with whole numbers before shares, and the classes it knows."""

from functools import reduce
from operator import or_
from typing import Any, get_args

from lightning.pytorch import Callback, LightningDataModule
from lightning.pytorch.cli import LightningArgumentParser
from lightning.pytorch.loggers import Logger
from lightning.pytorch.profilers import Profiler
from torch import nn


class Parser(LightningArgumentParser):
    """Lightning's, which writes what it has parsed without parsing it once more."""

    def dump(self, *args: Any, **options: Any) -> str:  # noqa: D102
        if "skip_none" in options:  # what Lightning still calls it
            options["skip_unset"] = options.pop("skip_none")
        return str(super().dump(*args, **{"skip_validation": True, **options}))

    def save(self, *args: Any, **options: Any) -> None:  # noqa: D102
        super().save(*args, **{"skip_validation": True, **options})


def integers_first(hint: Any) -> Any:
    """A union with ``int`` before ``float``, any other type hint as it is.

    jsonargparse takes the first type that a value fits. The Trainer says ``Optional[Union[int, float]]``, which typing
    may have made of the union that it remembers: ``Optional[Union[float, int]]``, if another module said so before.
    """
    kinds = list(get_args(hint))
    if not {int, float} <= set(kinds) or kinds.index(int) < kinds.index(float):
        return hint
    kinds.remove(float)
    kinds.insert(kinds.index(int) + 1, float)
    return reduce(or_, kinds)  # of which typing remembers nothing


def known_classes() -> dict[str, type]:
    """Tasks, DataModules, modules, callbacks, loggers and profilers that a config can name, by short name."""
    waiting: list[type] = [nn.Module, LightningDataModule, Callback, Logger, Profiler]
    known: dict[str, type] = {}
    while waiting:
        children: list[type] = waiting.pop().__subclasses__()
        for child in children:
            if child.__name__ not in known:
                known[child.__name__] = child
                waiting.append(child)
    return known
