"""VQA-RAD as its owner, Hugging Face and MEVF ship it, read into one kind of row."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from gkmvlp.errors import DataError
from gkmvlp.metrics.answers import exact_v1

Layout = Literal["official", "parquet", "mevf"]
_GET = "get VQA-RAD from osf.io/89kps (official) or huggingface.co/datasets/flaviagiammarino/vqa-rad (Parquet)"
_OFFICIAL = "VQA_RAD Dataset Public.json"
_ROOTS = ("", "vqa-rad", "vqa_rad", "VQA-RAD", "VQA_RAD", "data_RAD")
_IMAGE_FOLDERS = ("VQA_RAD Image Folder", "images", "imgs", "")
_KEYS = ("qid", "phrase_type", "image_name", "image_organ", "question", "answer", "answer_type")


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        sample_id: Unique id.
        image_name: Name of the image, or the SHA-256 of its bytes.
        image: Path, or bytes of the image.
        case: URL of the teaching case, "" where unknown.
        organ: ``CHEST``, ``HEAD``, ``ABD``, or "" where unknown.
        question: As asked, tabs read as commas again.
        frame: The templated wording, "" where there is none.
        answer: Normalised by ``exact_v1``.
        answer_type: ``open`` or ``closed``.
        is_test: Whether the row is one of the official test rows.
        is_frame: Whether the row is a templated rewording.
    """

    sample_id: str
    image_name: str
    image: str | bytes
    case: str
    organ: str
    question: str
    frame: str
    answer: str
    answer_type: str
    is_test: bool
    is_frame: bool = False

    def as_frame(self) -> "Question":
        """The same question in its templated wording."""
        return replace(self, sample_id=f"{self.sample_id}-frame", question=self.frame, is_frame=True)


def read_questions(root: str) -> tuple[list[Question], Layout, str]:
    """Reads the first layout found under a folder.

    Args:
        root: The folder, or one that holds ``vqa-rad``.

    Returns:
        Questions, the layout, and the file or folder they came from.

    Raises:
        DataError: If nothing is there, or a file is broken: what to get, where, and what was looked for.
    """
    for base in (Path(root) / name for name in _ROOTS):
        if (base / _OFFICIAL).is_file():
            return _read_official(base / _OFFICIAL), "official", str(base / _OFFICIAL)
        if (base / "trainset.json").is_file() and (base / "testset.json").is_file():
            return _read_mevf(base), "mevf", str(base)
        tables = [path for folder in (base, base / "data") for path in sorted(folder.glob("*.parquet"))]
        if tables:
            return _read_parquet(tables), "parquet", str(tables[0].parent)
    raise DataError(f"no {_OFFICIAL!r}, trainset.json or Parquet table in {root}: {_GET}")


def _load(path: Path) -> list[dict[str, Any]]:
    try:
        rows = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {' '.join(str(error).split())}; {_GET}") from error
    missing = [key for key in _KEYS if not isinstance(rows, list) or not rows or key not in rows[0]]
    if missing:
        raise DataError(f"{path} has no key {missing[0]!r}: the official JSON list of questions was expected")
    return rows


def _images(base: Path, names: Iterable[str]) -> dict[str, str]:
    """Path of each image, in the first folder that holds it; the most likely path where none does."""
    folders = [base / name for name in _IMAGE_FOLDERS if (base / name).is_dir()]
    return {
        name: next((str(folder / name) for folder in folders if (folder / name).is_file()), str(folders[0] / name))
        for name in set(names)
    }


def _word(value: Any) -> str:
    """A cell as text; the set spells nothing as NULL or NA."""
    text = " ".join(str(value if value is not None else "").replace("\t", ", ").split()).replace(" ,", ",")
    return "" if text in ("NULL", "NA") else text


def _row(row: dict[str, Any], sample_id: str, image: str, is_test: bool) -> Question:
    return Question(
        sample_id=sample_id,
        image_name=row["image_name"],
        image=image,
        case=row.get("image_case_url", ""),
        organ=str(row["image_organ"]).strip().upper(),
        question=_word(row["question"]),
        frame=_word(row.get("question_frame", "")),
        answer=exact_v1(row["answer"]),
        answer_type=str(row["answer_type"]).strip().lower(),
        is_test=is_test,
        is_frame=row["phrase_type"] == "frame",
    )


def _read_official(path: Path) -> list[Question]:
    rows = _load(path)
    paths = _images(path.parent, (row["image_name"] for row in rows))
    return [
        _row(row, str(row["qid"]), paths[row["image_name"]], str(row["phrase_type"]).lower().startswith("test"))
        for row in rows
    ]


def _read_mevf(base: Path) -> list[Question]:
    sides = {name: _load(base / f"{name}set.json") for name in ("train", "test")}
    paths = _images(base, (row["image_name"] for rows in sides.values() for row in rows))
    return [
        _row(row, f"mevf-{row['qid']}", paths[row["image_name"]], side == "test")
        for side, rows in sides.items()
        for row in rows
    ]


def _read_parquet(tables: list[Path]) -> list[Question]:
    """Rows of the Hugging Face copy: image bytes, question and answer alone."""
    rows: list[Question] = []
    known: dict[str, bytes] = {}
    for path in tables:
        try:
            table = pd.read_parquet(path, columns=["image", "question", "answer"])
        except (OSError, ValueError) as error:
            raise DataError(f"cannot read {path}: {' '.join(str(error).split())}; {_GET}") from error
        for number, (image, question, answer) in enumerate(table.itertuples(index=False, name=None)):
            data = image["bytes"] if isinstance(image, dict) else image
            name = sha256(data).hexdigest()
            text = exact_v1(answer)
            rows.append(
                Question(
                    sample_id=f"{path.stem.split('-')[0]}-{number:04d}",
                    image_name=name,
                    image=known.setdefault(name, data),
                    case="",
                    organ="",
                    question=_word(question),
                    frame="",
                    answer=text,
                    answer_type="closed" if text in ("yes", "no") else "open",
                    is_test=path.stem.startswith("test"),
                )
            )
    return rows
