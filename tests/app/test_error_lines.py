"""Rows that end in an error line, each through the real command in a process of its own: one line, with what was found.

What stops ``fit`` on a whole corpus stands in ``test_bad_input.py``. A process takes seconds: all but one of a
kind are slow.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gkmvlp.data_modules.synthetic import chest_xray14, slake, vqa_rad
from gkmvlp.data_modules.synthetic.dicom_ways import REFUSED, write_refused
from tests.processes import gkmvlp
from tests.tiny import words as tiny_words

PHANTOM = ("--model", "zoo://gk-mvlp-phantom", "--device", "cpu")
LEVELS = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)


def slow_but(first: str, cases: Iterable[str]) -> list[Any]:
    """All cases, of which the first one runs always."""
    return [pytest.param(case, marks=[] if case == first else pytest.mark.slow) for case in cases]


# --- pictures: all of them in one folder, so that the model is loaded once


def grey(levels: np.ndarray) -> Image.Image:
    return Image.fromarray(levels)


def clear() -> Image.Image:
    """A picture in its transparency alone."""
    black = Image.new("L", (64, 64))
    return Image.merge("LA", (black, grey(LEVELS)))


def save(path: Path, content: bytes | Image.Image) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content.save(path)


PICTURES: dict[str, tuple[Callable[[], bytes | Image.Image], str]] = {
    **{f"{name}.dcm": (lambda name=name: write_refused(LEVELS, name), told) for name, (_, told) in REFUSED.items()},
    "pixel.png": (lambda: grey(LEVELS[:1, :1]), "1 x 1 pixels are no radiograph"),
    "black.png": (lambda: grey(LEVELS * 0), "the picture is blank"),
    "clear.png": (clear, "transparency (alpha) alone"),
    "page.jpg": (lambda: b"<!DOCTYPE html><title>404</title>", "neither a JPG, a PNG nor a DICOM"),
    "packed.jpg": (lambda: b"\x1f\x8b\x08" + bytes(99), "neither a JPG, a PNG nor a DICOM"),
    "none.png": (lambda: b"", "the file is empty"),
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The line about a folder in which no picture can be read."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, (make, _) in PICTURES.items():
        save(folder / name, make())
    done = gkmvlp("predict", str(folder), "--task", "classification", *PHANTOM)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"gkmvlp: {len(PICTURES)} of {len(PICTURES)} images: ")
    return line


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_that_is_refused_is_named_with_the_reason(name: str, refused: str):
    [told] = [part for part in refused.split("; ") if f"/{name} is refused" in part or f"/{name}: " in part]
    assert PICTURES[name][1] in told


# --- tables


def pairs(folder: Path, **columns: object) -> Path:
    """Eight pairs, with some columns replaced, or left out where None."""
    for number in range(8):
        grey(LEVELS).save(folder / f"{number}.png")
    table = {
        "image": [f"{number}.png" for number in range(8)], "report": ["No effusion."] * 8,
        "patient_id": [f"p{number}" for number in range(8)],
        "split": ["train"] * 4 + ["validate"] * 2 + ["test"] * 2,
    }  # fmt: skip
    table = {name: value for name, value in (table | columns).items() if value is not None}
    pd.DataFrame(table).to_csv(folder / "pairs.csv", index=False)
    return folder / "pairs.csv"


def recode(path: Path, encoding: str) -> Path:
    path.write_bytes(path.read_text().encode(encoding))
    return path


def mevf_without_test(folder: Path) -> Path:
    (folder / "trainset.json").write_text("[]")
    return folder


def without(folder: Path, write: Callable[..., object], count: int, *patterns: str) -> Path:
    """A look-alike corpus without some of its files."""
    write(folder, count, 0, size=16)
    for pattern in patterns:
        for path in folder.rglob(pattern):
            path.unlink()
    return folder


def spoilt_json(folder: Path) -> Path:
    without(folder, vqa_rad.write, 3)
    [path] = folder.rglob("VQA_RAD*.json")
    path.write_text(json.dumps({"rows": 3}))
    return folder


# class, what --root names, words of the line
TABLES: dict[str, tuple[str, Callable[[Path], Path], list[str]]] = {
    "MimicCxr": ("MimicCxr", lambda root: root, ["mimic-cxr-2.0.0-split.csv", "ROOT", "physionet.org"]),
    "ImaGenomeGold": ("ImaGenomeGold", lambda root: root, ["gold_object", "ROOT", "physionet.org"]),
    "MsCxr": ("MsCxr", lambda root: root, ["MS_CXR_Local_Alignment", "ROOT", "physionet.org"]),
    "ChestXray14": ("ChestXray14", lambda root: root, ["Data_Entry_2017", "ROOT", "nihcc"]),
    "RsnaPneumonia": ("RsnaPneumonia", lambda root: root, ["stage_2_train_labels.csv", "ROOT", "kaggle.com"]),
    "OpenI": ("OpenI", lambda root: root, ["annotation.json", "ROOT", "openi.nlm.nih.gov"]),
    "Slake": ("Slake", lambda root: root, ["train.json", "ROOT", "SLAKE"]),
    "VqaMed2019": ("VqaMed2019", lambda root: root, ["C1_Modality_train.txt", "ROOT", "zenodo.org"]),
    "VqaRad": ("VqaRad", lambda root: root, ["trainset.json", "ROOT", "osf.io"]),
    "no table": ("ImageReportPairs", lambda root: root / "pairs.csv", ["ROOT/pairs.csv", "image, report, patient_id"]),
    "no report": ("ImageReportPairs", lambda root: pairs(root, report=None), ["ROOT/pairs.csv", "'report'"]),
    "no such split": ("ImageReportPairs", lambda root: pairs(root, split="trian"), ["ROOT/pairs.csv", "trian"]),
    "patient on both sides": ("ImageReportPairs", lambda root: pairs(root, patient_id="p"), ["patient p", "train"]),
    "empty table": ("ImageReportPairs", lambda root: recode(root / "pairs.csv", "utf-8"), ["ROOT/pairs.csv"]),
    "images gone": ("ChestXray14", lambda root: without(root, chest_xray14.write, 3, "*.png"), ["image", "ROOT"]),
    "no split of SLAKE": ("Slake", lambda root: without(root, slake.write, slake.LEAST, "test.json"), ["test.json"]),
    "half of MEVF": ("VqaRad", mevf_without_test, ["testset.json", "ROOT"]),
    "another JSON": ("VqaRad", spoilt_json, ["VQA_RAD", "list"]),
}


@pytest.mark.parametrize("case", slow_but("patient on both sides", TABLES))
def test_a_table_that_cannot_be_read_is_named_with_what_was_looked_for(case: str, tmp_path: Path):
    kind, write, told = TABLES[case]
    if case == "empty table":
        (tmp_path / "pairs.csv").touch()
    root = write(tmp_path)
    done = gkmvlp("data", "check", kind, "--root", str(root))
    assert done.returncode == 1, done.stdout
    [line] = done.stderr.splitlines()
    assert line.startswith("gkmvlp: ")
    for word in told:
        assert word.replace("ROOT", str(tmp_path)) in line


def test_utf_16_is_read(tmp_path: Path):
    done = gkmvlp("data", "check", "ImageReportPairs", "--root", str(recode(pairs(tmp_path), "utf-16")))
    assert (done.returncode, done.stderr) == (0, "")


# --- words of commands


VISION = "--model.init_args.architecture.vision"
WORDS: dict[str, tuple[list[str], int, list[str]]] = {
    "no image": (["predict", "x.png", "--task", "grounding", *PHANTOM], 2, ["no image x.png"]),
    "no image in a folder": (["predict", "EMPTY", "--task", "grounding", *PHANTOM], 2, ["EMPTY", ".dcm"]),
    "suffix of --out": (
        ["predict", "x.png", "--task", "embed", *PHANTOM, "--out", "rows.txt"],
        2,
        ["rows.txt", ".csv"],
    ),
    "task": (["predict", "x.png", "--task", "goundring", *PHANTOM], 2, ["did you mean grounding?"]),
    "question": (["predict", "x.png", "--task", "vqa", *PHANTOM], 2, ["--question TEXT"]),
    "accept": (["predict", "x.png", "--task", "embed", *PHANTOM, "--accept", "latral"], 2, ["did you mean lateral?"]),
    "model": (["predict", "IMAGE", "--task", "embed", "--model", "zoo://gk-mvlp-phantm"], 1, ["gk-mvlp-phantom?"]),
    "not its task": (["predict", "IMAGE", "--task", "report", *PHANTOM], 1, ["make finetune-report"]),
    "device": (["predict", "IMAGE", "--task", "embed", *PHANTOM[:2], "--device", "cuda:77"], 2, ["--device cpu"]),
    "suffix of an atlas": (["data", "atlas", "--root", ".", "--out", "a.txt"], 2, ["a.txt", ".json"]),
    "class": (["data", "check", "OpnI", "--root", "."], 2, ["'OpnI'", "OpenI"]),
    "root": (["data", "check", "VqaRad"], 2, ["--root"]),
    "results": (["compare", "a.json", "b.json"], 1, ["a.json", "results"]),
    "command": (["pedict"], 2, ["did you mean predict?"]),
    "vision": (["FIT", f"{VISION}.name=convnext_atot"], 1, ["convnext_atot", "convnext_atto"]),
    "option of vision": (["FIT", f"{VISION}.timm_kwargs={{depht: 2}}"], 1, ["depht"]),
    "batches": (["FIT", "--data.init_args.batch_size=0"], 1, ["data.init_args.batch_size must be at least 1, got 0"]),
    "workers": (["FIT", "--data.init_args.num_workers=-1"], 1, ["num_workers must be at least 0, got -1"]),
    "share": (["FIT", "--data.init_args.train_fraction=2"], 1, ["train_fraction must be above 0", "got 2"]),
    "no list": (["FIT", "--data.init_args.accept=lateral"], 2, ["'accept' must be a list like [A, B], got lateral"]),
    "choice": (["FIT", "--data.init_args.resize_mode=pda"], 2, ["pad, crop", "did you mean pad?"]),
    "no root": (["FIT", "--data.init_args.root=null"], 2, ["MimicCxr needs root", "--data.init_args.root=VALUE"]),
    "square": (["FIT", "--data.init_args.image_size=0"], 1, ["image_size must be at least 1, got 0"]),
    "cache": (["FIT", "--data.init_args.cache_dir=IMAGE.png/cache"], 1, ["IMAGE.png/cache cannot be written"]),
}


@pytest.mark.parametrize("case", slow_but("vision", WORDS))
def test_words_that_cannot_be_followed_are_one_line(case: str, tmp_path: Path, phantoms: Path):
    given, code, told = WORDS[case]
    (tmp_path / "EMPTY").mkdir()
    grey(LEVELS).save(tmp_path / "IMAGE.png")
    if given[0] == "FIT":
        given = ["fit", *tiny_words("pretrain-phantom", phantoms, tmp_path / "out"), *given[1:]]
    done = gkmvlp(*("IMAGE.png" if word == "IMAGE" else word for word in given), cwd=tmp_path)
    assert done.returncode == code, done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith("gkmvlp: ")
    for word in told:
        assert word in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["EMPTY", "IMAGE.png"]
