"""Detection against COCO's own tool, MONAI and the challenge's text."""

import numpy as np
import pytest
from monai.apps.detection.metrics.coco import COCOMetric
from monai.apps.detection.metrics.matching import matching_batch
from monai.data.box_utils import box_iou
from monai.metrics import compute_froc_curve_data, compute_froc_score
from monai.metrics.froc import compute_fp_tp_probs_nd

from gkmvlp.metrics.detection import FALSE_POSITIVES, Image, challenge_scores, find_boxes, froc, strongest
from gkmvlp.metrics.tasks.localization import LOOSE, STRICT, best_threshold, mean_average_precision
from tests.metrics.detections import boxes, corpus


def naive_challenge(image, threshold):
    """The evaluation page of the challenge, sentence by sentence."""
    kept = sorted(
        (p for p in range(len(image.score_P)) if image.score_P[p] >= threshold), key=lambda p: -image.score_P[p]
    )
    if not kept and not len(image.true_K4):
        return None
    precisions = []
    for t in range(40, 80, 5):
        left, hits = list(range(len(image.true_K4))), 0
        for p in kept:
            overlap = {k: iou(image.predicted_P4[p], image.true_K4[k]) for k in left}
            best = max(overlap, key=overlap.get, default=None)
            if best is not None and overlap[best] >= t / 100:
                left.remove(best)
                hits += 1
        precisions.append(hits / (hits + len(kept) - hits + len(left)))
    return sum(precisions) / len(precisions)


