"""Task name -> how its predictions are scored. A new task adds its module and a line here."""

from gkmvlp.metrics.assemble import Task
from gkmvlp.metrics.tasks import (
    calibration,
    classification,
    clinical,
    entity_classification,
    faithfulness,
    grounding,
    image_text_classification,
    laterality,
    localization,
    region_detection,
    report_generation,
    retrieval,
    vqa,
)
from gkmvlp.task_ids import TaskId

PROTOCOLS: dict[TaskId, Task] = {
    "entity_classification": entity_classification.TASK,
    "zero_shot": entity_classification.TASK,
    "text_entities": entity_classification.TASK,
    "grounding": grounding.TASK,
    "retrieval": retrieval.TASK,
    "vqa": vqa.TASK,
    "report_generation": report_generation.TASK,
    "report_clinical": clinical.TASK,
    "classification": classification.TASK,
    "calibration": calibration.TASK,
    "localization": localization.TASK,
    "region_detection": region_detection.TASK,
    "image_text_classification": image_text_classification.TASK,
    "faithfulness": faithfulness.TASK,
    "laterality": laterality.TASK,
}
