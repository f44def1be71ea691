"""Downloads by every way, once, whole, and from where they stopped."""

import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from gkmvlp.app.cli import main
from gkmvlp.errors import ZooError
from gkmvlp.zoo.registry import entries, find
from gkmvlp.zoo.store import download as downloads
from gkmvlp.zoo.store import transfer
from gkmvlp.zoo.store.cache import cache_folder
from gkmvlp.zoo.store.download import download, folder_of, remove, verify
from gkmvlp.zoo.store.register import register
from tests.zoo.store.server import CONTENT, WEIGHTS, cut, serving, write_entry

SPAWN = multiprocessing.get_context("spawn")


def whole(folder):
    assert {file.name: file.read_bytes() for file in folder.iterdir() if file.name[0] != "."} == CONTENT
    return True


def test_an_address_then_a_name(server, address, capsys):
    """The entry is kept: its name means the model from then on, also without the server."""
    assert main(["zoo", "download", address, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    entry = find("small")
    assert told["reference"] == entry.reference
    assert whole(folder_of(entry))
    asked = len(server.asked)
    assert main(["zoo", "download", "small"]) == main(["zoo", "verify"]) == 0
    assert len(server.asked) == asked
    assert capsys.readouterr().out.endswith("small: 3 files right\n")
    assert main(["zoo", "remove", "small", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"name": "small", "removed": True}
    assert entries() == {}


def test_an_address_may_be_pinned(server, address, capsys):
    assert main(["zoo", "download", address, f"--sha256={'0' * 64}"]) == 1
    assert "000000000000... is expected" in capsys.readouterr().err
    assert entries() == {}


def test_a_name_is_not_taken_from_another_model(server, address, tmp_path, capsys):
    assert main(["zoo", "download", address]) == 0
    write_entry(tmp_path / "host", files={**CONTENT, "config.json": b"[]"})
    assert main(["zoo", "download", address]) == 1
    assert "another model is called small" in capsys.readouterr().err
    assert main(["zoo", "remove", "small"]) == main(["zoo", "download", address]) == 0


def test_show_keeps_nothing(server, address, capsys):
    assert main(["zoo", "show", address]) == 0
    assert "name: zoo://small@" in capsys.readouterr().out
    assert entries() == {}


def test_from_a_folder(tmp_path, capsys):
    entry = write_entry(tmp_path / "disk")
    assert main(["zoo", "download", str(tmp_path / "disk" / "small.yaml")]) == 0
    assert whole(folder_of(entry))
    assert find("small").sources == [str(tmp_path / "disk" / "small")]


def test_the_mirror_alone_is_asked(tmp_path, monkeypatch):
    entry = write_entry(tmp_path / "host", sources=["https://elsewhere.invalid/small"])
    with serving(tmp_path) as server:
        monkeypatch.setenv("GKMVLP_MIRROR", f"{server.url}/host/")
        assert whole(download(entry))
        assert {name for name, *_ in server.asked} == set(CONTENT)


@pytest.mark.parametrize(("target", "sent"), [("https://a.example/z", True), ("https://b.example/z", False)])
def test_a_token_stays_with_its_host(target, sent):
    """From https to https another host is followed, and never told who asks."""
    request = urllib.request.Request("https://a.example/x", headers={"Authorization": "Bearer hf_secret", "Range": "y"})
    followed = transfer._Redirects().redirect_request(request, None, 302, "Found", {}, target)
    assert followed.full_url == target
    assert followed.has_header("Authorization") is sent
    assert followed.get_header("Range") == "y"


def test_nothing_leads_from_https_to_http():
    with pytest.raises(ZooError, match="followed only from https to https"):
        transfer._Redirects().redirect_request(
            urllib.request.Request("https://a.example/x"), None, 302, "Found", {}, "http://a.example/x"
        )


def test_the_second_source_serves_where_the_first_fails(tmp_path, server):
    missing, there = f"{server.url}/nothing", f"{server.url}/small"
    assert whole(download(write_entry(tmp_path / "e", sources=[missing, there])))


def test_plain_http_is_taken_from_this_machine_only(tmp_path):
    for source in ("http://example.org/small", "ftp://localhost/small", "http://localhost.example.org/x"):
        with pytest.raises(ZooError, match="https is expected"):
            download(write_entry(tmp_path / "e", sources=[source]))


@pytest.mark.parametrize("variable", ["GKMVLP_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_asks_nobody(server, address, monkeypatch, variable, capsys):
    monkeypatch.setenv(variable, "1")
    assert main(["zoo", "download", address]) == 1
    monkeypatch.delenv(variable)
    assert main(["zoo", "download", address]) == 0
    monkeypatch.setenv(variable, "1")
    assert main(["zoo", "download", "small"]) == 0  # it is here
    (folder_of(find("small")) / "config.json").unlink()
    asked = len(server.asked)
    assert main(["zoo", "download", "small"]) == 1
    assert len(server.asked) == asked
    assert capsys.readouterr().err.count("offline (GKMVLP_OFFLINE or HF_HUB_OFFLINE)") == 2


def test_a_hub_repository_at_a_commit(tmp_path, monkeypatch):
    """The address is the hub's, redirects on it are followed, the token goes to it alone."""
    commit = "a" * 40
    write_entry(tmp_path / f"org/repo/resolve/{commit}")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with serving(tmp_path) as server:
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        assert main(["zoo", "download", f"hf://org/repo@{commit}/small.yaml"]) == 0
        assert whole(folder_of(find("small")))
        assert find("small").sources == [f"hf://org/repo@{commit}/small"]
        assert {token for *_, token in server.asked} == {"Bearer hf_secret"}
    with pytest.raises(ZooError, match="40 hex digits"):
        register("hf://org/repo@main/small.yaml")


def test_a_broken_file_is_fetched_anew_and_only_that(server, address, capsys):
    assert main(["zoo", "download", address]) == 0
    entry = find("small")
    path = folder_of(entry) / "model.safetensors"
    path.write_bytes(WEIGHTS[:-1] + b"?")
    assert verify(entry) == ["model.safetensors"]
    assert main(["zoo", "verify", "small"]) == 1
    assert "small: model.safetensors (gkmvlp zoo download small)\n" in capsys.readouterr().err
    server.asked.clear()
    assert whole(download(entry))
    assert [name for name, *_ in server.asked] == ["model.safetensors"]


def test_verify_as_json(address, capsys):
    """What is wrong is an error on stderr; stdout then stays empty."""
    assert main(["zoo", "verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["zoo", "download", address]) == 0
    capsys.readouterr()
    row = {"name": "small", "files": 3, "size": 300_021, "ok": True}
    for words in ([], ["small"]):
        assert main(["zoo", "verify", *words, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == [row]
    (folder_of(find("small")) / "config.json").write_text("[]")
    assert main(["zoo", "verify", "--json"]) == 1
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert "small: config.json" in told.err


def test_an_untouched_file_is_not_read_again(server, address, monkeypatch):
    assert main(["zoo", "download", address]) == 0
    monkeypatch.setattr(downloads, "_is_right", lambda *_: pytest.fail("a file was read"))
    assert whole(download(find("small")))


def test_it_goes_on_where_an_earlier_call_stopped(server, address, monkeypatch):
    monkeypatch.setattr(transfer, "TRIES", 1)
    server.faults["model.safetensors"] = [cut(200_000)]
    assert main(["zoo", "download", address]) == 1
    assert main(["zoo", "download", address]) == 0
    ranges = [start for name, start, _ in server.asked if name == "model.safetensors"]
    assert ranges == [None, "bytes=200000-"]


def test_progress_is_shown_on_a_terminal_only(server, address, monkeypatch, capsys):
    assert main(["zoo", "download", address]) == 0
    assert capsys.readouterr().err == ""
    remove("small")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert main(["zoo", "download", address]) == 0
    assert "100%" in capsys.readouterr().err


def fetch_in_a_process(entry, cache, rank):
    os.environ |= {"GKMVLP_CACHE": cache, "LOCAL_RANK": rank}
    assert whole(download(entry))


@pytest.mark.parametrize("ranks", [("0", "0"), ("0", "1")])
def test_two_processes_fetch_once(server, tmp_path, ranks):
    """Two commands, or two ranks of one run, at the same time."""
    entry = write_entry(tmp_path / "e", sources=[f"{server.url}/small"])
    both = [SPAWN.Process(target=fetch_in_a_process, args=(entry, str(cache_folder()), rank)) for rank in ranks]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert sorted(name for name, *_ in server.asked) == sorted(CONTENT)


def test_other_ranks_fetch_nothing(server, tmp_path, monkeypatch):
    entry = write_entry(tmp_path / "e", sources=[f"{server.url}/small"])
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(ZooError, match="the first rank of this machine did not fetch it"):
        download(entry)
    assert server.asked == []


def test_killed_in_mid_download(server, address, cache):
    """kill -9: no final name, the lock is free, the next call goes on."""
    go_on = threading.Event()

    def wait(handler, content):
        handler.give(content, 250_000)
        handler.wfile.flush()
        go_on.wait(30)

    server.faults["model.safetensors"] = [wait]
    process = subprocess.Popen([sys.executable, "-m", "gkmvlp", "zoo", "download", address])
    parts = []
    while not (parts and parts[0].stat().st_size >= 250_000):
        assert process.poll() is None
        time.sleep(0.01)
        parts = list(cache.rglob("model.safetensors.part"))
    process.kill()
    process.wait()
    go_on.set()
    assert list(cache.rglob("*.safetensors")) == []
    assert main(["zoo", "download", address]) == 0
    assert whole(folder_of(find("small")))
    assert server.asked[-1][:2] == ("config.json", None)
    assert ("model.safetensors", "bytes=250000-", None) in server.asked
