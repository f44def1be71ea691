"""zoo:// and hf:// wherever a model or backbone is taken; code beside a model is not run; conversion."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import torch
import yaml
from safetensors.torch import load_file

import gkmvlp
import gkmvlp.zoo.store.references
from gkmvlp.app.cli import main
from gkmvlp.checkpoints import references
from gkmvlp.checkpoints.tokenizer_files import load_tokenizer
from gkmvlp.errors import BackboneError, ZooError
from tests.app.small_models import ENTITIES, write_images
from tests.tiny import words
from tests.zoo.store.server import write_entry


def released(backbone, folder, monkeypatch, name="tiny"):
    """A backbone folder as an entry of a registry folder."""
    files = {file.name: file.read_bytes() for file in backbone.iterdir()}
    entry = write_entry(folder, name, {**files, "training.yaml": b""})
    monkeypatch.setenv("GKMVLP_ZOO", str(folder))
    return entry


@pytest.mark.filterwarnings("ignore:A model that never")
def test_load_by_name_reference_and_digest(backbone, tmp_path, monkeypatch):
    image = write_images(tmp_path / "images", 1)[0]
    expected = gkmvlp.load(backbone, device="cpu").predict(image)
    entry = released(backbone, tmp_path / "zoo", monkeypatch)
    for reference in ("tiny", "zoo://tiny", entry.reference):
        assert gkmvlp.load(reference, device="cpu").predict(image) == expected
    with pytest.raises(ZooError, match="no model zoo://tin; did you mean tiny"):
        gkmvlp.load("tin")


def test_predict_by_reference(backbone, tmp_path, monkeypatch, capsys):
    released(backbone, tmp_path / "zoo", monkeypatch)
    image = str(write_images(tmp_path / "images", 1)[0])
    assert main(["predict", "--model", "zoo://tiny", "--task", "classification", image]) == 0
    assert ENTITIES[0] in capsys.readouterr().out


def test_a_run_starts_from_a_reference(pretrained, phantoms, tmp_path, monkeypatch, capsys):
    """The run's config and model keep the reference, not where the cache lies; another name is one line."""
    entry = released(pretrained / "backbone", tmp_path / "zoo", monkeypatch)
    out = tmp_path / "run"
    options = words("vqa-phantom", phantoms, out, "--trainer.limit_train_batches=1", "--trainer.limit_val_batches=1")
    assert main(["fit", *options, f"--model.init_args.backbone={entry.reference}"]) == 0
    assert f"backbone {entry.reference}: " in capsys.readouterr().out
    assert yaml.safe_load((out / "config.yaml").read_text())["model"]["init_args"]["backbone"] == entry.reference
    assert json.loads((out / "model" / "config.json").read_text())["backbone"] == entry.reference
    assert main(["fit", *options, "--model.init_args.backbone=zoo://tinny"]) == 1
    assert capsys.readouterr().err == "gkmvlp: no model zoo://tinny; did you mean tiny? (gkmvlp zoo list)\n"


def test_an_unknown_scheme():
    with pytest.raises(BackboneError, match=r"ftp://x: a folder, or one of these is expected: hf://, zoo://"):
        references.folder_of("ftp://x")


def test_code_beside_a_tokenizer_is_not_run(backbone, tmp_path):
    shutil.copytree(backbone, tmp_path / "b")
    ran = tmp_path / "ran"
    (tmp_path / "b" / "evil.py").write_text(f"open({str(ran)!r}, 'w')\nclass Evil: pass\n")
    path = tmp_path / "b" / "tokenizer_config.json"
    told = json.loads(path.read_text()) | {
        "auto_map": {"AutoTokenizer": ["evil.Evil", None]},
        "tokenizer_class": "Evil",
    }
    path.write_text(json.dumps(told))
    with contextlib.suppress(BackboneError):
        load_tokenizer(tmp_path / "b")
    assert not ran.exists()


