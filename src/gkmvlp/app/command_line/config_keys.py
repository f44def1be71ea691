"""The dotted keys that classes of a config take, by which an error finds the one that was meant."""

import dataclasses
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def nested_keys(classes: Iterable[type]) -> set[str]:
    """Keys of the dataclasses that classes take, as errors name them: a.b.c and b.c."""
    keys: set[str] = set()
    for owner in classes:
        hints = typing.get_type_hints(owner.__init__) if owner.__module__.startswith("gkmvlp.") else {}  # type: ignore[misc]
        for name, kind in hints.items():
            parts = [(name, *path) for path in value_paths(kind)]
            keys |= {".".join(path[start:]) for path in parts for start in range(len(path) - 1)}
    return keys


def init_keys(classes: Iterable[type], parts: Mapping[str, type]) -> set[str]:
    """Keys of what the classes of this package take, as the command line names them: data.init_args.root.

    Args:
        classes: The classes.
        parts: Part of a config -> what its classes are.
    """
    keys: set[str] = set()
    for owner in classes:
        for part in (part for part, base in parts.items() if issubclass(owner, base)):
            hints = typing.get_type_hints(owner.__init__) if owner.__module__.startswith("gkmvlp.") else {}  # type: ignore[misc]
            paths = [(name, *path) for name, kind in hints.items() for path in [(), *value_paths(kind)]]
            keys |= {f"{part}.init_args.{'.'.join(path)}" for path in paths}
    return keys


def value_paths(kind: Any) -> Iterator[tuple[str, ...]]:
    """Names that lead to each value of a dataclass."""
    if dataclasses.is_dataclass(kind):
        for name, inner in typing.get_type_hints(kind).items():
            yield (name,)
            yield from ((name, *path) for path in value_paths(inner))
