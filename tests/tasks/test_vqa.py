"""Visual question answering: three heads through the real command, the blind baseline, and what is refused."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from lightning import LightningDataModule
from safetensors.torch import load_file, save_file

from gkmvlp.app.cli import main
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.errors import ConfigError
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import read_predictions
from gkmvlp.tasks import VisualQuestionAnswering
from gkmvlp.tasks.parts.answering import question_memory
from tests.pages import page_of
from tests.processes import gkmvlp
from tests.tiny import architecture, tree, words

TABLE = "vqa-rad/VQA_RAD Dataset Public.json"


def vqa_words(root: Path, out: Path, backbone: Path | str, *more: str) -> list[str]:
    return words("vqa-phantom", root, out, f"--model.init_args.backbone={backbone}", *more)


@pytest.mark.parametrize(
    ("head", "more"),
    [
        ("rank", []),
        ("generate", ["--model.init_args.backbone=null"]),
        ("classify", ["--model.init_args.question_only=true"]),
    ],
)
def test_heads_fit_and_test_and_leave_predictions(head, more, phantoms, pretrained, tmp_path, capsys):
    out = tmp_path / "run"
    line = vqa_words(phantoms, out, pretrained / "backbone", f"--model.init_args.answer_mode={head}", *more)
    assert main(["fit", *line, "--trainer.logger=true"]) == 0
    assert main(["test", *line, f"--ckpt_path={out / 'checkpoints/best.ckpt'}"]) == 0
    assert list((out / "tensorboard").glob("events.*"))
    told = capsys.readouterr()
    assert told.err == ""
    assert ("tensors taken" in told.out) == ("backbone=null" not in " ".join(more))
    assert "the ceiling" in told.out
    headings, pictures, _ = page_of(out)
    table, meta = read_predictions(out / "predictions" / "vqa.parquet")
    label = {"rank": "pretrained", "generate": "scratch", "classify": "baseline:question_only"}[head]
    assert set(table["model"]) == {label, "baseline:majority"}
    assert headings == ["Training", "Questions"]
    assert pictures == 1 + table["patient_id"].nunique()
    assert meta["signature"] == {"head": head, "vocab": "train"}
    assert meta["data"] == "phantom-vqa-rad"
    assert meta["split"].startswith("image-disjoint@")
    truth = {str(row["qid"]): row for row in json.loads((phantoms / TABLE).read_text())}
    rows = table[table["model"] == label]
    assert len(rows) == json.loads((out / "manifest.json").read_text())["rows"]["test"]
    assert all(truth[row.sample_id]["question"].split() == row.question.split() for row in rows.itertuples())
    vocabulary = set(torch.load(out / "checkpoints/best.ckpt", weights_only=True)["answers"])
    if head != "generate":
        assert set(rows["prediction"]) <= vocabulary
    assert (rows["in_vocabulary"] == rows["target"].isin(vocabulary)).all()
    for figure in figures_of(out / "predictions" / "vqa.parquet"):
        if (figure.name, figure.label) == ("accuracy_overall", None):
            assert figure.value == pytest.approx((rows["prediction"] == rows["target"]).mean())


def test_answers_of_a_data_module_of_ones_own_are_those_of_training(monkeypatch):
    """docs/guide/own-data-set.md asks for ``answers()`` alone."""
    task, saved = VisualQuestionAnswering(architecture()), []
    task._trainer = SimpleNamespace(datamodule=object())
    monkeypatch.setattr(task, "save_predictions", lambda name, table, **meta: saved.append((name, meta)))
    task.on_test_epoch_end()
    assert saved == [("vqa", {"signature": {"head": "rank", "vocab": "train"}})]


def make(questions, backbone, **options):
    torch.manual_seed(0)
    task = VisualQuestionAnswering(architecture(), str(backbone) if backbone else None, **options)
    task.prepare(questions)
    return task.eval()


@pytest.fixture(scope="module")
def batch(questions):
    return next(iter(questions.val_dataloader()))


@torch.no_grad()
def test_blind_ignores_all_of_the_image_but_its_mean_bit_by_bit(questions, batch, pretrained):
    image = (batch["image"] * 255).round() / 256  # sums of such numbers are exact in any order
    shuffled = image.flatten(2)[..., torch.randperm(32 * 32)].view_as(image)
    for blind in (True, False):
        task = make(questions, pretrained / "backbone", question_only=blind)
        memories = [task.read_questions({**batch, "image": shown})[0] for shown in (image, shuffled)]
        assert torch.equal(*memories) == blind
    assert task.model_name == "pretrained"
    assert make(questions, None).model_name == "scratch"


@torch.no_grad()
def test_padding_of_questions_does_not_reach_the_answers(questions, batch, pretrained):
    """Alone and beside a longer question the decoder scores an answer alike."""
    task = make(questions, pretrained / "backbone")
    long = batch["question"][1] + " and what else is there to be seen in this image"
    scores = []
    for asked in ([batch["question"][0]] * 2, [batch["question"][0], long]):
        pair = {key: value[:2] for key, value in batch.items()} | {"question": asked}
        memory, mask = task.read_questions(pair)
        scores.append(task.model.decode(task.tokens(["no", "no"], decode=True), memory, mask)[0])
    assert torch.allclose(*scores, atol=1e-5)


@torch.no_grad()
def test_a_classifier_of_the_first_token_has_no_other_computed(questions, batch):
    task = make(questions, None, answer_mode="classify")
    first_B1D, mask_B1 = task.read_questions(batch)
    every_BTD, _ = question_memory(task.backbone, batch["question"], *task.encode_images_unique(batch))
    assert (first_B1D.shape[1], mask_B1.all()) == (1, True)
    torch.testing.assert_close(first_B1D, every_BTD[:, :1])


@torch.no_grad()
def test_perturbing_one_backbone_tensor_moves_the_logits(questions, batch, pretrained, tmp_path):
    """A backbone of which something was not loaded would not notice."""
    folder = tmp_path / "backbone"
    shutil.copytree(pretrained / "backbone", folder)
    state = load_file(folder / "model.safetensors")

    def logits():
        task = make(questions, folder)
        memory, mask = task.read_questions(batch)
        return task.model.decode(task.tokens(batch["answer"], decode=True), memory, mask)

    before = logits()
    assert torch.equal(logits(), before)
    for name in ("vision.project.0.weight", "text.word.weight", "regions.identity_RD", "kind", "prior_ER"):
        changed = (
            ~state[name] if state[name].dtype == torch.bool else state[name] + 0.1 * torch.randn(state[name].shape)
        )
        save_file({**state, name: changed.contiguous()}, folder / "model.safetensors", {"format": "pt"})
        assert not torch.equal(logits(), before), name


def test_a_plain_datamodule_needs_no_texts(pretrained):
    class Plain(LightningDataModule):
        def answers(self):
            return ["no", "yes"]

    task = make(Plain(), pretrained / "backbone")
    assert (task.answers, task.asked) == (["no", "yes"], [])


def test_a_frozen_image_side_ends_as_it_began(phantoms, pretrained, batch, tmp_path):
    start, out = pretrained / "backbone", tmp_path / "run"
    assert main(["fit", *vqa_words(phantoms, out, start, "--model.init_args.freeze_image_branch=true")]) == 0
    before, after = (load_file(folder / "model.safetensors") for folder in (start, out / "model"))
    assert set(after) - set(before) == {"fixed_prompt_ED"}
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert "text.word.weight" in moved
    assert all(name.startswith("text.") for name in moved)
    images = batch["image"], batch["region_box"], batch["region_mask"]
    with torch.no_grad():
        first, last = (
            backbones.load(folder).model.eval().encode_image(*images).memory for folder in (start, out / "model")
        )
    assert torch.equal(first.key, last.key)
    assert torch.equal(first.value, last.value)


def test_answers_of_another_data_set_are_one_line(phantoms, pretrained, tmp_path):
    out = tmp_path / "run"
    line = vqa_words(phantoms, out, pretrained / "backbone", "--trainer.limit_train_batches=1")
    assert main(["fit", *line]) == 0
    other = tmp_path / "other"
    shutil.copytree(phantoms / "vqa-rad", other / "vqa-rad")
    rows = json.loads((other / TABLE).read_text())
    for row in rows:
        row["answer"] = f"{row['answer']} indeed"
    (other / TABLE).write_text(json.dumps(rows))
    before = tree(out)
    line = vqa_words(other, out, pretrained / "backbone", f"--ckpt_path={out / 'checkpoints/best.ckpt'}")
    done = gkmvlp("test", *line)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "answer vocabulary" in done.stderr
    assert "0 in common: use the data set" in done.stderr
    assert tree(out) == before


def test_without_an_architecture_the_backbones_own_is_taken(pretrained, questions):
    task = VisualQuestionAnswering(None, str(pretrained / "backbone"))
    task.prepare(questions)
    assert task.architecture == architecture()
    with pytest.raises(ConfigError, match="init_args"):
        VisualQuestionAnswering(None, None)


@pytest.mark.parametrize("freezes", [True, False])
def test_statistics_of_batch_norms_stay_those_of_the_backbone_where_asked(freezes, phantoms, pretrained, tmp_path):
    before = load_file(pretrained / "backbone" / "model.safetensors")
    trained_whole = ("--model.init_args.freeze_image_branch=false", "--model.init_args.cache_image_memory=false")
    words = vqa_words(phantoms, tmp_path, pretrained / "backbone", *trained_whole)
    short = ("--trainer.max_steps=1", "--trainer.limit_val_batches=0")
    assert main(["fit", *words, f"--model.init_args.freeze_batch_norm={freezes}", *short]) == 0
    after = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    name = next(name for name in before if name.endswith("running_mean"))
    [trained] = [tensor for key, tensor in after.items() if key.endswith(name)]
    assert torch.equal(trained, before[name]) is freezes
