"""The 29 region boxes of one patient."""

import numpy as np
from numpy.typing import NDArray

from gkmvlp.anatomy import REGIONS
from gkmvlp.phantom.drawing.anatomy_model import SIDES, SIGN, Anatomy
from gkmvlp.phantom.drawing.curves import Points
from gkmvlp.phantom.drawing.pose import Pose

# Fractions of the lung from apex to dome at which its zones begin and end.
ZONES = {"apical": (0.0, 0.19), "upper": (0.0, 0.38), "mid": (0.38, 0.66), "lower": (0.66, 2.0)}


def _between(outline: Points, top: float, bottom: float) -> Points:
    """The corners of the box of an outline's part between two heights."""
    part = outline[(outline[:, 1] >= top - 0.012) & (outline[:, 1] <= bottom + 0.012)]
    low, high = part[:, 0].min(), part[:, 0].max()
    bottom = min(bottom, float(part[:, 1].max()))
    return np.array([[low, top], [high, top], [high, bottom], [low, bottom]])


def _rectangle(x1: float, y1: float, x2: float, y2: float) -> Points:
    x1, x2 = min(x1, x2), max(x1, x2)
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])


def _lung_regions(anatomy: Anatomy, side: int) -> dict[str, Points]:
    """Parts of one lung, in body coordinates."""
    outline = anatomy.lung(side)
    sign, hilum, mid = SIGN[side], anatomy.hilum_y[side], 0.5 + anatomy.shift
    edge = float(anatomy.place(side, anatomy.wall(side, anatomy.angle_y[side]), anatomy.angle_y[side])[0])
    parts = {
        f"{zone} zone" if zone == "apical" else f"{zone} lung zone": _between(
            outline, anatomy.level(side, low), anatomy.level(side, high)
        )
        for zone, (low, high) in ZONES.items()
    }
    return {
        "lung": outline,
        **parts,
        "hilar structures": _rectangle(mid + sign * 0.045, hilum - 0.085, mid + sign * 0.155, hilum + 0.09),
        "costophrenic angle": _rectangle(
            edge - sign * 0.09, anatomy.angle_y[side] - 0.085, edge + sign * 0.012, anatomy.angle_y[side] + 0.015
        ),
        "hemidiaphragm": anatomy.dome(side),
        "clavicle": _rectangle(
            mid + sign * 0.025, anatomy.clavicle_y - 0.055, 0.5 + sign * 0.335, anatomy.clavicle_y + 0.025
        ),
    }


def _central_regions(anatomy: Anatomy) -> dict[str, Points]:
    """Regions of the midline, in body coordinates."""
    heart = anatomy.heart
    mid, hilum = 0.5 + anatomy.shift, float(np.mean(anatomy.hilum_y))
    left, top = heart.min(0)
    right, bottom = heart.max(0)
    knob_x, knob_y, radius = anatomy.knob
    low = max(anatomy.angle_y)
    apex = min(anatomy.apex_y)
    return {
        "trachea": _rectangle(mid - 0.03, 0.03, mid + 0.03, hilum - 0.055),
        "spine": _rectangle(0.445, 0.03, 0.555, 0.96),
        "aortic arch": _rectangle(mid + 0.015, knob_y - 1.1 * radius, mid + knob_x + radius, knob_y + 1.6 * radius),
        "mediastinum": _rectangle(left, apex + 0.02, right, bottom),
        "upper mediastinum": _rectangle(mid - 0.075, apex - 0.01, mid + 0.085, hilum - 0.03),
        "svc": _rectangle(mid - 0.075, hilum - 0.16, mid - 0.015, hilum + 0.02),
        "cardiac silhouette": heart,
        "cavoatrial junction": _rectangle(mid - 0.085, hilum + 0.0, mid - 0.015, hilum + 0.075),
        "right atrium": _rectangle(left, top + 0.25 * (bottom - top), mid - 0.015, bottom - 0.05),
        "carina": _rectangle(mid - 0.045, hilum - 0.085, mid + 0.045, hilum - 0.015),
        "abdomen": _rectangle(
            0.5 - anatomy.half_width[0] * 0.98, min(anatomy.dome_y), 0.5 + anatomy.half_width[1] * 0.98, low + 0.16
        ),
    }


def region_boxes(anatomy: Anatomy, pose: Pose) -> NDArray[np.float32]:
    """Boxes (29, 4) float32 xyxy in pixels, in the order of ``gkmvlp.anatomy.REGIONS``, clipped to the image.

    A region of which less than two pixels remain keeps a sliver of two at the edge.
    """
    shapes = _central_regions(anatomy)
    for side, name in enumerate(SIDES):
        shapes |= {f"{name} {region}": points for region, points in _lung_regions(anatomy, side).items()}
    box_R4 = np.zeros((len(REGIONS), 4), np.float32)
    for row, region in zip(box_R4, REGIONS, strict=True):
        drawn = pose.pixels(shapes[region])
        low = np.clip(drawn.min(0), 0, [pose.width - 2, pose.height - 2])
        row[:2] = low
        row[2:] = np.clip(drawn.max(0), low + 2, [pose.width, pose.height])
    return box_R4
