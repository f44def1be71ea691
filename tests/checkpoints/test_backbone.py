"""The backbone folder: the same bits back, and one line for whatever does not fit."""

import json
import re

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from timm.layers import trunc_normal_
from torch import nn
from transformers import BertConfig, BertForMaskedLM

from gkmvlp.anatomy import shipped_atlas
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints import weights
from gkmvlp.data_modules.pipeline.samples import read_atlas
from gkmvlp.errors import BackboneError, ConfigError
from gkmvlp.models.config import Architecture
from gkmvlp.models.tokenizer import train_tokenizer


@pytest.fixture
def saved(build, tmp_path):
    """A backbone and its folder."""
    backbone = build()
    backbone.info = {"trained_on": "phantoms", "patients": [backbones.patient_hash("p1")]}
    backbones.save(backbone, tmp_path / "bb")
    return backbone, tmp_path / "bb"


def test_a_folder_gives_back_the_same_outputs_bit_by_bit(saved, images, outputs):
    before, folder = saved
    after = backbones.load(folder)
    after.model.eval()
    assert after.info == before.info
    assert after.model.architecture.differences(before.model.architecture) == []
    files = (
        "checksums.json config.json entities.json grounding.json model.safetensors tokenizer.json tokenizer_config.json"
    )
    assert sorted(file.name for file in folder.iterdir()) == files.split()
    mine, theirs = outputs(before, *images()), outputs(after, *images())
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


SWIN = {"window_size": 2, "patch_size": 4, "embed_dim": 8, "depths": (2, 2), "num_heads": (1, 2)}
ENCODERS = {
    "vit": {},
    "swin": {"vision.name": "swin_tiny_patch4_window7_224", "vision.timm_kwargs": SWIN},  # masks that no file holds
    "resnet": {"vision.name": "resnet18", "vision.out_indices": [2], "vision.timm_kwargs": {"layers": [1, 1, 1, 1]}},
}


@pytest.mark.parametrize("encoder", ENCODERS)
def test_loading_gives_what_drawing_and_copying_gives(tiny, build, images, outputs, encoder, tmp_path, monkeypatch):
    """Bit by bit; the order of tensors in memory decides the kernels. Training in place leaves the file alone."""
    backbones.save(build(tiny(**ENCODERS[encoder])), tmp_path / "bb")
    file = (tmp_path / "bb" / "model.safetensors").read_bytes()
    loaded = backbones.load(tmp_path / "bb")
    monkeypatch.setattr(weights, "DRAWS", set())
    drawn = backbones.load(tmp_path / "bb")
    for backbone in (loaded, drawn):
        assert all(parameter.requires_grad for parameter in backbone.model.parameters())
        backbone.model.eval()
    both = (
        dict(backbone.model.named_buffers()) | dict(backbone.model.named_parameters()) for backbone in (loaded, drawn)
    )
    for mine, theirs in zip(*(tensors.values() for tensors in both), strict=True):
        assert torch.equal(mine, theirs)
        assert mine.stride() == theirs.stride()
    mine, theirs = outputs(loaded, *images()), outputs(drawn, *images())
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    with torch.no_grad():
        for parameter in loaded.model.parameters():
            parameter.zero_()
    assert (tmp_path / "bb" / "model.safetensors").read_bytes() == file