def iou(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def of_monai(images, low, high):
    metric = COCOMetric(["opacity"], iou_list=[0.5], iou_range=(low, high, 0.05), max_detection=[100])
    found = matching_batch(
        box_iou, metric.iou_thresholds,
        [image.predicted_P4 for image in images], [np.zeros(len(image.score_P), int) for image in images],
        [image.score_P for image in images],
        [image.true_K4 for image in images], [np.zeros(len(image.true_K4), int) for image in images],
    )  # fmt: skip
    return metric(found)[0][f"mAP_IoU_{low:.2f}_{high:.2f}_0.05_MaxDet_100"]


@pytest.mark.parametrize("seed", range(4))
def test_average_precision_is_that_of_monai(seed):
    images = corpus(53, seed=seed)  # not 50 boxes: recalls are float32 there, a multiple of 0.01 would be rounded
    weight_WN = np.ones((1, len(images)), np.uint16)
    for iou_T in (LOOSE, STRICT):
        ours = mean_average_precision(images, iou_T, weight_WN)
        assert ours == pytest.approx(of_monai(images, iou_T[0], iou_T[-1]), abs=1e-9)
        assert 0.05 < ours < 0.95


@pytest.mark.parametrize("iou_T", [LOOSE, STRICT])
def test_average_precision_is_that_of_pycocotools(iou_T, capsys):
    coco, evaluation = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    images = corpus(seed=7)
    truth, found = coco.COCO(), []
    flat = [(n, box) for n, image in enumerate(images) for box in image.true_K4]
    size = lambda box: [*box[:2], *(box[2:] - box[:2])]  # noqa: E731
    truth.dataset = {
        "images": [{"id": n} for n in range(len(images))],
        "categories": [{"id": 1}],
        "annotations": [{"id": 1 + k, "image_id": n, "category_id": 1, "bbox": size(box), "iscrowd": 0,
                         "area": float(np.prod(size(box)[2:]))} for k, (n, box) in enumerate(flat)],
    }  # fmt: skip
    truth.createIndex()
    for n, image in enumerate(images):
        pairs = zip(image.predicted_P4, image.score_P, strict=True)
        found += [{"image_id": n, "category_id": 1, "bbox": size(box), "score": score} for box, score in pairs]
    judge = evaluation.COCOeval(truth, truth.loadRes(found), "bbox")
    judge.params.iouThrs = iou_T
    judge.evaluate()
    judge.accumulate()
    theirs = judge.eval["precision"][:, :, 0, 0, -1].mean()
    ours = mean_average_precision(images, iou_T, np.ones((1, len(images)), np.uint16))
    assert ours == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_froc_is_that_of_monai(seed):
    """Truths that do not overlap, drawn as masks."""
    images = [image._replace(true_K4=image.true_K4[:1]) for image in corpus(seed=seed)]
    false, true, targets = [], [], 0
    for image in images:
        mask = np.zeros((120, 120), int)
        for x1, y1, x2, y2 in image.true_K4.astype(int):
            mask[y1:y2, x1:x2] = 1
        centre = (image.predicted_P4[:, :2] + image.predicted_P4[:, 2:]) / 2
        parts = compute_fp_tp_probs_nd(image.score_P, centre[:, ::-1].astype(int).clip(0), mask)
        false, true, targets = [*false, *parts[0]], [*true, *parts[1]], targets + parts[2]
    assert min(true) == 0  # a box is missed: MONAI's curve then has its last point
    curve = compute_froc_curve_data(np.array(false), np.array(true), targets, len(images))
    ours = froc(images, np.ones((1, len(images)), np.uint16))
    assert ours == pytest.approx(compute_froc_score(*curve, eval_thresholds=FALSE_POSITIVES), abs=1e-6)


def test_challenge_score_is_that_of_its_text():
    images = corpus(60, seed=5)
    for threshold in (0.0, 0.4, 0.9, 1.1):
        naive = [naive_challenge(image, threshold) for image in images]
        ours = [challenge_scores(image, np.array([threshold]), LOOSE)[0] for image in images]
        assert [None if np.isnan(x) else pytest.approx(x) for x in ours] == naive
    assert None in naive
    assert 0 in naive


def test_a_detection_takes_the_truth_it_overlaps_most_and_no_truth_is_found_twice():
    true = np.array([[0, 0, 10, 10], [0, 0, 10, 8]], float)
    image = Image(
        true,
        np.array([[0, 0, 10, 9.9], [0, 0, 10, 10], [0, 0, 10, 7.9], [50, 50, 60, 60]]),
        np.array([0.9, 0.8, 0.7, 0.6]),
    )
    assert find_boxes(image, np.array([0.5, 0.95])).tolist() == [[True, True, False, False], [True, False, True, False]]


def test_equal_scores_count_together():
    """A baseline of one score has the precision of all its boxes, whatever the order of the images."""
    true, wrong = np.array([[0, 0, 10, 10.0]]), np.array([[50, 50, 60, 60.0]])
    images = [Image(true, true, np.ones(1)), *[Image(true, wrong, np.ones(1))] * 3]
    for order in (images, images[::-1]):
        ap = mean_average_precision(order, LOOSE, np.ones((1, 4), np.uint16))
        assert ap == pytest.approx(26 / 101 * 1 / 4)  # recalls 0 to 0.25


def test_only_the_strongest_hundred_count():
    generator = np.random.default_rng(0)
    many = Image(boxes(generator, 3), boxes(generator, 150), generator.permutation(150) / 150)
    assert np.array_equal(strongest(many).score_P, np.sort(many.score_P)[:49:-1])
    lower = np.argsort(many.score_P)[:50]
    without = Image(many.true_K4, np.delete(many.predicted_P4, lower, 0), np.delete(many.score_P, lower))
    one = np.ones((1, 1), np.uint16)
    assert mean_average_precision([many], LOOSE, one) == mean_average_precision([without], LOOSE, one)


def test_the_threshold_chosen_has_the_best_score_of_all():
    images = corpus(30)
    mean = lambda t: np.nanmean([challenge_scores(image, np.array([t]), LOOSE)[0] for image in images])  # noqa: E731
    chosen = best_threshold(images)
    scores = np.concatenate([image.score_P for image in images])
    assert mean(chosen) == max(mean(t) for t in np.quantile(scores, np.linspace(0, 1, 50)))
    assert best_threshold([Image(np.zeros((0, 4)), np.zeros((0, 4)), np.zeros(0))]) == 0.5
