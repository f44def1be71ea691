"""Localization: through the real command, boxes in original pixels, the baseline, and what is frozen."""

import numpy as np
import pytest
import torch

from gkmvlp.app.cli import main
from gkmvlp.data_modules import RsnaPneumonia
from gkmvlp.data_modules.synthetic import rsna_pneumonia
from gkmvlp.errors import ConfigError
from gkmvlp.geometry import Letterbox, original_boxes
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import read_predictions
from gkmvlp.models.heads.detector import Detections, DetectorConfig
from gkmvlp.tasks import Localization
from gkmvlp.zoo.inference.loading import open_predictor
from tests.pages import page_of
from tests.tiny import DATA, architecture, words

LABEL = "Pneumonia"


@pytest.fixture(scope="module")
def challenge(tmp_path_factory):
    """A look-alike of the challenge at 32 px, 100 images. Read only."""
    root = tmp_path_factory.mktemp("rsna") / "data"
    rsna_pneumonia.write(root, 100, 0, size=32, workers=1)
    return root


@pytest.fixture(scope="module")
def boxes(challenge):
    data = RsnaPneumonia(str(challenge), dataset_name="phantom-rsna", augmentation_strength=0.0, **DATA)
    data.setup("fit")
    return data


def line(root, out, backbone, *more):
    levels = ["--model.init_args.detector.pyramid_scales=[1.0,0.5]", "--model.init_args.detector.channels=8"]
    exact = "--trainer.precision=32"  # as the reader reads, with which a test compares
    return words("localization-phantom", root, out, f"--model.init_args.backbone={backbone}", exact, *levels, *more)


def make(data, backbone=None, **options):
    torch.manual_seed(0)
    config = DetectorConfig(pyramid_scales=[1.0, 0.5], channels=8)
    task = Localization(architecture(), str(backbone) if backbone else None, detector=config, **options)
    task.prepare(data)
    return task.eval()


