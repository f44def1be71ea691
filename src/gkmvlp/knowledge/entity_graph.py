"""The knowledge graph that comes with ``gkmvlp.entities``: which finding can show in which region."""

from collections.abc import Sequence

from gkmvlp.anatomy import REGIONS
from gkmvlp.entities import entity
from gkmvlp.knowledge.graph import Concept, KnowledgeGraph, Triple

SOURCE = "gkmvlp.entities"


def entity_graph(names: Sequence[str]) -> KnowledgeGraph:
    """Entities, in the order given, then all regions; each entity stands in two triples with each of its regions.

    Args:
        names: Names of entities.

    Raises:
        ConfigError: If there is no such entity.
        DataError: If no entity has a region.
    """
    rows = [entity(name) for name in names]
    concepts = [Concept(row.name, row.name, row.synonyms, "finding") for row in rows]
    concepts += [Concept(region, region, kind="anatomy") for region in REGIONS]
    pairs = [(row.name, region) for row in rows for region in row.regions]
    located = [Triple(name, "can show in", region, SOURCE) for name, region in pairs]
    shown = [Triple(region, "can show", name, SOURCE) for name, region in pairs]
    return KnowledgeGraph(tuple(concepts), (*located, *shown), "entities", "1")
