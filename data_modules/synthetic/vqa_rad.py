"""Phantoms with questions in the official layout of VQA-RAD.

A fifth of the images carries the test questions, so that no image lies on both sides; in VQA-RAD itself images cross.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from gkmvlp.data_modules.synthetic.staging import TRUTH, digest, equalized_jpg, in_parallel, numbers, staged, uuid
from gkmvlp.errors import DataError
from gkmvlp.phantom.generate import draw_phantom
from gkmvlp.phantom.writing.questions import Question, write_questions

FOLDER = "vqa-rad"
_TABLE = "VQA_RAD Dataset Public.json"
_IMAGES = "VQA_RAD Image Folder"
# Phantoms are numbered from here, so that none is a patient of a MIMIC-CXR look-alike of the same seed.
FIRST_INDEX = 1_000_000
_QUESTION_STREAM = 102
_TEST_SHARE = 0.2
# Shares of rows with the irregularities of the real file.
_REWORDED, _SPACED, _LOWER, _NO_REPHRASE = 0.25, 0.004, 0.4, 0.15
_EVALUATIONS = ("evaluated", "evaluated", "evaluated", "not evaluated", "given")
_TRUTH_COLUMNS = ("qid", "sample_id", "patient_id", "split", "template", "entity", "answer", "answer_type")


def _write_image(task: tuple[Path, int, int, int]) -> list[Question]:
    """Writes one image and returns its questions."""
    path, index, seed, size = task
    phantom = draw_phantom(seed, FIRST_INDEX + index, size)
    path.write_bytes(equalized_jpg(phantom.image_HW))
    return write_questions(phantom, np.random.default_rng([seed, FIRST_INDEX + index, _QUESTION_STREAM]))


def _answer(rng: np.random.Generator, question: Question) -> str | int:
    """The answer as the file has it: letter case varies, counts are numbers."""
    if question.answer.isdigit():
        return int(question.answer)
    return question.answer.lower() if rng.random() < _LOWER else question.answer


def _rows(rng: np.random.Generator, question: Question, image: str, test: bool, seed: int) -> Iterator[dict[str, Any]]:
    """The row of a question, and at times that of its reworded twin; keys in the official order, ``qid`` apart."""
    prefix = "test_" if test else ""
    link = uuid(seed, image, question.question)
    rephrased = rng.random() >= _NO_REPHRASE
    reworded = rephrased and rng.random() < _REWORDED
    wordings = [(question.question, question.rephrase if rephrased else "NULL", "freeform")]
    wordings += [(question.rephrase, question.question, "para")] * reworded
    for text, other, kind in wordings:
        yield {
            "phrase_type": f"{prefix}{kind}",
            "qid_linked_id": link,
            "image_case_url": f"https://phantom.invalid/case?id={uuid(seed, image)}",
            "image_name": image,
            "image_organ": "CHEST",
            "evaluation": _EVALUATIONS[int(rng.integers(len(_EVALUATIONS)))],
            "question": text,
            "question_rephrase": other,
            "question_relation": "strict agreement" if reworded else "NULL",
            "question_frame": question.frame,
            "question_type": question.question_type,
            "answer": _answer(rng, question),
            "answer_type": "CLOSED " if question.answer_type == "CLOSED" and rng.random() < _SPACED
            else question.answer_type,
        }  # fmt: skip


def _test_images(images: int, seed: int) -> set[int]:
    order = np.random.default_rng([seed, 0x7E57]).permutation(images)
    return {int(index) for index in order[: max(round(images * _TEST_SHARE), 1)]}


def write(root: Path, images: int, seed: int, size: int = 256, workers: int = 1) -> None:
    """Writes a corpus, or returns at once where it is there already.

    Args:
        root: Gets ``vqa-rad`` and ``_truth/vqa.parquet``.
        images: Number of images, at least 2: one for each split.
        seed: Seed of all that is drawn.
        size: Longer side of the images in pixels.
        workers: Processes that draw.

    Raises:
        DataError: If ``root`` holds another corpus or cannot be written, or ``images`` is too small.
    """
    if images < 2:
        raise DataError(f"a corpus of questions needs 2 images or more, one for each split, got {images}")
    settings = {"corpus": "vqa-rad", "seed": seed, "images": images, "size": size}
    with staged(root, "vqa_corpus", (FOLDER,), settings) as folder:
        if folder is None:
            return
        pictures = folder / FOLDER / _IMAGES
        pictures.mkdir(parents=True)
        names = [f"synpic{number}.jpg" for number in numbers(images, 10_000, 90_000 + 10 * images, seed, "synpic")]
        tasks = [(pictures / name, index, seed, size) for index, name in enumerate(names)]
        questions = list(in_parallel(_write_image, tasks, workers, "questions"))
        rows, truth = _table(names, questions, seed)
        text = json.dumps(rows, indent=3)
        (folder / FOLDER / _TABLE).write_text(text + "\n", encoding="utf-8")
        columns = {name: [row[name] for row in truth] for name in _TRUTH_COLUMNS}
        parquet.write_table(pa.table(columns), folder / TRUTH / "vqa.parquet")


def _table(
    names: list[str], asked: list[list[Question]], seed: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All rows of the file, and beside each what was planted; images are mixed, as in the real file."""
    test = _test_images(len(names), seed)
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for index, (name, questions) in enumerate(zip(names, asked, strict=True)):
        rng = np.random.default_rng([seed, FIRST_INDEX + index, _QUESTION_STREAM + 1])
        known = {
            "sample_id": name,
            "patient_id": str(FIRST_INDEX + index),
            "split": "test" if index in test else "train",
        }
        for question in questions:
            fact = {**known, "template": question.template, "entity": question.entity, "answer": question.answer,
                    "answer_type": question.answer_type}  # fmt: skip
            pairs += [(row, fact) for row in _rows(rng, question, name, index in test, seed)]
    pairs.sort(key=lambda pair: digest(seed, pair[0]["image_name"], pair[0]["question"]))
    rows: list[dict[str, Any]] = []
    truth: list[dict[str, Any]] = []
    for number, (row, fact) in enumerate(pairs):
        qid = number or "0"  # the first is a string in the real file
        rows.append({"qid": qid, **row})
        truth.append({"qid": number, **fact})
    return rows, truth
