"""Models as the Hugging Face Hub knows them: the same bits back, nothing foreign uploaded, no pickle, no patients."""

import json
import os
import pickle
import shutil
from pathlib import Path

import huggingface_hub.hub_mixin as mixin
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer

import gkmvlp
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints import heads, hub
from gkmvlp.checkpoints.backbone import Backbone
from gkmvlp.errors import BackboneError, ZooError
from gkmvlp.models.generation import DecodingConfig
from gkmvlp.models.heads.label_head import label_head
from gkmvlp.zoo.inference.predictor import Predictor
from tests.app.small_models import SENTENCES, architecture, build, write_answering, write_backbone, write_images

pytestmark = pytest.mark.filterwarnings("ignore:A model that never")
PHANTOM = "phantom-mimic-cxr"
SHARED = ["checksums.json", "config.json", "entities.json", "grounding.json", "model.safetensors", "tokenizer.json"]
OWN = {
    "backbone": [],
    "vqa": ["answers.json", "classifier.safetensors"],
    "classification": ["label_head.safetensors", "labels.json"],
    "report_generation": [],
}


def write(kind: str, folder: Path) -> Path:
    """A model's folder of each kind."""
    torch.manual_seed(1)
    if kind == "backbone":
        return write_backbone(folder)
    if kind == "vqa":
        return write_answering(folder, "classify", PHANTOM)
    model = build(PHANTOM)
    model.info["task"] = kind
    if kind == "classification":
        heads.save(model, label_head(("effusion", "mass"), architecture(), "both"), folder)
    else:
        model.info["decoding"] = {"strategy": "beam", "num_beams": 2, "max_new_tokens": 6}
        backbones.save(model, folder)
    return folder


def readings(predictor: Predictor, folder: Path) -> list:
    question = "Is there an effusion?" if predictor.info.get("task") == "vqa" else None
    return [predictor.predict(image, question=question) for image in write_images(folder, 2)]