def test_building_undrawn_leaves_chance_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    with weights.SkipInit():
        nn.Linear(3, 3), nn.Embedding(3, 3), trunc_normal_(torch.empty(3), std=0.02)
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_by_file_and_folder_are_in_the_backbone_and_needed_no_more(tiny, build, images, outputs, tmp_path):
    architecture = tiny()
    vision = architecture.vision
    own = timm.create_model(vision.name, img_size=32, in_chans=1, num_classes=0, **vision.timm_kwargs)
    save_file(own.state_dict(), tmp_path / "vit.safetensors")
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    tokenizer = train_tokenizer(["the heart"], 200)
    BertForMaskedLM(BertConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(tmp_path / "bert")
    tokenizer.save_pretrained(tmp_path / "bert")
    vision.weights, architecture.text.weights = str(tmp_path / "vit.safetensors"), str(tmp_path / "bert")
    before = build(architecture)
    assert (before.model.architecture.text.hidden_size, before.model.architecture.text.num_hidden_layers) == (32, 1)
    backbones.save(before, tmp_path / "bb")
    (tmp_path / "vit.safetensors").unlink()
    after = backbones.load(tmp_path / "bb")
    after.model.eval()
    mine, theirs = outputs(before, *images()), outputs(after, *images())
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    asked = tiny(**{"text.weights": "the same BERT, its sizes not repeated"})
    assert after.model.architecture.differences(asked) == []


def test_a_backbone_without_arguments_of_timm_is_read(tiny, build, tmp_path):
    backbones.save(build(tiny(**{"vision.name": "test_resnet", "vision.timm_kwargs": None})), tmp_path / "bb")
    after = backbones.load(tmp_path / "bb").model.architecture
    assert after.vision.timm_kwargs is None
    assert after.differences(tiny(**{"vision.name": "test_resnet", "vision.timm_kwargs": {}})) == []


def test_saving_again_replaces_the_folder(saved, build):
    _, folder = saved
    (folder / "left_over").touch()
    backbones.save(build(), folder)
    assert not (folder / "left_over").exists()
    assert backbones.load(folder).info == {}
    assert [file.name for file in folder.parent.iterdir()] == ["bb"]


def test_prior_and_prompts_stand_readable_in_the_folder(saved):
    backbone, folder = saved
    grounding, entities = (json.loads((folder / f"{name}.json").read_text()) for name in ("grounding", "entities"))
    assert torch.equal(torch.tensor(grounding["prior"]).bool(), backbone.model.prior_ER)
    assert [entity["name"] for entity in entities] == backbone.model.architecture.knowledge.entities
    heart = entities[1]
    assert heart["name"] == "cardiomegaly"
    assert [name for name, on in zip(grounding["regions"], grounding["prior"][1], strict=True) if on] == [
        "cardiac silhouette"
    ]


def test_the_atlas_of_pre_training_lies_in_the_folder_and_can_be_named_as_one(saved):
    backbone, folder = saved
    backbone.atlas = {view: box_R4 * 0.9 for view, box_R4 in shipped_atlas().items()}
    backbones.save(backbone, folder)
    for boxes in (backbones.load(folder).atlas, read_atlas(str(folder / "grounding.json"))):
        assert all(np.array_equal(boxes[view], backbone.atlas[view]) for view in ("PA", "AP"))


def edit(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def tensors(folder, change):
    path = folder / "model.safetensors"
    state = load_file(path)
    change(state)
    save_file(state, path)


def other_depth(folder):
    architecture = json.loads((folder / "config.json").read_text())["architecture"]
    architecture["knowledge"]["layers"] = 3
    edit(folder, architecture=architecture)


def unknown_key(folder):
    architecture = json.loads((folder / "config.json").read_text())["architecture"]
    edit(folder, architecture=architecture | {"colour": "red"})


def vision(folder, **changes):
    architecture = json.loads((folder / "config.json").read_text())["architecture"]
    architecture["vision"] |= changes
    edit(folder, architecture=architecture)


SPOILED = {
    "no folder": (lambda folder: folder.rename(folder.with_name("elsewhere")), "no backbone at"),
    "newer format": (lambda folder: edit(folder, format=99), "format 99 is not known here"),
    "no backbone's config": (lambda folder: (folder / "config.json").write_text("{}"), "is not known here"),
    "other entities": (lambda folder: edit(folder, entities_sha256="0" * 64), "another entity list"),
    "unknown key": (unknown_key, "another version.*colour"),
    "other depth": (other_depth, r"does not fit its config\.json.*knowledge\.layers\.2"),
    "missing tensor": (lambda folder: tensors(folder, lambda state: state.pop("kind")), "json: 1 missing: kind 2x16$"),
    "misshapen tensor": (
        lambda folder: tensors(folder, lambda state: state.update(kind=torch.zeros(2, 3))),
        "json: 1 of another shape: kind 2x3 where 2x16 is expected$",
    ),
    "extra tensors": (
        lambda folder: tensors(folder, lambda state: state.update({f"x{n}": torch.zeros(n) for n in range(5)})),
        "json: 5 extra: x0 0, x1 1, x2 2 and 2 more$",
    ),
    "pickle": (lambda folder: torch.save({}, folder / "model.safetensors"), "is a pickle.*not opened: gkmvlp zoo conv"),
    "vision from a file": (lambda folder: vision(folder, options={"checkpoint_path": "x.pt"}), "is not taken"),
    "vision from an address": (lambda folder: vision(folder, name="hf-hub:a/b"), "'hf-hub:a/b'.*is not taken"),
    "cut tensors": (lambda folder: (folder / "model.safetensors").write_bytes(b"x" * 40), "model.safetensors"),
    "no tensors": (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors"),
    "no atlas": (lambda folder: (folder / "grounding.json").write_text('{"regions": []}'), r"grounding\.json.*boxes"),
    "a list": (lambda folder: (folder / "config.json").write_text("[]"), r"config\.json holds no keys with values"),
    "no hash of the entities": (lambda folder: edit(folder, entities_sha256=None), "another entity list"),
    "a digit of a box": (
        lambda folder: (folder / "grounding.json").write_text(
            re.sub(r"(0\.\d)\d", lambda box: box[1] + "9", (folder / "grounding.json").read_text())
        ),
        r"grounding\.json is damaged",
    ),
    "cut config": (lambda folder: (folder / "config.json").write_text('{"format": 1, "arch'), r"config\.json"),
}  # fmt: skip


@pytest.mark.parametrize("fault", SPOILED)
def test_what_does_not_fit_is_one_line(saved, fault):
    spoil, message = SPOILED[fault]
    spoil(saved[1])
    with pytest.raises(BackboneError, match=message) as caught:
        backbones.load(saved[1])
    assert "\n" not in str(caught.value)
    assert str(saved[1].parent) in str(caught.value)


def test_an_entity_that_nobody_knows_is_named_with_its_neighbour(tiny, build):
    with pytest.raises(ConfigError, match="did you mean 'pneumothorax'"):
        build(tiny(**{"knowledge.entities": ["pneumotorax"]}))


def test_an_architecture_survives_json(tiny):
    architecture = tiny(**{"vision.out_indices": [1, 2], "knowledge.routing": "hard"})
    assert Architecture.from_dict(json.loads(json.dumps(architecture.to_dict()))) == architecture


def test_differences_name_dotted_keys_and_leave_out_what_may_change(tiny):
    free = {"text.dropout": 0.3, "knowledge.dropout": 0.0, "text.tokenizer": "x", "vision.weights": "y"}
    assert tiny().differences(tiny(**free)) == []
    changed = {"image_size": 64, "vision.timm_kwargs": {}, "text.hidden_size": 32, "knowledge.entities": ["edema"]}
    assert tiny().differences(tiny(**changed)) == list(changed)


PHANTOMS = {"trained_on": "phantom-mimic-cxr, phantom-chestxray14", "patients": [backbones.patient_hash("1")]}
PATIENTS = {"trained_on": "phantom-mimic-cxr, chestxray14", "patients": [backbones.patient_hash("1")]}


@pytest.mark.parametrize(
    ("info", "data", "seen"),
    [
        (PHANTOMS, "phantom-chestxray14", {"1"}),
        (PHANTOMS, "chestxray14", set()),  # phantom 1 is not patient 1
        (PATIENTS, "chestxray14", {"1"}),
        (PATIENTS, "phantom-chestxray14", set()),
        ({}, "chestxray14", set()),
    ],
)
def test_patients_that_a_model_has_seen(info, data, seen):
    assert backbones.seen_patients(info, data, ["1", "2"]) == seen


@pytest.mark.parametrize(
    ("info", "data", "known"),
    [
        ({}, "chestxray14", "2"),
        (PHANTOMS, "phantom-rsna", "12"),
        (PHANTOMS, "chestxray14", "2"),  # from here on a list of patients
        (PATIENTS, "chestxray14", "12"),
        (PATIENTS, "phantom-rsna", "1"),
        ({"trained_on": "mimic-cxr"}, "phantom-rsna", ""),  # a list that was not kept has no phantoms in its place
    ],
)
def test_a_model_names_patients_or_where_it_saw_none_phantoms(info, data, known):
    assert backbones.with_patients(info, data, ["2", "2"]) == sorted(map(backbones.patient_hash, known))


def test_patient_hashes_hide_the_id_and_are_stable():
    first, second = (backbones.patient_hash(name) for name in ("10000032", "10000033"))
    assert first == backbones.patient_hash("10000032") != second
    assert len(first) == 16
    assert "10000032" not in first
