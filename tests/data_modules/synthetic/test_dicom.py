"""One radiograph in every way of DICOM: all pairs of ways are there, and each file reads as the same picture.

Tolerance: one grey level of 255 at every pixel. Of lossy transfer syntaxes two levels on average, and four where the
histogram is equalised, which magnifies what they changed: equal levels that drift apart may then take any level
between the shares of the pixels below and up to theirs.
"""

import json
from io import BytesIO
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from gkmvlp.data_modules.pipeline.images import ImageError, read_image
from gkmvlp.data_modules.synthetic import dicom
from gkmvlp.data_modules.synthetic.dicom_ways import (
    FACTORS,
    LOSSY,
    PLAIN,
    REFUSED,
    SIGMOID_WIDTH,
    SYNTAXES,
    is_allowed,
    is_inverted,
    write_way,
)
from gkmvlp.data_modules.synthetic.jpeg12 import encode
from gkmvlp.data_modules.synthetic.pairwise import cover
from gkmvlp.errors import DataError
from tests.processes import gkmvlp
from tests.tiny import tree

SEED, SIZE = 1, 96
INTENSITIES = ("voi", "minmax", "equalized")
WAYS = dicom.ways()
BOUND = ("syntax", "bits", "high", "sign", "padding", "overlay")  # factors that exclude levels of others
NAMES = ("MONOCHROME1", "MONOCHROME2")
PASSED_OVER = ("width 0", "width alone", "center alone", "LUT without item", "LUT malformed")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dicom")
    dicom.write(folder, 1, SEED, SIZE)
    return folder


@pytest.fixture(scope="module")
def picture(root: Path) -> np.ndarray:
    return np.asarray(Image.open(root / "dicom" / "000" / "picture.png"))


def equalized(level_N: np.ndarray) -> np.ndarray:
    """Each of some levels as the share of pixels up to it, the lowest level at 0."""
    count = np.array([(level_N <= level).sum() for level in range(256)])
    first = count[level_N.min()]
    return 255 * (count[level_N] - first) / (len(level_N) - first)


def expected(picture: np.ndarray, way: dict[str, str], intensity: str) -> np.ndarray:
    """What a way shows of the picture, by definition."""
    level = picture.astype(float)
    inside = np.ones(level.shape, bool)
    if way["padding"] != "none":
        inside[:] = False
        inside[2:-2, 2:-2] = True
    if intensity == "equalized":
        level[inside] = equalized(picture[inside])
    elif intensity == "voi" and way["voi"] == "SIGMOID":  # PS3.3 C.11.2.1.3.1, around the middle of the values
        level = 255 / (1 + np.exp(-4 * (level / 255 - 0.5) / SIGMOID_WIDTH))
    return np.where(inside, level, 0)


def test_every_allowed_pair_of_ways_is_written():
    rows = list(WAYS.values())
    assert all(is_allowed(row) and set(row) == set(FACTORS) for row in rows)
    others = [dict(zip(BOUND, levels, strict=True)) for levels in product(*(FACTORS[name] for name in BOUND))]
    for one, two in combinations(FACTORS, 2):
        met = {(row[one], row[two]) for row in rows}
        for a, b in set(product(FACTORS[one], FACTORS[two])) - met:
            assert not any(is_allowed({**other, one: a, two: b}) for other in others), (one, a, two, b)


def test_pairs_are_covered_in_few_rows():
    factors = dict.fromkeys("uvwxyz", ("a", "b", "c"))
    rows = cover(factors, lambda row: (row.get("u"), row.get("v")) != ("a", "a"))
    assert len(rows) < 3**6 / 30
    for one, two in combinations(factors, 2):
        met = {(row[one], row[two]) for row in rows}
        assert met == set(product("abc", "abc")) - ({("a", "a")} if (one, two) == ("u", "v") else set())


def test_a_pair_that_no_row_can_hold_is_left_out():
    factors = {"u": "ab", "v": "ab", "w": "ab"}
    rows = cover(factors, lambda row: not {"u", "v", "w"} <= set(row) or row["u"] == row["v"])
    assert {(row["u"], row["v"]) for row in rows} == {("a", "a"), ("b", "b")}


@pytest.mark.parametrize("intensity", INTENSITIES)
def test_every_way_shows_the_same_picture(root: Path, picture: np.ndarray, intensity: str):
    assert picture.min() == 0
    assert picture.max() == 255
    for name, way in WAYS.items():
        notes: list[str] = []
        pixels = read_image(root / "dicom" / "000" / name, intensity, notes=notes)
        assert (pixels.dtype, pixels.shape) == (np.uint8, picture.shape), way
        wanted = expected(picture, way, intensity)
        if way["syntax"] not in LOSSY:
            assert np.abs(pixels - wanted).max() <= 1, way
        elif intensity != "equalized":
            assert np.abs(pixels - wanted).mean() < 2, way
        else:
            low, high = shares(picture)
            assert (np.maximum(low - pixels, 0) + np.maximum(pixels - high, 0)).mean() < 4, way
        require_notes(way, "; ".join(notes))


