"""Few combinations in which every two levels of every two factors meet (pairwise testing)."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

Row = dict[str, str]
Pair = tuple[tuple[str, str], tuple[str, str]]


def cover(factors: Mapping[str, Sequence[str]], is_allowed: Callable[[Mapping[str, str]], bool]) -> list[Row]:
    """Rows that hold every pair of levels that some allowed row can hold; the same ones for the same factors.

    Greedy: a row starts with a pair that no row has yet, and each further factor gets the level that meets the most
    pairs still open.

    Args:
        factors: Factor -> its levels.
        is_allowed: Whether a row, or a part of one, may be; what it refuses it refuses however the row goes on.
    """
    open_pairs = dict.fromkeys(
        ((one, a), (two, b)) for one, two in combinations(factors, 2) for a in factors[one] for b in factors[two]
    )
    rows: list[Row] = []
    while open_pairs:
        pair = next(iter(open_pairs))
        row = _complete(dict(pair), factors, is_allowed, open_pairs)
        if row is None:  # no allowed row has both
            del open_pairs[pair]
            continue
        rows.append({name: row[name] for name in factors})
        for met in combinations(rows[-1].items(), 2):
            open_pairs.pop(met, None)
    return rows


def _complete(
    row: Row,
    factors: Mapping[str, Sequence[str]],
    is_allowed: Callable[[Mapping[str, str]], bool],
    open_pairs: Mapping[Pair, None],
) -> Row | None:
    """The row with a level of every factor, or None where it cannot be allowed."""
    if not is_allowed(row):
        return None
    name = next((name for name in factors if name not in row), None)
    if name is None:
        return row

    def gain(level: str) -> int:
        trial = {key: level if key == name else row[key] for key in factors if key in row or key == name}
        return sum(pair in open_pairs for pair in combinations(trial.items(), 2) if name in (pair[0][0], pair[1][0]))

    for level in sorted(factors[name], key=gain, reverse=True):
        if (found := _complete({**row, name: level}, factors, is_allowed, open_pairs)) is not None:
            return found
    return None
