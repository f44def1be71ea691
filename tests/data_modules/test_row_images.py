"""Images: caches show what files show, and what cannot be read stops a run or is counted."""

from pathlib import Path

import pytest

from gkmvlp.errors import DataError
from tests.data_modules.toy import Toy, batches, equal


def test_caches_show_what_files_show(tmp_path: Path):
    shown = []
    for cache in (None, "ram", str(tmp_path / "cache"), str(tmp_path / "cache")):
        data = Toy(tmp_path, cache_dir=cache)
        data.setup("fit")
        shown.append(batches(data.train_dataloader()))
    assert all(equal(shown[0], other) for other in shown[1:])
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 2
    # Another size, another array.
    Toy(tmp_path, cache_dir=str(tmp_path / "cache"), image_size=16).setup("fit")
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 4


def test_bad_images_stop_or_are_counted(tmp_path: Path):
    Toy(tmp_path)
    (tmp_path / "3.png").write_bytes((tmp_path / "3.png").read_bytes()[:200])
    (tmp_path / "13.png").write_bytes(b"")
    for cache in (None, "ram"):
        data = Toy(tmp_path, on_unreadable="drop", cache_dir=cache)
        data.setup("fit")
        assert data.manifest()["dropped"] == {"unreadable image": 2}
        assert "s3" in "\n".join(data.summary_lines())
        assert len(data.rows("train")) == 9
    with pytest.raises(DataError, match=r"3\.png.*on_unreadable: drop"):
        Toy(tmp_path, cache_dir="ram").setup("fit")
    data = Toy(tmp_path, num_workers=1)
    data.setup("fit")
    with pytest.raises(DataError) as caught:
        list(data.train_dataloader())
    assert "3.png" in str(caught.value)
    assert "\n" not in str(caught.value)
