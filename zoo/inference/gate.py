"""A gate before every answer: is this an upright frontal chest radiograph, and if not, what does it look like?

A small network of the package decides (``zoo/models/gate``, its card beside it). What the header of a DICOM says is
judged before, where the file is read (``data_modules/pipeline/images.py``): that is a fact, the gate's word a guess.

K kinds, T side of what the network reads.
"""

import json
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple, TypeGuard, get_args

import cv2
import numpy as np
import torch
from torch import Tensor

from gkmvlp.checkpoints.density_file import Density
from gkmvlp.checkpoints.weights import SkipInit, load_exact, read_tensors
from gkmvlp.data_modules.pipeline.images import ImageError
from gkmvlp.data_modules.pipeline.intensity import Intensity
from gkmvlp.data_modules.pipeline.transforms import Pixels
from gkmvlp.errors import BackboneError, UsageError
from gkmvlp.models.gate import FRONTAL, KINDS, SIDE, GateNet, both_ways
from gkmvlp.zoo.entry import PACKAGED

GateMode = Literal["refuse", "warn", "off"]
MODES: tuple[GateMode, ...] = get_args(GateMode)
FOLDER = PACKAGED / "gate"
WEIGHTS, INFO, CARD = "gate.safetensors", "gate.json", "README.md"
FORMAT = 1
INTENSITY: Intensity = "voi"  # of the pictures that it learned from: as files hold them, however a model reads them
SMALLEST = 64  # pixels a side; with fewer nobody, and no network, can tell
LONGEST = 3  # times the shorter side; frontal radiographs of Open-i, ChestX-ray14 and SLAKE have 1.5 at most
TOO_SMALL, TOO_NARROW = "too small", "too narrow"
FAR = "far from training"
FAR_FROM = 0.99  # share of a model's validation images that lie nearer
REASONS: Mapping[str, str] = {
    FRONTAL: "an upright frontal chest radiograph",
    "no radiograph": "looks like no radiograph, but a photograph, a drawing, text or noise",
    "no chest": "looks like a section (CT, MR) or another part of the body",
    "lateral": "looks like a lateral view",
    "inverted": "looks inverted: air bright, bone dark",
    "mirrored": "looks mirrored: right and left exchanged (or the heart lies on the right)",
    "rotated": "looks turned or upside down",
    "cropped": "looks cropped: the lungs are not wholly in the picture",
    "blank": "shows next to nothing",
}
# what ``accept`` lets in by the header, and the kinds of the gate that are the same
ACCEPTED: Mapping[str, tuple[str, ...]] = {"lateral": ("lateral",), "modality": ("no chest",), "blank": ("blank",)}


class Verdict(NamedTuple):
    """What the gate says of one picture."""

    kind: str  # of ``KINDS``, ``too small``, ``too narrow``, or ``far from training``
    probability: float  # of that kind, in [0, 1]; of one far from training the share of other images that lie nearer
    reason: str  # in words

    @property
    def ok(self) -> bool:
        """Whether an answer may follow."""
        return self.kind == FRONTAL

    def __str__(self) -> str:
        is_measured = self.kind in (TOO_SMALL, TOO_NARROW, FAR)
        return self.reason if is_measured else f"{self.reason} (probability {self.probability:.2f})"


