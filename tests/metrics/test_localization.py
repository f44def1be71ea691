"""Figures of localization: recomputed resamples, baselines, labels without boxes, and bad rows."""

import time

import numpy as np
import pandas as pd
import pytest

from gkmvlp.errors import ResultsError
from gkmvlp.metrics.assemble import figures
from gkmvlp.metrics.bootstrap import Resamples
from gkmvlp.metrics.detection import Image, challenge_scores
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions
from gkmvlp.metrics.results.tables import is_headline
from gkmvlp.metrics.tasks.localization import LOOSE, TASK, images_of, mean_average_precision
from tests.metrics.corpora import META
from tests.metrics.detections import ONES, corpus, table

NAMES = {"map_40_75", "map_coco", "froc", "rsna_score", "map_40_75_legacy_mgca"}
MGCA = "map_40_75_legacy_mgca"
BOTH = "both a true box and a prediction that counts"


def score(rows):
    """Main figures of all rows by name, each image once."""
    found = TASK.score(rows, np.zeros(len(rows), int), ONES)
    return {key.name: scored for key, scored in found.items() if key.label is None}


def test_a_resample_is_the_figure_of_the_images_drawn():
    """Weights against copies of images, for every figure; the order of the rows does not matter."""
    images = corpus(24)
    rows = table(images)
    unit_N = rows["patient_id"].str[1:].astype(int).to_numpy()
    counts_VG = np.random.default_rng(3).multinomial(12, np.full(12, 1 / 12), 6).astype(np.uint16)
    found = TASK.score(rows, unit_N, counts_VG)
    for v, counts_G in enumerate(counts_VG):
        drawn = [image for n, image in enumerate(images) for _ in range(counts_G[unit_N[n]])]
        copied = TASK.score(table(drawn), np.zeros(len(drawn), int), ONES)
        backwards = TASK.score(table(drawn[::-1]), np.zeros(len(drawn), int), ONES)
        for key, scored in copied.items():
            assert found[key].curve_V[v] == pytest.approx(scored.curve_V[0], abs=1e-12), key
            assert backwards[key].curve_V[0] == pytest.approx(scored.curve_V[0], abs=1e-12), key


def test_the_challenge_leaves_out_images_without_truth_and_prediction():
    images = corpus(60, seed=5)
    scored = score(table(images, threshold=0.4))["rsna_score"]
    values = np.array([challenge_scores(image, np.array([0.4]), LOOSE)[0] for image in images])
    assert np.array_equal(scored.rows_N, ~np.isnan(values))
    assert scored.curve_V[0] == pytest.approx(np.nanmean(values))
    assert 0 < scored.rows_N.sum() < 60


@pytest.mark.parametrize("weak", [[], [0.4]])
def test_the_rule_of_mgca_sees_no_image_that_is_missed_or_healthy(weak):
    """A box found, a box missed by all but weak detections, and a stronger alarm on a healthy image."""
    box, elsewhere, nothing = np.array([[10, 10, 40, 40.0]]), np.array([[60, 60, 80, 80.0]]), np.zeros((0, 4))
    missed = Image(box, elsewhere[: len(weak)], np.array(weak))
    images = [Image(box, box, np.array([0.8])), missed, Image(nothing, elsewhere, np.array([0.9]))]
    found = score(table(images, threshold=0.5))
    assert found[MGCA].curve_V[0] == 1
    assert found[MGCA].rows_N.tolist() == [True, False, False]
    assert found["map_40_75"].curve_V[0] == pytest.approx(51 / 101 / 2)  # recalls 0 to 0.5, one alarm before the hit
    assert found["map_40_75"].rows_N.all()


@pytest.mark.parametrize("threshold", [0.8, 0.9])
def test_the_rule_of_mgca_is_a_plain_filter(threshold):
    images = corpus(60, seed=2)
    left = []
    for image in images:
        strong = [p for p, value in enumerate(image.score_P) if value >= threshold]
        if strong and len(image.true_K4):
            left.append(Image(image.true_K4, image.predicted_P4[strong], image.score_P[strong]))
    assert 1 < len(left) < sum(len(image.true_K4) > 0 for image in images)
    found = score(table(images, threshold=threshold))
    assert found[MGCA].rows_N.sum() == len(left)
    assert found[MGCA].curve_V == pytest.approx(mean_average_precision(left, LOOSE, np.ones((1, len(left)), int)))
    assert found[MGCA].curve_V[0] != pytest.approx(found["map_40_75"].curve_V[0], rel=0.01)


