"""The pyramid's cells lie where their patches do; the detector's boxes lie where its anchors do, x before y."""

import pytest
import torch
from torchvision.ops import box_iou

from gkmvlp.losses.detection import focal_loss, giou_loss
from gkmvlp.models.heads.detector import MOST, Detector, DetectorConfig, Truth, anchors, stepped
from gkmvlp.models.heads.pyramid import FeaturePyramid

CONFIG = DetectorConfig(pyramid_scales=[2.0, 1.0, 0.5], channels=8)


def make(labels=2, width=6, grid=(8, 8), side=64, config=CONFIG):
    torch.manual_seed(0)
    return Detector(config, labels, width, grid, side, focal_loss, giou_loss)


@pytest.mark.parametrize(
    ("grid", "sizes"), [((16, 16), [32, 16, 8, 4]), ((14, 14), [28, 14, 7, 4]), ((7, 7), [14, 7, 4, 2])]
)
def test_levels_share_the_frame_evenly(grid, sizes):
    pyramid = FeaturePyramid(6, 8, [2.0, 1.0, 0.5, 0.25])
    assert [level.shape for level in pyramid(torch.rand(2, 6, *grid))] == [(2, 8, size, size) for size in sizes]


def test_a_patch_reaches_the_cells_around_it_and_no_others():
    torch.manual_seed(0)
    pyramid = FeaturePyramid(6, 8, [4.0, 2.0, 1.0, 0.5])
    map_BDhw = torch.rand(1, 6, 8, 8)
    changed = map_BDhw.clone()
    changed[..., 2, 5] += 3
    for factor, before, after in zip([4, 2, 1, 0.5], pyramid(map_BDhw), pyramid(changed), strict=True):
        y, x = torch.where((before != after).any(1)[0])
        for found, patch in ((y, 2), (x, 5)):  # one cell further by the 3 x 3 convolution
            assert found.min() == int(patch * factor) - 1
            assert found.max() == max(int(patch * factor), int((patch + 1) * factor) - 1) + 1


def test_anchors_are_centred_on_their_cells_and_grow_by_level():
    config = DetectorConfig(pyramid_scales=[2.0, 1.0], anchor_size=3.0)
    frame, maps = torch.zeros(1, 1, 64, 64), [torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 8, 8)]
    box_A4 = anchors(config, patch=8.0)(frame, maps)[0]
    fine, coarse = box_A4[: 16 * 16 * 9].view(16, 16, 9, 4), box_A4[16 * 16 * 9 :].view(8, 8, 9, 4)
    for level, stride in ((fine, 4), (coarse, 8)):
        x, y = (level[..., 0] + level[..., 2]) / 2, (level[..., 1] + level[..., 3]) / 2
        assert torch.equal(x[3, :, 0], torch.arange(len(x)) * stride + stride / 2)
        assert torch.equal(y[:, 3, 0], torch.arange(len(y)) * stride + stride / 2)
        size = level[0, 0, :, 2:] - level[0, 0, :, :2]
        assert size.prod(1).sqrt().min() == pytest.approx(3 * stride, abs=1)  # MONAI rounds to whole pixels
        assert (size[:, 1] / size[:, 0]).min() < 0.7 < 1.4 < (size[:, 1] / size[:, 0]).max()


def test_steps_lead_where_monai_says():
    from monai.apps.detection.utils.box_coder import BoxCoder

    torch.manual_seed(0)
    corner_A2 = 40 * torch.rand(50, 2)
    anchor_A4 = torch.cat([corner_A2, corner_A2 + 1 + 20 * torch.rand(50, 2)], 1)
    step_BA4 = torch.randn(3, 50, 4)
    step_BA4[0, 0, 2:] = 9.0  # beyond the largest step
    coder = BoxCoder((1.0, 1.0, 1.0, 1.0))
    expected = torch.stack([coder.decode_single(step_A4, anchor_A4) for step_A4 in step_BA4])
    torch.testing.assert_close(stepped(anchor_A4, step_BA4), expected)


