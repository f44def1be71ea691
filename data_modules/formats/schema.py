"""Which columns are read of a table, and where they stand in its header."""

from collections.abc import Sequence
from dataclasses import dataclass

from gkmvlp.data_modules.formats.plain_text import shown
from gkmvlp.errors import DataError, nearest
from gkmvlp.texts import letters


@dataclass(frozen=True)
class Schema:
    """What is read of a table.

    Attributes:
        needed: Columns that must be there.
        optional: Columns that are read where they are there.
        numbers: Those of them that hold finite numbers, with decimal points or, in all of them, commas; an empty cell
            is NaN.
        raw: Those whose text is kept as it is, with bytes that are no UTF-8 as surrogates. Other text loses the blanks
            at its ends, and its line breaks and control characters become blanks.
        ids: Those that tell people apart: no truth values, fractions or numbers that lost digits. What the
            table has of them stands in a column of its own as well (``cells.as_written``).
        values: Those whose cells stay the Python objects that Parquet or JSON gives.
        remedy: What the user is told to do about an error.
    """

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    raw: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    remedy: str = "use the official file"


def places_of(names: Sequence[str], schema: Schema, path: object, kind: str = "column") -> dict[str, int]:
    """Column of the schema -> its place in the header, for those that are there.

    A name of the header that differs in case, blanks and marks alone (``Image Index`` from image_index) is taken where
    none is exact.

    Raises:
        DataError: If a needed column is not there, or one stands twice.
    """
    wanted = (*schema.needed, *schema.optional)
    exact = {name: [place for place, other in enumerate(names) if other == name] for name in wanted}
    free = [place for place, other in enumerate(names) if other not in exact]
    alike: dict[str, list[int]] = {}
    for place in free:
        alike.setdefault(letters(names[place]), []).append(place)
    found: dict[str, int] = {}
    for name in wanted:
        places = exact[name] or alike.get(letters(name), [])
        if len(places) > 1:
            spelled = " and ".join(dict.fromkeys(shown(names[place]) for place in places))
            raise DataError(f"{path} has the {kind} {name!r} {len(places)} times ({spelled}): {schema.remedy}")
        if places:
            found[name] = places[0]
        elif name in schema.needed:
            raise DataError(f"{path} has no {kind} {name!r}, only {_others(name, names)}: {schema.remedy}")
    return found


def _others(name: str, names: Sequence[str]) -> str:
    """The columns that are there, and the one of them that may have been meant."""
    by_letters = {letters(other): other for other in names}
    near = nearest(letters(name), by_letters, 0.6)
    columns = ", ".join(shown(other)[1:-1] for other in list(dict.fromkeys(names))[:40])
    return (columns or "nothing") + (f" (did you mean {shown(by_letters[near])}?)" if near else "")
