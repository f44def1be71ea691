"""Hidden findings on a model whose answer is known in closed form: the mean of the pixels in one box."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gkmvlp.anatomy import atlas
from gkmvlp.geometry import Letterbox
from gkmvlp.zoo.inference.faithfulness import Trial, counterfactual_rows, laterality_rows
from gkmvlp.zoo.inference.outputs import Output

SIDE, BOX = 40, (8, 12, 16, 20)  # x1, y1, x2, y2
BRIGHT, DARK = 0.9, 0.25


def trial(box=BOX, frame=None):
    image = np.full((SIDE, SIDE), DARK, np.float32)
    image[12:20, 8:16] = BRIGHT
    regions = atlas()
    return Trial(
        "image", "patient", "mass", "mass", True, image, frame or Letterbox.fit(SIDE, SIDE, SIDE),
        np.array([box], np.float32), regions, np.ones(len(regions), bool),
    )  # fmt: skip


def mean_in_box(memory, asked):
    x1, y1, x2, y2 = BOX
    return memory["image"][:, 0, y1:y2, x1:x2].double().mean((1, 2)).numpy()


def share_on_side(memory, asked):
    """How much brighter the asked side is than the other; right is on the left of the image."""
    left, right = memory["image"][:, 0].double().split(SIDE // 2, dim=2)
    brighter = (left.mean((1, 2)) - right.mean((1, 2))).numpy()
    return np.array(
        [value if text.startswith("right") else -value for value, text in zip(brighter, asked, strict=True)]
    )


TOY = SimpleNamespace(device=torch.device("cpu"), entities=["mass"], encode_images=lambda batch: batch)


def test_the_drop_of_a_mean_in_a_box_is_exact():
    rows, left_out = counterfactual_rows(TOY, {"logit": Output(mean_in_box, "{name}")}, [trial()], "mean")
    model, baseline = rows
    assert not left_out
    assert (model["model"], baseline["model"]) == ("model", "baseline:random_region")
    assert model["whole"] == baseline["whole"] == pytest.approx(BRIGHT)
    assert model["hidden"] == pytest.approx(DARK)  # the mean of what stays
    assert baseline["hidden"] == pytest.approx(BRIGHT)  # random places share nothing with the box: there is room


def test_a_finding_over_most_of_the_image_is_left_out_and_counted():
    rows, left_out = counterfactual_rows(TOY, {"logit": Output(mean_in_box, "{name}")}, [trial((2, 2, 38, 38))], "mean")
    assert rows == []
    assert left_out == {"boxes": 1}


def test_a_model_that_sees_sides_follows_and_one_that_reads_words_does_not():
    (row,) = laterality_rows(TOY, {"sentence": Output(share_on_side, "{name}")}, [trial()])
    assert row["side"] == "right"
    assert row["margin"] > 0
    assert row["mirrored"] == pytest.approx(row["margin"])
    blind = Output(lambda memory, asked: np.array([float(text.startswith("right")) for text in asked]), "{name}")
    (row,) = laterality_rows(TOY, {"sentence": blind}, [trial()])
    assert (row["margin"], row["mirrored"]) == (1, -1)
    assert laterality_rows(TOY, {"logit": Output(mean_in_box, "{name}", takes_sides=False)}, [trial()]) == []