def test_the_rule_of_mgca_is_null_where_no_image_is_left():
    """No detection reaches the threshold; with a second label, the other one is the mean, and this one is named."""
    images, meta = corpus(20), {"task": "localization", **META, "signature": {}}
    weak = table(images, entity="edema", threshold=2.0)
    [alone] = (f for f in figures(TASK, weak, meta) if f.name == MGCA)
    assert (alone.value, alone.low, alone.high, alone.n) == (None, None, None, 0)
    assert alone.note == f"undefined: no image has {BOTH}"
    both = pd.concat([weak, table(images, entity="mass")], ignore_index=True)
    found = {(f.name, f.label): f for f in figures(TASK, both, meta)}
    assert found[MGCA, None].value == found[MGCA, "mass"].value > 0
    assert found[MGCA, None].note == f"left out, without {BOTH}: 1 of 2 (edema)"
    assert found[MGCA, "edema"].value is None
    assert found["map_40_75", None].note is None


def test_figures_of_a_file_baseline_and_differences(tmp_path):
    images = corpus(40)
    random = [
        image._replace(score_P=np.random.default_rng(n).random(len(image.score_P))) for n, image in enumerate(images)
    ]
    prior = [Image(i.true_K4, np.array([[20, 20, 50, 50.0]]), np.ones(1)) for i in images]
    parts = [table(images, seed=0), table(images, seed=1), table(random, "scratch", 0), table(random, "scratch", 1)]
    rows = pd.concat([*parts, table(prior, "baseline:prior_box", threshold=0.0)], ignore_index=True)
    file = tmp_path / "localization.parquet"
    write_predictions(file, rows, {"task": "localization", **META})
    found = {figure.name: figure for figure in figures(TASK, *read_predictions(file)) if figure.model == "pretrained"}
    assert set(found) == NAMES
    assert {name for name, figure in found.items() if not is_headline(figure)} == {MGCA}
    for name, figure in found.items():
        assert figure.value == pytest.approx(score(table(images))[name].curve_V[0])
        assert figure.low < figure.value < figure.high
        assert set(figure.baselines) == {"prior_box"}
        assert set(figure.difference) == {"prior_box", "scratch"}
        assert figure.seeds == 2
    assert found["map_40_75"].n == 40
    assert found["map_40_75"].difference["scratch"]["low"] > 0
    assert "iou:0.40:0.05:0.75" in found["map_40_75"].signature
    assert "threshold:validation" in found["rsna_score"].signature
    for part in ("images:with truth and prediction", "iou:0.40:0.05:0.75", "threshold:validation"):
        assert part in found[MGCA].signature.split("|")
    with pytest.raises(ResultsError, match="predicted boxes and"):
        images_of(rows.assign(scores=[np.zeros(99)] * len(rows)))


def test_labels_are_averaged_and_those_without_a_box_named():
    images = corpus(20)
    empty = [image._replace(true_K4=np.zeros((0, 4))) for image in images]
    rows = pd.concat(
        [table(images, entity="mass"), table(corpus(20, seed=1), entity="nodule"), table(empty, entity="edema")]
    )
    found = {(f.name, f.label): f for f in figures(TASK, rows, {"task": "localization", **META, "signature": {}})}
    for name in NAMES:
        lacks = BOTH if name == MGCA else "a true box"
        assert found[name, None].value == pytest.approx((found[name, "mass"].value + found[name, "nodule"].value) / 2)
        assert found[name, None].note == f"left out, without {lacks}: 1 of 3 (edema)"
        assert found[name, "edema"].value is None
        assert found[name, "edema"].note == f"undefined: no image has {lacks}"


def test_bad_rows_are_named_and_counted():
    images = corpus(10)
    flat = [image._replace(true_K4=np.concatenate([image.true_K4, [[5, 5, 5, 9.0]]])) for image in images]
    silent = [image._replace(predicted_P4=np.zeros((0, 4)), score_P=np.zeros(0)) for image in images]
    empty = [image._replace(true_K4=np.zeros((0, 4))) for image in images]
    meta = {"task": "localization", **META, "signature": {}}
    nothing = "no prediction at all on 10 rows: nothing found"
    kept, flattened, none, no_truth = (
        {f.name: f for f in figures(TASK, table(given), meta)} for given in (images, flat, silent, empty)
    )
    for name, figure in kept.items():
        assert figure.note is None
        assert flattened[name].value == figure.value
        assert flattened[name].note == "true boxes without area, left out: 10"
        assert none[name].value == (None if name == MGCA else 0)
        assert none[name].note == (f"undefined: no image has {BOTH}; {nothing}" if name == MGCA else nothing)
        assert no_truth[name].value is None
        assert no_truth[name].note == f"undefined: no image has {BOTH if name == MGCA else 'a true box'}"


def test_three_thousand_images_take_seconds():
    images = corpus(3000, most=12)
    rows = table(images)
    resamples = Resamples(pd.Series(np.zeros(len(rows), int)), rows["patient_id"])
    unit_N = resamples.unit_of(pd.Series(np.zeros(len(rows), int)), rows["patient_id"])
    start = time.process_time()
    TASK.score(rows, unit_N, resamples.counts_VG)
    seconds = time.process_time() - start
    assert seconds < 60
