"""Fine-tuning by low-rank adapters: what is trained, what is written, and what is read back, for every task."""

import json

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

import gkmvlp
from gkmvlp.app.cli import main
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.data_modules import ChestXray14, Melinda, MimicCxr, RsnaPneumonia, VqaRad
from gkmvlp.data_modules.synthetic import chest_xray14, melinda, rsna_pneumonia
from gkmvlp.errors import ConfigError
from gkmvlp.metrics.results.predictions import read_predictions
from gkmvlp.models.heads.detector import DetectorConfig
from gkmvlp.models.lora import LoraConfig
from gkmvlp.tasks import (
    Classification,
    ImageTextClassification,
    Localization,
    RegionDetection,
    ReportGeneration,
    VisualQuestionAnswering,
)
from tests.tiny import DATA, architecture, arl_architecture, words

pytest.importorskip("peft", reason="the extra lora is not installed")


@pytest.fixture(scope="module")
def corpora(phantoms, tmp_path_factory):
    """A look-alike of each data set, at 32 px."""
    root = tmp_path_factory.mktemp("corpora")
    chest_xray14.write(root, 16, 0, 32)
    rsna_pneumonia.write(root, 16, 0, size=32, workers=1)
    melinda.write(root, 12, 1, 32)
    made = {
        "classification": ChestXray14(str(root), **DATA),
        "localization": RsnaPneumonia(str(root), dataset_name="phantom-rsna", **DATA),
        "image_text_classification": Melinda(str(root), label="p_meth", **DATA),
        "region_detection": MimicCxr(str(phantoms), region_boxes="dataset", **DATA),
        "report_generation": MimicCxr(str(phantoms), dataset_name="phantom-mimic-cxr", **DATA),
        "vqa": VqaRad(str(phantoms), split="image-disjoint", dataset_name="phantom-vqa-rad", **DATA),
    }
    for data in made.values():
        data.setup("fit")
    return made


CONVOLUTIONS = ["layer1.0.conv1", "layer2.0.conv2"]  # the tiny image encoder is a conv net
TASKS = {
    "classification": (Classification, {}, None),
    "localization": (
        Localization,
        {"detector": DetectorConfig(pyramid_scales=[1.0, 0.5], channels=8), "use_attention_maps": True},
        ["query", *CONVOLUTIONS],
    ),
    "image_text_classification": (ImageTextClassification, {}, None),
    "region_detection": (RegionDetection, {}, CONVOLUTIONS),
    "report_generation": (ReportGeneration, {}, None),
    "vqa": (VisualQuestionAnswering, {"answer_mode": "classify"}, None),
}


@pytest.fixture
def prepare(corpora, pretrained, monkeypatch):
    """Makes a task with an adapter on the tiny backbone, ready for a step."""

    def made(name, **options):
        kind, more, ends = TASKS[name]
        torch.manual_seed(0)
        adapter = LoraConfig(rank=2, target_modules=ends)
        task = kind(architecture(), str(pretrained / "backbone"), adapter=adapter, **more, **options)
        task.prepare(corpora[name])
        for log in ("log", "log_dict"):
            monkeypatch.setattr(task, log, lambda *_, **__: None)
        return task, next(iter(corpora[name].train_dataloader()))

    return made


