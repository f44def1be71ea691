"""Classification through the real command, the head, the probe, zero-shot, and what is refused."""

import math
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score

from gkmvlp.app.cli import main
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints import heads
from gkmvlp.data_modules import ChestXray14
from gkmvlp.data_modules.synthetic import chest_xray14
from gkmvlp.entities import entity
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import read_predictions
from gkmvlp.models.heads.label_head import LabelHead, label_logits
from gkmvlp.models.tokenizer import tokenize
from gkmvlp.tasks import Classification
from gkmvlp.tasks.classification import prevalence
from tests.pages import page_of
from tests.processes import gkmvlp
from tests.tiny import DATA, architecture, words

LABELS = '["Effusion","Cardiomegaly","Mass"]'


@pytest.fixture(scope="module")
def radiographs(tmp_path_factory):
    """A look-alike of ChestX-ray14 at 32 px: 40 patients, 8 of them for the test."""
    root = tmp_path_factory.mktemp("nih")
    chest_xray14.write(root, 40, 0, 32)
    return root


def run_words(root: Path, out: Path, backbone: Path | str, *more: str) -> list[str]:
    places = f"--model.init_args.backbone={backbone}", f"--data.init_args.labels={LABELS}"
    return words("classification-phantom", root, out, *places, *more)


@pytest.mark.parametrize("arm", ["pretrained", "scratch", "variant:linear_probe"])
def test_arms_fit_and_test_and_leave_predictions(arm, radiographs, pretrained, tmp_path, capsys):
    out, start = tmp_path / "run", "null" if arm == "scratch" else pretrained / "backbone"
    more = ["--model.init_args.linear_probe=true"] if "probe" in arm else []
    line = run_words(radiographs, out, start, "--data.init_args.train_fraction=0.5", "--trainer.precision=32", *more)
    assert main(["fit", *line]) == 0
    assert main(["test", *line, f"--ckpt_path={out / 'checkpoints/best.ckpt'}"]) == 0
    assert capsys.readouterr().err == ""
    table, meta = read_predictions(out / "predictions" / "classification.parquet")
    assert set(table["model"]) == {arm, "baseline:prevalence"}
    assert (meta["data"], meta["label_fraction"], meta["boxes"]) == ("phantom-chestxray14", 0.5, "atlas")
    data = ChestXray14(str(radiographs), labels=["Effusion", "Cardiomegaly", "Mass"], train_fraction=0.5, **DATA)
    data.setup("test")
    truth = {row.sample_id: dict(zip(data.labels, row.fields["label"], strict=True)) for row in data.rows("test")}
    assert len(table) == 2 * 3 * len(truth)
    assert all(truth[row.sample_id][row.entity] == row.target for row in table.itertuples())
    share = np.stack([row.fields["label"] for row in data.rows("train")]).mean(0)
    baseline = table[table["model"] == "baseline:prevalence"].groupby("entity")["score"].unique()
    assert all(baseline[label] == pytest.approx(value) for label, value in zip(data.labels, share, strict=True))
    found = {(f.name, f.label): f for f in figures_of(out / "predictions" / "classification.parquet")}
    rows = table[(table["model"] == arm) & (table["entity"] == "Mass")]
    assert found["auroc_macro", "Mass"].value == pytest.approx(roc_auc_score(rows["target"], rows["score"]))
    assert (out / "predictions" / "zero_shot.parquet").is_file() == (arm != "scratch")
    headings, pictures, banner = page_of(out)
    assert headings[:2] == ["Training", "Classification, 50% of the labels"]
    assert [name.startswith("Zero-shot") for name in headings[2:]] == [True] * (arm != "scratch")
    assert pictures == 4 - (arm == "scratch")  # curves, ROC, reliability; with a backbone its prompts beside occlusion
    assert banner.startswith("A model that never saw a patient")
    if arm == "pretrained":
        check_predict(out, rows.set_index("sample_id")["score"], data)
        check_zero_shot(out / "predictions" / "zero_shot.parquet", pretrained / "backbone", data)


