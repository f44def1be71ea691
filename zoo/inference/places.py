"""Where the prompts of a backbone look: points, the regions under them, and boxes and maps around them.

B images, E entities, N points, S side of the frame, h x w grid of patches.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray

from gkmvlp.anatomy import REGIONS
from gkmvlp.batch import ImageBatch
from gkmvlp.geometry import Letterbox, original_boxes
from gkmvlp.models.gk_mvlp import ImageMemory
from gkmvlp.tasks.parts.entity_predictions import attention_peaks, regions_at
from gkmvlp.tasks.parts.heat_maps import image_area
from gkmvlp.texts import Brief
from gkmvlp.zoo.inference.inputs import frames_of
from gkmvlp.zoo.inference.prediction import PredictedBox, hot_box
from gkmvlp.zoo.inference.readings import LIKELY, Reading, counts


class Places(NamedTuple):
    """Where prompts look; the point and its region agree, for the region is the one under the point."""

    point_BE2: NDArray[np.float32]  # x and y of the highest attention, in pixels of the original images
    region_BE: NDArray[np.int64]  # the region that the point lies in, -1 where it lies in none
    attended_BE: NDArray[np.int64]  # the region that the prompt attends to most, -1 where an image has none


def places_of(batch: ImageBatch, image: ImageMemory, side: int) -> Places:
    """The places of every prompt in every image of a batch; ``side`` is that of the frame."""
    frames, attention_BEP = frames_of(batch), image.grounded.patch_attention
    area_BSS = torch.from_numpy(np.stack([image_area(frame, side) for frame in frames])).to(attention_BEP.device)
    peak_BE2 = attention_peaks(attention_BEP, image.features.grid, side, area_BSS)
    attention_BER = image.grounded.region_attention
    region_BE = regions_at(peak_BE2 / side, batch["region_box"], batch["region_mask"], attention_BER)
    attended_BE = attention_BER.argmax(-1).where(batch["region_mask"].any(1, keepdim=True), -1)
    peaks = peak_BE2.cpu().numpy().astype(np.float32)
    point_BE2 = np.stack([_in_image(frame, peak_E2) for frame, peak_E2 in zip(frames, peaks, strict=True)])
    return Places(point_BE2, region_BE.cpu().numpy(), attended_BE.cpu().numpy())


def region_name(index: int) -> str:
    """Name of a region; "" for -1."""
    return REGIONS[index] if index >= 0 else ""


def place_fields(
    batch: ImageBatch, image: ImageMemory, places: Places, readings: Sequence[dict[str, Reading]], entities: list[str],
    side: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """Points, regions, boxes and maps of each image's findings: fields of its ``Prediction``.

    Args:
        batch: B images.
        image: What the model encoded of them.
        places: From ``places_of``.
        readings: Finding -> what its score means, likeliest first, of each image.
        entities: Names of the E entities.
        side: Side of the frame.
    """
    map_BEhw = image.grounded.patch_attention.unflatten(-1, image.features.grid).float().cpu().numpy()
    results = []
    for b, (frame, found) in enumerate(zip(frames_of(batch), readings, strict=True)):
        row = {name: entities.index(name) for name in found}
        maps = {name: map_BEhw[b, e] for name, e in row.items()}
        results.append({
            "points": Brief((name, tuple(places.point_BE2[b, e].tolist())) for name, e in row.items()),
            "regions": {name: region_name(places.region_BE[b, e]) for name, e in row.items()},
            "boxes": [attended_box(name, reading, maps[name], frame, side) for name, reading in found.items()],
            "attention": maps,
        })  # fmt: skip
    return results


def attended_box(name: str, reading: Reading, map_hw: NDArray[np.float32], frame: Letterbox, side: int) -> PredictedBox:
    """The box around where a finding's prompt looks (see ``hot_box``), in pixels of the image, with its probability."""
    box_14, _ = original_boxes(frame, hot_box(map_hw, side, frame))
    x1, y1, x2, y2 = box_14[0].tolist()
    threshold = LIKELY if reading.threshold is None else reading.threshold
    is_likely = counts(reading.probability, reading.is_likely)
    return PredictedBox(name, reading.probability, x1, y1, x2, y2, is_likely, threshold)


def _in_image(frame: Letterbox, point_N2: NDArray[np.float32]) -> NDArray[np.float32]:
    """Points (N, 2) in pixels of the frame as points in pixels of the image, at most at its edge."""
    image_N2 = frame.to_original(np.tile(point_N2, 2))[:, :2]
    return cast("NDArray[np.float32]", image_N2.clip(0, np.array([frame.width, frame.height], np.float32)))
