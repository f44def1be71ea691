"""What a model says about a radiograph.

H x W pixels of the original image, h x w grid of patches.
"""

from dataclasses import dataclass, field, fields, replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from gkmvlp.geometry import Letterbox
from gkmvlp.tasks.parts.heat_maps import box_around, enlarge, image_area, peak
from gkmvlp.texts import brief
from gkmvlp.zoo.inference.gate import Verdict, is_doubted
from gkmvlp.zoo.inference.readings import Reading

Float = NDArray[np.float32]
Pixels = NDArray[np.uint8]
_HEAT, _ORANGE = 0.45, (255, 127, 14)


class PredictedBox(NamedTuple):
    """A box of a label, in pixels of the original image."""

    label: str
    score: float  # in [0, 1]
    x1: float
    y1: float
    x2: float
    y2: float
    is_likely: bool  # whether the score reaches the threshold
    threshold: float  # of the label: chosen by validation for findings

    def __repr__(self) -> str:
        return brief(self)


class _Vectors(NamedTuple):
    images: NDArray[np.float32]  # (N, D)
    texts: NDArray[np.float32]  # (N, D)


class Embeddings(_Vectors):
    """Unit vectors of one space, ``images`` (N, D) and ``texts`` (N, D)."""

    notes: tuple[str, ...] = ()  # on texts that are empty, or that the model does not read to their end


@dataclass(frozen=True)
class Prediction:
    """What a model says about one radiograph.

    Attributes:
        findings: Entity -> probability that the report would call it present, in [0, 1], likeliest first; by a model
            fine-tuned for labels, label -> probability.
        points: Entity -> x, y in pixels of the original image as it stands upright, where its prompt attends to most.
        regions: Entity -> the region that its point lies in, "" where it lies in none.
        readings: Finding -> its score and probability, whether that was calibrated, and its threshold.
        boxes: Boxes, best first: of findings or regions, by a model that was trained for them. By a backbone those of
            its findings, likeliest first: around the point, where attention is at least half of the highest.
        region_boxes: Region -> x1, y1, x2, y2 in pixels of the original image as it stands upright, as the model reads
            them.
        answer: The answer, where a question was asked.
        answer_probability: Its probability among the known answers; None of a model that writes freely.
        is_in_scope: Whether the model was trained on what the question asks about; None where its folder does not
            tell, or none was asked.
        report: The report, by a model that writes reports.
        categories: Class -> its probability among all, likeliest first, by a model for classes of an image with its
            text.
        notice: What has to be said along: that the model never saw a patient, that a question lies outside, that the
            picture looks like no frontal chest radiograph; else None.
        verdict: What the gate says of the picture; None where it was off.
        notes: What was not taken as the file says, such as a window that shows nothing, or a picture that was turned;
            that a question is longer than the model reads.
        pixels_HW: The radiograph as the model reads its grey values, (H, W).
        attention: Entity -> attention of its prompt over the patches (h, w), whose sum is 1.
        frame: Where the radiograph lies in the square that ``attention`` covers.
        side: Side of that square in pixels of the frame.
    """

    findings: dict[str, float] = field(default_factory=dict)
    points: dict[str, tuple[float, float]] = field(default_factory=dict)
    regions: dict[str, str] = field(default_factory=dict)
    readings: dict[str, Reading] = field(default_factory=dict)
    boxes: list[PredictedBox] = field(default_factory=list)
    region_boxes: dict[str, tuple[float, float, float, float]] = field(default_factory=dict, repr=False)
    answer: str | None = None
    answer_probability: float | None = None
    is_in_scope: bool | None = None
    report: str | None = None
    categories: dict[str, float] = field(default_factory=dict)
    notice: str | None = None
    verdict: Verdict | None = None
    notes: tuple[str, ...] = ()
    pixels_HW: Pixels | None = field(default=None, repr=False, compare=False)
    attention: dict[str, Float] = field(default_factory=dict, repr=False, compare=False)
    frame: Letterbox | None = field(default=None, repr=False, compare=False)
    side: int = field(default=0, repr=False, compare=False)

    def __repr__(self) -> str:
        said = ((one.name, getattr(self, one.name)) for one in fields(self) if one.repr)
        told = (f"{name}={brief(value)}" for name, value in said if value not in (None, {}, [], ()))
        return f"Prediction({', '.join(told)})"

    def judged(self, verdict: Verdict | None) -> "Prediction":
        """The same with what the gate says of the picture; where that doubts it, the notice says so too."""
        doubt = f"this picture {verdict}" if is_doubted(verdict) else None
        return replace(self, notice=" ".join(filter(None, (self.notice, doubt))) or None, verdict=verdict)

    def heat_map(self, finding: str) -> Float:
        """Where a finding's prompt looks, (H, W) float32 at the resolution of the radiograph; 1 is the highest.

        Raises:
            KeyError: If the model has no map of it; those that it has are in ``attention``.
        """
        assert self.frame is not None
        large_SS = enlarged(self.attention[finding], self.side)
        scale_x, scale_y, left, top, width, height = self.frame
        # pixel centres of the radiograph to those of the frame
        to_frame = np.array([[scale_x, 0, left + (scale_x - 1) / 2], [0, scale_y, top + (scale_y - 1) / 2]], np.float64)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = int(width), int(height)
        heat_HW = cv2.warpAffine(large_SS, to_frame, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(heat_HW / max(float(heat_HW.max()), 1e-12), np.float32)

    def draw(self, finding: str | None = None) -> Pixels:
        """The radiograph with its likely boxes, or with one finding's heat map and boxes, (H, W, 3) uint8 RGB.

        ``PIL.Image.fromarray(prediction.draw()).save("picture.png")`` writes it, pixel for pixel.
        """
        assert self.pixels_HW is not None
        picture = np.repeat(self.pixels_HW[..., None], 3, axis=2)
        if finding is not None:
            colour = cv2.applyColorMap((255 * self.heat_map(finding)).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
            picture = ((1 - _HEAT) * picture + _HEAT * colour).astype(np.uint8)
        line = max(1, min(picture.shape[:2]) // 256)
        for box in self.boxes:
            if box.label == finding or (finding is None and box.is_likely):
                corners = [round(value) for value in (box.x1, box.y1, box.x2, box.y2)]
                cv2.rectangle(picture, corners[:2], corners[2:], _ORANGE, line)
        return picture


def enlarged(map_hw: Float, side: int) -> Float:
    """A map of patches as the pointing game enlarges it to the square frame, not below 0, (S, S)."""
    return np.maximum(enlarge(map_hw, side), 0)


def hot_box(map_hw: Float, side: int, frame: Letterbox) -> Float:
    """The box (1, 4) xyxy in pixels of the frame around where a map is at least half as high as at its highest point.

    Padding does not count; what hangs together with the highest point does.

    Args:
        map_hw: Attention over the patches (h, w).
        side: Side of the frame in pixels.
        frame: Where the image lies in it.
    """
    large_SS, area_SS = enlarged(map_hw, side), image_area(frame, side)
    place = peak(large_SS, area_SS)
    return box_around(area_SS & (large_SS >= large_SS[place] / 2), place)[None]
