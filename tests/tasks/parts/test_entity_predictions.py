"""Rows of the entity tasks: where a prompt looks, in pixels of the original image, and zero-shot scores."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.geometry import Letterbox
from gkmvlp.models.tokenizer import tokenize
from gkmvlp.tasks.parts.entity_predictions import (
    attention_peaks,
    entity_rows,
    regions_at,
    zero_shot_scores,
    zero_shot_texts,
)
from tests.tiny import architecture


def test_peaks_equal_a_plain_search():
    generator = torch.Generator().manual_seed(0)
    attention = torch.rand(2, 3, 12, generator=generator).softmax(-1)
    points = attention_peaks(attention, (3, 4), 20)
    for b in range(2):
        for e in range(3):
            small = attention[b, e].reshape(1, 1, 3, 4)
            large = F.interpolate(small, (20, 20), mode="bicubic", align_corners=False)[0, 0]
            best = max(((y, x) for y in range(20) for x in range(20)), key=lambda place: large[place].item())
            assert points[b, e].tolist() == [best[1] + 0.5, best[0] + 0.5]


def test_peaks_are_looked_for_where_they_may_lie():
    generator = torch.Generator().manual_seed(0)
    attention = torch.rand(2, 3, 16, generator=generator).softmax(-1)
    area = torch.zeros(2, 20, 20, dtype=torch.bool)
    area[0, 5:15], area[1, :, 4:11] = True, True
    everywhere, within = (attention_peaks(attention, (4, 4), 20, one) for one in (None, area))
    for b in range(2):
        for e in range(3):
            x, y = (int(place) for place in within[b, e])
            assert area[b, y, x]
            large = F.interpolate(attention[b, e].reshape(1, 1, 4, 4), (20, 20), mode="bicubic")[0, 0]
            assert large[y, x] == large[area[b]].max()
    assert not torch.equal(everywhere, within)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (1, 3), (3, 2)])
def test_a_single_bright_patch_is_found_at_its_centre(row, column):
    attention = torch.zeros(1, 1, 4, 4)
    attention[0, 0, row, column] = 1
    x, y = attention_peaks(attention.flatten(2), (4, 4), 32)[0, 0].tolist()
    # a peak of an even enlargement lies on one of the four pixels around the centre; at the border anywhere outwards
    assert 8 * column <= x <= 8 * column + 8
    assert 8 * row <= y <= 8 * row + 8


def rows_of(status, points, frame, sample="a"):
    batch = {"sample_id": [sample], "patient_id": ["p"], "letterbox": torch.tensor([frame], dtype=torch.float32)}
    names = ["pneumothorax", "cardiomegaly", "pleural effusion", "edema"]
    scores = {"zero_shot": torch.arange(4.0)[None]}
    return entity_rows(batch, names, torch.tensor([status], dtype=torch.int8), scores, torch.tensor([points]))


def test_points_come_back_to_pixels_of_the_original():
    frame = Letterbox.fit(200, 100, 32)  # scale 0.16, 8 pixels of air above
    original = np.array([[10.0, 20.0], [150.0, 90.0], [0.0, 0.0], [200.0, 100.0]], np.float32)
    moved = frame.to_square(np.concatenate([original, original], 1))[:, :2]
    rows = rows_of([1, 0, -1, -2], moved.tolist(), frame)
    assert np.allclose([[row["x"], row["y"]] for row in rows], original, atol=1e-4)


def test_targets_and_kinds():
    rows = rows_of([1, 0, -1, -2], [[0.5, 0.5]] * 4, Letterbox.fit(32, 32, 32))
    target = [row["target"] for row in rows]
    assert target[:2] == [1.0, 0.0]
    assert np.isnan(target[2])
    assert target[3] == 0.0
    assert [row["lateral"] for row in rows] == [True, False, True, False]
    assert [row["zero_shot"] for row in rows] == [0.0, 1.0, 2.0, 3.0]
    assert [row["entity"] for row in rows] == ["pneumothorax", "cardiomegaly", "pleural effusion", "edema"]


def test_zero_shot_is_the_difference_of_two_cosines():
    made = backbones.build(architecture(), ["There is an effusion.", "There is no edema."])
    model = made.model.eval()
    present, absent = zero_shot_texts(["edema", "nodule"])
    assert (present[0], absent[1]) == ("There is edema.", "There is no nodule.")
    images = F.normalize(torch.randn(3, 8), dim=-1)
    with torch.no_grad():
        batches = [tokenize(made.tokenizer, texts, 32) for texts in (present, absent)]
        scores = zero_shot_scores(model, images, *batches)
        for e in range(2):
            yes, no = (model.embed_text(tokenize(made.tokenizer, [texts[e]], 32))[0] for texts in (present, absent))
            wanted = F.cosine_similarity(images, yes[None]) - F.cosine_similarity(images, no[None])
            assert torch.allclose(scores[:, e], wanted, atol=1e-5)


def test_autocast_leaves_zero_shot_scores_in_float32():
    """On GPUs a test runs in bfloat16, whose few values would tie images that the cosines tell apart."""
    made = backbones.build(architecture(), ["There is an effusion.", "There is no edema."])
    model = made.model.eval()
    batches = [tokenize(made.tokenizer, texts, 32) for texts in zero_shot_texts(["edema", "nodule"])]
    near = F.normalize(torch.ones(8) + 1e-4 * torch.randn(50, 8), dim=-1)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        scores = zero_shot_scores(model, near, *batches)
    assert scores.dtype == torch.float32
    assert len(scores[:, 0].unique()) > 25


def test_the_region_of_a_point_is_one_that_it_lies_in():
    """Against a loop: of the regions around the point the one attended to most, without attention the smallest."""
    draw = np.random.default_rng(0)
    low_BR2 = draw.uniform(0, 0.6, (3, 29, 2))
    box_BR4 = np.concatenate([low_BR2, low_BR2 + draw.uniform(0.05, 0.4, (3, 29, 2))], -1)
    mask_BR, point_BE2 = draw.random((3, 29)) < 0.8, draw.uniform(0, 1.2, (3, 40, 2))
    attention_BER = draw.random((3, 40, 29)) * (draw.random((3, 40, 29)) < 0.1)
    found = regions_at(*map(torch.from_numpy, (point_BE2, box_BR4, mask_BR, attention_BER)))
    for b in range(3):
        for e in range(40):
            x, y = point_BE2[b, e]
            around = [
                r for r, (x1, y1, x2, y2) in enumerate(box_BR4[b]) if mask_BR[b, r] and x1 <= x <= x2 and y1 <= y <= y2
            ]
            area = {r: np.prod(box_BR4[b, r, 2:] - box_BR4[b, r, :2]) for r in around}
            attended = [r for r in around if attention_BER[b, e, r] > 0]
            expected = (
                max(attended, key=lambda r: attention_BER[b, e, r]) if attended else min(area, key=area.get, default=-1)
            )
            assert found[b, e] == expected
    assert {-1} < set(found.unique().tolist())
