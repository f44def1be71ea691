"""Texts of a model's folder that changed without anybody's hand."""

import json

import pytest

from gkmvlp.checkpoints.checksums import FILE, require_undamaged, write_checksums, write_later
from gkmvlp.errors import BackboneError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "grounding.json").write_text(json.dumps({"boxes": [0.25, 0.5]}))
    (tmp_path / "vocab.txt").write_text("[PAD]\nlung\nheart\n")
    (tmp_path / "model.safetensors").write_bytes(b"tensors")
    write_checksums(tmp_path)
    return tmp_path


def test_tensors_are_not_its_matter_and_what_is_as_it_was_passes(folder):
    assert set(json.loads((folder / FILE).read_text())) == {"grounding.json", "vocab.txt"}
    (folder / "model.safetensors").write_bytes(b"others")
    (folder / "vocab.txt").rename(folder / "elsewhere.txt")
    require_undamaged(folder)
    (folder / FILE).unlink()
    require_undamaged(folder)


@pytest.mark.parametrize("bit", range(8))
@pytest.mark.parametrize("name", ["grounding.json", "vocab.txt"])
def test_a_bit_that_changed_is_told(name, bit, folder):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1 << bit
    (folder / name).write_bytes(content)
    with pytest.raises(BackboneError, match=f"{name} is damaged .*: fetch or train it anew; .* remove .*{FILE}"):
        require_undamaged(folder)


def test_a_text_that_was_cut_off_is_told(folder):
    (folder / "vocab.txt").write_text("[PAD]\nlu")
    with pytest.raises(BackboneError, match=r"vocab\.txt is damaged"):
        require_undamaged(folder)


def test_whoever_edits_json_may(folder):
    (folder / "grounding.json").write_text(json.dumps({"boxes": [0.25, 0.75, 1]}))
    require_undamaged(folder)


def test_a_file_that_was_written_later_is_noted_where_there_are_notes(folder, tmp_path_factory):
    write_later(folder, "calibration.json", '{"format": 1}')
    require_undamaged(folder)
    (folder / "calibration.json").write_text('{"format": 2}')
    with pytest.raises(BackboneError, match=r"calibration\.json is damaged"):
        require_undamaged(folder)
    bare = tmp_path_factory.mktemp("bare")
    write_later(bare, "calibration.json", '{"format": 1}')
    assert [file.name for file in bare.iterdir()] == ["calibration.json"]


@pytest.mark.parametrize("content", ["", "[]", '{"vocab.txt": 1}', '{"vocab.txt": [1]}', '{"vocab.txt": ["a", "b"]}'])
def test_notes_that_are_none_are_one_line(content, folder):
    (folder / FILE).write_text(content)
    with pytest.raises(BackboneError, match=f"{FILE} is damaged") as caught:
        require_undamaged(folder)
    assert "\n" not in str(caught.value)
