"""Figures of entity classification and zero-shot: AUROC of each entity and their mean (see ``per_label``)."""

from gkmvlp.metrics.assemble import Task
from gkmvlp.metrics.bootstrap import auroc_curve
from gkmvlp.metrics.per_label import average, lacking_classes, scorer

NAME = "entity_auroc_macro"
TASK = Task(
    columns={"entity": "text", "target": "target", "score": "number"},
    unit="image-entity",
    score=scorer({NAME: auroc_curve}),
    parts=average,
    notes=lacking_classes([NAME]),
    constants=lambda key: {"random": 0.5},
)
