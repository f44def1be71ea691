"""Grounding: what is read off a map against plain loops, folds and baseline, and the real command."""

import numpy as np
import pytest
import torch

from gkmvlp.app.cli import main
from gkmvlp.data_modules import RsnaPneumonia
from gkmvlp.data_modules.synthetic import chest_xray14, rsna_pneumonia
from gkmvlp.entities import entity
from gkmvlp.geometry import Letterbox
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import read_predictions
from gkmvlp.metrics.tasks.grounding import iou
from gkmvlp.tasks import Grounding
from gkmvlp.tasks.parts.grounding_trials import (
    FOLDS,
    Trial,
    best_threshold,
    folds_of,
    prior_maps,
    training_trials,
    trial_row,
)
from gkmvlp.tasks.parts.heat_maps import SHARES, contrast_to_noise, enlarge, image_area, peak, top_boxes
from tests.pages import page_of
from tests.tiny import DATA, architecture, words

SIDE = 24


def random_map(seed, side=SIDE):
    return enlarge(np.random.default_rng(seed).normal(size=(6, 6)).astype(np.float32), side)


def reached_from(place, mask):
    """Pixels that hang together with a place, by a plain flood."""
    todo, found = [place], {place}
    while todo:
        row, column = todo.pop()
        for near in ((row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)):
            if near not in found and all(0 <= k < len(mask) for k in near) and mask[near]:
                found.add(near)
                todo.append(near)
    return np.array(sorted(found))


@pytest.mark.parametrize("frame", [Letterbox.fit(60, 40, SIDE), Letterbox.fit(40, 60, SIDE), Letterbox.fit(8, 8, SIDE)])
def test_top_boxes_are_those_of_a_plain_flood(frame):
    area = image_area(frame, SIDE)
    for seed in range(4):
        map_SS = random_map(seed)
        places = [(row, column) for row in range(SIDE) for column in range(SIDE) if area[row, column]]
        best = max(places, key=lambda place: map_SS[place])
        assert peak(map_SS, area) == best
        low, high = min(map_SS[place] for place in places), map_SS[best]
        for share, box in zip(SHARES, top_boxes(map_SS, area), strict=True):
            pixels = reached_from(best, area & (map_SS >= low + share * (high - low)))
            (top, left), (bottom, right) = pixels.min(0), pixels.max(0)
            assert box.tolist() == [left, top, right + 1, bottom + 1]


def test_image_area_leaves_the_padding_out():
    area = image_area(Letterbox.fit(60, 40, SIDE), SIDE)  # 24 x 16 shown, four rows of air above and below
    assert area.sum() == 24 * 16
    assert not area[:4].any()
    assert not area[-4:].any()


def test_contrast_to_noise_is_its_formula_and_keeps_its_sign():
    map_SS = np.zeros((4, 4), np.float32)
    map_SS[:2] = [[1, 3, 1, 3], [1, 3, 1, 3]]
    upper, everywhere = np.zeros((4, 4), bool), np.ones((4, 4), bool)
    upper[:2] = True
    assert contrast_to_noise(map_SS, upper, everywhere) == pytest.approx(2.0)  # means 2 and 0, variances 1 and 0
    assert contrast_to_noise(map_SS, ~upper, everywhere) == pytest.approx(-2.0)
    assert np.isnan(contrast_to_noise(map_SS, everywhere, everywhere))
    assert np.isnan(contrast_to_noise(np.ones((4, 4), np.float32), upper, everywhere))
    area = everywhere.copy()
    area[3] = False
    within, without = map_SS[:2], map_SS[2:3]
    wanted = (within.mean() - without.mean()) / np.sqrt(within.var() + without.var())
    assert contrast_to_noise(map_SS, upper, area) == pytest.approx(wanted)


@pytest.mark.parametrize(("factor", "shift"), [(3.0, 0.0), (0.5, -7.0)])
def test_scale_and_level_of_a_map_change_nothing(factor, shift):
    frame, box = Letterbox.fit(60, 40, SIDE), np.array([[2.0, 5.0, 11.0, 14.0]], np.float32)
    small = np.random.default_rng(0).normal(size=(6, 6)).astype(np.float32)
    rows = [
        trial_row(Trial("a", "p", "Mass", frame, box, values), SIDE, 9) for values in (small, factor * small + shift)
    ]
    for key in ("x", "y", "top_box", "boxes"):
        assert rows[0][key] == rows[1][key]
    assert rows[0]["cnr"] == pytest.approx(rows[1]["cnr"], rel=1e-4)


