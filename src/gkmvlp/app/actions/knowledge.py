"""The actions of ``gkmvlp knowledge``: each returns what ``--json`` prints, and the same as text."""

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gkmvlp.app.actions.knowledge_table import HEADINGS, ranking_rows, record_rankings
from gkmvlp.data_modules.formats.roco import concept_files, find_base, read_figures
from gkmvlp.errors import UsageError
from gkmvlp.knowledge.build import build
from gkmvlp.knowledge.caption_concepts import place_concepts, write_mentions
from gkmvlp.knowledge.graph import Concept, KnowledgeGraph
from gkmvlp.knowledge.held_out import guess
from gkmvlp.knowledge.linker import read_cuis
from gkmvlp.knowledge.radiology import radiology
from gkmvlp.knowledge.slake import read_slake
from gkmvlp.knowledge.storage import file_hash, load_graph
from gkmvlp.knowledge.transe import TransEConfig
from gkmvlp.knowledge.tsv import read_tsv
from gkmvlp.knowledge.umls import COLUMNS, read_umls, release

Printed = tuple[Any, str]  # content for JSON, text
# what may be passed on, by source
TERMS = {
    "radiology": "written for gkmvlp, Apache-2.0",
    "slake": "CC BY 4.0, Liu et al., ISBI 2021",
    "umls": "UMLS Metathesaurus licence of the user; neither graph nor embeddings may be passed on",
    "tsv": "as the tables'",
}


def _build(arguments: argparse.Namespace) -> Printed:
    """Reads a source, trains and saves."""
    config = _config(arguments, arguments.seed)
    graph = _read(arguments)
    origin_info = {"terms": TERMS[arguments.source], "read": {path.name: file_hash(path) for path in _files(arguments)}}
    manifest = build(graph, config, arguments.out, arguments.held_out, origin_info)
    chance = (manifest["concepts"] + 1) / 2
    lines = [
        f"{manifest['concepts']} concepts, {manifest['triples']} triples, {len(manifest['relations'])} relations of "
        f"{manifest['source']} {manifest['version']} in {arguments.out}"
    ]
    for name, what in (("held_out", "held out"), ("trained_on", "trained on")):
        if figures := manifest[name]:
            lines.append(
                f"{figures['triples']} triples {what}: hits@10 {figures['hits_at_10']:.3f}, mean rank "
                f"{figures['mean_rank']:.1f} (chance about {chance:.0f})"
            )
    return manifest, "\n".join([*lines, f"terms: {manifest['terms']}"])


def _config(arguments: argparse.Namespace, *seeds: int) -> TransEConfig:
    """How it is trained, with the first seed.

    Raises:
        UsageError: If a number is too small.
    """
    if arguments.width < 1 or arguments.epochs < 1 or min(seeds) < 0:
        choice = f"{arguments.width}, {arguments.epochs} and {' '.join(map(str, seeds))}"
        raise UsageError(f"--width and --epochs from 1 and seeds from 0 were expected, got {choice}")
    return TransEConfig(width=arguments.width, epochs=arguments.epochs, seed=seeds[0])


