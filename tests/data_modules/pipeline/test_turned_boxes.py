"""A picture that lies otherwise is turned upright by its tag, and its boxes with it."""

import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from gkmvlp.data_modules import ChestXray14, ImaGenomeGold, MimicCxr, MsCxr, OpenI, RsnaPneumonia, Slake, VqaRad
from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.inspection.check import unreadable
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.synthetic import chest_xray14, mimic_cxr, ms_cxr, openi, rsna_pneumonia, slake, vqa_rad
from gkmvlp.geometry import UPRIGHT, Turn
from tests.data_modules.pipeline.small_files import dicom
from tests.data_modules.test_any_table import _write_gold

HEIGHT, WIDTH, BOX = 40, 48, (5, 9, 17, 30)  # of the stored picture
NONE = np.zeros((1, 4), np.float32)
EXIF = 0x0112


def drawn() -> np.ndarray:
    """A stored picture (H, W) of faint noise with a bright box."""
    picture_HW = np.random.default_rng(0).integers(0, 90, (HEIGHT, WIDTH)).astype(np.uint8)
    x1, y1, x2, y2 = BOX
    picture_HW[y1:y2, x1:x2] = 255
    return picture_HW


def bright(picture_HW: np.ndarray) -> list[int]:
    """The box xyxy around what is bright."""
    rows, columns = (picture_HW > 200).nonzero()
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def within(box_4: np.ndarray, height: int, width: int) -> np.ndarray:
    """Pixels (H, W) whose centre lies in a box."""
    x1, y1, x2, y2 = box_4
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    return ((y1 <= y) & (y <= y2))[:, None] & ((x1 <= x) & (x <= x2))


@pytest.mark.parametrize("turn", [Turn(bool(n & 1), bool(n & 2), bool(n & 4)) for n in range(8)])
def test_the_inverse_of_a_turn_brings_picture_and_box_back(turn):
    picture_HW = drawn()
    assert np.array_equal(turn.inverse.picture(turn.picture(picture_HW)), picture_HW)
    box_14 = np.array([BOX], np.float32)
    there_14 = turn.boxes(box_14, WIDTH, HEIGHT)
    assert np.array_equal(turn.inverse.boxes(there_14, *turn.size(WIDTH, HEIGHT)), box_14)


@pytest.mark.parametrize("turn", [Turn(bool(n & 1), bool(n & 2), bool(n & 4)) for n in range(8)])
def test_a_box_and_its_picture_are_turned_alike(turn):
    rng = np.random.default_rng(1)
    corner_N22 = np.sort(rng.uniform(0, [WIDTH, HEIGHT], (20, 2, 2)), axis=1)
    box_N4 = np.concatenate([corner_N22.reshape(20, 4), NONE]).astype(np.float32)
    turned_N4 = turn.boxes(box_N4, WIDTH, HEIGHT)
    width, height = turn.size(WIDTH, HEIGHT)
    assert turn.picture(drawn()).shape == (height, width)
    for before, after in zip(box_N4[:20], turned_N4[:20], strict=True):
        assert np.array_equal(turn.picture(within(before, HEIGHT, WIDTH)), within(after, height, width))
    assert not turned_N4[20].any()  # which says that there is no box
    assert (turn == UPRIGHT) == np.array_equal(turned_N4, box_N4)


class Rows(DataModule):
    """Rows on given files with the box of ``drawn``, measured in a picture ``scale`` times as large."""

    split_label = "own"

    def __init__(self, files, scale=None, boxes=None, **kwargs):
        super().__init__(
            image_size=32, num_workers=0, dataset_name="own", resize_mode="squash", intensity="voi", **kwargs
        )
        self.files, self.scale, self.given = files, scale, boxes

    def texts(self):
        return []

    def read_samples(self):
        scale = self.scale or 1
        boxes = self.given or [np.array([BOX], np.float32) * scale] * len(self.files)
        size = None if self.scale is None else (WIDTH * scale, HEIGHT * scale)
        return [
            Sample(str(n), str(n), file, "PA", "train", size=size, finding_K4=box)
            for n, (file, box) in enumerate(zip(self.files, boxes, strict=True))
        ]