def test_a_row_is_in_pixels_of_the_original():
    frame = Letterbox.fit(240, 160, SIDE)
    original = np.array([[20, 30, 120, 90], [200, 100, 230, 150]], np.float32)
    map_hw = np.zeros((6, 6), np.float32)
    map_hw[2, 1] = 1  # frame pixels 4..8 x 8..12, which are 40..80 x 40..80 there
    row = trial_row(Trial("a", "p", "Effusion", frame, frame.to_square(original), map_hw), SIDE, len(SHARES) - 1)
    assert row["entity"] == "pleural effusion"
    assert row["lateral"]
    assert np.allclose(np.reshape(row["boxes"], (2, 4)), original, atol=1e-3)
    assert 40 <= row["x"] <= 80
    assert 40 <= row["y"] <= 80
    left, top, right, bottom = row["top_box"]
    assert left <= row["x"] <= right
    assert top <= row["y"] <= bottom


def trials(count=12):
    generator = np.random.default_rng(3)
    low = generator.uniform(0, 12, (count, 2))
    boxes = np.concatenate([low, low + generator.uniform(3, 10, (count, 2))], 1).astype(np.float32)
    maps = generator.normal(size=(count, 6, 6)).astype(np.float32)
    frame = Letterbox.fit(SIDE, SIDE, SIDE)
    return [
        Trial(f"i{n}", f"p{n // 2}", ("Mass", "Nodule")[n % 2], frame, boxes[n : n + 1], maps[n]) for n in range(count)
    ]


def test_threshold_is_the_best_of_a_plain_search():
    found = trials()
    area = np.ones((SIDE, SIDE), bool)
    mean = [
        np.mean([iou(top_boxes(enlarge(t.map_hw, SIDE), area)[place], t.box_K4).max() for t in found])
        for place in range(len(SHARES))
    ]
    assert mean[best_threshold(found, SIDE)] == max(mean)


def test_folds_keep_patients_together_and_hold_every_trial_once():
    found = trials()
    folds = folds_of(found)
    assert len(folds) == FOLDS
    assert sorted(t.sample_id for part, _ in folds for t in part) == sorted(t.sample_id for t in found)
    for part, others in folds:
        assert len(part) + len(others) == len(found)
        assert not {t.patient_id for t in part} & {t.patient_id for t in others}


def test_prior_is_the_mean_coverage_of_the_boxes():
    box = np.array([[0, 0, 12, 6], [6, 0, 12, 12]], np.float32)  # together three of the quarters of the left upper part
    frame = Letterbox.fit(SIDE, SIDE, SIDE)
    empty = np.zeros((0, 0), np.float32)
    whole = np.array([[0, 0, 24, 24]], np.float32)
    found = prior_maps([Trial("a", "p", "Mass", frame, box, empty), Trial("b", "q", "Mass", frame, whole, empty)], SIDE,
                       (4, 4))  # fmt: skip
    wanted = np.full((4, 4), 0.5)
    wanted[:2, :2] = [[1, 1], [0.5, 1]]
    assert np.allclose(found["Mass"], wanted)
    assert np.allclose(found[""], wanted)


@pytest.fixture(scope="module")
def challenge(tmp_path_factory):
    """A look-alike of RSNA Pneumonia at 32 px, 100 images. Read only."""
    root = tmp_path_factory.mktemp("rsna") / "data"
    rsna_pneumonia.write(root, 100, 0, size=32, workers=1)
    return root


@pytest.fixture(scope="module")
def radiographs(tmp_path_factory):
    """A look-alike of ChestX-ray14 at 32 px, 40 patients. Read only."""
    root = tmp_path_factory.mktemp("nih") / "data"
    chest_xray14.write(root, 40, 0, size=32, workers=1)
    return root


def test_training_boxes_are_those_of_the_tables(challenge):
    data = RsnaPneumonia(str(challenge), **DATA)
    data.check()
    found = training_trials(data, data.labels, 32)
    rows = [sample for sample in data.rows("train") if sample.fields["label"][0] == 1]
    assert [trial.sample_id for trial in found] == [sample.sample_id for sample in rows]
    for trial, sample in zip(found, rows, strict=True):
        box_N4 = sample.finding_K4[sample.finding_K4.any(1)]
        assert np.allclose(trial.frame.to_original(trial.box_K4), box_N4, atol=1e-3)


