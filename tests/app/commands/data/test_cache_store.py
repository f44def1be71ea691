"""A cache in an object store shows what a folder shows; what is wrong with it is one line."""

import tempfile

import fsspec
import numpy as np
import pytest

from gkmvlp.data_modules.pipeline.cache_store import CacheStore
from gkmvlp.errors import DataError
from tests.app.commands.data.test_cache import BREAKS, cache, images, load

PLACE = "memory://bucket/cache"


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """The file system of the store, empty, and a folder for copies."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    store = fsspec.filesystem("memory")
    yield store
    if store.exists("/bucket"):
        store.rm("/bucket", recursive=True)


def content(files):
    return {name.rpartition("/")[2]: files.cat_file(name) for name in files.find("/bucket/cache")}


def test_a_store_shows_what_a_folder_shows(phantoms, tmp_path, files, capsys):
    folder = tmp_path / "folder"
    assert cache(phantoms, folder) == 0
    assert cache(phantoms, PLACE, "--shard=2/2") == 0
    assert "2 of 3 shards are left to other parts" in capsys.readouterr().out
    assert cache(phantoms, PLACE, "--shard=1/2") == 0
    assert f"{PLACE}: use it with" in capsys.readouterr().out
    written = content(files)
    for name in ("cache.json", *(f"shard-{number:05d}.tar" for number in range(3))):
        assert written[name] == (folder / name).read_bytes()
    assert {file.name for file in folder.glob("*.parquet")} <= written.keys()
    assert not list(CacheStore(PLACE).folder.glob("*.tar"))

    data, of_folder = load(phantoms, cache_dir=PLACE), load(phantoms, cache_dir=str(folder))
    assert f"images from the cache {PLACE} (" in capsys.readouterr().out
    for one, other in zip(images(data), images(of_folder), strict=True):
        assert np.array_equal(one.image_SS, other.image_SS)
        assert (one.frame, one.turn) == (other.frame, other.turn)


def test_what_is_there_stays_and_is_not_fetched_again(phantoms, files, monkeypatch):
    assert cache(phantoms, PLACE) == 0
    load(phantoms, cache_dir=PLACE)
    before, fetched = content(files), []
    real = files.cat_file
    monkeypatch.setattr(
        type(files), "cat_file", lambda self, path, **at: fetched.append((path, at)) or real(path, **at)
    )
    load(phantoms, cache_dir=PLACE)
    assert not fetched
    assert cache(phantoms, PLACE) == 0
    assert {name: each for name, each in content(files).items() if name.endswith(".tar")} == {
        name: each for name, each in before.items() if name.endswith(".tar")
    }


@pytest.mark.parametrize("how", ["deleted", "cut", "one bit"])
def test_a_broken_shard_is_named_and_written_anew(phantoms, tmp_path, files, capsys, how):
    assert cache(phantoms, PLACE) == 0
    before, place = content(files)["shard-00001.tar"], "/bucket/cache/shard-00001.tar"
    spoil, named, again = BREAKS[how]
    here = tmp_path / "shard-00001.tar"
    here.write_bytes(before)
    spoil(here)
    files.rm(place)
    if here.exists():
        files.pipe_file(place, here.read_bytes())
    with pytest.raises(DataError, match=named):
        images(load(phantoms, cache_dir=PLACE))
    capsys.readouterr()
    assert cache(phantoms, PLACE) == 0
    assert again in capsys.readouterr().out
    assert content(files)["shard-00001.tar"] == before


def test_what_no_store_has_is_one_line(phantoms, monkeypatch):
    with pytest.raises(DataError, match=r"memory://bucket/none is no cache of shards: write one by gkmvlp data cache"):
        load(phantoms, cache_dir="memory://bucket/none")
    with pytest.raises(DataError, match=r"nowhere://x cannot be reached \(Protocol not known"):
        CacheStore("nowhere://x").sizes()

    def missing(_):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("gkmvlp.data_modules.pipeline.cache_store.url_to_fs", missing)
    with pytest.raises(DataError, match=r"s3://x: Install s3fs to access S3: pip install 'gkmvlp\[scale\]'"):
        load(phantoms, cache_dir="s3://x")


def test_copies_are_for_their_user_alone():
    folder = CacheStore(PLACE).fetch()
    assert folder.parent.stat().st_mode & 0o077 == 0
