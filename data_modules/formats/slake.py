"""SLAKE 1.0 as its owner ships it: questions in two languages, one folder an image, boxes; and its images in NIH."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gkmvlp.data_modules.formats.cells import answer_of
from gkmvlp.data_modules.formats.chest_xray14 import BOX_NAMES, LABELS
from gkmvlp.data_modules.formats.files import is_file
from gkmvlp.data_modules.formats.json_files import read_json
from gkmvlp.data_modules.formats.plain_text import as_western, one_line, shown
from gkmvlp.data_modules.formats.schema import Schema
from gkmvlp.data_modules.formats.tables import to_table
from gkmvlp.errors import DataError
from gkmvlp.metrics.answers import exact_v1

FOLDER = "slake"
NIH = "slake_to_nih_by_box.json"
# The labels that ChestX-ray14 has boxes of, which are those of SLAKE's radiographs; in the order of that set.
FINDINGS = LABELS[:8]
SIDES = ("train", "validate", "test")
_ROOTS = ("", FOLDER, "Slake1.0", "Slake", "SLAKE")
# Hugging Face's copy calls the second file validation.json.
_NAMES = {"train": ("train",), "validate": ("validate", "validation"), "test": ("test",)}
_KEYS = ("qid", "img_name", "question", "answer", "q_lang", "location", "modality", "answer_type")
# What the cells that decide on a row may hold, in small letters.
_WORDS = {"q_lang": ("en", "zh"), "modality": ("x-ray", "ct", "mri"), "answer_type": ("open", "closed")}
_GET = "get SLAKE 1.0 from med-vqa.com/slake or huggingface.co/datasets/BoKelvin/SLAKE and unpack its imgs there"
_QUESTIONS = Schema(_KEYS, raw=("question", "answer"), remedy=_GET)  # raw: a tab in an answer counts as a comma
# Largest difference in pixels of two boxes that are one: SLAKE rounds those of ChestX-ray14.
_SAME_BOX = 2.0


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        sample_id: Its ``qid``.
        image_name: Folder of the image, ``xmlab<N>``.
        image: Path of the image.
        question: As asked.
        answer: Normalised by ``exact_v1``.
        answer_type: ``open`` or ``closed``.
        language: ``en`` or ``zh``.
        modality: ``X-Ray``, ``CT`` or ``MRI``.
        organ: SLAKE's ``location``: ``Lung``, ``Abdomen``, ``Brain_Tissue`` ...
        side: ``train``, ``validate`` or ``test``.
    """

    sample_id: str
    image_name: str
    image: str
    question: str
    answer: str
    answer_type: str
    language: str
    modality: str
    organ: str
    side: str


def find_base(root: str) -> Path:
    """The folder that holds the questions: ``root`` or a folder of the data set's name in it.

    Raises:
        DataError: If there is none: what to get and where.
    """
    for base in (Path(root) / name for name in _ROOTS):
        if _file(base, "train") is not None:
            return base
    raise DataError(f"no train.json in {root}: {_GET}")


def _file(base: Path, side: str) -> Path | None:
    names = (base / f"{name}.json{end}" for name in _NAMES[side] for end in ("", ".gz"))
    return next((path for path in names if path.is_file()), None)


def read_questions(base: Path) -> list[Question]:
    """All questions, training first.

    Raises:
        DataError: If a file is missing or broken.
    """
    questions = []
    for side in SIDES:
        path = _file(base, side)
        if path is None:
            raise DataError(f"no {side}.json in {base}: {_GET}")
        questions += [_question(row, base, side) for row in _load(path)]
    return questions


def _load(path: Path) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = to_table(read_json(path, _GET), _QUESTIONS, path).to_dict("records")
    if not rows:
        raise DataError(f"{path} holds no question: the official JSON list of questions was expected; {_GET}")
    for number, row in enumerate(rows, 1):
        if not row["img_name"]:
            raise DataError(f"{path}, row {number}: img_name is empty, one like xmlab1/source.jpg was expected; {_GET}")
        for key, words in _WORDS.items():
            if row[key].lower() not in words:
                told = f"{key} is {shown(row[key])}, {' or '.join(words)} was expected"
                raise DataError(f"{path}, row {number}: {told}; {_GET}")
    return rows


def _question(row: dict[str, str], base: Path, side: str) -> Question:
    return Question(
        sample_id=row["qid"],
        image_name=Path(row["img_name"]).parent.name,
        image=str(base / "imgs" / row["img_name"]),
        question=" ".join(as_western(row["question"]).split()),
        answer=exact_v1(answer_of(as_western(row["answer"]))),
        answer_type=row["answer_type"].lower(),
        language=row["q_lang"].lower(),
        modality=row["modality"],
        organ=row["location"],
        side=side,
    )


def read_boxes(folder: Path) -> pd.DataFrame:
    """Boxes of findings of an image: label as in ChestX-ray14, x1, y1, x2, y2 in pixels of ``source.jpg``.

    Boxes of organs, which images other than chest radiographs have, are left out, and so is a box that stands twice.

    Args:
        folder: Folder of the image, with ``detection.json``; without the file there is no box.

    Raises:
        DataError: If the file is broken.
    """
    path = folder / "detection.json"
    rows = []
    content = read_json(path, _GET) if is_file(path) else []
    try:
        for boxes in content:
            for name, (x, y, width, height) in boxes.items():
                x, y, width, height = map(float, (x, y, width, height))  # texts would be joined, not added
                rows.append((BOX_NAMES.get(name, name), x, y, x + width, y + height))
        table = pd.DataFrame(rows, columns=["label", "x1", "y1", "x2", "y2"])
        table = table.astype(dict.fromkeys(["x1", "y1", "x2", "y2"], np.float32))
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise DataError(f"{path} is no list of boxes [x, y, w, h] by label ({one_line(error)}): {_GET}") from error
    return table[table["label"].isin(FINDINGS)].drop_duplicates()


def read_nih_names(base: Path) -> dict[str, str] | None:
    """Image -> its name in ChestX-ray14, by ``slake_to_nih_by_box.json``; None where there is no such file.

    Raises:
        DataError: If the file is broken.
    """
    path = base / NIH
    if not path.is_file():
        return None
    names = read_json(path, "delete it")
    if not isinstance(names, dict):
        raise DataError(f"{path} is no object of xmlabN to NIH name: delete it")
    return {name: str(nih) for name, nih in names.items()}


def match_boxes(boxes: dict[str, pd.DataFrame], nih: pd.DataFrame) -> dict[str, str]:
    """Finds SLAKE's radiographs in ChestX-ray14: both measure the same boxes in squares of 1024 pixels.

    Args:
        boxes: SLAKE's image -> its boxes (``read_boxes``).
        nih: Boxes of ChestX-ray14: image, label, x1, y1, x2, y2.

    Returns:
        SLAKE's image -> the one NIH image that has all its boxes, within two pixels.
    """
    corners = ["x1", "y1", "x2", "y2"]
    nih_N4, names, labels = nih[corners].to_numpy(np.float32), nih["image"].to_numpy(), nih["label"].to_numpy()
    matches: dict[str, str] = {}
    for image, table in boxes.items():
        candidates: set[str] | None = None
        for label, *box in table[["label", *corners]].itertuples(index=False, name=None):
            is_same_N = (np.abs(nih_N4 - np.array(box, np.float32)) <= _SAME_BOX).all(1) & (labels == label)
            hits = set(names[is_same_N])
            candidates = hits if candidates is None else candidates & hits
        if candidates is not None and len(candidates) == 1:
            matches[image] = candidates.pop()
    return matches