def shares(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest level of each pixel in an equalised picture, where equal levels drift apart a little.

    The formula takes the pixels of the lowest level out of the count; drift makes them any part of what they were.
    """
    upto = np.bincount(picture.ravel(), minlength=256).cumsum()
    below = np.concatenate([[0], upto[:-1]])
    return 255 * (below - upto[0]).clip(0)[picture] / (picture.size - upto[0]), 255 * upto[picture] / picture.size


def require_notes(way: dict[str, str], told: str) -> None:
    """Windows and tables that show nothing, wrong bits, and a picture that lay otherwise are said, and nothing else."""
    assert ("blank" in told) == (way["voi"] in ("blank", "LUT blank")), way
    assert ("turned" in told) == (way["orientation"] not in ("absent", "empty", "L\\F")), way
    assert ("HighBit" in told) == (way["high"] == "above"), way
    assert ("BitsStored is too small" in told) == (way["high"] == "stored too small"), way


@pytest.mark.parametrize("voi", PASSED_OVER)
def test_malformed_attributes_mean_absent(picture: np.ndarray, voi: str):
    absent = read_image(write_way(picture, PLAIN))
    assert np.array_equal(read_image(write_way(picture, PLAIN | {"voi": voi})), absent)


@pytest.mark.parametrize("name", REFUSED)
def test_what_must_be_refused_is_refused_in_one_line(root: Path, name: str):
    path = root / "dicom" / "000" / f"refused-{name}.dcm"
    with pytest.raises(ImageError) as caught:
        read_image(path)
    line = str(caught.value)
    assert line.count("\n") == 0
    assert str(path) in line
    assert REFUSED[name][1] in line
    assert any(remedy in line for remedy in ("accept: ", "export", "fetch it again", "gdcmconv")), line


@pytest.mark.parametrize(("name", "accept"), [("modality-CT", "modality"), ("view-LL", "lateral"), ("blank", "blank")])
def test_accept_lets_in_what_it_names_and_nothing_else(root: Path, picture: np.ndarray, name: str, accept: str):
    path = root / "dicom" / "000" / f"refused-{name}.dcm"
    pixels = read_image(path, accept=[accept])
    assert np.array_equal(pixels, picture if name != "blank" else np.zeros_like(picture))
    with pytest.raises(ImageError, match=f"accept: {accept}"):
        read_image(path, accept={"modality", "lateral", "blank"} - {accept})


def test_files_are_what_an_outside_reader_says(root: Path, picture: np.ndarray):
    """pydicom alone finds the stored numbers of ways without errors in them."""
    seen = set()
    for name, way in WAYS.items():
        plain = all(way[key] == level for key, level in {"high": "right", "overlay": "none", "padding": "none"}.items())
        if not plain or way["file"] != "whole" or way["photometric"] not in NAMES or way["syntax"] == "JPEG extended":
            continue
        dataset = dcmread(root / "dicom" / "000" / name)
        assert dataset.file_meta.TransferSyntaxUID == SYNTAXES[way["syntax"]]
        number = dataset.pixel_array.astype(float)
        number = -number if is_inverted(way) != (way["modality"] == "negative") else number
        upright = {"R\\F": np.fliplr, "L\\H": np.flipud, "R\\H": lambda x: x[::-1, ::-1], "F\\L": np.transpose,
                   "F\\R": lambda x: np.fliplr(x.T), "H\\L": lambda x: np.flipud(x.T),
                   "H\\R": lambda x: x.T[::-1, ::-1]}.get(way["orientation"], lambda x: x)  # fmt: skip
        level = 255 * (upright(number) - number.min()) / np.ptp(number)
        assert np.abs(level - picture).mean() < (4 if way["syntax"] in LOSSY else 0.6), way
        seen.add(way["syntax"])
    assert len(seen) >= 9


def test_jpeg_of_twelve_bits_is_what_libraries_decode():
    """Pillow refuses twelve bits but reads the header; GDCM's decoder is an outside one."""
    from gkmvlp.data_modules.pipeline.dicom_codecs import twelve_bits

    row, column = np.indices((37, 51))
    sample = np.rint(2048 + 2000 * np.sin(row / 5) * np.cos(column / 7)).astype(np.int64)
    sample[5, 5:30] = 4095
    file = encode(sample, step=1)
    assert np.abs(twelve_bits(file, SYNTAXES["JPEG extended"], 37, 51).astype(int) - sample).max() <= 2


def test_same_seed_same_bytes_and_nothing_is_overwritten(root: Path, tmp_path: Path):
    dicom.write(tmp_path, 1, SEED, SIZE, workers=2)
    assert tree(tmp_path) == tree(root)
    with pytest.raises(DataError, match="another corpus"):
        dicom.write(root, 2, SEED, SIZE)
    with pytest.raises(DataError, match="one radiograph or more"):
        dicom.write(tmp_path / "none", 0, SEED, SIZE)


def test_the_list_beside_the_files_says_how_each_was_written(root: Path):
    told = json.loads((root / "dicom" / "ways.json").read_text())
    files = {path.name for path in (root / "dicom" / "000").glob("*.dcm")}
    assert set(told) == files
    assert {name for name in told if "names" in told[name]} == {f"refused-{name}.dcm" for name in REFUSED}
    for name, row in WAYS.items():
        assert told[name] == {"way": row, "border": 0 if row["padding"] == "none" else 2}


def test_the_command_writes_it(tmp_path: Path):
    words = ["--root", str(tmp_path), "--layouts", "dicom", "--patients", "2", "--seed", "0", "--image-size", "64"]
    done = gkmvlp("data", "phantom", *words)
    assert done.returncode == 0, done.stderr
    assert "1 images in every way of DICOM" in done.stdout
    assert len(list((tmp_path / "dicom").rglob("*.dcm"))) == len(WAYS) + len(REFUSED)
    assert read_image(BytesIO((tmp_path / "dicom" / "000" / next(iter(WAYS))).read_bytes()).getvalue()).shape[0] == 64