def files(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("kind", OWN)
def test_round_trip(kind, tmp_path):
    """Tensors and readings bit by bit, with all files of the kind; what lies in the folder already stays."""
    source = write(kind, tmp_path / "model")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")
    before = gkmvlp.load(source, device="cpu")
    before.save_pretrained(tmp_path / "out")
    expected = [*SHARED, "tokenizer_config.json", *OWN[kind], "README.md", "mine.txt"]
    assert files(tmp_path / "out") == sorted(expected)
    for name in [name for name in expected if name.endswith(".safetensors")]:
        mine, theirs = load_file(source / name), load_file(tmp_path / "out" / name)
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    after = Predictor.from_pretrained(tmp_path / "out", device="cpu")
    assert readings(after, tmp_path / "images") == readings(before, tmp_path / "images")


def test_what_was_learned_since_loading_is_saved(tmp_path):
    """Also into the folder it came from; a changed search is that of the report model from then on."""
    model = Predictor.from_pretrained(write("report_generation", tmp_path / "model"), device="cpu")
    with torch.no_grad():
        model.model.kind.fill_(7)
    model.head = DecodingConfig("greedy", max_new_tokens=3)
    model.save_pretrained(tmp_path / "model")
    again = Predictor.from_pretrained(tmp_path / "model", device="cpu")
    assert (again.model.kind == 7).all()
    assert again.head == model.head


def test_a_backbone_and_its_tokenizer(tmp_path):
    before = build(PHANTOM)
    before.info["backbone"] = str(tmp_path / "elsewhere")
    before.save_pretrained(tmp_path / "out")
    after = Backbone.from_pretrained(tmp_path / "out")
    assert after.info == {"trained_on": PHANTOM}
    mine, theirs = before.model.state_dict(), after.model.state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    plain = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert plain(SENTENCES)["input_ids"] == before.tokenizer(SENTENCES)["input_ids"]
    assert plain.bos_token_id == before.tokenizer.bos_token_id
    assert str(tmp_path) not in "".join(
        f.read_text() for f in (tmp_path / "out").iterdir() if f.suffix != ".safetensors"
    )


class Api:
    """Takes what would be uploaded."""

    uploads: list[dict]

    def __init__(self, token=None):
        self.token = token

    def create_repo(self, repo_id, **_):
        self.repo_id = repo_id
        return self

    def upload_folder(self, *, folder_path, **options):
        shutil.copytree(folder_path, self.kept)
        self.uploads.append(options)
        return "https://hub/commit"


@pytest.fixture
def api(tmp_path, monkeypatch):
    Api.uploads, Api.kept = [], tmp_path / "uploaded"
    monkeypatch.setattr(mixin, "HfApi", Api)
    return Api


def test_push(api, tmp_path):
    """Exactly the model's files and its card; the card tells what it is, and what it is not for."""
    model = gkmvlp.load(write("vqa", tmp_path / "model"), device="cpu")
    assert model.push_to_hub("org/tiny", branch="b") == "https://hub/commit"
    assert files(api.kept) == sorted([*SHARED, "tokenizer_config.json", *OWN["vqa"], "README.md"])
    assert (api.uploads[0]["repo_id"], api.uploads[0]["revision"]) == ("org/tiny", "b")
    card = (api.kept / "README.md").read_text()
    for words in (
        "library_name: gkmvlp",
        'gkmvlp.load("hf://org/tiny")',
        PHANTOM,
        "never saw a patient",
        "not for clin",
    ):
        assert words in card, words
    assert readings(Predictor.from_pretrained(api.kept, device="cpu"), tmp_path) == readings(model, tmp_path)


def test_push_of_patients_needs_a_word(api, tmp_path):
    model = Backbone.from_pretrained(write_backbone(tmp_path / "model", "phantom-a, mimic-cxr"))
    with pytest.raises(ZooError, match=r"patients \(phantom-a, mimic-cxr\).*saw_patients=True"):
        model.push_to_hub("org/tiny")
    assert not api.uploads
    model.push_to_hub("org/tiny", saw_patients=True)
    assert "never saw" not in (api.kept / "README.md").read_text()


def test_push_offline_or_refused(api, tmp_path, monkeypatch):
    model = Backbone.from_pretrained(write_backbone(tmp_path / "model"))

    def refused(*_, **__):
        raise OSError("403 Forbidden\nask the owner")

    monkeypatch.setattr(Api, "create_repo", refused)
    with pytest.raises(ZooError, match=r"org/tiny: 403 Forbidden$"):
        model.push_to_hub("org/tiny")
    monkeypatch.setenv("GKMVLP_OFFLINE", "1")
    with pytest.raises(ZooError, match="org/tiny: not pushed, offline"):
        model.push_to_hub("org/tiny")


def test_the_revision_and_what_else_is_asked_reach_the_download(tmp_path, monkeypatch):
    folder, asked = write("vqa", tmp_path / "model"), {}
    monkeypatch.setattr(
        hub, "snapshot_download", lambda repo, **options: asked.update(options, repo=repo) or str(folder)
    )
    model = Predictor.from_pretrained("org/tiny", revision="v1", cache_dir=tmp_path, token="t", device="cpu")
    assert model.head.mode == "classify"
    told = {"repo": "org/tiny", "revision": "v1", "cache_dir": tmp_path, "token": "t", "local_files_only": False}
    assert asked == told | {"allow_patterns": ["*.safetensors", "*.json", "*.txt"]}
    monkeypatch.setenv("GKMVLP_OFFLINE", "1")
    Backbone.from_pretrained("org/tiny")
    assert asked["local_files_only"]


def test_a_pickle_is_not_opened(tmp_path):
    folder = write("backbone", tmp_path / "model")
    (folder / "model.safetensors").write_bytes(pickle.dumps({"x": os.getpid}))
    with pytest.raises(BackboneError, match=r"is a pickle.*not opened"):
        Predictor.from_pretrained(folder)


@pytest.mark.parametrize("name", ["org/not-there", "a/b/c"])
def test_what_is_not_there_is_one_line(name, monkeypatch):
    monkeypatch.setenv("GKMVLP_OFFLINE", "1")
    with pytest.raises(ZooError) as caught:
        Predictor.from_pretrained(name)
    assert str(caught.value).startswith(f"hf://{name}: ")
    assert "\n" not in str(caught.value)


def test_no_path_of_this_machine_is_saved(tmp_path):
    source = write("vqa", tmp_path / "model")
    config = json.loads((source / "config.json").read_text()) | {"backbone": "outputs/pretrain/backbone"}
    (source / "config.json").write_text(json.dumps(config))
    Predictor.from_pretrained(source, device="cpu").save_pretrained(tmp_path / "out")
    assert "backbone" not in json.loads((tmp_path / "out" / "config.json").read_text())
