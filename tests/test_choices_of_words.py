"""A word of a config that is not among those of its ``Literal`` is refused by the class itself, not by ``fit`` alone.

``fit`` reads types; Python and ``gkmvlp data`` do not, and a split that is misspelt was read as another one.
"""

import inspect
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest

import gkmvlp.data_modules
import gkmvlp.tasks
from gkmvlp.data_modules import DataModule
from gkmvlp.errors import ConfigError, GkmvlpError, require_between, require_choice
from gkmvlp.on_demand import import_all
from gkmvlp.tasks.base import Task

import_all(gkmvlp.data_modules)
import_all(gkmvlp.tasks)


def literal_in(hint: Any) -> Any:
    """The ``Literal`` in a hint, None where there is none."""
    if get_origin(hint) is Literal:
        return hint
    return next(filter(None, map(literal_in, get_args(hint))), None)


def choices() -> Iterator[tuple[type, str, Any]]:
    """Class, argument and type of all that take a word, in all data sets and tasks."""
    for package in (gkmvlp.data_modules, gkmvlp.tasks):
        for name in package.__all__:
            kind = getattr(package, name)
            if not (isinstance(kind, type) and issubclass(kind, DataModule | Task)) or inspect.isabstract(kind):
                continue
            for base in kind.__mro__:
                hints = (
                    get_type_hints(base.__init__) if "__init__" in vars(base) and "gkmvlp" in base.__module__ else {}
                )
                yield from ((kind, key, hint) for key, hint in hints.items() if literal_in(hint) is not None)


CHOICES = list(choices())


@pytest.mark.parametrize(("kind", "key", "hint"), CHOICES, ids=[f"{kind.__name__}-{key}" for kind, key, _ in CHOICES])
def test_every_class_refuses_a_word_that_is_no_choice(kind: type, key: str, hint: Any):
    required = [
        each.name for each in inspect.signature(kind).parameters.values()
        if each.default is each.empty and each.kind is not each.VAR_KEYWORD
    ]  # fmt: skip
    given: dict[str, Any] = {name: {} if name == "corpora" else "nowhere" for name in required}
    word = ["nope"] if get_origin(hint) is not Literal and "Sequence" in str(hint) else "nope"
    with pytest.raises(GkmvlpError, match="nope") as caught:
        kind(**given | {key: word})
    assert all(str(choice) in str(caught.value) for choice in get_args(literal_in(hint)))


def test_the_nearest_word_is_named():
    with pytest.raises(ConfigError) as caught:
        require_choice("data.init_args", Literal["official", "image-disjoint"], split="image_disjoint")
    assert str(caught.value) == (
        "data.init_args.split must be one of official, image-disjoint, got 'image_disjoint'; "
        "did you mean image-disjoint?"
    )


def test_a_word_is_no_number():
    with pytest.raises(ConfigError, match=r"data.init_args.batch_size must be at least 1, got many"):
        require_between("data.init_args", 1, batch_size="many")  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [np.int64(8), np.float32(1.5), Fraction(3, 2), True])
def test_numbers_of_other_libraries_are_numbers(number):
    require_between("data.init_args", 1, batch_size=number)
    with pytest.raises(ConfigError, match="must be at least 9"):
        require_between("data.init_args", 9, batch_size=number)
