"""Task name -> how its predictions are scored. A new task adds its module and a line here."""

from gkmvlp.metrics import entity, grounding, vqa
from gkmvlp.metrics.assemble import Task

PROTOCOLS: dict[str, Task] = {
    "entity_classification": entity.TASK,
    "zero_shot": entity.TASK,
    "grounding": grounding.TASK,
    "vqa": vqa.TASK,
}
