"""The 29 regions of Chest ImaGenome, their sides, and an atlas of where they lie.

Right and left are the patient's: right is on the left of a PA or AP image. R=29.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

View = Literal["PA", "AP"]
Side = Literal["right", "left", "bilateral"]
VIEWS: tuple[View, ...] = ("PA", "AP")

# name: (right box or None, ...) is easier to check as one row a region: x1, y1, x2, y2 in percent of the letterboxed
# frame of an upright PA view, written from textbook proportions (cardiothoracic ratio 0.45, carina at T5, right
# hemidiaphragm half an interspace above the left).
_ATLAS_PA: dict[str, tuple[float, float, float, float]] = {
    "right lung": (12, 12, 47, 78),
    "right upper lung zone": (17, 12, 46, 36),
    "right mid lung zone": (13, 36, 45, 54),
    "right lower lung zone": (12, 54, 44, 76),
    "right hilar structures": (32, 36, 46, 56),
    "right apical zone": (22, 12, 44, 24),
    "right costophrenic angle": (11, 69, 22, 80),
    "right hemidiaphragm": (12, 67, 44, 80),
    "left lung": (53, 12, 88, 80),
    "left upper lung zone": (54, 12, 83, 36),
    "left mid lung zone": (55, 36, 87, 54),
    "left lower lung zone": (56, 54, 88, 78),
    "left hilar structures": (54, 34, 68, 54),
    "left apical zone": (56, 12, 78, 24),
    "left costophrenic angle": (78, 71, 89, 82),
    "left hemidiaphragm": (58, 70, 88, 82),
    "trachea": (46, 4, 54, 35),
    "spine": (45, 4, 56, 96),
    "right clavicle": (14, 11, 47, 21),
    "left clavicle": (53, 11, 86, 21),
    "aortic arch": (52, 26, 62, 38),
    "mediastinum": (38, 14, 70, 78),
    "upper mediastinum": (40, 10, 61, 37),
    "svc": (41, 25, 48, 42),
    "cardiac silhouette": (37, 45, 73, 78),
    "cavoatrial junction": (40, 42, 47, 50),
    "right atrium": (37, 48, 48, 70),
    "carina": (46, 32, 55, 39),
    "abdomen": (12, 74, 88, 100),
}
REGIONS: tuple[str, ...] = tuple(_ATLAS_PA)
LEAST_SCORE = 0.5  # of a region that a detector found: below it the region is taken for absent
REGION_INDEX: dict[str, int] = {name: index for index, name in enumerate(REGIONS)}


def side_of(region: str) -> Side | None:
    """The side of a region, or None where it is central."""
    return "right" if region.startswith("right ") else "left" if region.startswith("left ") else None


def atlas(view: str = "PA") -> NDArray[np.float32]:
    """Mean box of each region, (R, 4) float32 xyxy as fractions of the letterboxed square frame.

    An AP view is taken lying or sitting with the tube nearer: the heart looks larger, the lungs shorter.

    Args:
        view: ``AP``, or anything else for PA.
    """
    box_R4: NDArray[np.float32] = np.array(list(_ATLAS_PA.values()), np.float32) / np.float32(100)
    if view != "AP":
        return box_R4
    lower_R = box_R4[:, 3] > 0.6
    box_R4[lower_R, 3] -= np.float32(0.03)
    box_R4[REGION_INDEX["cardiac silhouette"]] += np.array([-0.02, -0.02, 0.03, 0.0], np.float32)
    return box_R4.clip(0, 1)


def fitted_atlas(box_R4: NDArray[np.float32], lung_24: NDArray[np.float32]) -> NDArray[np.float32]:
    """An atlas moved and stretched so that its lungs lie where those of one patient do.

    Across, a piecewise linear map takes the four edges of the lungs to those of the patient; along, each side follows
    its own lung, and what lies in the middle the mean of both. Beyond the lungs the map goes on at the scale of all.

    Args:
        box_R4: The atlas, (R, 4) xyxy as fractions of the square frame.
        lung_24: Boxes of the patient's right and left lung, (2, 4).

    Returns:
        Boxes (R, 4) float32, clipped to the frame.
    """
    own_24 = box_R4[[REGION_INDEX["right lung"], REGION_INDEX["left lung"]]]
    fitted_R4 = box_R4.copy()
    fitted_R4[:, [0, 2]] = _along(box_R4[:, [0, 2]], own_24[:, [0, 2]].ravel(), lung_24[:, [0, 2]].ravel())
    for row, region in enumerate(REGIONS):
        side = side_of(region)
        lungs = slice(0, 1) if side == "right" else slice(1, 2) if side == "left" else slice(0, 2)
        ends = (boxes[lungs][:, [1, 3]].mean(0) for boxes in (own_24, lung_24))
        fitted_R4[row, [1, 3]] = _along(box_R4[row, [1, 3]], *ends)
    return fitted_R4.clip(0, 1).astype(np.float32)


def _along(x: NDArray[np.float32], from_K: NDArray[np.float32], to_K: NDArray[np.float32]) -> NDArray[np.float32]:
    """The piecewise linear map from K rising knots to K others; outside, linear at the mean scale of all."""
    scale = (to_K[-1] - to_K[0]) / (from_K[-1] - from_K[0])
    outside = np.minimum(x - from_K[0], 0) + np.maximum(x - from_K[-1], 0)
    return np.interp(x, from_K, to_K) + outside * scale


def shipped_atlas() -> dict[str, NDArray[np.float32]]:
    """View -> boxes (R, 4) of ``atlas``."""
    return {view: atlas(view) for view in VIEWS}


def atlas_to_names(boxes: Mapping[str, NDArray[np.float32]]) -> dict[str, dict[str, list[float]]]:
    """View -> boxes (R, 4) as view -> region -> four numbers, for JSON."""
    return {view: dict(zip(REGIONS, box_R4.tolist(), strict=True)) for view, box_R4 in boxes.items()}


def atlas_from_names(views: Mapping[str, Mapping[str, list[float]]]) -> dict[str, NDArray[np.float32]]:
    """The reverse of ``atlas_to_names``.

    Raises:
        KeyError: If a view or region is missing.
        ValueError: If a box has other than four numbers.
    """
    return {
        view: np.array([views[view][name] for name in REGIONS], np.float32).reshape(len(REGIONS), 4) for view in VIEWS
    }
