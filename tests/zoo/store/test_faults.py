"""Servers, disks and files that misbehave: one line, nothing under a final name, and a second call succeeds."""

import errno
import os
import random
import tempfile
from pathlib import Path

import pytest

from gkmvlp.app.cli import main
from gkmvlp.zoo.registry import entries, find
from gkmvlp.zoo.store import transfer
from gkmvlp.zoo.store.download import folder_of
from tests.zoo.store.server import (
    CONTENT,
    WEIGHTS,
    cut,
    instead,
    redirect,
    serving,
    stall,
    status,
    unsized,
    without_ranges,
    write_entry,
)

LENGTH = len(WEIGHTS)
OTHER = bytes(reversed(WEIGHTS))


def fails(address, capsys):
    """The line that a failing download prints."""
    assert main(["zoo", "download", address]) == 1
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert told.err.startswith("gkmvlp: ")
    return told.err


def succeeds(address, capsys):
    """A later call fetches the whole model."""
    assert main(["zoo", "download", address]) == 0
    folder = folder_of(find("small"))
    assert {file.name: file.read_bytes() for file in folder.iterdir() if file.name[0] != "."} == CONTENT
    assert capsys.readouterr().err == ""


# fault: what the server does with the requests for the weights, and what the user is told
FATAL = {
    "404": ([status(404)], "the server answered 404 Not Found"),
    "403": ([status(403)], "the server answered 403 Forbidden"),
    "500 for ever": ([status(500)] * 5, "the server answered 500 Internal Server Error, 5 times in a row"),
    "cut for ever": (
        [cut(1000)] * 6,
        "after 1000 of 300000 bytes, 5 times in a row; a later call goes on there",
    ),
    "too short": ([instead(WEIGHTS[:-7])], "299993 bytes long, 300000 are expected"),
    "too long": ([instead(WEIGHTS + b"more")], "300004 bytes long, 300000 are expected"),
    "too long, unsized": ([unsized(WEIGHTS + b"more")], "longer than the 300000 bytes expected; nothing kept"),
    "other bytes": ([instead(OTHER)], "is expected; nothing kept"),
    "other bytes, unsized": ([unsized(OTHER)], "is expected; nothing kept"),
    "to another host": ([redirect("http://example.org/m")], "redirects to http://example.org/m: another host"),
    "to another port": ([redirect("http://127.0.0.1:9/m")], "redirects to http://127.0.0.1:9/m: another host"),
    "to a file": ([redirect("file:///etc/passwd")], "Redirection to url 'file:///etc/passwd' is not allowed"),
    "in a circle": ([redirect("/small/model.safetensors")] * 30, "the server answered 302"),
}


@pytest.mark.parametrize("fault", FATAL)
def test_a_server_that_cannot_be_used(server, address, cache, fault, capsys):
    server.faults["model.safetensors"], message = list(FATAL[fault][0]), FATAL[fault][1]
    assert message in fails(address, capsys)
    assert list(cache.rglob("*.safetensors")) == []
    assert not folder_of(find("small")).exists()
    server.faults.clear()
    succeeds(address, capsys)


MENDED = {
    "500 then 200": [status(500)],
    "503, cut, 429, cut": [status(503), cut(10), status(429), cut(20)],
    "no ranges": [cut(100_000), without_ranges],
    "range refused": [cut(100_000), status(416)],
    "unsized and cut": [unsized(WEIGHTS[:1000])],
    "redirect on the host": [redirect("/copy/model.safetensors")],
}


@pytest.mark.parametrize("fault", MENDED)
def test_a_server_that_recovers(server, address, tmp_path, fault, capsys):
    (tmp_path / "host/copy").mkdir()
    (tmp_path / "host/copy/model.safetensors").write_bytes(WEIGHTS)
    server.faults["model.safetensors"] = list(MENDED[fault])
    succeeds(address, capsys)
    assert server.faults["model.safetensors"] == []


def test_cut_at_a_random_byte_twenty_times(server, address, capsys):
    """In one call: each time it goes on at the byte where it was cut."""
    places = sorted(random.Random(0).sample(range(1, LENGTH), 20))
    server.faults["model.safetensors"] = [cut(place) for place in places]
    succeeds(address, capsys)
    ranges = [start for name, start, _ in server.asked if name == "model.safetensors"]
    assert ranges == [None, *(f"bytes={place}-" for place in places)]


