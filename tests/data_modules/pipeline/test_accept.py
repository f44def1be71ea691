"""What is no frontal radiograph is refused alike by runs, ``on_unreadable``, cache, ``data check`` and ``predict``."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gkmvlp.data_modules import ImageReportPairs, MimicCxr
from gkmvlp.data_modules.inspection import check
from gkmvlp.data_modules.pipeline.images import ImageError
from gkmvlp.data_modules.synthetic.dicom import picture
from gkmvlp.data_modules.synthetic.dicom_ways import PLAIN, write_refused, write_way
from gkmvlp.errors import UsageError
from tests.processes import gkmvlp

REASONS = {"lateral view": "view-LL", "modality is no radiography": "modality-CT", "blank image": "blank"}
OPTIONS = {"num_workers": 0, "image_size": 32, "region_boxes": "atlas"}
BLANK_WINDOW = "WindowCenter and WindowWidth would leave the picture blank: not applied"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Twelve radiographs, three of which are refused, and one whose window shows nothing."""
    rows = []
    for number in range(12):
        image_HW = picture(0, number, 64)
        name = list(REASONS.values())[number] if number < 3 else ""
        way = PLAIN | {"voi": "blank" if number == 3 else "none"}
        data = write_refused(image_HW, name) if name else write_way(image_HW, way)
        (tmp_path / f"{number}.dcm").write_bytes(data)
        rows.append({"image": f"{number}.dcm", "report": "No effusion. Normal heart.", "patient_id": f"p{number}",
                     "split": ("train", "validate", "test")[number % 3]})  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "table.csv", index=False)
    return tmp_path / "table.csv"


def load(table: Path, **options) -> ImageReportPairs:
    data = ImageReportPairs(str(table), **OPTIONS, **options)
    data.setup()
    return data


@pytest.mark.parametrize("cache", [None, "ram", "folder"])
def test_refused_images_are_dropped_by_reason_and_the_window_is_said(table: Path, cache: str | None):
    folder = str(table.parent / "cache") if cache == "folder" else cache
    for _ in range(2):  # the second time the cache is read from its folder
        data = load(table, on_unreadable="drop", cache_dir=folder)
        assert data.ledger.dropped == dict.fromkeys(REASONS, 1)
        assert data.ledger.masked[BLANK_WINDOW] == 1
        assert len(data.samples) == 9
    with pytest.raises(ImageError, match="accept: lateral"):
        load(table, cache_dir=cache and folder).read(load(table, accept=["lateral"]).samples[0])


def test_accept_lets_in_by_name(table: Path):
    data = load(table, on_unreadable="drop", accept=["lateral", "blank"])
    assert data.ledger.dropped == {"modality is no radiography": 1}
    assert len(data.samples) == 11


@pytest.mark.parametrize("intensity", ["voi", "minmax", "equalized"])
def test_the_check_and_on_unreadable_judge_by_the_reading_of_the_run(table: Path, intensity: str):
    (table.parent / "5.dcm").write_bytes((table.parent / "5.dcm").read_bytes()[:-9])
    data = ImageReportPairs(str(table), **OPTIONS, intensity=intensity)
    told = check.describe(data, read_all=True)
    assert told["unreadable_by_reason"] == {**dict.fromkeys(REASONS, 1), "unreadable image": 1}
    assert told["masked"][BLANK_WINDOW] == 1
    failed = {}
    for sample in data.samples:
        try:
            data.read(sample)
        except ImageError as error:
            failed[sample.sample_id] = str(error)
    assert told["unreadable"] == failed
    assert load(table, on_unreadable="drop", intensity=intensity).ledger.dropped == told["unreadable_by_reason"]


def test_the_command_counts_them(table: Path):
    done = gkmvlp("data", "check", "ImageReportPairs", "--root", str(table))
    assert "  unreadable images: 3" in done.stdout
    for reason in REASONS:
        assert f"    1: {reason}" in done.stdout
    assert f"kept, but 1: {BLANK_WINDOW}" in done.stdout


def test_views_that_are_asked_for_need_no_leave():
    assert MimicCxr("nowhere", views=("PA", "LATERAL")).accept == {"lateral"}
    assert MimicCxr("nowhere").accept == set()


def predicted(folder: Path, *words: str):
    model = ("--model", "zoo://gk-mvlp-phantom", "--task", "classification", "--device", "cpu", "--gate", "off")
    return gkmvlp("predict", str(folder), *model, *words)


def test_predict_skips_hidden_files_and_names_what_it_refuses(tmp_path: Path):
    folder = tmp_path / "images"
    (folder / ".hidden").mkdir(parents=True)
    image_HW = picture(0, 1, 64)
    (folder / "chest.dcm").write_bytes(write_way(image_HW, PLAIN))
    (folder / "ct.dcm").write_bytes(write_refused(image_HW, "modality-CT"))
    (folder / "._chest.png").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X        ")
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(folder / ".hidden" / "thumbnail.png")
    done = predicted(folder)
    assert done.returncode == 1
    [line] = done.stderr.strip().splitlines()
    assert line.startswith("gkmvlp: 1 of 2 images: ")
    assert "ct.dcm is refused: Modality is CT" in line
    assert "chest.dcm" in done.stdout
    done = predicted(folder, "--accept", "modality")
    assert (done.returncode, done.stderr) == (0, "")
    assert "ct.dcm" in done.stdout
    done = predicted(folder, "--accept", "modalty")
    assert done.returncode == 2
    assert "modality" in done.stderr


def test_words_of_accept_are_known_ones_and_one_alone_is_no_list_of_letters(table: Path):
    assert ImageReportPairs(str(table), accept="lateral").accept == {"lateral"}
    with pytest.raises(UsageError, match="accept 'latral': of lateral, modality, blank expected"):
        ImageReportPairs(str(table), accept=["latral"])
