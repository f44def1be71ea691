"""Rows that come back from columns are the rows that went in, whatever they hold."""

import dataclasses
import pickle
import resource
from itertools import permutations

import numpy as np
import pytest

from gkmvlp.data_modules.pipeline import sample_table
from gkmvlp.data_modules.pipeline.cached_images import SourceRows
from gkmvlp.data_modules.pipeline.dataset import EpochSampler, SampleDataset
from gkmvlp.data_modules.pipeline.sample_table import SampleTable
from gkmvlp.data_modules.pipeline.samples import RegionPolicy, Sample
from gkmvlp.errors import DataError

PICTURE = b"\x00\xffbytes of a picture"
FIELDS = [
    {"text": "Ödem, früh \udce4 \ud800", "label": np.array([np.nan, 1, 0], np.float32), "chest": True},
    {"text": "", "place": np.arange(22).reshape(2, 11) % 3 == 0, "status": np.array([-2, 1], np.int8)},
    {"nothing": None, "number": 3, "share": 0.25, "pair": (1, "a"), "finding": np.zeros((0, 4), np.float32)},
    {"label": np.array([[1, 2], [3, 4]], np.int64).T, "text": np.str_("of NumPy"), "picture": PICTURE},
    {},
]
BOX = np.arange(116, dtype=np.float32).reshape(29, 4)
ROWS = [
    Sample("a", "p", "/some/fi\udcffle.jpg", "PA", "train", fields=FIELDS[0]),
    Sample("b", "p", PICTURE, "", "test", BOX, BOX[:, 0] > 20, (512.0, 400.5), fields=FIELDS[1]),
    Sample("c", "q", PICTURE, "AP", "train", finding_K4=BOX[:3], fields=FIELDS[2]),
    Sample("d", "q", "x.png", "AP", "validate", fields=FIELDS[3]),
    Sample("e", "r", "y.png", "LATERAL", "train", fields=FIELDS[4], sex="F", age=58.0, source="here"),
]
ATTRIBUTES = tuple(each.name for each in dataclasses.fields(Sample) if each.name != "fields")


def require_equal(found, expected):
    """The same values, of the same types, shapes and dtypes."""
    pairs = [(getattr(found, name), getattr(expected, name)) for name in ATTRIBUTES]
    assert found.fields.keys() == expected.fields.keys()
    for one, other in pairs + [(found.fields[name], expected.fields[name]) for name in expected.fields]:
        assert isinstance(other, type(one))
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
        else:
            assert one == other


@pytest.fixture(params=[1, 2, 4096], ids=lambda size: f"blocks of {size}")
def table(request, monkeypatch):
    monkeypatch.setattr(sample_table, "_BLOCK", request.param)
    return SampleTable.of(iter(ROWS))


def test_rows_come_back_as_they_were(table):
    assert len(table) == len(ROWS)
    for found in (list(table), [table[place] for place in range(len(ROWS))], pickle.loads(pickle.dumps(table))):
        for one, expected in zip(found, ROWS, strict=True):
            require_equal(one, expected)
    assert table[1].image is table[2].image  # bytes that rows share are kept once


def test_it_is_read_like_a_list(table):
    names = [row.sample_id for row in ROWS]
    for part in (slice(1, 4), slice(None, None, -2), slice(9, None)):
        assert [row.sample_id for row in table[part]] == names[part]
    assert table[-1].sample_id == names[-1]
    assert [row.sample_id for row in reversed(table)] == names[::-1]
    assert [row.sample_id for row in table[1:3] + table[:1]] == ["b", "c", "a"]
    with pytest.raises(IndexError):
        table[len(ROWS)]
    assert not SampleTable.of(())
    assert list(SampleTable.of(())) == []
    assert SampleTable.of(table) is table


def test_one_value_of_each_row(table):
    assert list(table.values("view")) == [row.view for row in ROWS]
    assert list(table.values("image")) == [row.image for row in ROWS]
    assert list(table.values("text")) == [row.fields.get("text") for row in ROWS]
    assert list(table.values("no such")) == [None] * len(ROWS)


@pytest.mark.parametrize("order", list(permutations(range(4), 3)))
def test_any_part_in_any_order(table, order):
    part = SampleTable(table._blocks, np.array(order))
    assert (
        [row.sample_id for row in part] == list(part.values("sample_id")) == [ROWS[place].sample_id for place in order]
    )


def test_rows_of_a_split_and_of_a_condition(table):
    assert list(table.split("train").values("sample_id")) == ["a", "c", "e"]
    kept = table.where([name != "c" for name in table.values("sample_id")])
    assert list(kept.split("train").values("sample_id")) == ["a", "e"]


def test_a_reader_may_write_to_what_it_reads(table):
    table[1].box_R4[:] = 0
    table[1].mask_R[:] = False
    require_equal(table[1], ROWS[1])


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, kept[1]))
    try:
        with pytest.raises(DataError, match=r"cannot keep the rows in .*; make room there, .* TMPDIR") as caught:
            SampleTable.of(ROWS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_rows_on_one_image_stay_together():
    """By the definition: images in the order in which a shuffle first names them, rows within one as shuffled."""
    images = [f"{number % 7}" for number in range(40)]
    rows = [Sample(str(n), "p", "", "", "train", fields={"image_id": image}) for n, image in enumerate(images)]
    dataset = SampleDataset(rows, None, RegionPolicy("atlas", {}))
    for epoch in range(3):
        sampler = EpochSampler(dataset, 1, 0, shuffle=True, seed=5)
        sampler.set_epoch(epoch)
        shuffled = list(super(EpochSampler, sampler).__iter__())
        seen = list(dict.fromkeys(images[index] for index in shuffled))
        expected = [(index, epoch) for image in seen for index in shuffled if images[index] == image]
        assert list(sampler) == expected
        sampler.skipped = 11
        assert list(sampler) == expected[11:]
        assert list(sampler) == expected


def test_sources_are_found_as_in_a_dict():
    sources = [f"/images/{number}.jpg" for number in range(999)] + [b"", b"/images/0.jpg", b"\x00" * 9]
    rows = SourceRows(sources)
    assert [rows.find(source) for source in sources] == list(range(len(sources)))
    assert rows.find("/images/999.jpg") is None
    assert rows.find("") is None
    assert SourceRows([]).find("a") is None
