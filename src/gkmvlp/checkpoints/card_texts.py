"""What the card of any model says: the method, what it is not for, how it is used from Python."""

from typing import cast

from gkmvlp.task_ids import TASKS, TaskId, TaskRow

METHODS = {  # by the name of the system
    "gk_mvlp": (
        "GK-MVLP (arXiv 2404.14750): an image encoder, 29 anatomical regions pooled from its patches, and a prompt for "
        "each entity that attends to the regions where that entity can show and, through them, to the patches; trained "
        "with radiographs and their reports (contrast, matching, report likelihood, entity status)."
    ),
    "arl": (
        "ARL (arXiv 2209.07118): an image encoder, a text encoder and a graph of entities that texts are linked to; in "
        "the fusion, entities attend to each other and to the patches, and return to the words that name them; trained "
        "with radiographs and their reports (masked words, masked patches, matching, alignment with entities)."
    ),
}
BACKBONES = {  # what a released backbone of a system is for, where it differs from that of ``gkmvlp.task_ids``
    "arl": TaskRow(
        purpose="entities of an image; the start of fine-tuning for questions, and of retrieval",
        reads_as="classification",
    )
}
NOT_FOR = (
    "Decisions about patients, screening, triage, or any other clinical use; other images than frontal chest "
    "radiographs; claims about groups of patients that the data below do not hold."
)
QUESTION = "Is there a pleural effusion?"
CAPTION = "Frontal chest radiograph of a patient with fever."
WORDS = {"vqa": ("question", QUESTION), "image_text_classification": ("text", CAPTION)}  # what is read with the image


def row_of(task: str, system: str) -> TaskRow:
    """What a model is for and how ``gkmvlp predict`` uses it.

    Args:
        task: What it was trained for, of ``TASKS``.
        system: Its system, which counts for backbones.
    """
    if task == "pretraining" and system in BACKBONES:
        return BACKBONES[system]
    return TASKS[cast(TaskId, task)]


def python_use(reference: str, task: str) -> str:
    """Lines of Python that read an image with a model.

    Args:
        reference: What ``gkmvlp.load`` takes.
        task: What the model was trained for, as its entry or ``info`` says.
    """
    words = '{}="{}"'.format(*WORDS[task]) if task in WORDS else ""
    given = ", ".join(filter(None, ('"image.png"', words)))
    return f'import gkmvlp\n\nmodel = gkmvlp.load("{reference}")\nprint(model.predict({given}))'
