"""An upload that is read is gone, with its folder; others of the same content may come meanwhile."""

from pathlib import Path

import pytest

from gkmvlp.app.serving.page import take


def test_an_upload_is_gone_with_its_folder(tmp_path):
    file = tmp_path / "hash" / "a.png"
    file.parent.mkdir()
    file.write_bytes(b"one")
    assert take(file, tmp_path) == b"one"
    assert list(tmp_path.iterdir()) == []
    assert take(file, tmp_path) is None


def test_another_upload_of_the_same_content_keeps_the_folder(tmp_path, monkeypatch):
    """It comes between the reading of this one and the removal of the folder, which its name, a hash, makes theirs."""
    file, other = tmp_path / "hash" / "a.png", tmp_path / "hash" / "b.png"
    file.parent.mkdir()
    file.write_bytes(b"one")
    remove = Path.rmdir

    def late(folder: Path) -> None:
        other.write_bytes(b"one")
        remove(folder)

    monkeypatch.setattr(Path, "rmdir", late)
    assert take(file, tmp_path) == b"one"
    assert other.read_bytes() == b"one"


@pytest.mark.parametrize("place", ["a.png", "uploads/../a.png"])
def test_what_lies_elsewhere_is_left(tmp_path, place):
    (tmp_path / "uploads").mkdir()
    (tmp_path / "a.png").write_bytes(b"one")
    assert take(tmp_path / place, tmp_path / "uploads") is None
    assert (tmp_path / "a.png").is_file()
