"""Right hashes of wrong files, from a server: one line at the first use, nothing is run, and a mended file is taken.

Bytes that are no safetensors are found by the download. Tensors that do not fit the model are found when it is built:
``gkmvlp zoo download`` takes them, ``gkmvlp predict`` and ``gkmvlp.load`` do not.
"""

import json
import pickle
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

import gkmvlp
from gkmvlp.app.cli import main
from gkmvlp.errors import BackboneError
from gkmvlp.zoo.registry import find
from gkmvlp.zoo.store.download import folder_of
from tests.app.small_models import ENTITIES, write_images
from tests.zoo.store.server import CONTENT, WEIGHTS, serving, write_entry


class Evil:
    def __reduce__(self):
        return print, ("ran",)


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A server, and a function that puts a backbone on it and its right hashes into the index."""
    monkeypatch.setenv("GKMVLP_ZOO", str(tmp_path / "host"))
    with serving(tmp_path / "host") as server:

        def put(folder):
            files = {file.name: file.read_bytes() for file in folder.iterdir()}
            write_entry(tmp_path / "host", "tiny", {**files, "training.yaml": b""}, sources=[f"{server.url}/tiny"])

        yield put


@pytest.fixture
def predict(tmp_path):
    """The words of a first use."""
    image = str(write_images(tmp_path / "images", 1)[0])
    return ["predict", "--model", "zoo://tiny", "--task", "classification", image]


def told_by(words, capsys):
    """The one line of a command that fails."""
    assert main(words) == 1
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    return told.err


def edited(folder, change):
    path = folder / "model.safetensors"
    state = load_file(path)
    change(state)
    save_file(state, path)


MISFITS = {
    "missing": (lambda folder: edited(folder, lambda state: state.pop("kind")), "1 missing: kind 2x16"),
    "extra": (lambda folder: edited(folder, lambda state: state.update(x=torch.zeros(3))), "1 extra: x 3"),
    "misshapen": (
        lambda folder: edited(folder, lambda state: state.update(kind=torch.zeros(2, 3))),
        "1 of another shape: kind 2x3 where 2x16 is expected",
    ),
    "newer": (
        lambda folder: (folder / "config.json").write_text('{"format": 7}'),
        "format 7 is not known here (up to 1); update gkmvlp",
    ),
}


@pytest.mark.parametrize("fault", MISFITS)
def test_tensors_that_do_not_fit(backbone, host, predict, tmp_path, cache, fault, capsys):
    """Found by ``predict`` and ``load``, whatever was downloaded before."""
    spoil, message = MISFITS[fault]
    shutil.copytree(backbone, tmp_path / "wrong")
    spoil(tmp_path / "wrong")
    host(tmp_path / "wrong")
    assert message in told_by(predict, capsys)
    with pytest.raises(BackboneError):
        gkmvlp.load("tiny", device="cpu")
    assert main(["zoo", "download", "tiny"]) == 0  # its files are what the entry says
    assert [path for path in cache.rglob("*") if path.suffix in (".part", ".partial")] == []
    mended(backbone, host, predict, capsys)


def mended(backbone, host, predict, capsys):
    """A later call succeeds when server and index are right."""
    host(backbone)
    capsys.readouterr()
    assert main(predict) == 0
    assert ENTITIES[0] in capsys.readouterr().out
    folder = folder_of(find("tiny"))
    assert all((folder / file.name).read_bytes() == file.read_bytes() for file in backbone.iterdir())


PICKLES = {
    "pickle": lambda path: torch.save({"x": Evil()}, path),
    "old pickle": lambda path: path.write_bytes(pickle.dumps(Evil())),
}


@pytest.mark.parametrize("command", ["download", "predict"])
@pytest.mark.parametrize("kind", PICKLES)
def test_a_pickle_called_safetensors(backbone, host, predict, tmp_path, cache, command, kind, capsys):
    """Found by the download, also by the one that ``predict`` begins."""
    shutil.copytree(backbone, tmp_path / "wrong")
    PICKLES[kind](tmp_path / "wrong" / "model.safetensors")
    host(tmp_path / "wrong")
    line = told_by(predict if command == "predict" else ["zoo", "download", "tiny"], capsys)
    assert "/tiny/model.safetensors: its hash is right, but it is no safetensors file (a pickle?)" in line
    assert "gkmvlp zoo convert" in line
    assert not folder_of(find("tiny")).exists()
    assert list(cache.rglob("*.safetensors*")) == []
    mended(backbone, host, predict, capsys)


def header(described, length=8):
    """A file of that header and so many bytes of tensors."""
    text = json.dumps(described).encode()
    return len(text).to_bytes(8, "little") + text + bytes(length)


ONE = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
NO_TENSORS = {
    "empty": b"",
    "a page of HTML": b"<html>Not found</html>",
    "a zip": b"PK\x03\x04" + bytes(100),
    "a pickle": pickle.dumps({"x": 1}),
    "no JSON": (5).to_bytes(8, "little") + b"hello",
    "no mapping": header([]),
    "a header that is cut": WEIGHTS[:40],
    "tensors that are cut": WEIGHTS[:-1],
    "more than the tensors": WEIGHTS + b"?",
    "offsets beyond the file": header({"a": ONE | {"data_offsets": [8, 16]}}),
    "offsets of another shape": header({"a": ONE | {"shape": [3]}}),
    "an unknown type": header({"a": ONE | {"dtype": "object"}}),
}


@pytest.mark.parametrize("kind", NO_TENSORS)
def test_headers(server, address, tmp_path, cache, kind, capsys):
    """By address, from two sources: the second is not asked for the same bytes."""
    files = {**CONTENT, "model.safetensors": NO_TENSORS[kind]}
    write_entry(tmp_path / "host", files=files, sources=["small", f"{server.url}/small"])
    assert "it is no safetensors file" in told_by(["zoo", "download", address], capsys)
    assert list(cache.rglob("*.safetensors*")) == []
    assert [name for name, *_ in server.asked].count("model.safetensors") == (kind != "empty")
    write_entry(tmp_path / "host")
    assert main(["zoo", "remove", "small"]) == main(["zoo", "download", address]) == 0


@pytest.mark.parametrize("dtype", ["BF16", "F8_E4M3", "I64", "BOOL"])
def test_types_that_numpy_lacks(tmp_path, dtype):
    """The header is read, not the tensors."""
    width = {"BF16": 2, "F8_E4M3": 1, "I64": 8, "BOOL": 1}[dtype]
    tensor = {"dtype": dtype, "shape": [8 // width], "data_offsets": [0, 8]}
    files = {**CONTENT, "model.safetensors": header({"a": tensor, "__metadata__": {"format": "pt"}})}
    write_entry(tmp_path / "disk", files=files)
    assert main(["zoo", "download", str(tmp_path / "disk" / "small.yaml")]) == 0


def test_a_download_takes_no_torch(address):
    code = "import sys\nfrom gkmvlp.app.cli import main\nsys.exit(main(sys.argv[1:]) or 2 * ('torch' in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code, "zoo", "download", address], check=False).returncode == 0
