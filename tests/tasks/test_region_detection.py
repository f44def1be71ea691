"""Region detection through the real command, and its figures."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import default_collate

from gkmvlp.anatomy import REGION_INDEX
from gkmvlp.app.cli import main
from gkmvlp.data_modules import MimicCxr
from gkmvlp.data_modules.pipeline.dataset import SampleDataset
from gkmvlp.errors import ConfigError
from gkmvlp.geometry import Letterbox
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import read_predictions
from gkmvlp.metrics.tasks.region_detection import TASK, row_overlaps
from gkmvlp.tasks import RegionDetection
from tests.pages import page_of
from tests.tiny import DATA, architecture, words


@pytest.mark.parametrize("freeze", [pytest.param("true", marks=pytest.mark.slow), "false"])
def test_fit_and_test_leave_every_region_with_a_box(freeze, phantoms, pretrained, tmp_path, capsys):
    out = tmp_path / "run"
    more = [f"--model.init_args.backbone={pretrained / 'backbone'}", f"--model.init_args.freeze_image_branch={freeze}"]
    line = words("regions-phantom", phantoms, out, *more)
    assert main(["fit", *line]) == 0
    assert main(["test", *line, f"--ckpt_path={out / 'checkpoints/best.ckpt'}"]) == 0
    assert capsys.readouterr().err == ""
    assert page_of(out)[:2] == (["Training", "Regions"], 2)
    file = out / "predictions" / "region_detection.parquet"
    table, meta = read_predictions(file)
    label = "variant:frozen" if freeze == "true" else "pretrained"
    assert meta["boxes"] == "dataset"
    rows = table[table["model"] == label]
    data = MimicCxr(str(phantoms), region_boxes="dataset", **DATA)
    data.setup("test")
    assert len(rows) == sum(int(sample.mask_R.sum()) for sample in data.rows("test"))
    for row in rows.itertuples():
        true = {sample.sample_id: sample.box_R4 for sample in data.rows("test")}[row.sample_id]
        assert np.abs(true - np.array(row.boxes)).max(1).min() < 1e-2
    found = {(figure.name, figure.label): figure for figure in figures_of(file)}
    assert found["region_iou", None].baselines["prior_box"]["value"] > 0.2
    assert {name for name, _ in found} == {"region_iou", "region_recall"}
    assert len(found) == 2 * (1 + rows["entity"].nunique())


def test_a_validation_batch_without_a_true_region_is_no_hindrance(phantoms, pretrained, monkeypatch):
    data = MimicCxr(str(phantoms), region_boxes="dataset", **DATA)
    data.setup("validate")
    task = RegionDetection(architecture(), backbone=str(pretrained / "backbone"))
    task.prepare(data)
    task.head.presence.bias.data += 10  # every region is called present
    logged = {}
    monkeypatch.setattr(task, "log", lambda name, value, **options: logged.update({name: value}))
    batches = list(data.val_dataloader())
    with torch.no_grad():
        for batch in batches:
            task.validation_step(batch, 0)
        task.on_validation_epoch_end()
        whole = logged["val/region_iou"]
        empty = {**batches[0], "region_mask": torch.zeros_like(batches[0]["region_mask"])}
        for batch in (*batches, empty):
            task.validation_step(batch, 0)
        task.on_validation_epoch_end()
        assert logged["val/region_iou"] == pytest.approx(whole)
        assert whole > 0
        task.validation_step(empty, 0)
        task.on_validation_epoch_end()
    assert logged["val/region_iou"] == 0


def test_atlas_boxes_are_no_truth(studies):
    with pytest.raises(ConfigError, match="boxes=dataset"):
        RegionDetection(architecture()).prepare(studies)


def test_figures_by_hand():
    true = [0.0, 0, 10, 10]
    rows = pd.DataFrame(
        {
            "entity": ["left lung", "left lung", "spine", "spine"],
            "boxes": [true] * 4,
            "predicted": [true, [0.0, 0, 10, 4], [0.0, 5, 10, 15], [0.0, 0, 10, 6]],
            "score": [0.9, 0.9, 0.9, 0.2],
        }
    )
    assert row_overlaps(rows) == pytest.approx([1, 0.4, 1 / 3, 0])
    found = TASK.score(rows, np.zeros(4, int), np.ones((1, 1), np.uint16))
    values = {(key.name, key.label): scored.curve_V[0] for key, scored in found.items()}
    assert values["region_iou", "left lung"] == pytest.approx(0.7)
    assert values["region_iou", None] == pytest.approx((0.7 + 1 / 6) / 2)
    assert values["region_recall", None] == pytest.approx(0.25)


def test_a_frozen_encoder_gets_no_gradient(phantoms, pretrained):
    data = MimicCxr(str(phantoms), region_boxes="dataset", region_dropout=0.0, **DATA)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    for freeze in (True, False):
        torch.manual_seed(0)
        task = RegionDetection(architecture(), str(pretrained / "backbone"), freeze_image_branch=freeze)
        task.prepare(data)
        task.log_dict = lambda *args, **options: None
        task.training_step(batch, 0).backward()
        moved = {name for name, p in task.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
        assert any(name.startswith("head.") for name in moved)
        # the last layer starts at zero: nothing reaches below it but through the presence
        assert any(name.startswith("model.vision.") for name in moved) != freeze


def test_the_baseline_is_the_atlas_of_the_view(phantoms, pretrained):
    data = MimicCxr(str(phantoms), region_boxes="dataset", region_dropout=0.0, **DATA)
    data.setup("fit")
    rows = {view: next(row for row in data.rows("train") if row.view == view) for view in ("PA", "AP")}
    task = RegionDetection(architecture(), str(pretrained / "backbone"))
    task.prepare(data)
    batch = default_collate(list(SampleDataset(list(rows.values()), data.read, data.regions)))
    with torch.no_grad():
        found = pd.DataFrame(task.eval().predicted_rows(batch))
    for row, frame in zip(rows.values(), batch["letterbox"].tolist(), strict=True):
        baseline = found[found["model"].eq("baseline:prior_box") & found["sample_id"].eq(row.sample_id)]
        wanted_R4 = Letterbox(*frame).to_original(data.regions.atlas[row.view] * DATA["image_size"])
        for name, box_4 in zip(baseline["entity"], baseline["predicted"], strict=True):
            np.testing.assert_allclose(box_4, wanted_R4[REGION_INDEX[name]], rtol=1e-5)
