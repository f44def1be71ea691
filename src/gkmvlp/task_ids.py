"""The tasks of this package: one id each, and one row with what every layer must know of it.

Ids are stored, words are typed: the id stands in predictions, results, models and their entries, the word of a task in
commands, names of configs, make targets and folders of runs. They differ for ``report_generation`` (``report``) and
``region_detection`` (``regions``). What only one layer knows (which configs a recipe runs, how figures are computed,
how a head is stored, how a picture is drawn) is keyed by ``TaskId`` there.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

TaskId = Literal[
    "pretraining",
    "entity_classification",
    "zero_shot",
    "text_entities",
    "grounding",
    "vqa",
    "classification",
    "calibration",
    "localization",
    "report_generation",
    "report_clinical",
    "retrieval",
    "region_detection",
    "image_text_classification",
    "faithfulness",
    "laterality",
]


class TaskRow(NamedTuple):
    """A task.

    Attributes:
        title: Heading of its section on a page; "" where it has no figures of its own.
        word: What commands and configs call it; "" where no command does it.
        purpose: What a released model of it is for; "" where none is released.
        head: What its models know beside the backbone, in one plural word; "" where they have no head.
        reads_as: The word by which ``gkmvlp predict`` uses a released model.
    """

    title: str = ""
    word: str = ""
    purpose: str = ""
    head: str = ""
    reads_as: str = ""


TASKS: dict[TaskId, TaskRow] = {
    "pretraining": TaskRow(
        purpose="grounding, zero-shot reading and image-text vectors; the start of fine-tuning", reads_as="grounding"
    ),
    "entity_classification": TaskRow("Which entities are present"),
    "zero_shot": TaskRow("Zero-shot, from sentences alone", "zero_shot"),
    "text_entities": TaskRow("Which entities a report names"),
    "grounding": TaskRow("Where the model looks", "grounding"),
    "vqa": TaskRow("Questions", "vqa", "answers to questions about one radiograph", "questions", "vqa"),
    "classification": TaskRow(
        "Classification", "classification", "probability of each label", "labels", "classification"
    ),
    "calibration": TaskRow("What probabilities mean"),
    "localization": TaskRow("Localization", "localization", "boxes around findings", "boxes", "localization"),
    "report_generation": TaskRow("Reports", "report", "a draft of findings", "reports", "report"),
    "report_clinical": TaskRow("Reports, clinical scores"),
    "retrieval": TaskRow("Retrieval", "retrieval"),
    "region_detection": TaskRow("Regions", "regions", "boxes of the anatomical regions", "regions", "localization"),
    "image_text_classification": TaskRow(
        "Image-text classification", "image_text", "the class of a figure with its caption", "classes", "image_text"
    ),
    "faithfulness": TaskRow("What the finding itself is worth", "faithfulness"),
    "laterality": TaskRow("Right or left"),
}
# what trains and leaves a model, and what has figures
RELEASED: tuple[TaskId, ...] = tuple(task for task, row in TASKS.items() if row.purpose)
SCORED: tuple[TaskId, ...] = tuple(task for task, row in TASKS.items() if row.title)
FINE_TUNED: tuple[TaskId, ...] = tuple(task for task, row in TASKS.items() if row.head)
BY_WORD: dict[str, TaskId] = {row.word: task for task, row in TASKS.items() if row.word}


def words(tasks: Iterable[TaskId]) -> tuple[str, ...]:
    """What commands call some tasks, in alphabetical order."""
    return tuple(sorted(TASKS[task].word for task in tasks))