@pytest.mark.parametrize("place", random.Random(1).sample(range(LENGTH), 20))
def test_each_cut_alone(server, address, monkeypatch, place, capsys):
    """Each in a call of its own, which fails; the next call goes on."""
    monkeypatch.setattr(transfer, "TRIES", 1)
    server.faults["model.safetensors"] = [cut(place)]
    assert f"broken off after {place} of {LENGTH} bytes" in fails(address, capsys)
    succeeds(address, capsys)


def test_a_stalled_server(server, address, monkeypatch, capsys):
    monkeypatch.setattr(transfer, "TIMEOUT", 0.2)
    monkeypatch.setattr(transfer, "TRIES", 2)
    server.faults["model.safetensors"] = [stall(1000), stall(1000)]
    assert "(no answer for 0.2 s), 2 times in a row" in fails(address, capsys)
    server.faults["model.safetensors"] = [stall(2000)]
    succeeds(address, capsys)


def test_nobody_listens(tmp_path, capsys):
    write_entry(tmp_path / "host")
    with serving(tmp_path / "host") as server:
        url = server.url
    assert "Connection refused, 5 times in a row" in fails(f"{url}/small.yaml", capsys)


def edited(old, new):
    """The entry with another text in it, as if published so."""
    return lambda handler, text: handler.give(text.replace(old, new))


ENTRIES = {
    "cut": ([cut(500)] * 5, "broken off"),
    "missing": ([status(404)], "404"),
    "truncated on the host": ([lambda handler, text: handler.give(text[:-10])], "line 1: entry lacks format"),
    "a page of HTML": ([instead(b"<html>Not found</html>")], "entry must be a mapping"),
    "bytes": ([instead(b"\xff\xfe\x00")], "no text; the address of an entry"),
    "a newer format": ([edited(b"format: 1", b"format: 9")], "format 9 is newer"),
    "a path in a name": (
        [edited(b"name: config.json", b"name: ../../config.json")],
        "'../../config.json': a plain name expected, no folder",
    ),
    "a pickle": ([edited(b"name: config.json", b"name: model.bin")], "'model.bin': only .safetensors"),
}  # fmt: skip


@pytest.mark.parametrize("fault", ENTRIES)
def test_an_entry_that_cannot_be_used(server, address, fault, capsys):
    server.faults["small.yaml"], message = list(ENTRIES[fault][0]), ENTRIES[fault][1]
    assert message in fails(address, capsys)
    assert entries() == {}
    server.faults.clear()
    succeeds(address, capsys)


def test_a_full_disk(server, address, cache, monkeypatch, capsys):
    def full(self, chunk):
        if self.size > 100_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, chunk[:150_000])

    write = transfer.PartialFile.write
    with monkeypatch.context() as patched:
        patched.setattr(transfer.PartialFile, "write", full)
        line = fails(address, capsys)
    assert "small (0.3 MB) cannot be kept" in line
    assert "(No space left on device): make room, or name another folder by GKMVLP_CACHE" in line
    assert list(cache.rglob("*.safetensors")) == []
    succeeds(address, capsys)


@pytest.fixture
def nobody():
    """Become a user whom a mode stops, also where tests run as root; the test's end undoes it."""
    own = os.geteuid()
    yield lambda: os.seteuid(65534) if own == 0 else None
    os.seteuid(own)


def test_a_read_only_cache(nobody, monkeypatch, capsys):
    if any(not folder.stat().st_mode & 0o001 for folder in Path(__file__).resolve().parents):
        pytest.skip("the checkout lies in a folder that another user cannot enter")
    main(["zoo", "list"])  # what has to be imported is
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "host") as server:
        locked = Path(folder) / "cache"
        monkeypatch.setenv("GKMVLP_CACHE", str(locked))
        write_entry(Path(folder) / "host")
        locked.mkdir()
        for path, mode in ((Path(folder), 0o755), (locked, 0o555)):
            path.chmod(mode)
        capsys.readouterr()
        own = os.geteuid()
        nobody()
        assert f"cannot be kept in {locked} (Permission denied)" in fails(f"{server.url}/small.yaml", capsys)
        os.seteuid(own)
        locked.chmod(0o755)
        succeeds(f"{server.url}/small.yaml", capsys)


def test_a_cache_that_is_a_file(server, address, cache, capsys):
    cache.write_text("")
    assert "(Not a directory)" in fails(address, capsys)
    cache.unlink()
    succeeds(address, capsys)
