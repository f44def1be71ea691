"""VQA-Med-2019 as its owner ships it: lines of image, question and answer separated by bars, a file a category."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gkmvlp.data_modules.formats.files import image_files
from gkmvlp.data_modules.formats.plain_text import clean, shown
from gkmvlp.data_modules.formats.text_files import read_text
from gkmvlp.data_modules.pipeline.splits import Split
from gkmvlp.errors import DataError
from gkmvlp.metrics.answers import exact_v1

FOLDER = "vqa-med-2019"
CATEGORIES = ("Modality", "Plane", "Organ", "Abnormality")
# Side -> what the names of its files say, and its folder of images.
SIDES: dict[Split, tuple[str, str]] = {"train": ("train", "Train_images"), "validate": ("val", "Val_images")}
BY_CATEGORY = "QAPairsByCategory"
TEST_ANSWERS = "VQAMed2019_Test_Questions_w_Ref_Answers.txt"
TEST_IMAGES = "VQAMed2019_Test_Images"
CHEST = "lung, mediastinum, pleura"  # answer to the question for the organ
_ROOTS = ("", FOLDER, "vqa_med_2019", "VQA-Med-2019")
# An archive is unpacked beside the others, or into a folder of its own name, which holds that folder again.
_ANY = "[!._]*/"  # not .hidden, nor __MACOSX
_DEPTHS = ("", _ANY, _ANY * 2)
_GET = (
    "get the archives of training, validation and test of VQA-Med-2019 from zenodo.org/records/10499039 (answers of "
    "test: github.com/abachaa/VQA-Med-2019) and unpack them there"
)


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        sample_id: ``<side>-<category>-<line>``.
        image_name: Name of the image, ``synpicNNNNN``.
        image: Path of the image, or where it was expected.
        category: One of ``CATEGORIES``.
        question: As asked.
        answer: Normalised by ``exact_v1``.
        side: ``train``, ``validate`` or ``test``.
    """

    sample_id: str
    image_name: str
    image: str
    category: str
    question: str
    answer: str
    side: Split


def find_base(root: str) -> Path:
    """The folder below which the three parts lie: ``root`` or a folder of the data set's name in it.

    Raises:
        DataError: If there is none: what to get and where.
    """
    for base in (Path(root) / name for name in _ROOTS):
        if _find(base, f"{BY_CATEGORY}/[!.]*_train.txt") is not None:
            return base
    raise DataError(f"no {BY_CATEGORY}/C1_Modality_train.txt in {root} or its folders: {_GET}")


def _find(base: Path, pattern: str) -> Path | None:
    return next((path for depth in _DEPTHS for path in sorted(base.glob(depth + pattern))), None)


def read_questions(base: Path, categories: Sequence[str]) -> list[Question]:
    """The questions of some categories, training first.

    Args:
        base: From ``find_base``.
        categories: Out of ``CATEGORIES``.

    Raises:
        DataError: If a file is missing or broken.
    """
    questions = []
    for side, (name, folder) in SIDES.items():
        images = _images(base, folder)
        for category in categories:
            rows = _lines(_file(base, f"{BY_CATEGORY}/[!.]*_{category}_{name}.txt"), ("image", "question", "answer"))
            questions += [_question(row, number, category, side, images) for number, row in rows]
    images = _images(base, TEST_IMAGES)
    path = _file(base, TEST_ANSWERS)
    for number, (image, category, *asked) in _lines(path, ("image", "category", "question", "answer")):
        kind = category.capitalize()
        if kind not in CATEGORIES:
            told = f"{path}, line {number}: category {shown(category)}"
            raise DataError(f"{told}: one of {', '.join(CATEGORIES)} was expected; {_GET}")
        if kind in categories:
            questions.append(_question([image, *asked], number, kind, "test", images))
    return questions


def _file(base: Path, pattern: str) -> Path:
    path = _find(base, pattern)
    if path is None:
        raise DataError(f"no {pattern} in {base} or its folders: {_GET}")
    return path


def _images(base: Path, name: str) -> tuple[Path, dict[str, str]]:
    """A folder of images by its name, and the paths below it by the images' names: in small letters, without ending."""
    folder = _find(base, name) or base / name
    return folder, {path.stem.lower(): str(path) for path in image_files(folder)}


def _lines(path: Path, names: tuple[str, ...]) -> list[tuple[int, list[str]]]:
    """Number and fields of the lines of a file that are not empty."""
    rows = []
    for number, line in enumerate(read_text(path, _GET).split("\n"), 1):
        if not (line := clean(line)):
            continue
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != len(names) or not fields[0]:
            raise DataError(f"{path}, line {number}: {'|'.join(names)} was expected, got {shown(line)}; {_GET}")
        rows.append((number, fields))
    if not rows:
        raise DataError(f"{path} holds no line {'|'.join(names)}; {_GET}")
    return rows


def _question(row: list[str], number: int, category: str, side: Split, images: tuple[Path, dict[str, str]]) -> Question:
    image, question, answer = row
    name, (folder, found) = image.removesuffix(".jpg"), images
    path = found.get(name.lower(), str(folder / f"{name}.jpg"))
    return Question(f"{side}-{category.lower()}-{number}", name, path, category, question, exact_v1(answer), side)