@pytest.mark.parametrize("arm", ["pretrained", pytest.param("knowledge", marks=pytest.mark.slow), "scratch"])
def test_fit_and_test_leave_every_image(arm, challenge, boxes, pretrained, tmp_path, capsys):
    out, backbone = tmp_path / "run", pretrained / "backbone" if arm != "scratch" else "null"
    given = line(challenge, out, backbone, f"--model.init_args.use_attention_maps={str(arm == 'knowledge').lower()}")
    assert main(["fit", *given]) == 0
    assert main(["test", *given, f"--ckpt_path={out / 'checkpoints/best.ckpt'}"]) == 0
    assert capsys.readouterr().err == ""
    file = out / "predictions" / "localization.parquet"
    table, meta = read_predictions(file)
    label = "scratch" if arm == "scratch" else "pretrained"
    assert set(table["model"]) == {label, "baseline:prior_box"}
    assert (meta["data"], meta["boxes"]) == ("phantom-rsna", "atlas")
    rows = table[table["model"] == label].set_index("sample_id")
    wanted = {row.sample_id: row.finding_K4[row.finding_K4.any(1)] for row in boxes.rows("test")}
    assert set(rows.index) == set(wanted)
    assert any(len(box) for box in wanted.values())
    assert not all(len(box) for box in wanted.values())
    for sample, box_K4 in wanted.items():
        assert rows.loc[sample, "boxes"].reshape(-1, 4) == pytest.approx(box_K4, abs=1e-3)
        assert len(rows.loc[sample, "predicted"]) == 4 * len(rows.loc[sample, "scores"])
    state = torch.load(out / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    assert set(rows["threshold"]) == {state["head.threshold_L"].item()}
    found = {figure.name: figure for figure in figures_of(file)}
    assert set(found) == {"map_40_75", "map_coco", "froc", "rsna_score", "map_40_75_legacy_mgca"}
    assert all(set(figure.baselines) == {"prior_box"} for figure in found.values())
    assert found["map_40_75"].n == len(wanted)
    assert page_of(out)[:2] == (["Training", "Localization"], 2)
    sample = boxes.rows("test")[0]
    left = open_predictor(out, "cpu").predict(sample.image)  # what the run leaves finds the same
    assert [box.score for box in left.boxes] == pytest.approx(rows.loc[sample.sample_id, "scores"], abs=1e-5)


def test_the_baseline_is_the_mean_training_box_of_each_half(boxes):
    task = make(boxes)
    for batch in boxes.train_dataloader():
        task.update_prior(task.truths(batch))
    by_half = {0: [], 1: []}
    for batch in boxes.train_dataloader():
        for box, mask in zip(batch["finding_box"], batch["finding_mask"], strict=True):
            for x1, y1, x2, y2 in (box[mask] * 32).tolist():
                by_half[int((x1 + x2) / 2 > 16)].append((x1, y1, x2, y2))
    for half, found in by_half.items():
        assert len(found) == task.boxes_LH[0, half] > 0
        assert task.prior_LH4[0, half].numpy() == pytest.approx(np.mean(found, axis=0), abs=1e-3)


def test_predictions_are_in_original_pixels(boxes):
    """A detector that says where the truth is gets full marks whatever the frame."""
    task = make(boxes)
    batch = next(iter(boxes.test_dataloader()))
    batch["letterbox"] = torch.tensor([Letterbox.fit(90 + 10 * b, 60, 32) for b in range(len(batch["letterbox"]))])
    truths = task.truths(batch)
    said = [Detections(truth.box_K4, truth.label_K, torch.ones(len(truth.label_K))) for truth in truths]
    task.head.detector.detect = lambda maps: said
    task.test_step(batch, 0)
    rows = [row for row in task.predictions if row["model"] == "scratch"]
    for row, frame, truth in zip(rows, batch["letterbox"], truths, strict=True):
        back = Letterbox(*frame.tolist()).to_square(row["predicted"].reshape(-1, 4))
        assert back == pytest.approx(truth.box_K4.numpy(), abs=1e-4)
        assert np.array_equal(row["predicted"], row["boxes"])
    box_24, kept_2 = original_boxes(Letterbox.fit(100, 50, 32), np.array([[0.0, 8, 32, 24], [4, 0, 9, 7]]))
    assert box_24[0] == pytest.approx([0, 0, 100, 50])
    assert kept_2.tolist() == [True, False]  # the second lies in the padding


def test_a_frozen_encoder_stays_and_the_detector_learns(boxes, pretrained):
    batch = next(batch for batch in boxes.train_dataloader() if batch["finding_mask"].any())
    for freeze in (True, False):
        task = make(boxes, pretrained / "backbone", freeze_image_branch=freeze)
        task.log_dict = lambda *args, **options: None
        task.training_step(batch, 0).backward()
        moved = {name for name, p in task.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
        assert any(name.startswith("head.detector.") for name in moved)
        assert any(name.startswith("model.vision.") for name in moved) != freeze
        assert task.model_name == ("variant:frozen" if freeze else "pretrained")
    assert not make(boxes, None, freeze_image_branch=True).is_frozen  # nothing to keep


@torch.no_grad()
def test_knowledge_changes_what_the_pyramid_reads(boxes, pretrained):
    batch = next(iter(boxes.test_dataloader()))
    plain, knowing = (
        make(boxes, pretrained / "backbone", use_attention_maps=knows).maps(batch) for knows in (False, True)
    )
    entities = len(architecture().knowledge.entities)
    assert knowing.shape[1] == plain.shape[1] + entities
    assert torch.allclose(knowing[:, :-entities], plain, atol=1e-5)
    assert (knowing[:, -entities:] >= 0).all()
    assert knowing[:, -entities:].mean() < 1


def test_validation_chooses_and_keeps_a_threshold(boxes):
    task = make(boxes)
    logged = {}
    task.log = lambda name, value, **options: logged.update({name: float(value)})
    for batch in boxes.train_dataloader():
        truths = task.truths(batch)
        wrong = torch.tensor([[0.0, 0, 2, 2]])
        said = [
            Detections(
                torch.cat([truth.box_K4, wrong]),
                torch.zeros(len(truth.box_K4) + 1, dtype=torch.long),
                torch.tensor([0.8] * len(truth.box_K4) + [0.3]),
            )
            for truth in truths
        ]
        task.head.detector.detect = lambda maps, said=said: said
        task.validation_step(batch, 0)
    task.on_validation_epoch_end()
    assert logged["val/map_40_75"] == pytest.approx(1)
    assert 0.31 < task.head.threshold_L.item() < 0.81


def test_data_without_boxes_of_findings_is_refused(studies):
    with pytest.raises(ConfigError, match="phantom-mimic-cxr has none"):
        make(studies)
