"""A downloaded entry that cannot be used stops nothing but itself, and can be removed."""

import json

import pytest

from gkmvlp.app.cli import main
from gkmvlp.errors import ZooError
from gkmvlp.zoo.registry import entries, find, list_models
from tests.zoo.store.server import CONTENT, write_entry


@pytest.fixture
def kept(tmp_path, cache, monkeypatch):
    """Spoils an entry called "bad" beside a right one that was downloaded, with another that comes with the package."""
    write_entry(tmp_path / "package", "ours")
    for module in ("registry", "entry", "store.register"):
        monkeypatch.setattr(f"gkmvlp.zoo.{module}.PACKAGED", tmp_path / "package")
    write_entry(tmp_path / "host", "right")
    assert main(["zoo", "download", str(tmp_path / "host" / "right.yaml")]) == 0
    write_entry(cache / "entries", "bad")
    return cache / "entries"


def edited(path, old, new):
    path.write_text(path.read_text().replace(old, new))


# what is wrong with an entry, of which name, and what the user is told
BAD = {
    "a newer format": (lambda kept: edited(kept / "bad.yaml", "format: 1", "format: 9"), "bad", "format 9 is newer"),
    "an unknown field": (lambda kept: edited(kept / "bad.yaml", "seed:", "sed:"), "bad", "unknown field 'sed'"),
    "no text": (lambda kept: (kept / "bad.yaml").write_bytes(b"\xff\xfe"), "bad", "no readable entry"),
    "another name": (lambda kept: edited(kept / "bad.yaml", "name: bad", "name: good"), "bad", "call the file good"),
    "a name that is taken": (
        lambda kept: ((kept / "bad.yaml").unlink(), write_entry(kept, "ours")), "ours", "the name ours is taken by"
    ),
}  # fmt: skip


@pytest.fixture(params=BAD)
def bad(kept, request, capsys):
    """Name of an entry that cannot be used, and what is told."""
    spoil, name, message = BAD[request.param]
    spoil(kept)
    capsys.readouterr()
    return name, message


def test_the_others_are_there(bad, kept, tmp_path, capsys):
    """A packaged model whose name is taken stays in the list: it is the download that is left out."""
    name, message = bad
    assert main(["zoo", "list", "--json"]) == 0
    told = capsys.readouterr()
    assert [row["name"] for row in json.loads(told.out)] == ["ours", "right"]
    assert (told.err.count("\n"), told.err.startswith(f"gkmvlp: left out: {kept / name}.yaml")) == (1, True), told.err
    assert message in told.err
    assert f"gkmvlp zoo remove {name}" in told.err
    assert list_models() == list(entries()) == ["ours", "right"]
    write_entry(tmp_path / "host", "more")
    for words in (["show", "right"], ["download", "right"], ["verify", "right"], ["card", "right"], ["remove", "right"],
                  ["download", str(tmp_path / "host" / "more.yaml")]):  # fmt: skip
        assert main(["zoo", *words, "--json"]) == 0
        told = capsys.readouterr()
        assert json.loads(told.out)
        assert told.err == ""


def test_its_own_name_is_an_error(bad, kept, tmp_path, capsys):
    name, message = bad
    write_entry(tmp_path / "elsewhere", name, {**CONTENT, "config.json": b"[]"})
    for words in (["show", name], ["download", f"zoo://{name}"], ["verify", name], ["card", name],
                  ["download", str(tmp_path / "elsewhere" / f"{name}.yaml")]):  # fmt: skip
        assert main(["zoo", *words]) == 1
        told = capsys.readouterr()
        assert (told.out, told.err.count("\n")) == ("", 1)
        assert message in told.err
        assert f"gkmvlp zoo remove {name}" in told.err


def test_it_can_be_removed(bad, kept, capsys):
    name, _ = bad
    assert main(["zoo", "remove", name, "--json"]) == 0
    told = capsys.readouterr()
    assert (json.loads(told.out), told.err) == ({"name": name, "removed": True}, "")
    assert not (kept / f"{name}.yaml").exists()
    assert main(["zoo", "list"]) == main(["zoo", "show", "ours"]) == main(["zoo", "verify", "right"]) == 0
    assert capsys.readouterr().err == ""


def test_verify_of_all_leaves_it_out(bad, capsys):
    """A model that comes with the package is here, what was downloaded in its place is not asked."""
    assert main(["zoo", "verify", "--json"]) == 0
    told = capsys.readouterr()
    assert [row["name"] for row in json.loads(told.out)] == ["ours", "right"]
    assert told.err.count("\n") == 1


def test_other_folders_stay_strict(kept, tmp_path, monkeypatch):
    (kept / "bad.yaml").unlink()
    write_entry(tmp_path / "laboratory", "theirs")
    monkeypatch.setenv("GKMVLP_ZOO", str(tmp_path / "laboratory"))
    for path in (tmp_path / "laboratory" / "theirs.yaml", tmp_path / "package" / "ours.yaml"):
        right = path.read_text()
        edited(path, "format: 1", "format: 9")
        with pytest.raises(ZooError, match="format 9 is newer"):
            find("right")
        path.write_text(right)
    assert list_models() == ["ours", "right", "theirs"]


def test_removing_by_reference(kept, cache, capsys):
    """Of other files than those here nothing is removed, and nothing outside the cache."""
    reference = find("right").reference
    assert main(["zoo", "remove", "zoo://right@000000000000"]) == 1
    for name in ("..", "../entries", "/", str(cache)):
        assert main(["zoo", "remove", name]) == 1
    assert "is no name of a model (gkmvlp zoo list)" in capsys.readouterr().err
    assert main(["zoo", "verify", "right"]) == 0
    assert main(["zoo", "remove", reference]) == 0
    assert main(["zoo", "remove", "right"]) == 1
    assert "no model right" in capsys.readouterr().err
