"""Which columns are read of a table, and where they stand in its header."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gkmvlp.data_modules.formats.plain_text import shown
from gkmvlp.errors import DataError, nearest
from gkmvlp.texts import letters

# What programs make of the second column of a name: pandas and R patient_id.1, SQLite patient_id:1, polars the last.
_NUMBERED = re.compile(r"(.+?)(?:[.:]|\.{3}|_duplicated_)\d+")


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


def require_equal_copies(
    names: Sequence[str],
    places: Mapping[str, int],
    cells_of: Callable[[int], Sequence[Any]],
    schema: Schema,
    path: object,
    first: int = 1,
) -> None:
    """Checks that columns whose name was taken, and which a program therefore numbered, hold what the first one does.

    Args:
        names: The header.
        places: What ``places_of`` gives.
        cells_of: Place of a column -> its cells.
        schema: What is read.
        path: The table, for errors.
        first: Number of the row of the first cell.

    Raises:
        DataError: If one holds something else: nobody can tell which is meant.
    """
    of_letters = {letters(name): name for name in places}
    for place, other in enumerate(names):
        match = _NUMBERED.fullmatch(other)
        name = of_letters.get(letters(match[1])) if match and place not in places.values() else None
        if name is None:
            continue
        for row, (one, copy) in enumerate(zip(cells_of(places[name]), cells_of(place), strict=True), first):
            if one != copy and not (one != one and copy != copy):  # nan
                told = f"{shown(one)} in {shown(names[places[name]])}, {shown(copy)} in {shown(other)}"
                remedy = f"keep one, rename the other, or {schema.remedy}"
                raise DataError(f"{path} has the column {name!r} twice, row {row}: {told}; {remedy}")


def _others(name: str, names: Sequence[str]) -> str:
    """The columns that are there, and the one of them that may have been meant."""
    by_letters = {letters(other): other for other in names}
    near = nearest(letters(name), by_letters, 0.6)
    columns = ", ".join(shown(other)[1:-1] for other in list(dict.fromkeys(names))[:40])
    return (columns or "nothing") + (f" (did you mean {shown(by_letters[near])}?)" if near else "")
