"""RetinaNet (Lin et al., ICCV 2017; MONAI's) on a simple feature pyramid of the patches.

MONAI is imported where a detector is built: models without one start seconds sooner.

B batch, L labels, K true boxes of an image, A anchors of all levels, S side of the frame in pixels.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torchvision.ops import batched_nms, clip_boxes_to_image

from gkmvlp.models.heads.pyramid import FeaturePyramid

if TYPE_CHECKING:
    from monai.apps.detection.utils.anchor_utils import AnchorGeneratorWithAnchorShape

Loss = Callable[[Tensor, Tensor], Tensor]
OCTAVE = (1.0, 2 ** (1 / 3), 2 ** (2 / 3))
ASPECTS = (0.5, 1.0, 2.0)  # height over width
CANDIDATES = 300  # boxes of an image that reach non-maximum suppression
MOST = 100  # boxes of an image that leave it
MIN_SIDE = 1.0  # of a predicted box in pixels of the frame
LARGEST = math.log(1000 / 16)  # step of a side, as MONAI's coder has it, which the losses use


@dataclass
class DetectorConfig:
    """The detector.

    Attributes:
        pyramid_scales: Levels of the pyramid: cells a side for each patch a side, finest first, each half of the one
            before.
        channels: Channels of every level, a multiple of 8.
        anchor_size: Side of the smallest anchor of a level in cells of that level.
        nms_thresh: Of two boxes of one label that overlap by more than this only the better one is kept.
        score_thresh: Boxes below it are dropped.
    """

    pyramid_scales: list[float] = field(default_factory=lambda: [2.0, 1.0, 0.5, 0.25])
    channels: int = 256
    anchor_size: float = 2.0
    nms_thresh: float = 0.4
    score_thresh: float = 0.01


class Truth(NamedTuple):
    """The true boxes of one image."""

    box_K4: Tensor  # (K, 4) float32 xyxy in pixels of the frame
    label_K: Tensor  # (K,) int64 in [0, L)


class Detections(NamedTuple):
    """The predicted boxes of one image, best first."""

    box_P4: Tensor  # (P, 4) float32 xyxy in pixels of the frame
    label_P: Tensor  # (P,) int64
    score_P: Tensor  # (P,) float32 in [0, 1]


class _Loss(nn.Module):
    """A loss as MONAI takes it: a module."""

    def __init__(self, function: Loss) -> None:
        super().__init__()
        self.function = function

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        return self.function(prediction, target)


class Detector(nn.Module):
    """Boxes from a map of patches.

    Args:
        config: Levels, anchors and what is kept.
        labels: L.
        width: Channels of the map.
        grid: (h, w) of the map.
        image_size: S.
        label_loss: Loss of logits (A, L) against targets (A, L) of 0 and 1.
        box_loss: Loss of boxes (N, 4) xyxy against the true boxes (N, 4) of their anchors.
    """

    def __init__(
        self,
        config: DetectorConfig,
        labels: int,
        width: int,
        grid: tuple[int, int],
        image_size: int,
        label_loss: Loss,
        box_loss: Loss,
    ) -> None:
        from monai.apps.detection.networks.retinanet_detector import RetinaNetDetector
        from monai.apps.detection.networks.retinanet_network import RetinaNet

        super().__init__()
        self.config, self.image_size = config, image_size
        network = RetinaNet(
            spatial_dims=2,
            num_classes=labels,
            num_anchors=len(OCTAVE) * len(ASPECTS),
            feature_extractor=FeaturePyramid(width, config.channels, config.pyramid_scales),
        )
        self.retina = RetinaNetDetector(network, anchors(config, image_size / grid[1]))
        self.retina.set_atss_matcher(num_candidates=4, center_in_gt=False)
        self.retina.set_cls_loss(_Loss(label_loss))
        self.retina.set_box_regression_loss(_Loss(box_loss), encode_gt=False, decode_pred=True)

    def _maps(self, map_BDhw: Tensor) -> dict[str, list[Tensor]]:
        """Maps of logits and of steps by name, one a level.

        ``RetinaNetDetector.forward`` takes the network's input for the image; here it is a map of patches, which has
        another size and comes from an encoder that other tasks share.
        """
        maps = {name: [level.float() for level in levels] for name, levels in self.retina.network(map_BDhw).items()}
        # of one image: all have the same anchors
        frame = map_BDhw.new_empty(1, 1, self.image_size, self.image_size, device="meta")
        self.retina.generate_anchors(frame, maps)
        return maps

    def _anchors(self, device: torch.device) -> Tensor:
        """Anchors (A, 4) of all levels, xyxy in pixels of the frame, after ``_maps``."""
        assert self.retina.anchors is not None
        return self.retina.anchors[0].to(device)  # MONAI keeps those of the first image, wherever that one was

    def losses(self, map_BDhw: Tensor, truths: Sequence[Truth]) -> dict[str, Tensor]:
        """The losses ``classification`` and ``box_regression`` of a batch with its true boxes."""
        targets = [{"boxes": truth.box_K4, "labels": truth.label_K} for truth in truths]
        maps = self._maps(map_BDhw)
        cells = [level.shape[-2:].numel() for level in maps[self.retina.cls_key]]
        outputs = {name: self.retina._reshape_maps(levels) for name, levels in maps.items()}
        return self.retina.compute_loss(outputs, targets, [self._anchors(map_BDhw.device)] * len(targets), cells)

    def every_box(self, map_BDhw: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, A, L) and box (B, A, 4), xyxy in pixels of the frame, at every anchor: what can be exported.

        MONAI's own reshaping and decoding ask for NaN on the way, which no exported program can.
        """
        maps = self._maps(map_BDhw)
        logits_BAL, step_BA4 = (_by_anchor(maps[key]) for key in (self.retina.cls_key, self.retina.box_reg_key))
        box_BA4 = stepped(self._anchors(step_BA4.device), step_BA4)
        return logits_BAL, clip_boxes_to_image(box_BA4, (self.image_size, self.image_size))

    @torch.no_grad()
    def detect(self, map_BDhw: Tensor) -> list[Detections]:
        """At most ``MOST`` boxes an image."""
        return [self._select(*image) for image in zip(*self.every_box(map_BDhw), strict=True)]

    def _select(self, logits_AL: Tensor, box_A4: Tensor) -> Detections:
        """Non-maximum suppression by torchvision's compiled loop; MONAI's is one in Python: 87 ms an image, not 0.6."""
        score_C, index_C = logits_AL.sigmoid().flatten().topk(min(CANDIDATES, logits_AL.numel()))
        box_C4, label_C = box_A4[index_C // logits_AL.shape[1]], index_C % logits_AL.shape[1]
        is_wide_C = (box_C4[:, 2:] - box_C4[:, :2] >= MIN_SIDE).all(1)  # little may be left of one beyond the frame
        valid_C = is_wide_C & (score_C > self.config.score_thresh)
        box_C4, label_C, score_C = box_C4[valid_C], label_C[valid_C], score_C[valid_C]
        selected_P = batched_nms(box_C4, score_C, label_C, self.config.nms_thresh)[:MOST]
        return Detections(box_C4[selected_P], label_C[selected_P], score_C[selected_P])


def stepped(anchor_A4: Tensor, step_BA4: Tensor) -> Tensor:
    """Boxes (B, A, 4) xyxy that steps lead to from anchors (A, 4) xyxy (R-CNN, Girshick et al. 2014, appendix C).

    Args:
        anchor_A4: Anchors.
        step_BA4: Of the centre, in sides of the anchor; and of the sides, as logarithms.
    """
    side_A2 = anchor_A4[:, 2:] - anchor_A4[:, :2]
    centre_BA2 = (anchor_A4[:, :2] + side_A2 / 2) + step_BA4[..., :2] * side_A2
    half_BA2 = side_A2 * step_BA4[..., 2:].clamp(max=LARGEST).exp() / 2
    return torch.cat([centre_BA2 - half_BA2, centre_BA2 + half_BA2], -1)


def _by_anchor(levels: Sequence[Tensor]) -> Tensor:
    """Maps (B, anchors of a cell x K, h, w), one a level, as (B, A, K) in the order of the anchors."""
    shape = len(OCTAVE) * len(ASPECTS), -1
    return torch.cat([level.unflatten(1, shape).permute(0, 3, 4, 1, 2).flatten(1, 3) for level in levels], 1)


def anchors(config: DetectorConfig, patch: float) -> "AnchorGeneratorWithAnchorShape":
    """Nine anchors a cell: three sizes an octave, three aspects.

    Args:
        config: Says the smallest size.
        patch: Side of a patch in pixels of the frame.
    """
    from monai.apps.detection.utils.anchor_utils import AnchorGeneratorWithAnchorShape

    side = config.anchor_size * patch / config.pyramid_scales[0]
    shapes = [(side * size / aspect**0.5, side * size * aspect**0.5) for size in OCTAVE for aspect in ASPECTS]
    scales = [config.pyramid_scales[0] / factor for factor in config.pyramid_scales]
    # MONAI counts rows as x unless told otherwise; our boxes are (x, y, x, y)
    return AnchorGeneratorWithAnchorShape(scales, shapes, indexing="xy")
