"""What DataModules hand to tasks, and all that travels between them.

A TypedDict, because a plain dict collates, pins and moves to a device by itself. B batch, S side in pixels, R=29
regions, E entities of ``gkmvlp.entities.ENTITIES`` in that order. Text travels as strings: the tokenizer is the task's.
"""

from typing import TypedDict

from torch import Tensor


class ImageBatch(TypedDict):
    """Radiographs with the place of their regions."""

    sample_id: list[str]  # B ids that follow the sample to the prediction file
    patient_id: list[str]  # B ids of what is resampled together: patients, or groups of images
    image: Tensor  # (B, 1, S, S) float32 in [0, 1], dark air, square frame (see gkmvlp.geometry)
    letterbox: Tensor  # (B, 6) float32: gkmvlp.geometry.Letterbox, from pixels of the original image to the square
    region_box: Tensor  # (B, R, 4) float32 xyxy as fractions of the square frame; 0 where masked
    region_mask: Tensor  # (B, R) bool, True where the region has a box


class StudyBatch(ImageBatch):
    """Radiographs with their reports: what pre-training reads."""

    study_id: list[str]  # B ids; images of one study share it
    text: list[str]  # B reports, findings then impression; never empty
    status: Tensor  # (B, E) int8: 1 present, 0 absent, -1 uncertain, -2 not mentioned; a target, never an input
    place: Tensor  # (B, E, R) bool, regions where the report says that a present entity lies; a target, never an input


class QuestionBatch(ImageBatch):
    """Radiographs with a question each."""

    image_id: list[str]  # B ids; rows with the same one show the same pixels, so that an image is encoded once
    question: list[str]  # B questions as asked
    answer: list[str]  # B answers normalised by gkmvlp.metrics.answers.exact_v1; "" where unknown
    answer_type: list[str]  # B of "open" or "closed"
    chest: Tensor  # (B,) bool, True where the image shows a chest


class ImageTextBatch(ImageBatch):
    """Images with a text and one class of several each."""

    text: list[str]  # B texts; never empty
    category: list[str]  # B classes by name; those of training are the DataModule's ``classes()``


class LabelBatch(ImageBatch):
    """Radiographs with labels; L labels, named by the DataModule's ``labels``."""

    label: Tensor  # (B, L) float32: 1 present, 0 absent, NaN unknown: left out of loss and figures


class BoxBatch(LabelBatch):
    """Radiographs with boxes of findings; K boxes at most an image, the same number in all batches of a data set."""

    finding_box: Tensor  # (B, K, 4) float32 xyxy as fractions of the square frame; 0 where masked
    finding_mask: Tensor  # (B, K) bool, True where there is a box
    finding: Tensor  # (B, K) int64 index into the DataModule's ``labels``; 0 where masked


class PhraseBatch(BoxBatch):
    """Radiographs with a phrase each and the boxes of what it speaks of."""

    phrase: list[str]  # B phrases of reports; several rows may show one image