def pictures(kind: str) -> list[bytes]:
    """The picture as it is stored, under each of the eight tags."""
    if kind == "DICOM":
        ways = [(a, b) for pair in ("LF", "RF", "LH", "RH") for a, b in (pair, pair[::-1])]
        return [dicom(drawn().astype(np.uint16) * 16, PatientOrientation=list(way)) for way in ways]
    files = []
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[EXIF] = orientation
        file = BytesIO()
        Image.fromarray(drawn()).save(file, kind, exif=exif, quality=95)
        files.append(file.getvalue())
    return files


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "DICOM"])
@pytest.mark.parametrize("scale", [None, 3.0])
def test_rows_have_the_boxes_of_the_upright_picture(kind, scale):
    """By the header of the file, and by the turn that comes with its pixels."""
    data = Rows(pictures(kind), scale)
    data.setup("fit")
    seen = set()
    for stored, sample in zip(data.samples, data.upright(data.samples), strict=True):
        picture_HW, (_, frame, turn) = data.decode(sample), data.read(sample)
        read = stored.turned(turn, *turn.size(frame.width, frame.height))
        assert np.array_equal(read.finding_K4, sample.finding_K4)
        assert read.size == sample.size
        np.testing.assert_allclose(sample.finding_K4[0], np.array(bright(picture_HW)) * (scale or 1), atol=1e-4)
        height, width = picture_HW.shape
        assert sample.size == (None if scale is None else (width * scale, height * scale))
        seen.add((height, *bright(picture_HW)))
    assert len(seen) == 8


def test_boxes_that_were_measured_upright_stay():
    """The table says 40 x 48 of a picture that is stored as 48 x 40."""
    data = Rows(pictures("PNG"), 1.0)
    data.read_samples = lambda: [replace(row, size=(HEIGHT, WIDTH)) for row in Rows.read_samples(data)]
    data.check()
    for orientation, sample in enumerate(data.upright(data.samples), 1):
        is_quarter = orientation > 4
        assert np.array_equal(sample.finding_K4[0], BOX) == (is_quarter or orientation == 1)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "DICOM"])
@pytest.mark.parametrize("cache", [None, "ram", "folder"])
def test_what_a_batch_holds_fits_its_pixels(tmp_path, kind, cache):
    """Whether the picture is decoded, kept in memory, or mapped from the file that an earlier run has written."""
    cache_dir = str(tmp_path) if cache == "folder" else cache
    for _ in range(2 if cache == "folder" else 1):
        data = Rows(pictures(kind), 3.0, cache_dir=cache_dir, augmentation_strength=0.0, region_boxes="atlas")
        data.setup("fit")
    assert not data.ledger.dropped
    dataset = data.dataset("train")
    for index in range(len(dataset)):
        item = dataset[index]
        inside = within(item["finding_box"][0].numpy() * 32, 32, 32)
        grey = item["image"][0].numpy()
        assert grey[inside].mean() > 0.8 > 0.4 > grey[~inside].mean()


def test_turns_are_counted_and_nothing_is_refused(tmp_path):
    first, second, *_ = pictures("PNG")
    data = Rows([first, second, second], boxes=[np.array([BOX], np.float32), np.array([BOX], np.float32), NONE])
    data.check()
    assert unreadable(data, read_all=True) == {}
    assert [count for note, count in data.ledger.masked.items() if "turned upright" in note] == [2]
    assert not data.upright(data.samples)[2].finding_K4.any()
    broken = Rows([b"no picture", str(tmp_path / "absent.png")])
    broken.check()  # whose pictures are told of when they are read
    assert len(unreadable(broken, read_all=True)) == 2


CORPORA = {
    "nih": (lambda root: chest_xray14.write(root, 30, 0, size=32), ChestXray14),
    "rsna": (lambda root: rsna_pneumonia.write(root, 12, 0, size=32), RsnaPneumonia),
    "slake": (lambda root: slake.write(root, slake.LEAST, 0, size=32), Slake),
    "mimic": (lambda root: mimic_cxr.write(root, 3, 0, size=32), MimicCxr),
    "ms-cxr": (lambda root: (mimic_cxr.write(root, 12, 0, size=32), ms_cxr.write(root)), MsCxr),
    "gold": (lambda root: (mimic_cxr.write(root, 3, 0, size=32), _write_gold(root)), ImaGenomeGold),
}