def _rank(arguments: argparse.Namespace) -> Printed:
    """Ranks held-out triples and records the table."""
    start = time.monotonic()
    config, graph = _config(arguments, *arguments.seeds), _read(arguments)
    if not 0 < arguments.held_out < 1:
        raise UsageError(f"--held-out between 0 and 1 was expected, got {arguments.held_out}")
    guessed = guess(graph, config, arguments.held_out, arguments.seeds)
    rows = ranking_rows(guessed)
    if arguments.record:
        record_rankings(arguments.record, graph, config, rows, time.monotonic() - start)
    shown = [[f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    return {"columns": HEADINGS, "rows": rows}, "\n".join(" | ".join(row) for row in [list(HEADINGS), *shown])


def _link(arguments: argparse.Namespace) -> Printed:
    """Places the concepts that ROCO lists of its figures in their captions, and writes the links."""
    base = find_base(str(arguments.origin))
    concepts: dict[str, tuple[str, ...]] = {}
    for file in concept_files(base):
        concepts.update(read_cuis(file))
    captions = [(figure.figure_id, figure.caption) for figure in read_figures(base)]
    placed = place_concepts(_graph_of(arguments.graph), captions, concepts)
    try:
        write_mentions(arguments.out, placed.mentions)
    except OSError as error:
        raise UsageError(f"--out {arguments.out} cannot be written ({error.strerror}): name another") from error
    told = {"captions": len(placed.mentions), "listed": placed.listed, "in_graph": placed.in_graph,
            "placed": placed.placed}  # fmt: skip
    return told, (
        f"{placed.placed} of {placed.listed} listed concepts have a place in their caption "
        f"({placed.in_graph} are in the graph), {len(placed.mentions)} captions: {arguments.out}"
    )


def _graph_of(folder: Path | None) -> KnowledgeGraph:
    """The graph that ``build`` wrote, or the open one."""
    return load_graph(folder) if folder else radiology()


def _read(arguments: argparse.Namespace) -> KnowledgeGraph:
    """The graph of a source, with the concepts that ``--only`` names.

    Raises:
        UsageError: If the source needs a place and none was given.
    """
    source, origin = arguments.source, arguments.origin
    if source != "radiology" and origin is None:
        raise UsageError(f"--source {source} needs --from PATH: where it lies")
    if source == "radiology" and origin is not None:
        raise UsageError("--source radiology comes with the package: leave --from out, or take --source tsv")
    if arguments.concepts and source != "tsv":
        raise UsageError(f"--concepts is of --source tsv, not of {source}: leave it out")
    only = None
    if arguments.only:
        only = {concept for file in arguments.only for ids in read_cuis(file).values() for concept in ids}
    if source == "umls":
        return read_umls(origin, _umls_version(origin, arguments.version), only)
    if source == "radiology":
        graph = radiology()
    elif source == "slake":
        graph = read_slake(origin, arguments.version or "1.0")
    else:
        graph = read_tsv(origin, arguments.concepts, source, arguments.version or "not stated")
    return graph if only is None else graph.restricted(only)


def _umls_version(folder: Path, named: str | None) -> str:
    """The release of a folder; what ``--version`` names where the folder does not say.

    Raises:
        UsageError: If they contradict each other.
    """
    said = release(folder)
    if named and said and named != said:
        raise UsageError(f"{folder} is release {said}, not {named}: leave --version out, or name the folder of {named}")
    return named or said or "not stated"


def _files(arguments: argparse.Namespace) -> list[Path]:
    """Files that a source was read from, which the manifest names by their hash."""
    origin = arguments.origin
    if origin is None or origin.is_file():
        return [path for path in (origin, arguments.concepts) if path]
    folder = origin / "KG" if (origin / "KG").is_dir() else origin
    return sorted(path for path in folder.iterdir() if path.name in COLUMNS or path.suffix == ".csv")


def _explain(arguments: argparse.Namespace) -> Printed:
    """Concepts of a term with their neighbours."""
    graph = _graph_of(arguments.graph)
    concepts = graph.find(arguments.term)
    content = [
        {
            **concept._asdict(),
            "neighbours": [
                {"relation": near.relation, "outward": near.outward, "source": near.source, **_named(near.concept)}
                for near in graph.neighbours(concept)
            ],
        }
        for concept in concepts
    ]
    return content, "\n\n".join(_text(graph, concept) for concept in concepts)


def _named(concept: Concept) -> dict[str, str]:
    return {"id": concept.id, "name": concept.name}


def _text(graph: KnowledgeGraph, concept: Concept) -> str:
    """A concept in lines."""
    lines = [f"{concept.name} ({', '.join(filter(None, (concept.kind, f'id {concept.id}')))})"]
    lines.append(f"synonyms: {', '.join(concept.synonyms) or 'none'}")
    for near in graph.neighbours(concept):
        ends = (concept.name, near.concept.name) if near.outward else (near.concept.name, concept.name)
        lines.append(f"  {ends[0]} | {near.relation} | {ends[1]}   [{near.source}]")
    return "\n".join(lines)


ACTIONS: Mapping[str, Callable[[argparse.Namespace], Printed]] = {
    "build": _build,
    "rank": _rank,
    "link": _link,
    "explain": _explain,
}
