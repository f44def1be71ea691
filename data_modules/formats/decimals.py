"""Numbers as a table spells them: 1,024.5 or 1.024,5, one way in all of its cells, or the table is refused."""

import re
from collections.abc import Iterator, Mapping, Sequence

_NUMBER = r"(?=\D*\d)[+-]?(?:[1-9]\d{{0,2}}(?:{between}\d{{3}})+|\d*)(?:{decimal}\d*)?(?:[eE][+-]?\d+)?"
_COMMA = re.compile(_NUMBER.format(decimal=",", between=r"\."))
_POINT = re.compile(_NUMBER.format(decimal=r"\.", between=","))


class SpellingError(ValueError):
    """A number that can be read in two ways, or is spelled otherwise than the numbers beside it.

    Attributes:
        column: Its column.
        row: Its row, from 0.
    """

    def __init__(self, column: str, row: int, reason: str) -> None:
        super().__init__(reason)
        self.column, self.row = column, row


def with_points(columns: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Numbers of a table with decimal points and nothing between thousands; what is no number stays as it is.

    Where no cell has a comma, all stay. Else the cells that can be read in one way alone ("0,35", "1.024,5"; "12.5",
    "1,024,000") say how the others ("1,024") are read.

    Args:
        columns: Column -> cells.

    Raises:
        SpellingError: If a comma can mean either, or numbers are spelled in both ways.
    """
    cells = {name: list(column) for name, column in columns.items()}
    if not any("," in cell for column in cells.values() for cell in column):
        return cells
    by_comma, by_point = next(_only(cells, _COMMA, _POINT), None), next(_only(cells, _POINT, _COMMA), None)
    if by_comma and by_point:
        (name, row), (other, beside) = by_comma, by_point
        reason = f"has a decimal comma, {cells[other][beside]!r} of column {other}, row {beside + 1}, a point"
        raise SpellingError(name, row, f"{reason}: write all numbers in one way")
    if not by_comma and not by_point:
        for name, column in cells.items():
            for row, cell in enumerate(column):
                if "," in cell and _COMMA.fullmatch(cell):
                    reason = f"is {cell.replace(',', '')} or {cell.replace(',', '.')}"
                    raise SpellingError(name, row, f"{reason}: write it without the comma, or with a point")
        return cells
    pattern, between = (_COMMA, ".") if by_comma else (_POINT, ",")
    return {
        name: [cell.replace(between, "").replace(",", ".") if pattern.fullmatch(cell) else cell for cell in column]
        for name, column in cells.items()
    }


def _only(cells: Mapping[str, list[str]], one: re.Pattern[str], other: re.Pattern[str]) -> Iterator[tuple[str, int]]:
    """Column and row of the cells that are numbers in one way of spelling and not in the other."""
    for name, column in cells.items():
        for row, cell in enumerate(column):
            if one.fullmatch(cell) and not other.fullmatch(cell):
                yield name, row
