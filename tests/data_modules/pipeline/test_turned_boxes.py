"""A picture that was turned upright by its tag has left its boxes behind: the row is refused and counted."""

import numpy as np
import pytest
from PIL import Image

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.inspection.check import unreadable
from gkmvlp.data_modules.pipeline.images import TURNED, ImageError
from gkmvlp.data_modules.pipeline.samples import Sample

BOX, NONE = np.array([[5, 5, 20, 20]], np.float32), np.zeros((1, 4), np.float32)


class Rows(DataModule):
    split_label = "own"

    def __init__(self, folder, **kwargs):
        super().__init__(image_size=32, num_workers=0, dataset_name="own", **kwargs)
        self.folder = folder

    def texts(self):
        return []

    def read_samples(self):
        rows = [("turned", 6, BOX), ("upright", 1, BOX), ("turned_without", 6, NONE)]
        for name, orientation, _ in rows:
            picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 48)).astype(np.uint8))
            exif = Image.Exif()
            exif[0x0112] = orientation
            picture.save(self.folder / f"{name}.png", exif=exif)
        return [
            Sample(name, name, str(self.folder / f"{name}.png"), "PA", "train", finding_K4=box) for name, _, box in rows
        ]


@pytest.mark.parametrize("cache_dir", [None, "ram"])
def test_the_row_is_left_out_and_counted(tmp_path, cache_dir):
    data = Rows(tmp_path, on_unreadable="drop", cache_dir=cache_dir)
    data.setup()
    assert [sample.sample_id for sample in data.samples] == ["upright", "turned_without"]
    assert data.ledger.dropped == {"boxes of a picture that lies otherwise": 1}


class SharedRows(Rows):
    """Two rows on one turned picture, of which the second alone has boxes."""

    def read_samples(self):
        image = super().read_samples()[0].image
        return [
            Sample(name, "p", image, "PA", "train", finding_K4=box) for name, box in (("without", NONE), ("with", BOX))
        ]


@pytest.mark.parametrize("cache_dir", [None, "ram"])
def test_rows_on_one_picture_are_judged_each_by_itself(tmp_path, cache_dir):
    data = SharedRows(tmp_path, on_unreadable="drop", cache_dir=cache_dir)
    data.setup()
    assert [sample.sample_id for sample in data.samples] == ["without"]
    assert data.ledger.dropped == {"boxes of a picture that lies otherwise": 1}
    data.read(data.samples[0])
    data = SharedRows(tmp_path)
    data.check()
    told = unreadable(data, read_all=True)
    assert {name: error.reason for name, error in told.items()} == {"with": "boxes of a picture that lies otherwise"}


@pytest.mark.parametrize("cache_dir", [None, "ram"])
def test_the_note_on_the_turn_is_counted_for_the_rows_that_stay(tmp_path, cache_dir):
    data = SharedRows(tmp_path, on_unreadable="drop", cache_dir=cache_dir)
    data.setup()
    assert [data.ledger.masked[note] for note in TURNED if note in data.ledger.masked] == [1]


@pytest.mark.parametrize("cache_dir", [None, "ram"])
def test_or_stops_the_run_in_one_line(tmp_path, cache_dir):
    data = Rows(tmp_path, cache_dir=cache_dir)
    if cache_dir is None:  # nothing is decoded before the first batch
        data.setup()
    with pytest.raises(ImageError, match="its boxes were not"):
        data.read(data.samples[0]) if cache_dir is None else data.setup()
