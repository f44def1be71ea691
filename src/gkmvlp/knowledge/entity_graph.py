"""The knowledge graph that comes with ``gkmvlp.entities``: which finding can show in which region."""

import random
from collections.abc import Sequence

from gkmvlp.anatomy import REGIONS
from gkmvlp.entities import entity
from gkmvlp.knowledge.graph import Concept, KnowledgeGraph, Triple

SOURCE = "gkmvlp.entities"


def entity_graph(names: Sequence[str], shuffled: bool = False) -> KnowledgeGraph:
    """Entities, in the order given, then all regions; each entity stands in two triples with each of its regions.

    Args:
        names: Names of entities.
        shuffled: Whether the regions are dealt out anew among the entities: each entity and each region stands in as
            many triples as before, and what they say is chance. Always the same ones.

    Raises:
        ConfigError: If there is no such entity.
        DataError: If no entity has a region.
    """
    rows = [entity(name) for name in names]
    concepts = [Concept(row.name, row.name, row.synonyms, "finding") for row in rows]
    concepts += [Concept(region, region, kind="anatomy") for region in REGIONS]
    pairs = [(row.name, region) for row in rows for region in row.regions]
    if shuffled:
        regions = [region for _, region in pairs]
        random.Random(0).shuffle(regions)
        pairs = [(name, region) for (name, _), region in zip(pairs, regions, strict=True)]
    located = [Triple(name, "can show in", region, SOURCE) for name, region in pairs]
    shown = [Triple(region, "can show", name, SOURCE) for name, region in pairs]
    return KnowledgeGraph(tuple(concepts), (*located, *shown), "entities", "1")
