"""Exported programs, used as their JSON says and without this package, give what the model gives."""

import importlib.util
import json
import re
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from transformers import AutoTokenizer

from gkmvlp.app.cli import main
from gkmvlp.checkpoints import heads
from gkmvlp.errors import BackboneError
from gkmvlp.models.heads.label_head import label_head
from gkmvlp.notices import NO_PATIENT
from gkmvlp.tasks.parts.answering import question_memory
from gkmvlp.zoo.export import export as export_module
from gkmvlp.zoo.export.programs import program_of
from gkmvlp.zoo.inference.loading import open_predictor
from tests.app.small_models import ANSWERS, ENTITIES, build, calibrate, write_answering, write_backbone, write_detecting

SIDE = 32
SUFFIX = {"torch-export": "pt2", "onnx": "onnx"}
LABELS = ["Effusion", "Mass", "Hernia"]
NEVER_SAW_A_PATIENT = ("grounding", "boxes")
QUESTIONS = ["why?", "Is there a small left pleural effusion?", "Is the heart normal in size?", "where?", "no"]
TASK = {"labels": "classification", "grounding": "grounding", "boxes": "localization", "vqa": "vqa"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("export")
    write_backbone(folder / "grounding")
    write_detecting(folder / "boxes")
    write_answering(folder / "vqa", "classify")
    write_answering(folder / "ranked", "rank")
    backbone = build("chest-xray14")
    backbone.info["task"] = "classification"
    head = label_head(tuple(LABELS), backbone.model.architecture, "both")
    nn.init.normal_(head.linear.weight, std=0.3)
    heads.save(backbone, head, folder / "labels")
    calibrate(folder / "labels", "labels", LABELS)
    calibrate(folder / "grounding", "entities", ENTITIES)
    calibrate(folder / "vqa", "answers", ANSWERS)
    for number in range(5):  # of the size that the models read: the test then has nothing to resize
        noise = np.random.default_rng(number).integers(0, 200, (SIDE, SIDE)).astype(np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    return folder


def export(folder: Path, model: str, form: str, out: Path) -> int:
    words = ["--model", folder / model, "--task", TASK[model], "--format", form, "--out", out]
    return main(["export", *map(str, words)])


def inputs_by_the_json(out: Path, folder: Path, batch: int) -> dict[str, np.ndarray]:
    """Inputs by name, made with what stands beside the program; the first image is lateral and has no boxes."""
    told = json.loads(Path(f"{out}.json").read_text())
    assert told["image"] == {"size": SIDE, "resize_mode": "pad", "intensity": "equalized"}
    pixels = [cv2.equalizeHist(np.asarray(Image.open(folder / f"{n}.png"))) for n in range(batch)]
    box_R4 = np.array([told["region_boxes"]["PA"][name] for name in told["regions"]], np.float32)
    box_BR4 = np.stack([box_R4] * batch)
    box_BR4[0] = 0
    made = {"image": np.stack(pixels)[:, None].astype(np.float32) / 255, "region_box": box_BR4}
    if "answers" in told:
        read = AutoTokenizer.from_pretrained(f"{out}.tokenizer")(QUESTIONS[:batch], padding=True, return_tensors="np")
        made |= {"question_ids": read["input_ids"], "question_mask": read["attention_mask"].astype(bool)}
    assert list(made) == [slot["name"] for slot in told["inputs"]]
    for slot in told["inputs"]:
        assert made[slot["name"]].dtype == slot["dtype"]
        free = {"batch": batch, "tokens": made[slot["name"]].shape[1]}
        assert made[slot["name"]].shape == tuple(free.get(size, size) for size in slot["shape"])
    return made


def outputs_of(out: Path, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    """What the program gives, by the program's own runtime."""
    if out.suffix == ".onnx":
        session = pytest.importorskip("onnxruntime").InferenceSession(str(out), providers=["CPUExecutionProvider"])
        names = [slot["name"] for slot in json.loads(Path(f"{out}.json").read_text())["outputs"]]
        return session.run(names, inputs)
    with torch.inference_mode():
        given = torch.export.load(out).module()(*map(torch.from_numpy, inputs.values()))
    return [x.numpy() for x in (given if isinstance(given, tuple) else (given,))]


def by_the_reader(folder: Path, model: str, batch: int) -> list[np.ndarray]:
    """What the model gives for the same files; the first is told to be lateral."""
    predictor = open_predictor(folder / model, "cpu")
    items = predictor.batch([predictor.item(folder / f"{n}.png") for n in range(batch)])
    items["region_box"][0], items["region_mask"][0] = 0, False
    image = predictor.encode_images(items)
    if model == "labels":
        return [predictor.label_scores(image)]
    if model == "vqa":
        with torch.inference_mode():
            state = question_memory(predictor.backbone, QUESTIONS[:batch], image.memory)[0]
            return [predictor.head.classifier(state[:, 0]).log_softmax(-1).numpy()]
    grounded = image.grounded
    if model == "boxes":
        with torch.inference_mode():
            score, box = predictor.head.detector.every_box(
                predictor.head.maps(predictor.model, image.features, grounded)
            )
        return [score.numpy(), box.numpy() / SIDE]
    return [predictor.entity_scores(image), grounded.patch_attention.numpy(), grounded.region_attention.numpy()]


def by_the_calibration(told: dict, score_L: np.ndarray) -> dict[str, float]:
    """Probabilities of one image's scores, by what the JSON holds alone."""
    said = {}
    for score, label in zip(score_L.astype(float), told["calibration"]["scores"], strict=True):
        how = label["map"]
        odds = how["slope"] * score + how["intercept"]
        is_steps = how["method"] == "isotonic"
        said[label["label"]] = np.interp(score, how["knots"], how["values"]) if is_steps else 1 / (1 + np.exp(-odds))
    return said


@pytest.mark.parametrize(
    ("model", "form"),
    [
        pytest.param(model, form, marks=() if (model, form) == ("grounding", "torch-export") else pytest.mark.slow)
        for model in TASK
        for form in SUFFIX
    ],
)
def test_a_program_gives_what_the_model_gives(folder, model, form, tmp_path, capsys):
    if form == "onnx":
        pytest.importorskip("onnxscript", reason="the extra export is not installed")
    out = tmp_path / "new" / f"a.{SUFFIX[form]}"
    (tmp_path / "new" / f"{out.name}.tokenizer").mkdir(parents=True)  # as an interrupted call leaves it
    (tmp_path / "new" / f"{out.name}.tokenizer" / "old").touch()
    assert export(folder, model, form, out) == 0, capsys.readouterr().err
    said = capsys.readouterr()
    assert (NO_PATIENT in said.out) == (model in NEVER_SAW_A_PATIENT)
    assert said.err == ""
    told = json.loads(Path(f"{out}.json").read_text())
    assert (told["notice"] == NO_PATIENT) == (model in NEVER_SAW_A_PATIENT)
    for batch in (1, 2, 5):
        given, wanted = outputs_of(out, inputs_by_the_json(out, folder, batch)), by_the_reader(folder, model, batch)
        for a, b, slot in zip(given, wanted, told["outputs"], strict=True):
            assert a.shape == (batch, *slot["shape"][1:])
            np.testing.assert_allclose(a, b, atol=1e-4, rtol=0, err_msg=slot["name"])
    assert not [path for path in out.parent.iterdir() if path.name.startswith(".")]
    key = {"labels": "labels", "grounding": "entities", "boxes": "labels", "vqa": "answers"}[model]
    assert told[key] == {"labels": LABELS, "grounding": ENTITIES, "boxes": ["Opacity", "Nodule"], "vqa": ANSWERS}[model]
    reader = open_predictor(folder / model, "cpu")
    assert told["probabilities"] == reader.probabilities
    assert (told["calibration"] is None) == (model == "boxes")
    if model in ("labels", "grounding"):
        assert told["calibration"]["n"] == 10
        for n in range(1, batch):  # the first of the batch has no regions
            wanted = reader.predict(folder / f"{n}.png")
            assert by_the_calibration(told, given[0][n]) == pytest.approx(wanted.findings, abs=1e-4)
            for label, score in zip(told["calibration"]["scores"], given[0][n], strict=True):
                reading = wanted.readings[label["label"]]
                for point in label["points"].values():
                    assert point["probability"][0] == pytest.approx(reading.threshold)
                    assert reading.is_likely == (score >= point["score"][0])
    if model == "vqa":
        assert not (out.parent / f"{out.name}.tokenizer" / "old").exists()
        closed = told["closed_questions"]
        is_closed = [re.match(closed["pattern"], question, re.IGNORECASE | re.DOTALL) for question in QUESTIONS]
        assert [bool(found) for found in is_closed] == [False, True, True, False, False]
        for n, question in enumerate(QUESTIONS[1:], 1):  # the first of the batch has no regions
            allowed = closed["answers"] if is_closed[n] else told["answers"]
            best = max(allowed, key=lambda answer, row_K=given[0][n]: row_K[told["answers"].index(answer)])
            said = reader.predict(folder / f"{n}.png", question)
            assert best == said.answer
            odds = {answer: given[0][n][told["answers"].index(answer)].item() for answer in allowed}
            weight = {
                answer: np.exp(odd / told["calibration"]["answers"]["temperature"]) for answer, odd in odds.items()
            }
            assert weight[best] / sum(weight.values()) == pytest.approx(said.answer_probability, abs=1e-4)


def test_a_backbone_tells_its_entities(folder):
    predictor = open_predictor(folder / "grounding", "cpu")
    batch = predictor.batch([predictor.item(folder / "0.png"), predictor.item(folder / "1.png")])
    wanted_BE = predictor.entity_scores(predictor.encode_images(batch))
    program = program_of(predictor, "classification")
    assert program.names == {"labels": ENTITIES}
    with torch.inference_mode():
        np.testing.assert_allclose(program(batch["image"], batch["region_box"]), wanted_BE, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "task", "form", "out", "code", "said"),
    [
        ("grounding", "vqa", "torch-export", "a.pt2", 1, "this is a backbone"),
        ("ranked", "vqa", "torch-export", "a.pt2", 1, "`answer_mode: rank`"),
        ("vqa", "grounding", "torch-export", "a.pt2", 1, "--task grounding exports a backbone"),
        ("labels", "grounding", "torch-export", "a.pt2", 1, "a model for labels"),
        ("grounding", "grounding", "torch-export", "a.onnx", 2, "*.pt2"),
        ("grounding", "groundig", "torch-export", "a.pt2", 2, "did you mean grounding?"),
        ("grounding", "grounding", "onx", "a.onnx", 2, "did you mean onnx?"),
        ("nothing", "grounding", "torch-export", "a.pt2", 1, "config.json"),
    ],
)
def test_what_cannot_be_exported_is_one_line(folder, model, task, form, out, code, said, tmp_path, capsys):
    words = ["--model", folder / model, "--task", task, "--format", form, "--out", tmp_path / out]
    assert main(["export", *map(str, words)]) == code
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert said in told
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_exists_is_kept(folder, tmp_path, capsys):
    out = tmp_path / "a.pt2"
    out.write_text("mine")
    assert export(folder, "grounding", "torch-export", out) == 1
    assert f"{out} exists" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt2"]
    assert out.read_text() == "mine"
    assert export(folder, "grounding", "torch-export", out / "a.pt2") == 1
    assert "cannot be written" in capsys.readouterr().err


def test_without_the_packages_the_remedy_is_named(folder, tmp_path, capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxscript" else find(name))
    assert export(folder, "grounding", "onnx", tmp_path / "a.onnx") == 1
    assert "pip install 'gkmvlp[export]'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["torch-export", "monai-bundle"])
def test_another_system_is_refused_in_one_line(form, tmp_path, capsys):
    out = tmp_path / ("bundle" if form == "monai-bundle" else "a.pt2")
    packaged = files("gkmvlp.zoo").joinpath("models", "arl-phantom")
    assert main(["export", "--model", str(packaged), "--format", form, "--out", str(out)]) == 1
    assert capsys.readouterr().err == "gkmvlp: Arl is not exported: models of GK-MVLP are\n"
    assert not out.exists()


def test_without_a_task_the_one_that_the_model_was_trained_for_is_exported(folder, tmp_path):
    words = ["--model", folder / "labels", "--format", "torch-export", "--out", tmp_path / "a.pt2"]
    assert main(["export", *map(str, words)]) == 0
    assert json.loads((tmp_path / "a.pt2.json").read_text())["task"] == "classification"


def test_a_program_of_other_values_is_not_kept(folder, tmp_path, monkeypatch):
    predictor = open_predictor(folder / "labels", "cpu")
    wrong = program_of(predictor, "classification")
    monkeypatch.setattr(export_module, "_write", lambda _program, _reader, _form, file: file.touch())
    monkeypatch.setattr(export_module, "run", lambda _file, _form, inputs: [wrong(*inputs).detach().numpy() + 2e-4])
    with pytest.raises(BackboneError, match=r"other values than PyTorch \(by 2\.0e-04"):
        export_module.export(predictor, "classification", "torch-export", tmp_path / "a.pt2")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_cannot_be_traced_is_one_line(folder, tmp_path):
    """A branch on what is in the image has no place in a program."""
    predictor = open_predictor(folder / "grounding", "cpu")
    predictor.model.vision.register_forward_pre_hook(lambda _, words: words if words[0].sum() > 0 else None)
    with pytest.raises(BackboneError, match="cannot be exported as torch-export: "):
        export_module.export(predictor, "grounding", "torch-export", tmp_path / "a.pt2")
    assert list(tmp_path.iterdir()) == []
