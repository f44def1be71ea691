"""The open graph of chest radiology that was written for this project, from general textbook knowledge.

Three tables in ``tables/``: concepts, triples, and the full references of the triples' sources. All entities of
``gkmvlp.entities`` and all regions of ``gkmvlp.anatomy`` are concepts by their names. It is no medical reference.
"""

from pathlib import Path

from gkmvlp.knowledge.graph import KnowledgeGraph
from gkmvlp.knowledge.tsv import read_tsv

VERSION = "1"
TABLES = Path(__file__).with_name("tables")


def radiology() -> KnowledgeGraph:
    """The graph, untrained."""
    return read_tsv(TABLES / "radiology_triples.tsv", TABLES / "radiology_concepts.tsv", "radiology", VERSION)