@pytest.mark.slow
def test_real_radiographs_and_a_label_that_none_of_them_has(shared_data, pretrained, tmp_path, capsys):
    """A constant label is left out, named and counted; the run goes on."""
    out, labels = tmp_path / "run", '["Pneumonia","Hernia"]'
    line = run_words(shared_data, out, pretrained / "backbone", "--data.init_args.dataset_name=chestxray14")
    line += [f"--data.init_args.labels={labels}", "--data.init_args.fold=0", "--trainer.limit_train_batches=2"]
    assert main(["fit", *line]) == 0
    assert main(["test", *line, f"--ckpt_path={out / 'checkpoints/best.ckpt'}"]) == 0
    assert main(["evaluate", str(out / "predictions" / "classification.parquet")]) == 0
    assert capsys.readouterr().err == ""
    found = {(f.name, f.label): f for f in figures_of(out / "predictions" / "classification.parquet")}
    assert found["auroc_macro", None].value == found["auroc_macro", "Pneumonia"].value
    assert page_of(out)[1] == 3  # curves, ROC, reliability: no prompt of the backbone is of pneumonia, which has boxes
    assert "1 of 2 (Hernia)" in found["auroc_macro", None].note
    assert found["ece", "Hernia"].value is None
    assert found["ece", "Pneumonia"].split.startswith("fold0of5@")


def check_predict(run, score, data):
    """``gkmvlp predict`` on the files says what the test said; a picture's view is not known and read as PA."""
    shown = {str(row.image): row.sample_id for row in data.rows("test") if row.view == "PA"}
    table = run / "rows.parquet"
    assert main(["predict", *shown, "--model", str(run), "--task", "classification", "--out", str(table)]) == 0
    found = pd.read_parquet(table).query("entity == 'Mass'").set_index("sample_id")["probability"]
    assert list(found.rename(shown)) == pytest.approx([score[shown[file]] for file in found.index], abs=1e-5)
    assert main(["predict", next(iter(shown)), "--model", str(run), "--task", "grounding"]) == 1


def check_zero_shot(file, folder, data):
    """The scores are those of the backbone before it was fine-tuned."""
    table, meta = read_predictions(file)
    assert (meta["trained_on"], set(table["model"])) == ("phantom-mimic-cxr", {"pretrained"})
    backbone = backbones.load(folder)
    batch = next(iter(data.test_dataloader()))
    sentences = ["There is pleural effusion.", "There is no pleural effusion."]
    with torch.no_grad():
        image = backbone.model.eval().embed_image(backbone.model.vision(batch["image"]))
        text = backbone.model.embed_text(tokenize(backbone.tokenizer, sentences, 32))
    rows = table[table["entity"] == "Effusion"].set_index("sample_id").loc[batch["sample_id"]]
    np.testing.assert_allclose(rows["score"], (image @ (text[0] - text[1])).numpy(), atol=1e-5)


def test_a_probe_moves_the_head_alone_and_its_folder_says_what_the_run_said(radiographs, pretrained, tmp_path):
    out, start = tmp_path / "run", pretrained / "backbone"
    assert main(["fit", *run_words(radiographs, out, start, "--model.init_args.linear_probe=true")]) == 0
    before, after = (load_file(folder / "model.safetensors") for folder in (start, out / "model"))
    assert all(torch.equal(before[name], after[name]) for name in before)
    left = backbones.load(out / "model")
    assert left.info["task"] == "classification"
    head = heads.load(out / "model", left)
    assert head.labels == ("Effusion", "Cardiomegaly", "Mass")
    data = ChestXray14(str(radiographs), labels=list(head.labels), **DATA)
    task = make(data, start, linear_probe=True)
    state = torch.load(out / "checkpoints/best.ckpt", weights_only=True)["state_dict"]
    assert state["head.linear.weight"].ne(make(data, start).head.linear.weight).any()
    task.load_state_dict(state)
    data.setup("test")
    batch = next(iter(data.test_dataloader()))
    with torch.no_grad():
        image = left.model.eval().encode_image(batch["image"], batch["region_box"], batch["region_mask"])
        torch.testing.assert_close(label_logits(left.model, head, image), task(batch))


