"""A graph as a folder: concepts and triples as Parquet, embeddings as safetensors, and a manifest that seals them.

The manifest is written last and holds the SHA-256 of each file: a folder without it, or with other files, is not read.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet
from safetensors.torch import load_file, save_file
from torch import Tensor

from gkmvlp.errors import DataError
from gkmvlp.knowledge.graph import Concept, KnowledgeGraph, Triple
from gkmvlp.whole_files import replacing

CONCEPTS, TRIPLES, TABLES, MANIFEST = "concepts.parquet", "triples.parquet", "transe.safetensors", "manifest.json"
FORMAT = 1
_AGAIN = "build it again: gkmvlp knowledge build"


def save_graph(graph: KnowledgeGraph, folder: Path, told: Mapping[str, Any]) -> None:
    """Writes a graph; each file gets its name when it is whole.

    Args:
        graph: With or without embeddings.
        folder: Made where it is not there.
        told: What else the manifest says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    names = [CONCEPTS, TRIPLES]
    write_whole(folder / CONCEPTS, lambda part: parquet.write_table(_table(graph.concepts), part))
    write_whole(folder / TRIPLES, lambda part: parquet.write_table(_table(graph.triples), part))
    if graph.table_ND is not None and graph.relation_RD is not None:
        tensors = {"concepts": graph.table_ND.contiguous(), "relations": graph.relation_RD.contiguous()}
        write_whole(folder / TABLES, lambda part: save_file(tensors, part))
        names.append(TABLES)
    content = {
        "format": FORMAT,
        "source": graph.source,
        "version": graph.version,
        "graph": graph_hash(graph),
        "concepts": len(graph.concepts),
        "triples": len(graph.triples),
        "relations": list(graph.relations),
        **told,
        "sha256": {name: file_hash(folder / name) for name in names},
    }
    write_whole(folder / MANIFEST, lambda part: part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8"))


def read_manifest(folder: Path) -> dict[str, Any]:
    """What the manifest of a folder says.

    Raises:
        DataError: If there is none, or one of another format.
    """
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder} is no finished graph, cannot read {path} ({error}): {_AGAIN}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DataError(f"{path} is not of format {FORMAT}: {_AGAIN}")
    return content


def load_graph(folder: Path) -> KnowledgeGraph:
    """The graph of a folder.

    Raises:
        DataError: If there is none, or a file is not the one that the manifest was written for.
    """
    manifest = read_manifest(folder)
    for name, expected in manifest["sha256"].items():
        if not (folder / name).is_file() or file_hash(folder / name) != expected:
            raise DataError(f"{folder / name} is missing or not what {MANIFEST} was written for: {_AGAIN}")
    concepts = tuple(
        Concept(row["id"], row["name"], tuple(row["synonyms"]), row["kind"]) for row in _rows(folder / CONCEPTS)
    )
    triples = tuple(Triple(**row) for row in _rows(folder / TRIPLES))
    tables: dict[str, Tensor] = load_file(folder / TABLES) if TABLES in manifest["sha256"] else {}
    version = manifest["version"]
    return KnowledgeGraph(
        concepts, triples, manifest["source"], version, tables.get("concepts"), tables.get("relations")
    )


def graph_text(graph: KnowledgeGraph) -> str:
    """Concepts and triples as JSON, without embeddings: what ``read_graph`` reads of a file."""
    return json.dumps(
        {"format": FORMAT, "source": graph.source, "version": graph.version, "concepts": graph.concepts,
         "triples": graph.triples},
        ensure_ascii=False, indent=1,
    )  # fmt: skip


def read_graph(path: Path) -> KnowledgeGraph:
    """The graph of a folder with its embeddings, or that of a file of ``graph_text`` without.

    Raises:
        DataError: If there is none.
    """
    if not path.is_file():
        return load_graph(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        concepts = tuple(Concept(id, name, tuple(words), kind) for id, name, words, kind in content["concepts"])
        triples = tuple(Triple(*row) for row in content["triples"])
        return KnowledgeGraph(concepts, triples, content["source"], content["version"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} holds no knowledge graph ({error}): fetch the model anew") from error


def graph_hash(graph: KnowledgeGraph) -> str:
    """SHA-256 of concepts and triples in their order: tables of another graph do not fit."""
    content = json.dumps([graph.source, graph.version, graph.concepts, graph.triples], ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Calls ``write`` with the path of a part file, which then takes the place of ``path`` at once."""
    with replacing(path) as part:
        write(part)


def _table(rows: Iterable[Concept | Triple]) -> pa.Table:
    """Rows as an Arrow table, one column a field."""
    return pa.Table.from_pylist([row._asdict() for row in rows])


def _rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a Parquet file."""
    return parquet.read_table(path).to_pylist()
