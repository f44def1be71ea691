"""Task name -> how its predictions are scored. A new task adds its module and a line here."""

from gkmvlp.metrics import (
    classification,
    clinical,
    entity,
    grounding,
    localization,
    regions,
    report_generation,
    retrieval,
    vqa,
)
from gkmvlp.metrics.assemble import Task

PROTOCOLS: dict[str, Task] = {
    "entity_classification": entity.TASK,
    "zero_shot": entity.TASK,
    "grounding": grounding.TASK,
    "retrieval": retrieval.TASK,
    "vqa": vqa.TASK,
    "report_generation": report_generation.TASK,
    "report_clinical": clinical.TASK,
    "classification": classification.TASK,
    "localization": localization.TASK,
    "region_detection": regions.TASK,
}
