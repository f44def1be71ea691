"""A graph is trained and saved, step by step: a build that was stopped goes on from where it was."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from gkmvlp.errors import UsageError
from gkmvlp.knowledge.graph import KnowledgeGraph
from gkmvlp.knowledge.held_out import RANKED, shuffled, split, triples_of
from gkmvlp.knowledge.ranking import Ranking, ranking
from gkmvlp.knowledge.storage import MANIFEST, graph_hash, read_manifest, save_graph, write_whole
from gkmvlp.knowledge.transe import Known, State, Tables, TransEConfig, Triples, distance, start, train

HELD_OUT, ALL = "held_out.state.safetensors", "all.state.safetensors"  # states of the two trainings


def build(
    graph: KnowledgeGraph, config: TransEConfig, folder: Path, held_out: float, told: Mapping[str, Any]
) -> dict[str, Any]:
    """Trains the embeddings of a graph and saves all.

    The figures come from a training of its own, without the triples that it is asked about; the embeddings that are
    saved are trained on all triples.

    Args:
        graph: Untrained.
        config: Of both trainings.
        folder: Where to; a finished build of the same graph and options is left as it is.
        held_out: Share of the triples that the figures are computed on, in [0, 1); 0 computes none.
        told: What else the manifest says.

    Returns:
        The manifest.

    Raises:
        UsageError: If ``held_out`` is no share, or leaves no triple to train on.
    """
    if not 0 <= held_out < 1:
        raise UsageError(f"--held-out from 0 to below 1 was expected, got {held_out}")
    fingerprint = _fingerprint(graph, config, held_out)
    if (folder / MANIFEST).is_file() and (manifest := read_manifest(folder)).get("fingerprint") == fingerprint:
        return manifest
    folder.mkdir(parents=True, exist_ok=True)
    triples = triples_of(graph)
    figures = _held_out_figures(graph, triples, config, folder, held_out, fingerprint) if held_out else None
    tables = _trained(graph, triples, config, folder / ALL, fingerprint)
    known = Known(triples, len(graph.concepts), len(graph.relations))
    order_M = shuffled(len(triples.head_M), config.seed)
    described = {
        "fingerprint": fingerprint,
        "transe": {**asdict(config), "torch": torch.__version__},
        "held_out": figures._asdict() if figures else None,
        "trained_on": ranking(partial(distance, tables), triples.rows(order_M[:RANKED]), known)._asdict(),
        **told,
    }
    save_graph(replace(graph, table_ND=tables.concept_ND, relation_RD=tables.relation_RD), folder, described)
    for path in (folder / HELD_OUT, folder / ALL):
        path.unlink(missing_ok=True)
    return read_manifest(folder)


def _held_out_figures(
    graph: KnowledgeGraph, triples: Triples, config: TransEConfig, folder: Path, share: float, fingerprint: str
) -> Ranking:
    """Figures of triples that were not trained on.

    Raises:
        UsageError: If no triple is held out, or none is left.
    """
    part = split(triples, share, config.seed)
    tables = _trained(graph, part.trained, config, folder / HELD_OUT, fingerprint)
    return ranking(partial(distance, tables), part.asked, Known(triples, len(graph.concepts), len(graph.relations)))


def _trained(graph: KnowledgeGraph, triples: Triples, config: TransEConfig, path: Path, fingerprint: str) -> Tables:
    """Tables behind the last epoch, from the state in a file where that is of this build."""
    state = _read_state(path, fingerprint) or start(len(graph.concepts), len(graph.relations), config)
    return train(triples, state, config, lambda reached: _write_state(path, reached, fingerprint))


def _write_state(path: Path, state: State, fingerprint: str) -> None:
    """The file holds one whole state at any time."""
    tensors = {name: table.contiguous() for name, table in state.tables._asdict().items()}
    metadata = {"epoch": str(state.epoch), "fingerprint": fingerprint}
    write_whole(path, lambda part: save_file(tensors, part, metadata))


def _read_state(path: Path, fingerprint: str) -> State | None:
    """The state of a file; None where there is none, or one of another graph or other options."""
    if not path.is_file():
        return None
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        if metadata["fingerprint"] != fingerprint:
            return None
        return State(Tables(*(file.get_tensor(name) for name in Tables._fields)), int(metadata["epoch"]))


def _fingerprint(graph: KnowledgeGraph, config: TransEConfig, held_out: float) -> str:
    """What a build is of."""
    content = json.dumps([graph_hash(graph), asdict(config), held_out])
    return hashlib.sha256(content.encode()).hexdigest()
