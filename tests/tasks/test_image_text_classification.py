"""Image-text classification by the real commands on MELINDA's look-alike; GK-MVLP and ARL, with and without image."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from gkmvlp import load
from gkmvlp.app.cli import main
from gkmvlp.app.serving.models import open_models
from gkmvlp.data_modules import Melinda
from gkmvlp.data_modules.synthetic import melinda
from gkmvlp.errors import BackboneError, UsageError
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.tasks import ImageTextClassification
from tests.tiny import architecture, arl_architecture, words

TASK = "image_text_classification"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lookalike")
    melinda.write(folder, 24, 1, 32)
    return folder


def prepared(root: Path, made: Any, **options: Any) -> tuple[ImageTextClassification, Melinda]:
    data = Melinda(str(root), image_size=32, num_workers=0, batch_size=4, label="p_meth")
    data.setup("fit")
    torch.manual_seed(0)
    task = ImageTextClassification(made, **options)
    task.prepare(data)
    return task.eval(), data


def test_fit_and_test_leave_accuracy_beside_the_majority(root: Path, tmp_path: Path):
    line = words("image-text-classification-melinda", root, tmp_path, "--model.init_args.backbone=null")
    line += ["--data.init_args.augmentation_strength=0"]
    assert main(["fit", *line]) == 0
    assert main(["test", *line, f"--ckpt_path={tmp_path / 'checkpoints' / 'last.ckpt'}"]) == 0
    path = tmp_path / "predictions" / f"{TASK}.parquet"
    table = pd.read_parquet(path)
    data = Melinda(str(root), num_workers=0)
    data.check()
    assert set(table["sample_id"]) == {row.sample_id for row in data.rows("test")}
    [figure] = figures_of(path)
    own, majority = (table[table["model"] == name] for name in ("scratch", "baseline:majority"))
    assert (figure.name, figure.n, figure.n_patients) == ("accuracy", len(own), own["patient_id"].nunique())
    assert figure.value == pytest.approx((own["prediction"] == own["target"]).mean())
    right = (majority["prediction"] == majority["target"]).mean()
    assert figure.baselines["majority"]["value"] == pytest.approx(right)
    assert figure.low <= figure.value <= figure.high
    counts = pd.Series([row.fields["category"] for row in data.rows("train")]).value_counts()
    assert set(majority["prediction"]) == {counts.index[0]}


def test_the_model_that_a_fit_leaves_reads_as_the_task_did(root: Path, tmp_path: Path, capsys: Any):
    """By the recipe's own config, ``gkmvlp.load`` and ``gkmvlp predict``."""
    line = words("image-text-classification-phantom", root, tmp_path / "run", "--model.init_args.backbone=null")
    assert main(["fit", *line]) == 0
    folder = tmp_path / "run" / "model"
    predictor = load(folder, "cpu")
    assert (predictor.info["task"], predictor.info["trained_on"]) == (TASK, "phantom-melinda")
    data = Melinda(str(root), image_size=32, num_workers=0, batch_size=4, label="p_meth", region_boxes="atlas")
    data.setup("fit")
    row = data.rows("test")[0]
    image, text = Path(row.image), row.fields["text"]
    task = ImageTextClassification(architecture(), pooling="mean")
    task.prepare(data)
    task.model.load_state_dict(predictor.model.state_dict())
    task.head.load_state_dict(predictor.head.state_dict())
    with torch.no_grad():
        score_L = task.eval()(next(iter(data.test_dataloader())))[0]
    found = predictor.predict(image, text=text, gate="off")
    expected = dict(zip(data.classes(), score_L.double().softmax(-1).tolist(), strict=True))
    assert found.categories == pytest.approx(expected, abs=1e-4)
    assert sorted(found.categories.values(), reverse=True) == list(found.categories.values())
    capsys.readouterr()
    words_of_call = ["predict", str(image), "--model", str(folder), "--task", "image_text", "--gate", "off"]
    out = tmp_path / "rows.csv"
    assert main([*words_of_call, "--text", text, "--out", str(out), "--pictures", str(tmp_path / "p")]) == 0
    rows = pd.read_csv(out)
    assert dict(zip(rows["category"], rows["probability"], strict=True)) == pytest.approx(found.categories)
    assert len(list((tmp_path / "p").iterdir())) == 1
    assert set(rows["calibration"]) == {"uncalibrated"}
    assert main(["calibrate", str(folder), "--data=image-text-classification-phantom", f"--root={root}"]) == 0
    calibrated = load(folder, "cpu")
    told = calibrated.predict(image, text=text, gate="off").categories
    logit = {name: math.log(value) / calibrated.temperature for name, value in expected.items()}
    total = sum(math.exp(value) for value in logit.values())
    assert calibrated.temperature != 1
    assert told == pytest.approx({name: math.exp(value) / total for name, value in logit.items()}, abs=1e-4)
    assert main([*words_of_call, "--text", text, "--out", str(out)]) == 0
    assert set(pd.read_csv(out)["calibration"]) == {"temperature"}
    with pytest.raises(BackboneError, match="name the text, as in text="):
        predictor.predict(image, gate="off")
    with pytest.raises(BackboneError, match="make finetune-vqa"):
        predictor.predict(image, question="why?", gate="off")
    assert main(words_of_call) == 2
    assert "--task image_text needs --text" in capsys.readouterr().err
    with pytest.raises(UsageError, match="a model for classes has no part of a reading"):
        open_models([str(folder)], "cpu")


def test_the_baseline_without_an_image_leaves_no_model(root: Path, tmp_path: Path):
    line = words("image-text-classification-phantom", root, tmp_path, "--model.init_args.backbone=null")
    assert main(["fit", *line, "--model.init_args.text_only=true", "--trainer.limit_train_batches=1"]) == 0
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("made", [architecture, arl_architecture], ids=["gk-mvlp", "arl"])
def test_both_systems_read_image_and_text_and_the_baseline_reads_text_alone(root: Path, made: Any):
    for text_only in (False, True):
        task, data = prepared(root, made(), text_only=text_only)
        batch = next(iter(data.test_dataloader()))
        with torch.no_grad():
            score_BL = task(batch)
            other_BL = task({**batch, "image": 1 - batch["image"]})
            reworded_BL = task({**batch, "text": ["other words here"] * len(batch["text"])})
        assert score_BL.shape == (len(batch["text"]), len(data.classes()))
        assert torch.isfinite(score_BL).all()
        assert torch.equal(score_BL, other_BL) == text_only
        assert not torch.equal(score_BL, reworded_BL)
    assert task.model_name == "baseline:text_only"


def test_the_layer_learns_classes_that_the_text_tells(root: Path):
    task, data = prepared(root, architecture())
    task.log = lambda *args, **kwargs: None  # type: ignore[method-assign]
    batch = next(iter(data.train_dataloader()))
    optimizer = torch.optim.AdamW(task.parameters(), 3e-3)
    losses = []
    for step in range(25):
        loss = task.training_step(batch, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 4
    assert task.predicted(batch) == batch["category"]


def test_a_checkpoint_of_other_classes_is_refused(root: Path):
    task, _ = prepared(root, architecture())
    checkpoint: dict[str, Any] = {}
    task.on_save_checkpoint(checkpoint)
    task.on_load_checkpoint(checkpoint)
    task.classes = ["another"]
    with pytest.raises(BackboneError, match=r"the checkpoint has 3 classes, the data 1, 0 in common"):
        task.on_load_checkpoint(checkpoint)
