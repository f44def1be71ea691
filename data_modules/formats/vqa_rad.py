"""VQA-RAD as its owner, Hugging Face and MEVF ship it, read into one kind of row."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, NamedTuple

from gkmvlp.data_modules.formats.cells import answer_of
from gkmvlp.data_modules.formats.files import image_files, is_file
from gkmvlp.data_modules.formats.json_files import read_json
from gkmvlp.data_modules.formats.plain_text import as_western, shown
from gkmvlp.data_modules.formats.schema import Schema
from gkmvlp.data_modules.formats.tables import read_table, to_table
from gkmvlp.data_modules.pipeline.splits import Split, standard_split
from gkmvlp.errors import DataError
from gkmvlp.metrics.answers import exact_v1

Layout = Literal["official", "parquet", "mevf"]
_GET = "get VQA-RAD from osf.io/89kps (official) or huggingface.co/datasets/flaviagiammarino/vqa-rad (Parquet)"
OFFICIAL = "VQA_RAD Dataset Public.json"
MEVF = "trainset.json"  # beside testset.json
_ROOTS = ("", "vqa-rad", "vqa_rad", "VQA-RAD", "VQA_RAD", "data_RAD")
_IMAGE_FOLDERS = ("VQA_RAD Image Folder", "images", "imgs", "")
_PHRASES = ("freeform", "para", "frame", "test_freeform", "test_para")
_RAW = ("question", "question_frame", "answer")  # their tabs are lost commas
_JSON = Schema(
    ("qid", "phrase_type", "image_name", "image_organ", "question", "answer", "answer_type"),
    ("question_frame", "image_case_url", "qid_linked_id"),
    raw=_RAW,
    remedy="the official JSON list of questions was expected",
)
_PARQUET = Schema(("image", "question", "answer"), raw=("question", "answer"), values=("image",), remedy=_GET)
_SHARD = re.compile(r"([a-z]+)", re.IGNORECASE)


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
        side: ``train`` or ``test`` as the owner says; ``validate`` where a copy names such rows itself.
        is_frame: Whether the row is a templated rewording.
        link: What a question shares with its rewordings, "" where unknown.
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
    side: Split
    is_frame: bool = False
    link: str = ""

    def as_frame(self) -> "Question":
        """The same question in its templated wording."""
        return replace(self, sample_id=f"{self.sample_id}-frame", question=self.frame, is_frame=True)


class Questions(NamedTuple):
    """What a folder holds.

    Attributes:
        rows: The questions.
        layout: How they are written.
        source: The file or folder they came from.
        notes: Lines for the user.
    """

    rows: list[Question]
    layout: Layout
    source: str
    notes: list[str]


def read_questions(root: str) -> Questions:
    """Reads the first layout found under a folder.

    Args:
        root: The folder, or one that holds ``vqa-rad``.

    Raises:
        DataError: If nothing is there, or a file is broken: what to get, where, and what was looked for.
    """
    for base in (Path(root) / name for name in _ROOTS):
        if (base / OFFICIAL).is_file():
            return Questions(_read_official(base / OFFICIAL), "official", str(base / OFFICIAL), [])
        if (base / MEVF).is_file():
            return Questions(*_read_mevf(base))
        tables = [path for folder in (base, base / "data") for path in sorted(folder.glob("[!.]*.parquet"))]
        if tables:
            return Questions(_read_parquet(tables), "parquet", str(tables[0].parent), [])
    raise DataError(f"no {OFFICIAL!r}, {MEVF} or Parquet table in {root}: {_GET}")


def _images(base: Path, names: Iterable[str]) -> dict[str, str]:
    """Path of each image, in the first folder that holds it; the most likely path where none does."""
    folders = [base / name for name in _IMAGE_FOLDERS if (base / name).is_dir()]
    unique = set(names)
    path_of = {
        name: next((str(folder / name) for folder in folders if is_file(folder / name)), str(folders[0] / name))
        for name in unique
    }
    if any(not is_file(path) for path in path_of.values()):  # nested, or an ending in other letters
        nested = {path.name.lower(): str(path) for path in image_files(base)}
        path_of = {name: path if is_file(path) else nested.get(name.lower(), path) for name, path in path_of.items()}
    return path_of


def _word(text: str) -> str:
    """A cell as text; the set spells nothing as NULL or NA."""
    text = " ".join(as_western(text).replace("\t", ", ").split()).replace(" ,", ",")
    return "" if text in ("NULL", "NA") else text


def _load(path: Path) -> list[dict[str, str]]:
    return to_table(read_json(path, _GET), _JSON, path).to_dict("records")


def _row(row: dict[str, str], sample_id: str, image: str, side: Split) -> Question:
    return Question(
        sample_id=sample_id,
        image_name=row["image_name"],
        image=image,
        case=row["image_case_url"],
        organ=row["image_organ"].upper(),
        question=_word(row["question"]),
        frame=_word(row["question_frame"]),
        answer=exact_v1(answer_of(as_western(row["answer"]))),
        answer_type=row["answer_type"].lower(),
        side=side,
        is_frame=row["phrase_type"] == "frame",
        link=_word(row["qid_linked_id"]),
    )


def _read_official(path: Path) -> list[Question]:
    rows = _load(path)
    for number, row in enumerate(rows, 1):
        if row["phrase_type"].lower() not in _PHRASES:  # it alone tells the test rows
            told = f"phrase_type is {shown(row['phrase_type'])}, one of {', '.join(_PHRASES)} was expected"
            raise DataError(f"{path}, row {number}: {told}; {_GET}")
    paths = _images(path.parent, (row["image_name"] for row in rows))
    return [_row(row, row["qid"], paths[row["image_name"]], "test" if _is_test(row) else "train") for row in rows]


def _is_test(row: dict[str, str]) -> bool:
    return row["phrase_type"].lower().startswith("test")


def _read_mevf(base: Path) -> tuple[list[Question], Layout, str, list[str]]:
    """MEVF's two files, and the valset.json that some copies put beside them.

    Such a file is its author's own; often it repeats the other two. What it repeats stays on the other side.
    """
    sides: dict[Split, list[dict[str, str]]] = {"train": [], "test": []}
    for side in ("train", "test"):
        if not (path := base / f"{side}set.json").is_file():
            raise DataError(f"no {path.name} in {base} beside {MEVF}: {_GET}")
        sides[side] = _load(path)
    notes = []
    if (base / "valset.json").is_file():
        rows = _load(base / "valset.json")
        others = {_content(row) for side in ("train", "test") for row in sides[side]}
        sides["validate"] = [row for row in rows if _content(row) not in others]
        count, repeated = len(sides["validate"]), len(rows) - len(sides["validate"])
        source = "validation rows are drawn from trainset.json" if not count else f"the other {count:,} rows validate"
        notes = [f"valset.json: {repeated:,} rows repeat trainset.json or testset.json and are left out; {source}"]
    paths = _images(base, (row["image_name"] for rows in sides.values() for row in rows))
    questions = [
        _row(row, f"mevf-{'val-' * (side == 'validate')}{row['qid']}", paths[row["image_name"]], side)
        for side, rows in sides.items()
        for row in rows
    ]
    return questions, "mevf", str(base), notes


def _content(row: dict[str, str]) -> tuple[str, str, str]:
    return row["image_name"], _word(row["question"]), exact_v1(answer_of(row["answer"]))


def _read_parquet(tables: list[Path]) -> list[Question]:
    """Rows of the Hugging Face copy: image bytes, question and answer alone; shards of a split count on."""
    rows: list[Question] = []
    contents: dict[str, bytes] = {}
    count: dict[str, int] = {}
    for path in tables:
        name = _SHARD.match(path.stem)
        side = standard_split(name[1]) if name else None
        if name is None or side is None:
            raise DataError(f"{path} names no split: a name like train-00000-of-00002.parquet was expected; {_GET}")
        table = read_table(path, _PARQUET)
        cells = zip(table["image"], table["question"], table["answer"], strict=True)
        for image, question, answer in cells:
            number = count[name[1]] = count.get(name[1], -1) + 1
            content = _content_of(image, path)
            key = content if isinstance(content, str) else sha256(content).hexdigest()
            text = exact_v1(answer_of(as_western(answer)))
            rows.append(
                Question(
                    sample_id=f"{name[1]}-{number:04d}",
                    image_name=key,
                    image=content if isinstance(content, str) else contents.setdefault(key, content),
                    case="",
                    organ="",
                    question=_word(question),
                    frame="",
                    answer=text,
                    answer_type="closed" if text in ("yes", "no") else "open",
                    side=side,
                )
            )
    return rows


def _content_of(image: Any, table: Path) -> str | bytes:
    """The bytes of an image cell, else the path of its file beside the table; "" where the cell says neither.

    Raises:
        DataError: If it is of another kind.
    """
    if isinstance(image, dict):
        image = image.get("bytes") or image.get("path")
    if image is None or isinstance(image, bytes):
        return image or ""
    if not isinstance(image, str):
        raise DataError(f"{table}, column image: {shown(image)}: bytes, or a path, were expected; {_GET}")
    return str(table.parent / image) if image else ""