def test_anchors_follow_where_the_next_image_is():
    """MONAI keeps the anchors of the first one where that one was."""
    detector = make()
    detector.every_box(torch.rand(1, 6, 8, 8))
    assert detector._anchors(torch.device("meta")).device.type == "meta"


@pytest.mark.slow
def test_it_learns_boxes_of_two_labels_and_none_where_there_is_none():
    """Marks on the map; a mix-up of x and y, of labels, or of levels would find nothing."""
    truths = [
        Truth(torch.tensor([[34.0, 6, 52, 22]]), torch.tensor([0])),
        Truth(torch.tensor([[4.0, 40, 20, 62], [30, 10, 54, 30]]), torch.tensor([1, 0])),
        Truth(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long)),
    ]
    map_BDhw = 0.1 * torch.randn(3, 6, 8, 8, generator=torch.Generator().manual_seed(0))
    for b, truth in enumerate(truths):
        for box, label in zip((truth.box_K4 / 8).round().long(), truth.label_K, strict=True):
            map_BDhw[b, label, box[1] : box[3], box[0] : box[2]] += 2
    detector = make()
    optimizer = torch.optim.AdamW(detector.parameters(), 1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        sum(detector.losses(map_BDhw, truths).values()).backward()
        optimizer.step()
    for truth, found in zip(truths, detector.detect(map_BDhw), strict=True):
        sure_P = found.score_P > 0.3
        assert sure_P.sum() == len(truth.box_K4)
        overlap_PK = box_iou(found.box_P4[sure_P], truth.box_K4)
        assert (overlap_PK.max(0).values > 0.6).all() if len(truth.box_K4) else True
        if len(truth.box_K4):
            assert torch.equal(truth.label_K[overlap_PK.argmax(1)], found.label_P[sure_P])


@torch.no_grad()
def test_what_leaves_it_is_sorted_inside_the_frame_apart_and_not_too_much():
    detector = make(
        config=DetectorConfig(pyramid_scales=[2.0, 1.0], channels=8, nms_thresh=0.9, score_thresh=0.0)
    ).eval()
    for parameter in detector.retina.network.parameters():
        parameter.add_(0.3 * torch.randn(parameter.shape))
    for found in detector.detect(torch.randn(2, 6, 8, 8)):
        assert len(found.score_P) == MOST
        assert (found.score_P.diff() <= 0).all()
        assert found.box_P4.min() >= 0
        assert found.box_P4.max() <= 64
        assert (found.box_P4[:, 2:] - found.box_P4[:, :2]).min() >= 1
        for label in (0, 1):
            of_label = found.box_P4[found.label_P == label]
            assert (box_iou(of_label, of_label).fill_diagonal_(0) <= 0.9).all()
    detector.config.score_thresh = 0.9
    assert all((found.score_P > 0.9).all() for found in detector.detect(torch.randn(2, 6, 8, 8)))


def test_a_batch_without_a_box_teaches_the_labels_alone():
    detector = make()
    none = Truth(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))
    losses = detector.losses(torch.randn(2, 6, 8, 8), [none, none])
    assert losses["box_regression"] == 0
    assert 0 < losses["classification"] < float("inf")
    losses["classification"].backward()
    assert detector.retina.network.classification_head.cls_logits.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "resnet18", "swin_tiny_patch4_window7_224"])
def test_any_encoder_serves(name, tiny, build, images):
    changes = {"vision.name": name}
    if not name.startswith("vit"):
        small = {"embed_dim": 8, "depths": (1, 1), "num_heads": (1, 2), "window_size": 4, "patch_size": 4}
        changes["vision.timm_kwargs"] = (
            small if name.startswith("swin") else {"layers": [1, 1, 1, 1], "channels": [8] * 4}
        )
    model = build(tiny(**changes)).model
    features = model.vision(images()[0])
    map_BDhw = features.patches.transpose(1, 2).unflatten(2, features.grid)
    detector = make(1, 16, features.grid, 32, DetectorConfig(channels=8))
    truth = Truth(torch.tensor([[4.0, 6, 20, 22]]), torch.tensor([0]))
    sum(detector.losses(map_BDhw, [truth] * 3).values()).backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in model.vision.parameters())
    assert len(detector.detect(map_BDhw)) == 3
