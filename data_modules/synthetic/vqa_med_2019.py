"""Phantoms with questions in the layout of VQA-Med-2019: one a category in training, one an image in test.

Two images in three are chest radiographs, the others ellipses that stand for slices of CT and MRI.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from gkmvlp.data_modules.formats.vqa_med_2019 import BY_CATEGORY, CATEGORIES, CHEST, FOLDER, TEST_ANSWERS, TEST_IMAGES
from gkmvlp.data_modules.synthetic.slices import draw_slice
from gkmvlp.data_modules.synthetic.staging import in_parallel, numbers, staged
from gkmvlp.errors import DataError
from gkmvlp.phantom.generate import draw_phantom

# Phantoms are numbered from here, so that none is a patient of another look-alike of the same seed.
FIRST_INDEX = 6_000_000
LEAST = 8  # images, so that test has one of each category
_QUESTION_STREAM = 102
_TEST, _VALIDATE = 0.25, 0.125
_PARTS = {"train": ("ImageClef-2019-VQA-Med-Training", "Train_images"),
          "val": ("ImageClef-2019-VQA-Med-Validation", "Val_images"),
          "test": ("VQAMed2019Test", TEST_IMAGES)}  # fmt: skip
_ORDER = {name: f"C{place}_{name}" for place, name in enumerate(CATEGORIES, 1)}
_SLICES = (("ct noncontrast", "gastrointestinal", "ct"), ("mr t2 weighted", "skull and contents", "mri"))
_ASKED = {
    "Modality": ("what modality is shown?", "what imaging method was used?"),
    "Plane": ("what plane is this?", "in what plane is the image captured?"),
    "Organ": ("what organ system is shown in the image?", "which part of the body is imaged?"),
    "Abnormality": ("what is abnormal in the image?", "what is the primary abnormality in this image?"),
}


class _Told(NamedTuple):
    """Answer of each category, and whether the image is a CT or MRI as yes/no questions ask."""

    answer: dict[str, str]
    is_kind: dict[str, bool]


def _write_image(task: tuple[Path, int, int, int]) -> _Told:
    path, index, seed, size = task
    if index % 3 == 2:
        modality, organ, kind = _SLICES[index // 3 % 2]
        levels = draw_slice(np.random.default_rng([seed, FIRST_INDEX + index]), size).image_HW
        answer = {"Modality": modality, "Plane": "axial", "Organ": organ, "Abnormality": "a round lesion"}
    else:
        phantom = draw_phantom(seed, FIRST_INDEX + index, size)
        levels, kind = phantom.image_HW, "x-ray"
        finding = phantom.findings[0].entity if phantom.findings else "nothing, it is normal"
        answer = {
            "Modality": "xr - plain film", "Plane": phantom.view.lower(), "Organ": CHEST, "Abnormality": finding,
        }  # fmt: skip
    Image.fromarray(levels).convert("RGB").save(path, quality=90)
    return _Told(answer, {name: name == kind for name in ("ct", "mri")})


def write(root: Path, images: int, seed: int, size: int = 256, workers: int = 1) -> None:
    """Writes a corpus, or returns at once where it is there already.

    Args:
        root: Gets ``vqa-med-2019``.
        images: Number of images, at least 8.
        seed: Seed of all that is drawn.
        size: Longer side of the images in pixels.
        workers: Processes that draw.

    Raises:
        DataError: If ``root`` holds another corpus or cannot be written, or ``images`` is too small.
    """
    if images < LEAST:
        raise DataError(f"a corpus like VQA-Med-2019 needs {LEAST} images or more, for three sides, got {images}")
    settings = {"corpus": FOLDER, "seed": seed, "images": images, "size": size}
    with staged(root, "vqa_med_2019_corpus", (FOLDER,), settings) as folder:
        if folder is None:
            return
        sides = sides_of(images, seed)
        for part, pictures in _PARTS.values():
            (folder / FOLDER / part / pictures).mkdir(parents=True)
        names = [f"synpic{number}" for number in numbers(images, 10_000, 90_000 + 10 * images, seed, "med")]
        places = [
            folder / FOLDER / Path(*_PARTS[side]) / f"{name}.jpg" for side, name in zip(sides, names, strict=True)
        ]
        tasks = [(place, index, seed, size) for index, place in enumerate(places)]
        told = list(in_parallel(_write_image, tasks, workers, "VQA-Med-2019 phantoms"))
        for side in ("train", "val"):
            rows = [(name, each) for name, each, other in zip(names, told, sides, strict=True) if other == side]
            _write_side(folder / FOLDER / _PARTS[side][0], side, rows, seed)
        rows = [(name, each) for name, each, side in zip(names, told, sides, strict=True) if side == "test"]
        _write_test(folder / FOLDER / _PARTS["test"][0], rows, seed)


def sides_of(images: int, seed: int) -> list[str]:
    """Side of each image."""
    order = np.random.default_rng([seed, 0x7E57, FIRST_INDEX]).permutation(images)
    test, validate = max(round(images * _TEST), len(CATEGORIES)), max(round(images * _VALIDATE), 1)
    side = ["train"] * images
    for rank, image in enumerate(order[: test + validate]):
        side[int(image)] = "test" if rank < test else "val"
    return side


def _ask(category: str, told: _Told, rng: np.random.Generator) -> tuple[str, str]:
    """A question and its answer; one on the modality in three wants yes or no."""
    if category == "Modality" and rng.random() < 1 / 3:
        kind = ("ct", "mri")[int(rng.integers(2))]
        return f"is this a {kind} scan?" if kind == "ct" else "is this an mri?", "yes" if told.is_kind[kind] else "no"
    return _ASKED[category][int(rng.integers(2))], told.answer[category]


def _write_side(folder: Path, side: str, rows: list[tuple[str, _Told]], seed: int) -> None:
    """A file a category, and one of all."""
    (folder / BY_CATEGORY).mkdir()
    everything = []
    for number, category in enumerate(CATEGORIES):
        rng = np.random.default_rng([seed, FIRST_INDEX, _QUESTION_STREAM, number, len(side)])
        lines = ["|".join((name, *_ask(category, told, rng))) for name, told in rows]
        (folder / BY_CATEGORY / f"{_ORDER[category]}_{side}.txt").write_text("\n".join(lines) + "\n")
        everything += lines
    (folder / f"All_QA_Pairs_{side}.txt").write_text("\n".join(everything) + "\n")


def _write_test(folder: Path, rows: list[tuple[str, _Told]], seed: int) -> None:
    """Questions alone, and with category and answer; one answer in four has an alternative or an optional part."""
    rng = np.random.default_rng([seed, FIRST_INDEX, _QUESTION_STREAM, len(CATEGORIES)])
    asked, answered = [], []
    for number, (name, told) in enumerate(rows):
        category = CATEGORIES[number % len(CATEGORIES)]
        question, answer = _ask(category, told, rng)
        if number % 8 == 1:
            answer = f"{answer}#{answer} view"
        elif number % 8 == 2:
            answer = f"{answer} (whole)"
        asked.append(f"{name}|{question}")
        answered.append(f"{name}|{category.lower()}|{question}|{answer}")
    (folder / TEST_ANSWERS.replace("_w_Ref_Answers", "")).write_text("\n".join(asked) + "\n")
    (folder / TEST_ANSWERS).write_text("\n".join(answered) + "\n")
