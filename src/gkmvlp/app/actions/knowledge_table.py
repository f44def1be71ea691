"""The table of held-out triples that ``gkmvlp knowledge rank`` prints and records."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gkmvlp.knowledge.graph import KnowledgeGraph
from gkmvlp.knowledge.held_out import Guessed
from gkmvlp.knowledge.transe import TransEConfig
from gkmvlp.metrics.results.plain_table import write_table
from gkmvlp.metrics.results.provenance import command

HEADINGS = ("ranked by", "seed", "triples", "hits@10", "mean rank", "hits@10, raw", "mean rank, raw",
           "a restart ends alike")  # fmt: skip


def ranking_rows(guessed: Sequence[Guessed]) -> list[list[object]]:
    """TransE in each seed, then the means over seeds of TransE and of what learns no vector."""
    rows: list[list[object]] = [
        ["TransE", one.seed, *one.transe, "yes, bit for bit" if one.restarts_alike else "no"] for one in guessed
    ]
    for name, field in (("TransE", "transe"), ("how often a concept is there", "counted"), ("chance", "chance")):
        cells = np.mean([getattr(one, field) for one in guessed], axis=0).tolist()
        rows.append([name, "mean", round(cells[0]), *cells[1:], ""])
    return rows


def record_rankings(
    folder: Path, graph: KnowledgeGraph, config: TransEConfig, rows: Sequence[Sequence[object]], seconds: float
) -> None:
    """Writes ``knowledge-SOURCE.json``.

    Args:
        folder: Where to.
        graph: What was ranked.
        config: Of the trainings.
        rows: Of ``ranking_rows``.
        seconds: How long it took.
    """
    what = f"{len(graph.concepts)} concepts, {len(graph.triples)} triples, {len(graph.relations)} relations"
    note = (
        f"Graph {graph.source} {graph.version}: {what}. Each seed holds out triples of its own and trains on the "
        f"others ({config.epochs} epochs, width {config.width}); heads and tails are asked for. Without raw, other "
        "known triples are no errors. Equal distances count half. A restart goes on from the middle of the training."
    )
    file = folder / f"knowledge-{graph.source}.json"
    title = f"Held-out triples of the graph {graph.source}"
    write_table(file, title, HEADINGS, rows, command=command(), seconds=seconds, note=note)