@pytest.mark.parametrize("name", TASKS)
def test_steps_move_the_adapter_and_the_head_and_the_folder_says_the_same(name, prepare, pretrained, tmp_path):
    task, batch = prepare(name)
    learning = {key for key, parameter in task.named_parameters() if parameter.requires_grad}
    assert any(not key.startswith("model.") for key in learning) or name == "report_generation"
    assert all(".lora_" in key for key in learning if key.startswith("model."))
    before = {key: tensor.clone() for key, tensor in task.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in task.parameters() if p.requires_grad], lr=0.5)
    for step in range(2):  # B is zero in the first
        optimizer.zero_grad()
        task.training_step(batch, step).backward()
        optimizer.step()
    moved = {key for key, tensor in task.state_dict().items() if not torch.equal(tensor, before[key])}
    assert {key for key in moved if key.startswith("model.")} <= learning
    assert any(".lora_B" in key for key in moved)
    backbones.save(task.backbone, tmp_path / "adapter")
    opened, start = (backbones.load(folder).model.eval() for folder in (tmp_path / "adapter", pretrained / "backbone"))
    images = batch["image"], batch["region_box"], batch["region_mask"]
    with torch.no_grad():
        wanted, got, first = (model.encode_image(*images).memory for model in (task.model.eval(), opened, start))
    assert not torch.equal(wanted.value, first.value)
    for one, other in zip(got, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_the_other_system_is_adapted_by_the_same_words(corpora, tmp_path):
    """ARL: attention of its text and of its fusion, whose image side is held still."""
    torch.manual_seed(0)
    backbones.save(backbones.build(arl_architecture(), list(corpora["vqa"].texts())), tmp_path / "base")
    held = {"freeze_image_branch": True, "answer_mode": "classify"}
    task = VisualQuestionAnswering(arl_architecture(), str(tmp_path / "base"), adapter=LoraConfig(rank=2), **held)
    task.prepare(corpora["vqa"])
    assert {name.partition(".")[0] for name in task.backbone.adapter.layers} >= {"text", "layers"}
    assert not [name for name in task.backbone.adapter.layers if name.startswith("vision")]
    for name, parameter in task.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    backbones.save(task.backbone, tmp_path / "adapter")
    opened, start = (backbones.load(tmp_path / name) for name in ("adapter", "base"))
    batch = next(iter(corpora["vqa"].train_dataloader()))
    images = batch["image"][:2], batch["region_box"][:2], batch["region_mask"][:2]
    states = []
    for backbone in (task.backbone, opened, start):
        model = backbone.model.eval()
        with torch.no_grad():
            text = backbone.read_texts(["Is there an effusion?", "Where is the nodule?"])
            states.append(model.fuse(text, model.encode_image(*images).memory))
    torch.testing.assert_close(states[0], states[1], atol=1e-4, rtol=1e-4)
    assert (states[0] - states[2]).abs().max() > 1e-3


@pytest.fixture(scope="module")
def run(phantoms, pretrained, tmp_path_factory):
    """The folder of a fine-tuning for questions by the real commands, with an adapter of rank 2."""
    out = tmp_path_factory.mktemp("adapter") / "run"
    more = [f"--model.init_args.backbone={pretrained / 'backbone'}", "--model.init_args.adapter=lora"]
    line = words("vqa-phantom", phantoms, out, *more, "--model.init_args.adapter.rank=2", "--trainer.precision=32")
    assert main(["fit", *line]) == 0
    assert main(["test", *line, f"--ckpt_path={out / 'checkpoints/best.ckpt'}"]) == 0
    return out


@pytest.mark.slow
def test_a_run_leaves_a_small_adapter_that_answers_as_its_test_did(run, pretrained, phantoms):
    folder = run / "model"
    tensors = load_file(folder / "adapter_model.safetensors")
    assert all(min(tensor.shape) == 2 for tensor in tensors.values())
    assert any(tensor.abs().max() > 0 for name, tensor in tensors.items() if "lora_B" in name)
    assert set(load_file(folder / "model.safetensors")) == {"fixed_prompt_ED"}
    assert json.loads((folder / "config.json").read_text())["adapter"]["base"] == str(pretrained / "backbone")
    table, meta = read_predictions(run / "predictions" / "vqa.parquet")
    assert set(table["model"]) == {"variant:lora", "baseline:majority"}
    assert "variant:lora: rank 2 on 6 layers" in meta["note"]
    data = VqaRad(str(phantoms), split="image-disjoint", dataset_name="phantom-vqa-rad", **DATA)
    data.setup("test")
    place = {row.sample_id: str(row.image) for row in data.rows("test")}
    model = gkmvlp.load(folder, device="cpu")
    for row in table[table["model"] == "variant:lora"].itertuples():
        assert model.predict(place[row.sample_id], question=row.question).answer == row.prediction


@pytest.mark.slow
def test_an_adapter_is_exported_merged(run, tmp_path):
    assert main(["export", "--model", str(run), "--task", "vqa", "--format", "torch-export",
                 "--out", str(tmp_path / "answers.pt2")]) == 0  # fmt: skip
    assert json.loads((tmp_path / "answers.pt2.json").read_text())["largest_difference_from_pytorch"] < 1e-4


def test_what_an_adapter_cannot_stand_on_is_one_line(pretrained):
    with pytest.raises(ConfigError, match="it stands on a backbone"):
        VisualQuestionAnswering(architecture(), None, adapter="lora")
    with pytest.raises(ConfigError, match="linear_probe trains the head alone"):
        Classification(architecture(), str(pretrained / "backbone"), linear_probe=True, adapter="lora")


@pytest.mark.slow
def test_the_experiment_compares_an_adapter_with_full_fine_tuning(phantoms, pretrained, tmp_path):
    line = ["--root", str(phantoms), "--config", "vqa-phantom", "--backbone", str(pretrained / "backbone"), "--rank=2"]
    sets = [f"--set=data.init_args.{key}={value}" for key, value in DATA.items()]
    sets += [
        "--set=trainer.max_epochs=1",
        "--set=trainer.check_val_every_n_epoch=1",
        "--set=lora:model.init_args.optimizer.lr=0.01",
    ]
    places = ["--out", str(tmp_path / "out"), "--record", str(tmp_path / "record"), "--seeds", "0"]
    assert main(["experiment", "adapter", "vqa", *line, *sets, *places]) == 0
    figures = json.loads((tmp_path / "record" / "adapter.json").read_text())["figures"]
    overall = {row["model"]: row for row in figures if row["name"] == "accuracy_overall"}
    assert set(overall) == {"pretrained", "variant:lora"}
    gap = overall["variant:lora"]["difference"]["pretrained"]
    assert gap["value"] == pytest.approx(overall["variant:lora"]["value"] - overall["pretrained"]["value"])
    assert "parameters trained" in overall["variant:lora"]["note"]
    table = pd.read_parquet(tmp_path / "out" / "predictions" / "vqa.parquet")
    assert {"pretrained", "variant:lora"} <= set(table["model"])
