"""A mirror, not a rule: median and 90th percentile of lines a file and a function, of each room.

``make lines`` prints it. Blank lines, comments and docstrings count: they are read too.
"""

import ast
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    "src/gkmvlp/app",
    "src/gkmvlp",
    "data_modules",
    "tasks",
    "zoo",
    "tests",
)  # a file belongs to the first that fits


def function_lines(tree: ast.AST) -> Iterator[int]:
    """Lines of every function, decorators left out; one inside another counts for both."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (node.end_lineno or node.lineno) - node.lineno + 1


def measured(root: Path = ROOT) -> dict[str, tuple[list[int], list[int]]]:
    """Room -> lines of its files, lines of its functions."""
    found: dict[str, tuple[list[int], list[int]]] = {room: ([], []) for room in ROOMS}
    for room in ROOMS:
        inner = [root / other for other in ROOMS if other.startswith(f"{room}/")]
        for file in (root / room).rglob("*.py"):
            if not any(file.is_relative_to(folder) for folder in inner):
                text = file.read_text(encoding="utf-8")
                found[room][0].append(len(text.splitlines()))
                found[room][1].extend(function_lines(ast.parse(text)))
    return found


def table(found: dict[str, tuple[list[int], list[int]]]) -> str:
    """A row a room, and one for all."""
    rows = {**found, "all": tuple(list(chain(*kind)) for kind in zip(*found.values(), strict=True))}
    lines = [f"{'':16}{'files':>6}{'median':>8}{'p90':>6}{'max':>6}{'functions':>11}{'median':>8}{'p90':>6}{'max':>6}"]
    for room, (files, functions) in rows.items():
        cells = [len(files), *spread(files)], [len(functions), *spread(functions)]
        numbers = "".join(f"{n:>{w}}" for kind, widths in zip(cells, ((6, 8, 6, 6), (11, 8, 6, 6)), strict=True)
                          for n, w in zip(kind, widths, strict=True))  # fmt: skip
        lines.append(f"{room:16}{numbers}")
    return "\n".join(lines)


def spread(counts: list[int]) -> list[int]:
    """Median, 90th percentile and maximum, rounded; zeros where there is nothing."""
    return [round(float(np.percentile(counts, q))) for q in (50, 90, 100)] if counts else [0, 0, 0]


if __name__ == "__main__":
    print(table(measured()))
