"""Phantoms in the layout of SLAKE: questions, boxes and images as the owner ships them."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gkmvlp.app.cli import main
from gkmvlp.data_modules.synthetic import slake
from gkmvlp.data_modules.synthetic.chest_xray14 import draw
from gkmvlp.data_modules.synthetic.slake import plan_pictures, sides_of
from gkmvlp.entities import entity
from gkmvlp.errors import DataError
from tests.tiny import tree as contents

SEED, IMAGES, SIZE = 4, 12, 32
SIDES = ("train", "validate", "test")
KEYS = {"img_id", "img_name", "question", "answer", "q_lang", "location", "modality", "answer_type", "base_type",
        "content_type", "triple", "qid"}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lookalike")
    slake.write(folder, IMAGES, SEED, SIZE)
    return folder


def rows(root: Path) -> dict[str, list[dict]]:
    return {side: json.loads((root / "slake" / f"{side}.json").read_text(encoding="utf-8")) for side in SIDES}


def test_questions_have_the_official_keys_and_each_language_its_split(root: Path):
    told = rows(root)
    every = [row for side in SIDES for row in told[side]]
    assert all(row.keys() == KEYS for row in every)
    assert [row["qid"] for row in every] == list(range(len(every)))
    assert {row["answer_type"] for row in every} == {"OPEN", "CLOSED"}
    assert {row["modality"] for row in every} == {"X-Ray", "CT", "MRI"}
    for language in ("en", "zh"):
        of_side = {side: {row["img_id"] for row in told[side] if row["q_lang"] == language} for side in SIDES}
        sides = sides_of(IMAGES, language, SEED)
        assert of_side == {side: {image for image in range(IMAGES) if sides[image] == side} for side in SIDES}
    assert sides_of(IMAGES, "en", SEED) != sides_of(IMAGES, "zh", SEED)
    assert len([side for side in sides_of(642, "en", 0) if side == "test"]) == 96


def test_boxes_are_those_of_what_was_planted(root: Path):
    names = json.loads((root / "_truth" / "slake_to_nih.json").read_text())
    for picture in plan_pictures(IMAGES, SEED):
        folder = root / "slake" / "imgs" / f"xmlab{picture.number}"
        boxes = json.loads((folder / "detection.json").read_text())
        size = Image.open(folder / "source.jpg").size
        if picture.shot is None:
            assert (folder / "mask.png").is_file()
            ((_, (x, y, width, height)),) = boxes[0].items()
            assert np.asarray(Image.open(folder / "mask.png"))[int(y + height / 2), int(x + width / 2)] == 70
            assert size == (SIZE, SIZE)
            continue
        assert names[folder.name] == picture.shot.name
        assert size == (1024, 1024)
        phantom = draw(picture.shot, SEED, SIZE)
        height, width = phantom.image_HW.shape
        planted: dict[str, list] = {}
        for finding in phantom.findings:
            planted.setdefault(entity(finding.entity).nih, []).extend(
                finding.box_K4 * 1024 / np.tile([width, height], 2)
            )
        assert boxes
        for box in boxes:
            ((label, (x, y, w, h)),) = box.items()
            assert min(np.abs(each - [x, y, x + w, y + h]).max() for each in planted[label]) <= 0.5


def test_chinese_answers_follow_the_boxes(root: Path):
    seen = set()
    for row in (row for side in rows(root).values() for row in side if row["q_lang"] == "zh"):
        if row["answer_type"] == "CLOSED":
            boxes = json.loads((root / "slake" / "imgs" / f"xmlab{row['img_id']}" / "detection.json").read_text())
            label = next(label for label, name in slake.CHINESE.items() if name in row["question"])
            assert (row["answer"] == "存在") == any(label in box for box in boxes)
            seen.add(row["answer"])
    assert seen == {"存在", "不存在"}


def test_same_seed_same_bytes(root: Path, tmp_path: Path):
    words = ["--root", str(tmp_path), "--patients", "60", "--seed", str(SEED), "--image-size", str(SIZE)]
    assert main(["data", "phantom", *words, "--num-workers", "2", "--layouts", "slake"]) == 0
    assert contents(root / "slake") == contents(tmp_path / "slake")
    with pytest.raises(DataError, match=r"slake_corpus\.json.*another"):
        slake.write(root, IMAGES + 1, SEED, SIZE)
    with pytest.raises(DataError, match="6 images"):
        slake.write(tmp_path / "new", 5, SEED, SIZE)