def make(data, backbone, **options):
    torch.manual_seed(0)
    task = Classification(architecture(), str(backbone) if backbone else None, **options)
    task.prepare(data)
    return task.eval()


@pytest.fixture(scope="module")
def batch(radiographs):
    data = ChestXray14(str(radiographs), **DATA)
    data.setup("fit")
    return data, next(iter(data.val_dataloader()))


@torch.no_grad()
def test_the_head_begins_at_the_entities_log_odds(batch, pretrained):
    data, images = batch
    task = make(data, pretrained / "backbone")
    grounded = task.encode_images(images).grounded
    odds = task.model.entity_logits(grounded).diff(dim=-1)[..., 0]
    names = task.architecture.knowledge.entities
    for column, label in enumerate(data.labels):
        known = [index for index, name in enumerate(names) if entity(name).nih == label]
        wanted = odds[:, known[0]] if known else torch.zeros(len(odds))
        torch.testing.assert_close(task(images)[:, column], wanted)


@pytest.mark.parametrize(("features", "size"), [("pooled", 4), ("entities", 2), ("both", 6)])
def test_what_the_head_reads(features, size):
    head = LabelHead(["Effusion", "Hernia"], ["mass", "pleural effusion"], 4, features)
    assert head.linear.in_features == size
    torch.nn.init.normal_(head.linear.weight)
    pooled, odds = torch.randn(3, 4, requires_grad=True), torch.randn(3, 2, requires_grad=True)
    moved = torch.autograd.grad(head(pooled, odds).square().sum(), (pooled, odds), allow_unused=True)
    assert [part is not None for part in moved] == [features != "entities", features != "pooled"]


def test_unknown_labels_teach_nothing_and_validation_leaves_out_labels_without_both_classes(batch, pretrained):
    data, images = batch
    task = make(data, pretrained / "backbone")
    logged = {}
    task.log = lambda name, value, **_: logged.update({name: value})
    images = {**images, "label": torch.full_like(images["label"], math.nan)}
    images["label"][:, 0] = torch.arange(len(images["label"])) % 2
    with torch.no_grad():
        expected = torch.nn.functional.binary_cross_entropy_with_logits(task(images)[:, 0], images["label"][:, 0])
        assert task.training_step(images, 0).item() == pytest.approx(expected.item())
    task.on_validation_epoch_start()
    with torch.no_grad():
        task.validation_step(images, 0)
        task.all_gather = lambda tensor: tensor
        task.on_validation_epoch_end()
        expected = roc_auc_score(images["label"][:, 0], task(images)[:, 0])
    assert logged["val/auroc_macro"] == pytest.approx(expected)


def test_prevalence_leaves_out_what_is_unknown():
    label = np.array([[1, np.nan, np.nan], [0, 1, np.nan], [0, 1, np.nan], [1, 0, np.nan]])
    np.testing.assert_allclose(prevalence(label), [0.5, 2 / 3, 0.5])


def test_other_labels_are_one_line(radiographs, pretrained, tmp_path):
    out = tmp_path / "run"
    line = run_words(radiographs, out, pretrained / "backbone", "--trainer.limit_train_batches=1")
    assert main(["fit", *line]) == 0
    other = [*line, '--data.init_args.labels=["Mass","Effusion","Cardiomegaly"]']
    done = gkmvlp("test", *other, f"--ckpt_path={out / 'checkpoints/best.ckpt'}")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "labels are Effusion, Cardiomegaly, Mass, those of the data Mass, Effusion" in done.stderr
    broken = tmp_path / "broken"
    shutil.copytree(out / "model", broken)
    (broken / "labels.json").unlink()
    with pytest.raises(Exception, match="no readable head for labels"):
        heads.load(broken, backbones.load(broken))
