"""Phantoms with questions and boxes in the layout of SLAKE 1.0.

As in the release, its radiographs are some of those of ChestX-ray14 (its look-alike of the same seed), at 1024 pixels;
two images in three are radiographs, the others ellipses that stand for slices of CT and MRI.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gkmvlp.data_modules.formats.chest_xray14 import RELEASED
from gkmvlp.data_modules.formats.slake import FOLDER, SIDES
from gkmvlp.data_modules.synthetic.chest_xray14 import BOXED, Shot, draw, plan_shots
from gkmvlp.data_modules.synthetic.slices import draw_slice
from gkmvlp.data_modules.synthetic.staging import TRUTH, digest, in_parallel, staged
from gkmvlp.entities import entity
from gkmvlp.errors import DataError
from gkmvlp.phantom.sample import sample_patient
from gkmvlp.phantom.writing.questions import write_questions

LEAST = 6  # images, so that each language has one a side
_QUESTION_STREAM = 102
# Of three images the last is none of a chest; what those are, with an organ that is boxed.
_SLICES = (("CT", "Abdomen", "Liver"), ("MRI", "Brain", "Brain Edema"))
# Images of the official split, 450/96/96.
_HELD = 0.15
# VQA-RAD's types of question -> SLAKE's.
_CONTENT = {"PRES": "Abnormality", "POS": "Position", "ABN": "Abnormality", "MODALITY": "Modality", "PLANE": "Plane",
            "SIZE": "Size", "COUNT": "Quantity", "ORGAN": "Organ", "ATTRIB": "Abnormality"}  # fmt: skip
CHINESE = {"Atelectasis": "肺不张", "Cardiomegaly": "心脏肥大", "Effusion": "胸腔积液", "Mass": "肿块",
            "Nodule": "结节", "Pneumothorax": "气胸"}  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """One image, before it is drawn.

    Attributes:
        number: Of its folder ``xmlab<number>``.
        shot: The image of ChestX-ray14 that it is, or None.
        kind: Modality, location and the organ that is boxed, of a slice.
    """

    number: int
    shot: Shot | None
    kind: tuple[str, str, str]


Asked = list[dict[str, Any]]  # questions of one image, without qid


def plan_pictures(images: int, seed: int) -> list[Picture]:
    """The images of a corpus; more of them start with the same radiographs where ChestX-ray14 has as many patients."""
    shots = iter(_boxed_shots(images, seed))
    return [
        Picture(number, None, _SLICES[number // 3 % 2])
        if number % 3 == 2
        else Picture(number, next(shots), ("X-Ray", "Lung", ""))
        for number in range(images)
    ]


def _boxed_shots(count: int, seed: int) -> list[Shot]:
    """Images of ChestX-ray14 with a finding that is boxed there."""
    patients, chosen = count, list[Shot]()
    while len(chosen) < count:
        patients *= 2
        chosen = [shot for shot in plan_shots(patients, seed) if _is_boxed(shot, seed)]
    return chosen[:count]


def _is_boxed(shot: Shot, seed: int) -> bool:
    return any(entity(plan.entity).nih in BOXED for plan in sample_patient(seed, shot.index).findings)


def _write_picture(task: tuple[Path, Picture, int, int]) -> Asked:
    folder, picture, seed, size = task
    place = folder / f"xmlab{picture.number}"
    place.mkdir()
    if picture.shot is None:
        return _write_slice(place, picture, seed, size)
    phantom = draw(picture.shot, seed, size)
    square = Image.fromarray(phantom.image_HW).resize((RELEASED, RELEASED), Image.Resampling.BILINEAR)
    square.convert("RGB").save(place / "source.jpg", quality=90)
    height, width = phantom.image_HW.shape
    scale = RELEASED / np.array([width, height, width, height])
    boxes: list[dict[str, list[float]]] = []
    for finding in phantom.findings:
        if (label := entity(finding.entity).nih) in BOXED:
            corners = np.rint(finding.box_K4 * scale)
            boxes += [{label: [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()]} for box in corners]
    (place / "detection.json").write_text(json.dumps(boxes))
    questions = write_questions(phantom, np.random.default_rng([seed, picture.shot.index, _QUESTION_STREAM]))
    known = {label for box in boxes for label in box}
    english = [
        (each.question, each.answer, each.answer_type, _CONTENT.get(each.question_type, "Abnormality"), "en")
        for each in questions
    ]
    chinese = [
        (f"图中存在{name}吗?", "存在" if label in known else "不存在", "CLOSED", "Abnormality", "zh")
        for label, name in CHINESE.items()
    ]
    general = [("这张图片的成像方式是什么?", "X光", "OPEN", "Modality", "zh")]
    return [_question(picture, *words) for words in (*english, *chinese, *general)]


def _write_slice(place: Path, picture: Picture, seed: int, size: int) -> Asked:
    """An image that shows no chest, with a box and a mask of an organ."""
    modality, _, organ = picture.kind
    drawn = draw_slice(np.random.default_rng([seed, picture.number, _QUESTION_STREAM]), size)
    Image.fromarray(drawn.image_HW).convert("RGB").save(place / "source.jpg", quality=90)
    Image.fromarray((70 * drawn.organ_HW).astype(np.uint8)).save(place / "mask.png")
    (place / "detection.json").write_text(json.dumps([{organ: list(drawn.box)}]))
    words = (
        ("What modality is used to take this image?", modality, "OPEN", "Modality", "en"),
        (f"Does the picture contain {organ.lower()}?", "Yes", "CLOSED", "Organ", "en"),
        ("这张图片的成像方式是什么?", modality, "OPEN", "Modality", "zh"),
    )
    return [_question(picture, *each) for each in words]


def _question(picture: Picture, question: str, answer: str, kind: str, content: str, language: str) -> dict[str, Any]:
    modality, location, _ = picture.kind
    return {
        "img_id": picture.number,
        "img_name": f"xmlab{picture.number}/source.jpg",
        "question": question,
        "answer": answer[:1].upper() + answer[1:],
        "q_lang": language,
        "location": location,
        "modality": modality,
        "answer_type": kind,
        "base_type": "vqa",
        "content_type": content,
        "triple": ["vhead", "_", "_"],
    }


def sides_of(images: int, language: str, seed: int) -> list[str]:
    """Side of each image: every language has a split of its own, as in the release."""
    salt = int(digest("slake", language)[:8], 16)
    order = np.random.default_rng([seed, salt]).permutation(images)
    held = max(round(images * _HELD), 1)
    side = ["train"] * images
    for rank, image in enumerate(order[: 2 * held]):
        side[int(image)] = "test" if rank < held else "validate"
    return side


def write(root: Path, images: int, seed: int, size: int = 256, workers: int = 1) -> None:
    """Writes a corpus, or returns at once where it is there already.

    Args:
        root: Gets ``slake`` and a table in ``_truth``.
        images: Number of images, at least 6.
        seed: Seed of all that is drawn.
        size: Side in pixels of what is drawn; radiographs are enlarged to 1024, in which their boxes are measured.
        workers: Processes that draw.

    Raises:
        DataError: If ``root`` holds another corpus or cannot be written, or ``images`` is too small.
    """
    if images < LEAST:
        raise DataError(f"a corpus like SLAKE needs {LEAST} images or more, for three sides, got {images}")
    settings = {"corpus": FOLDER, "seed": seed, "images": images, "size": size}
    with staged(root, "slake_corpus", (FOLDER,), settings) as folder:
        if folder is None:
            return
        tree = folder / FOLDER
        (tree / "imgs").mkdir(parents=True)
        pictures = plan_pictures(images, seed)
        tasks = [(tree / "imgs", picture, seed, size) for picture in pictures]
        questions = list(in_parallel(_write_picture, tasks, workers, "SLAKE phantoms"))
        _write_questions(tree, questions, seed)
        names = {f"xmlab{each.number}": each.shot.name for each in pictures if each.shot is not None}
        (folder / TRUTH / "slake_to_nih.json").write_text(json.dumps(names))


def _write_questions(folder: Path, asked: list[Asked], seed: int) -> None:
    """The three files; ``qid`` counts through them, English first."""
    sides = {language: sides_of(len(asked), language, seed) for language in ("en", "zh")}
    number = 0
    for side in SIDES:
        rows = []
        for language in ("en", "zh"):
            for image, questions in enumerate(asked):
                for question in questions:
                    if question["q_lang"] == language and sides[language][image] == side:
                        rows.append(question | {"qid": number})
                        number += 1
        (folder / f"{side}.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
