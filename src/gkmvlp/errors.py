"""Errors that a user can mend: one line that says what was expected, what came and the remedy.

The command line prints them without a traceback and exits with 1 (2 for wrong usage).
"""

import difflib
import math
from collections.abc import Iterable
from numbers import Real
from typing import get_args


class GkmvlpError(ValueError):
    """Base of all errors that a user can mend."""

    exit_code = 1


class UsageError(GkmvlpError):
    """A command, key, file or class was named that does not exist."""

    exit_code = 2


class ConfigError(GkmvlpError):
    """A config holds a value that cannot work."""


class DataError(GkmvlpError):
    """Files of a data set are missing, broken or contradict each other."""


class TrainingError(GkmvlpError):
    """A fit went wrong while it ran: its loss is no number, or far above what it was."""


class BackboneError(GkmvlpError):
    """A backbone does not fit: another architecture, format, vocabulary or entity list."""


class ResultsError(GkmvlpError):
    """A results or predictions file cannot be read, or two of them cannot be compared."""


class ZooError(GkmvlpError):
    """A model of the zoo cannot be found, fetched or published, or is not what its entry says."""


def require_between(place: str, least: float, greatest: float = math.inf, **given: float) -> None:
    """Checks that numbers of a config lie where they can work; one that is no number lies nowhere.

    Args:
        place: The key that they stand below.
        least: The least one that is allowed.
        greatest: The greatest one.
        **given: Key -> value.

    Raises:
        ConfigError: If one does not.
    """
    for name, value in given.items():
        if not isinstance(value, Real) or not least <= value <= greatest:
            bounds = f"at least {least:g}" if greatest == math.inf else f"from {least:g} to {greatest:g}"
            raise ConfigError(f"{place}.{name} must be {bounds}, got {value}")


def require_choice(place: str, choices: object, **given: object) -> None:
    """Checks words of a config against those that there are: what is misspelt would be taken for something else.

    Args:
        place: The key that they stand below.
        choices: The ``Literal`` of all words.
        **given: Key -> word, or a tuple of words.

    Raises:
        ConfigError: If one is none of them.
    """
    known = get_args(choices)
    for name, value in given.items():
        for word in value if isinstance(value, tuple) else (value,):
            if word not in known:
                near = nearest(str(word), known, 0.5)
                remedy = f"; did you mean {near}?" if near else ""
                raise ConfigError(f"{place}.{name} must be one of {', '.join(known)}, got {word!r}{remedy}")


def nearest(word: str, known: Iterable[str], cutoff: float) -> str | None:
    """The known word that is spelled most like a mistaken one, for a remedy; None where none is near enough.

    Args:
        word: What was given.
        known: What could have been meant.
        cutoff: Least similarity, in [0, 1] (see ``difflib.get_close_matches``).
    """
    return next(iter(nearest_words(word, known, 1, cutoff)), None)


def nearest_words(word: str, known: Iterable[str], count: int, cutoff: float = 0.6) -> list[str]:
    """At most ``count`` known words, the most alike first; see ``nearest``."""
    return difflib.get_close_matches(word, list(known), n=count, cutoff=cutoff)