def test_trials_read_the_log_attention_of_the_stand_in(challenge, pretrained):
    data = RsnaPneumonia(str(challenge), **DATA)
    data.setup("fit")
    task = Grounding(None, str(pretrained / "backbone"), label_to_entity={"Pneumonia": "consolidation"})
    task.prepare(data)
    task.eval()
    batch = next(batch for batch in data.train_dataloader() if batch["finding_mask"].any())
    with torch.no_grad():
        found, memory = task.trials_of(batch), task.encode_images(batch)
    column = architecture().knowledge.entities.index("consolidation")
    assert len(found) == int(batch["finding_mask"].any(1).sum())
    for trial in found:
        b = batch["sample_id"].index(trial.sample_id)
        attention = memory.grounded.patch_attention[b, column].reshape(memory.features.grid)
        assert np.allclose(np.exp(trial.map_hw), attention.numpy(), atol=1e-6)
        assert trial.map_hw.shape == memory.features.grid


@pytest.mark.parametrize("config", ["grounding-phantom", "grounding-rsna"])
def test_the_command_scores_the_boxes_of_test_images(config, challenge, radiographs, pretrained, tmp_path, capsys):
    out, root = tmp_path / "run", radiographs if config == "grounding-phantom" else challenge
    line = words(config, root, out, f"--model.init_args.backbone={pretrained / 'backbone'}")
    assert main(["test", *line]) == 0
    assert capsys.readouterr().err == ""
    table, meta = read_predictions(out / "predictions" / "grounding.parquet")
    assert set(table["model"]) == {"pretrained", "baseline:prior_box"}
    assert table.groupby("model").size().nunique() == 1
    own = table[table["model"].eq("pretrained")]
    assert all(len(flat) >= 4 for flat in own["boxes"])
    if config == "grounding-phantom":
        assert "other test folds" in meta["signature"]["threshold"]
        assert "prior_box from the other" in meta["note"]
        assert meta["signature"]["prompts"] == "own"
        assert set(own["entity"]) <= {"atelectasis", "cardiomegaly", "pleural effusion", "pneumothorax"}
    else:
        assert meta["signature"]["threshold"].endswith("chosen on validation")
        assert meta["signature"]["prompts"] == "Pneumonia as consolidation"
        assert set(own["entity"]) == {"pneumonia"}
        assert own["threshold"].nunique() == 1
    assert [entity(name).lateral for name in own["entity"]] == own["lateral"].tolist()
    assert meta["trained_on"] == "phantom-mimic-cxr"  # nothing learns from the boxes
    assert page_of(out)[:2] == (["Where the model looks"], 1)
    figures = figures_of(out / "predictions" / "grounding.parquet")
    assert {figure.name for figure in figures} == {"pointing_game", "iou_top_box", "cnr"}
    assert all(set(figure.baselines) == {"prior_box"} for figure in figures)


def test_labels_without_a_prompt_are_counted_and_no_trial_is_null(radiographs, pretrained, tmp_path, capsys):
    out = tmp_path / "run"
    only = '--data.init_args.labels=["Nodule","Cardiomegaly"]'
    line = words("grounding-phantom", radiographs, out, f"--model.init_args.backbone={pretrained / 'backbone'}", only)
    assert main(["test", *line]) == 0
    _, meta = read_predictions(out / "predictions" / "grounding.parquet")
    assert "without a prompt, left out: Nodule (" in meta["note"]
    for figure in figures_of(out / "predictions" / "grounding.parquet"):
        if figure.label is None:
            assert figure.value is None
            assert "no trial of a lateralised entity" in figure.note
    only = '--data.init_args.labels=["Nodule","Hernia"]'
    assert main(["test", *line[:-1], only]) == 1
    assert "none of the labels Nodule, Hernia has a prompt" in capsys.readouterr().err


def test_no_boxed_image_at_all_leaves_null_figures(radiographs, pretrained, tmp_path):
    out = tmp_path / "run"
    only = '--data.init_args.labels=["Consolidation"]'  # present, and never boxed
    line = words("grounding-phantom", radiographs, out, f"--model.init_args.backbone={pretrained / 'backbone'}", only)
    assert main(["test", *line]) == 0
    figures = figures_of(out / "predictions" / "grounding.parquet")
    assert {figure.name for figure in figures} == {"pointing_game", "iou_top_box", "cnr"}
    assert all(figure.value is None and figure.note for figure in figures)
