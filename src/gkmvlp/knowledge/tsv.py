"""Graphs from tables with tabs: one of triples, and one of concepts where there is one."""

import csv
from collections.abc import Iterator
from pathlib import Path

from gkmvlp.errors import DataError
from gkmvlp.knowledge.graph import Concept, KnowledgeGraph, Triple, unique

TRIPLES = ("head", "relation", "tail")
CONCEPTS = ("id", "name")
BETWEEN = "|"  # synonyms of a cell


def read_tsv(triples: Path, concepts: Path | None, source: str, version: str) -> KnowledgeGraph:
    """The graph of one or two tables.

    Args:
        triples: Columns head, relation, tail, and source where there is one; without it the file is the source.
        concepts: Columns id, name, and where there are any synonyms (with ``|`` between them) and kind. None makes a
            concept of each head and tail, by its name in lower case.
        source: Which reader asks.
        version: Release of the tables.

    Raises:
        DataError: If a file is missing or empty, lacks a column, a row has an empty cell, or the graph cannot be.
    """
    rows = [
        Triple(row["head"], row["relation"], row["tail"], row.get("source") or triples.name)
        for row in _rows(triples, TRIPLES)
    ]
    if concepts is None:
        rows = [row._replace(head=row.head.lower(), tail=row.tail.lower()) for row in rows]
        named = dict.fromkeys(end for row in rows for end in (row.head, row.tail))
        known = tuple(Concept(name, name) for name in named)
    else:
        known = tuple(
            Concept(row["id"], row["name"], _parts(row.get("synonyms", "")), row.get("kind", ""))
            for row in _rows(concepts, CONCEPTS)
        )
    return KnowledgeGraph(known, unique(rows), source, version)


def _rows(path: Path, needed: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Rows of a table by column name, without blanks at the ends of cells.

    Raises:
        DataError: If the file is missing or empty, lacks a column, or a needed cell is empty.
    """
    remedy = f"a table with tabs between the columns {', '.join(needed)} is expected"
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path} ({error}): {remedy}") from error
    reader = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    if lacking := [name for name in needed if name not in (reader.fieldnames or ())]:
        raise DataError(f"{path} has no column {lacking[0]!r}: {remedy}" if lines else f"{path} is empty: {remedy}")
    count = 0
    for count, row in enumerate(reader, 1):
        cells = {name: (cell or "").strip() for name, cell in row.items() if name is not None}
        if empty := [name for name in needed if not cells[name]]:
            raise DataError(f"{path}, row {count}: {empty[0]} is empty; fill it or remove the row")
        yield cells
    if not count:
        raise DataError(f"{path} has no row below its header: {remedy}")


def _parts(cell: str) -> tuple[str, ...]:
    """Synonyms of a cell."""
    return tuple(part.strip() for part in cell.split(BETWEEN) if part.strip())