class Gate:
    """Judges pictures.

    Args:
        folder: Weights and thresholds; absent the gate of the package.

    Raises:
        BackboneError: If there is none, or one of another format.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        try:
            info = json.loads((folder / INFO).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BackboneError(f"{folder / INFO}: no readable gate ({error}); reinstall gkmvlp") from error
        if info.get("format") != FORMAT or tuple(info.get("kinds", ())) != KINDS:
            expected = f"format {FORMAT} with kinds {', '.join(KINDS)}"
            raise BackboneError(f"{folder / INFO}: a gate of {expected} was expected; reinstall gkmvlp")
        with SkipInit():
            self.net = GateNet().eval()
        stored = read_tensors(folder / WEIGHTS).items()
        state = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in stored}
        load_exact(self.net, state, folder / WEIGHTS)
        # by how much the logit of a kind may exceed that of a frontal radiograph
        self.threshold_K = torch.tensor([info["thresholds"].get(kind, 0.0) for kind in KINDS])

    def judge(self, image_HW: Pixels, accept: Collection[str] = ()) -> Verdict:
        """Judges one picture.

        Args:
            image_HW: Pixels (H, W) uint8 as ``read_image`` gives them by ``INTENSITY``.
            accept: What is let in although it is no frontal radiograph: ``lateral``, ``modality``, ``blank``.
        """
        height, width = image_HW.shape
        if min(height, width) < SMALLEST:
            return Verdict(
                TOO_SMALL, 1.0, f"has {width} x {height} pixels, too few to judge by: {SMALLEST} a side needed"
            )
        if max(height, width) > LONGEST * min(height, width):
            reason = f"has {width} x {height} pixels: a strip, more than {LONGEST} times as long as it is wide"
            return Verdict(TOO_NARROW, 1.0, reason)
        logit_K = both_ways(self.net, as_input(np.ascontiguousarray(image_HW)))[0]
        kind = self.kind_of(logit_K, accept)
        return Verdict(kind, float(logit_K.softmax(0)[KINDS.index(kind)]), REASONS[kind])

    def kind_of(self, logit_K: Tensor, accept: Collection[str] = ()) -> str:
        """The kind that logits (K,) stand for: the one farthest above its threshold, frontal where none is above."""
        over_K = self.over(logit_K)
        for word in accept:
            for kind in ACCEPTED[word]:
                over_K[KINDS.index(kind)] = -torch.inf
        best = int(over_K.argmax())
        return KINDS[best] if over_K[best] > 0 else FRONTAL

    def over(self, logit_NK: Tensor) -> Tensor:
        """How far each kind lies above its threshold (..., K), for logits (..., K); frontal itself never does."""
        over_NK = logit_NK - logit_NK[..., :1] - self.threshold_K
        over_NK[..., 0] = -torch.inf
        return over_NK


@cache
def packaged_gate() -> Gate:
    """The gate of the package, loaded once a process."""
    return Gate()


def admit(image_HW: Pixels, name: str, mode: GateMode, accept: Collection[str] = ()) -> Verdict | None:
    """Lets a picture through, or stops it.

    Args:
        image_HW: As of ``Gate.judge``.
        name: What an error calls it.
        mode: ``refuse`` stops what is no frontal radiograph, ``warn`` tells, ``off`` does not look.
        accept: As of ``Gate.judge``.

    Returns:
        The verdict; None where the gate is off.

    Raises:
        ImageError: If it is refused.
        UsageError: If there is no such mode.
    """
    if mode not in MODES:
        raise UsageError(f"gate {mode!r}: {', '.join(MODES)} expected")
    if mode == "off":
        return None
    verdict = packaged_gate().judge(image_HW, accept)
    if mode == "refuse" and not verdict.ok:
        raise refusal(name, verdict)
    return verdict


def refusal(name: str, verdict: Verdict) -> ImageError:
    """The error of a picture that is stopped."""
    return ImageError(f"{name} is refused: {verdict}; take it out, or read it with gate: warn", f"gate: {verdict.kind}")


def settled(verdict: Verdict | None, far: Verdict | None, name: str, mode: GateMode) -> Verdict | None:
    """What is said of a picture once the model that answers has looked at it too.

    Args:
        verdict: That of the gate; None where it is off.
        far: How far the picture lies from what the model was trained on (``far_verdicts``).
        name: What an error calls the picture.
        mode: As of ``admit``.

    Returns:
        The gate's verdict where it doubts the picture, else that of the model; None where the gate is off.

    Raises:
        ImageError: If it is refused.
    """
    if far is None or mode == "off":
        return verdict
    if mode == "refuse":
        raise refusal(name, far)
    return verdict if is_doubted(verdict) else far


def is_doubted(verdict: Verdict | None) -> TypeGuard[Verdict]:
    """Whether a picture should perhaps not be read; nobody doubts where nobody looked (None)."""
    return verdict is not None and not verdict.ok


def far_verdicts(density: Density, pooled_BD: Tensor) -> list[Verdict | None]:
    """A verdict on each image that lies far from those that a model was trained on, None on the others.

    Args:
        density: Of the model.
        pooled_BD: Its pooled images (B, D).
    """
    return [_far(density, distance) for distance in density.distances(pooled_BD.double().cpu().numpy()).tolist()]


def _far(density: Density, distance: float) -> Verdict | None:
    if (share := density.share_nearer(distance)) < FAR_FROM:
        return None
    limit = density.quantiles[round(FAR_FROM * (len(density.quantiles) - 1))]
    told = f"lies far from what the model was trained on: {distance:.1f}, where {100 * FAR_FROM:g} % of {density.data}"
    return Verdict(FAR, share, f"{told} lie within {limit:.1f}")


def as_input(image_HW: Pixels) -> Tensor:
    """A picture (H, W) as the network reads it, (1, 1, T, T): its aspect given up, each pixel a mean."""
    height, width = image_HW.shape
    step = min(height, width) // (4 * SIDE)
    if step > 1:  # means over megapixels are several times faster in two steps
        smaller = cv2.resize(image_HW, (width // step, height // step), interpolation=cv2.INTER_AREA)
        image_HW = np.asarray(smaller, np.uint8)
    is_smaller = min(image_HW.shape) < SIDE
    square_TT = cv2.resize(image_HW, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR if is_smaller else cv2.INTER_AREA)
    return torch.from_numpy(square_TT)[None, None].float() / 255