@pytest.mark.parametrize("name", CORPORA)
def test_every_data_set_with_boxes_turns_them(tmp_path, name):
    """The tables stay; each picture gets a tag that says that it lies otherwise: a quarter turn, and mirrored."""
    write, kind = CORPORA[name]
    write(tmp_path)
    options = {"num_workers": 0, "image_size": 32, "intensity": "voi", "accept": ("blank",)}
    options |= {"rows": "images"} if name == "slake" else {}
    before, after = (kind(str(tmp_path), **options) for _ in range(2))
    before.check()
    rows = [row for row in before.upright(before.samples) if _boxes(row, np.ones((32, 32)))]
    assert rows
    stored = {row.image: before.decode(row) for row in rows}
    for image, picture_HW in stored.items():
        _tag(Path(image), picture_HW)
    after.check()
    stays = {row.sample_id: row for row in after.samples}
    turned = {row.sample_id: row for row in after.upright(after.samples)}
    for row in rows:
        now = turned[row.sample_id]
        _, frame, turn = after.read(now)
        read = stays[row.sample_id].turned(turn, *turn.size(frame.width, frame.height))
        for own, other in ((read.box_R4, now.box_R4), (read.finding_K4, now.finding_K4)):
            assert (own is None) == (other is None)
            assert own is None or np.array_equal(own, other)
        upright_HW = after.decode(now)
        assert np.array_equal(upright_HW, np.rot90(stored[row.image].T, 2))
        for old, new in zip(_boxes(row, stored[row.image]), _boxes(now, upright_HW), strict=True):
            old_HW, new_HW = (within(old, *stored[row.image].shape), within(new, *upright_HW.shape))
            assert np.array_equal(new_HW, np.rot90(old_HW.T, 2))


@pytest.fixture
def opened():
    """The paths that are opened while it is in use, by Python and by what goes through Python's files."""
    paths = []

    def note(event, arguments):
        if event == "open" and isinstance(paths, list) and not isinstance(arguments[0], int):
            paths.append(str(arguments[0]))

    # A hook cannot be taken away again: it is left without a list.
    sys.addaudithook(note)
    yield paths
    paths = None


WITHOUT_BOXES = {
    "open-i": (lambda root: openi.write(root, 12, 0, size=32), OpenI),
    "vqa-rad": (lambda root: vqa_rad.write(root, 5, 0, size=32), VqaRad),
}


@pytest.mark.parametrize("name", [*CORPORA, *WITHOUT_BOXES])
def test_set_up_opens_no_image(tmp_path, opened, name):
    """The boxes wait for the pictures. RSNA's headers hold the views, which stand nowhere else: one opening each."""
    write, kind = (CORPORA | WITHOUT_BOXES)[name]
    write(tmp_path)
    data = kind(str(tmp_path), num_workers=0, **({"rows": "images"} if name == "slake" else {}))
    opened.clear()
    data.setup()
    tables = [path for path in opened if path.startswith(str(tmp_path))]
    assert tables  # the counting works
    assert any(_boxes(row, np.ones((32, 32))) for row in data.samples) == (name in CORPORA)
    times = [tables.count(row.image) for row in {row.image: row for row in data.samples}.values()]
    assert max(times) <= (name == "rsna")
    data.read(data.samples[0])
    assert opened.count(data.samples[0].image) == times[0] + 1


def _boxes(row: Sample, picture_HW: np.ndarray) -> list[np.ndarray]:
    """Its boxes with an area, in pixels of the file."""
    found = [NONE] + [row.finding_K4] * (row.finding_K4 is not None)
    found += [row.box_R4[row.mask_R]] if row.box_R4 is not None else []
    height, width = picture_HW.shape
    scale = np.array([width, height]) / (row.size or (width, height))
    return [box * np.tile(scale, 2) for box in np.concatenate(found) if box.any()]


def _tag(path: Path, picture_HW: np.ndarray) -> None:
    if path.suffix == ".dcm":
        dataset = dcmread(path)
        dataset.PatientOrientation = ["H", "R"]
        dataset.save_as(path)
        return
    exif = Image.Exif()
    exif[EXIF] = 7  # the stored top row is the upright right side, the stored left column the bottom
    Image.fromarray(picture_HW).save(path, "PNG", exif=exif)
