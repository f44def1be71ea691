"""``gkmvlp data cache``: shards by the real command, what they show, and what breaks them."""

import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from gkmvlp.app.cli import main
from gkmvlp.data_modules import MimicCxr
from gkmvlp.data_modules.pipeline.shard_writer import estimated_bytes
from gkmvlp.errors import DataError
from tests.tiny import tree, words

SIDE = 32


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "cache"


def cache(root: Path, folder: Path, *more: str) -> int:
    """The command on the tiny corpus, ten images a shard."""
    line = ["data", "cache", "MimicCxr", "--root", str(root), f"--image_size={SIDE}", "--cache-dir", str(folder)]
    return main([*line, "--images-per-shard=10", *more])


def load(root: Path, **changed) -> MimicCxr:
    data = MimicCxr(str(root), **{"image_size": SIDE, "num_workers": 0, "batch_size": 4} | changed)
    data.setup("fit")
    return data


def images(data: MimicCxr):
    return [data.read(sample) for sample in data.samples]


@pytest.mark.parametrize("encoding", ["jpeg", "raw"])
def test_shards_show_what_files_show(phantoms, folder, capsys, encoding):
    assert cache(phantoms, folder, f"--encoding={encoding}") == 0
    told = capsys.readouterr().out
    assert "shard-00002.tar" in told
    assert "use it with --data.init_args.cache_dir" in told
    cached, plain = load(phantoms, cache_dir=str(folder)), load(phantoms)
    assert f"images from the cache {folder} ({encoding}, {SIDE} px, manifest" in capsys.readouterr().out
    assert cached.split_name == plain.split_name
    for one, other in zip(images(cached), images(plain), strict=True):
        assert (one.frame, one.turn) == (other.frame, other.turn)
        assert one.image_SS.dtype == np.uint8
        difference = np.abs(one.image_SS.astype(int) - other.image_SS)
        assert difference.max() <= (0 if encoding == "raw" else 16)
        assert difference.mean() <= 2
    batches = [next(iter(data.train_dataloader())) for data in (cached, plain)]
    assert batches[0]["sample_id"] == batches[1]["sample_id"]
    torch.testing.assert_close(batches[0]["region_box"], batches[1]["region_box"])
    torch.testing.assert_close(batches[0]["image"], batches[1]["image"], atol=0 if encoding == "raw" else 0.1, rtol=0)


@pytest.mark.slow
def test_workers_that_are_spawned_read_shards(phantoms, folder):
    assert cache(phantoms, folder, "--encoding=raw") == 0
    data = load(phantoms, cache_dir=str(folder), augmentation_strength=0.0)
    images(data)  # files are open in this process
    loader = torch.utils.data.DataLoader(data.dataset("validate"), 2, num_workers=1, multiprocessing_context="spawn")
    alone = torch.utils.data.DataLoader(data.dataset("validate"), 2)
    for one, other in zip(loader, alone, strict=True):
        assert torch.equal(one["image"], other["image"])


def test_a_fit_says_that_it_reads_the_cache(phantoms, folder, tmp_path, capsys):
    assert cache(phantoms, folder) == 0
    capsys.readouterr()
    line = words("pretrain-phantom", phantoms, tmp_path / "out", f"--data.init_args.cache_dir={folder}")
    assert main(["fit", *line, "--trainer.limit_train_batches=1"]) == 0
    assert f"images from the cache {folder}" in capsys.readouterr().out


def test_other_tools_find_the_layout_of_webdataset(phantoms, folder):
    webdataset = pytest.importorskip("webdataset", reason="webdataset is not installed (extra scale)")
    assert cache(phantoms, folder, "--encoding=raw") == 0
    data = load(phantoms, cache_dir=str(folder))
    names = [source.name for source in data.cache_sources()]
    shown = {sample.sample_id: image for sample, image in zip(data.samples, images(data), strict=True)}
    tars = sorted(str(tar) for tar in folder.glob("*.tar"))
    rows = list(webdataset.WebDataset(tars, shardshuffle=False, empty_check=False).decode("pil"))
    assert [row["json"]["sample_id"] for row in rows] == names
    for row in rows:
        wanted = shown[row["json"]["sample_id"]]
        assert np.array_equal(np.asarray(row["pgm"].convert("L")), wanted.image_SS)
        assert row["json"]["letterbox"] == pytest.approx(list(wanted.frame))


def test_parts_make_the_whole(phantoms, folder, tmp_path, capsys):
    whole = tmp_path / "whole"
    assert cache(phantoms, whole) == 0
    capsys.readouterr()
    assert cache(phantoms, folder, "--shard=2/2") == 0
    assert "2 of 3 shards are left to other parts" in capsys.readouterr().out
    with pytest.raises(DataError, match=r"1 of 3 shards are written, shard-00000\.tar is not.*gkmvlp data cache"):
        load(phantoms, cache_dir=str(folder))
    assert cache(phantoms, folder, "--shard=1/2") == 0
    names = [name for name in tree(whole) if name.startswith(("shard-", "cache.json"))]
    assert len(names) == 7
    assert {name: tree(folder)[name] for name in names if name.endswith((".tar", ".json"))} == {
        name: tree(whole)[name] for name in names if name.endswith((".tar", ".json"))
    }