class Hub(BaseHTTPRequestHandler):
    """The answers of the hub that a snapshot needs."""

    commit = "b" * 40

    def do_GET(self):
        files = {file.name: file.read_bytes() for file in self.server.root.iterdir()}
        if f"/tree/{self.commit}" in self.path:
            tree = [{"type": "file", "path": n, "size": len(f), "oid": n.encode().hex()[:40]} for n, f in files.items()]
            content = json.dumps(tree).encode()
        elif f"/revision/{self.commit}" in self.path:
            names = [{"rfilename": name} for name in files]
            content = json.dumps({"id": "org/repo", "sha": self.commit, "siblings": names}).encode()
        elif self.path.startswith("/org/repo/resolve/"):
            content = files[self.path.rpartition("/")[2]]
        else:
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{len(content)}"')
        self.send_header("X-Repo-Commit", self.commit)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


def test_a_hub_folder(backbone, tmp_path, monkeypatch, capsys):
    """By the real client in a process of its own: a pickle beside the weights is not fetched; offline it is here."""
    shutil.copytree(backbone, tmp_path / "repo")
    (tmp_path / "repo" / "pytorch_model.bin").write_bytes(b"\x80")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.root = tmp_path / "repo"
    Thread(target=server.serve_forever, daemon=True).start()
    code = (
        "import pathlib, sys\nfrom gkmvlp.zoo.store.hub import hub_folder\n"
        "print(sorted(file.name for file in hub_folder(sys.argv[1]).iterdir()))"
    )
    environment = {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": str(tmp_path / "hf")}
    names = str(sorted(file.name for file in backbone.iterdir()))

    def told(reference, **more):
        words, variables = [sys.executable, "-c", code, reference], {**os.environ, **environment, **more}
        done = subprocess.run(words, env=variables, capture_output=True, text=True, check=False)
        return (done.stdout or done.stderr).strip().splitlines()[-1]

    assert told(f"hf://org/repo@{Hub.commit}") == names
    server.shutdown()
    assert told(f"hf://org/repo@{Hub.commit}", GKMVLP_OFFLINE="1") == names
    assert told("hf://org/other", GKMVLP_OFFLINE="1").endswith("hf://org/other: offline, and it is not in the cache")
    with pytest.raises(ZooError, match="hf://org/repo or"):
        references.folder_of("hf://org")


def test_conversion(tmp_path, capsys):
    """Tensors by name out of a checkpoint, also those that share memory; other content is left."""
    shared = torch.arange(6.0).reshape(2, 3)
    state = {"a": shared, "b": shared.T, "n": torch.tensor(3)}
    torch.save({"state_dict": state, "epoch": 3, "optimizer": {"lr": 0.1}}, tmp_path / "x.ckpt")
    assert main(["zoo", "convert", str(tmp_path / "x.ckpt"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"file": str(tmp_path / "x.safetensors"), "tensors": 3}
    found = load_file(told["file"])
    assert all(torch.equal(found[name], tensor) for name, tensor in state.items())
    assert main(["zoo", "convert", str(tmp_path / "x.ckpt")]) == 1
    assert "x.safetensors exists" in capsys.readouterr().err


class Evil:
    def __reduce__(self):
        return print, ("ran",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"state_dict": {"a": torch.zeros(1)}, "x": Evil()}, "refused, it is no pickle of tensors alone"),
        ({"a": 1}, "no tensors by name"),
        ([torch.zeros(1)], "no tensors by name"),
        (None, "refused, it is no pickle of tensors alone"),
    ],
)
def test_what_is_not_converted(tmp_path, content, message, capsys):
    path = tmp_path / "x.pt"
    path.write_bytes(b"hello") if content is None else torch.save(content, path)
    assert main(["zoo", "convert", str(path)]) == 1
    told = capsys.readouterr()
    assert "ran" not in told.out
    assert (told.err.count("\n"), message in told.err) == (1, True), told.err
    assert [file.name for file in tmp_path.iterdir()] == ["x.pt"]