def test_a_half_built_cache_is_continued(phantoms, folder, capsys):
    assert cache(phantoms, folder) == 0
    before = tree(folder)
    (folder / "shard-00001.npz").unlink()  # killed between the two
    (folder / "shard-00001.tar").replace(folder / ".shard-00001.tar.0123")
    kept = (folder / "shard-00000.tar").stat().st_mtime_ns
    capsys.readouterr()
    assert cache(phantoms, folder) == 0
    told = capsys.readouterr().out
    assert "shard-00001.tar" in told
    assert "shard-00000.tar" not in told
    assert (folder / "shard-00000.tar").stat().st_mtime_ns == kept
    tars = [name for name in before if name.endswith(".tar")]
    assert [name for name in tree(folder) if ".tar" in name] == tars  # nothing is left of the other
    assert all(tree(folder)[name] == before[name] for name in tars)


def one_flipped_bit(file: Path) -> None:
    """In the middle of the first picture."""
    with tarfile.open(file) as archive:
        first = archive.getmembers()[0]
    content = bytearray(file.read_bytes())
    content[first.offset_data + first.size // 2] ^= 1
    file.write_bytes(bytes(content))


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-512])


BREAKS = {
    "deleted": (lambda file: file.unlink(), r"shard-00001\.tar is missing", "is missing: written anew"),
    "cut": (cut, r"shard-00001\.tar has [\d,]+ bytes, [\d,]+ were written", "is not what was written"),
    "one bit": (one_flipped_bit, r"shard-00001\.tar: the image \S+ is not what was written", "is not what was written"),
    "index": (lambda file: cut(file.with_suffix(".npz")), r"shard-00001\.npz is broken", "is broken"),
}


@pytest.mark.parametrize("how", BREAKS)
def test_a_broken_shard_is_named_and_written_anew(phantoms, folder, capsys, how):
    assert cache(phantoms, folder) == 0
    before = (folder / "shard-00001.tar").read_bytes()
    spoil, named, again = BREAKS[how]
    spoil(folder / "shard-00001.tar")
    with pytest.raises(DataError, match=named) as caught:
        images(load(phantoms, cache_dir=str(folder)))
    assert "gkmvlp data cache" in str(caught.value)
    capsys.readouterr()
    assert cache(phantoms, folder) == 0
    told = capsys.readouterr().out
    assert again in told
    assert "shard-00001" in told
    assert (folder / "shard-00001.tar").read_bytes() == before
    images(load(phantoms, cache_dir=str(folder)))


OTHERS = {
    "image size": {"image_size": 48},
    "config": {"intensity": "voi"},
    "fit": {"resize_mode": "crop"},
    "manifest": {"train_fraction": 0.5},
}


@pytest.mark.parametrize("what", OTHERS)
def test_the_cache_of_another_is_refused_with_both_hashes(phantoms, folder, tmp_path, capsys, what):
    assert cache(phantoms, folder) == 0
    before = tree(folder)
    ours = json.loads((folder / "cache.json").read_text())["hash"]
    changed = [f"--{key}={value}" for key, value in OTHERS[what].items()]
    capsys.readouterr()
    assert cache(phantoms, folder, *changed) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    other = tmp_path / "other"
    assert cache(phantoms, other, *changed) == 0
    theirs = json.loads((other / "cache.json").read_text())["hash"]
    assert ours != theirs
    for digest in (ours, theirs):
        assert digest[:12] in told
    assert tree(folder) == before
    with pytest.raises(DataError) as caught:
        load(phantoms, cache_dir=str(folder), **OTHERS[what])
    assert str(caught.value) in told


def test_room_is_estimated_before_anything_is_written(phantoms, folder, capsys, monkeypatch):
    free = shutil.disk_usage(phantoms)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free._replace(free=1000))
    assert cache(phantoms, folder) == 1
    told = capsys.readouterr().err
    assert "0.00 GB are free" in told
    assert told.count("\n") == 1
    assert not list(folder.glob("shard-*"))
    assert not (folder / "cache.json").exists()


def test_a_run_that_fills_a_cache_looks_for_room_first(phantoms, folder, monkeypatch):
    free = shutil.disk_usage(phantoms)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free._replace(free=1000))
    with pytest.raises(DataError, match=r"images take about 0\.00 GB, 0\.00 GB are free; name a folder with more room"):
        load(phantoms, cache_dir=str(folder))
    assert not list(folder.rglob(".*"))
    assert not list(folder.rglob("images-*"))


@pytest.mark.parametrize("encoding", ["jpeg", "raw"])
def test_the_estimate_holds(phantoms, folder, encoding):
    """What is written is at most what was estimated, and at least two thirds of it."""
    assert cache(phantoms, folder, f"--encoding={encoding}") == 0
    data = load(phantoms)
    sources = data.cache_sources()
    estimated = estimated_bytes(data.cache_plan(sources, encoding, 10), sources)
    taken = sum(file.stat().st_size for file in folder.glob("shard-*.tar"))
    assert taken <= estimated <= 1.5 * taken


def test_unreadable_images_are_counted_as_without_a_cache(phantoms, folder, tmp_path, capsys):
    root = tmp_path / "data"
    shutil.copytree(phantoms, root)
    broken = sorted(root.rglob("*.jpg"))[0]
    broken.write_bytes(b"")
    assert cache(root, folder) == 0
    assert "dropped 1: unreadable image" in capsys.readouterr().out
    dropped = [load(root, cache_dir=place, on_unreadable="drop").manifest() for place in (str(folder), None)]
    assert dropped[0] == dropped[1]
    with pytest.raises(DataError, match=broken.name):
        load(root, cache_dir=str(folder))


@pytest.mark.parametrize("shard", ["0/2", "3/2", "2", "a/b"])
def test_wrong_parts(phantoms, folder, capsys, shard):
    assert cache(phantoms, folder, f"--shard={shard}") == 2
    assert "i/n with i from 1 to n was expected" in capsys.readouterr().err
