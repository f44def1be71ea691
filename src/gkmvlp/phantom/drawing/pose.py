"""How a patient lies in the image: size, shift, scale, roll, and where the film ends."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gkmvlp.phantom.drawing.anatomy_model import Anatomy
from gkmvlp.phantom.drawing.curves import Points
from gkmvlp.phantom.sample import PatientPlan

_RATIOS = (0.82, 0.85, 0.95, 1.0, 1.0, 1.0, 1.12, 1.22)  # width to height


@dataclass(frozen=True)
class Pose:
    """Body coordinates to pixels.

    Attributes:
        height, width: Of the image.
        matrix_23: Affine map, pixels = matrix @ (x, y, 1).
        scale: Pixels a body unit.
    """

    height: int
    width: int
    matrix_23: NDArray[np.float64]
    scale: float

    def pixels(self, points: Points) -> Points:
        """Points (..., 2) of the body in pixels."""
        return np.asarray(points @ self.matrix_23[:, :2].T + self.matrix_23[:, 2])

    def grid(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Body x and y of each pixel's centre, both (H, W)."""
        inverse = np.linalg.inv(self.matrix_23[:, :2]).astype(np.float32)
        column_W = np.arange(self.width, dtype=np.float32) + np.float32(0.5 - self.matrix_23[0, 2])
        row_H1 = (np.arange(self.height, dtype=np.float32) + np.float32(0.5 - self.matrix_23[1, 2]))[:, None]
        return inverse[0, 0] * column_W + inverse[0, 1] * row_H1, inverse[1, 0] * column_W + inverse[1, 1] * row_H1


def _limits(low: float, high: float, size: float) -> float:
    """The shift that brings the span (low, high) inside a size, margins of 1 % kept where it fits."""
    return max(0.0, 0.01 * size - low) if low < 0.01 * size else min(0.0, 0.99 * size - high)


def pose_patient(plan: PatientPlan, anatomy: Anatomy, size: int) -> Pose:
    """Draws a pose that keeps both lungs in the image.

    Args:
        plan: The patient.
        anatomy: Its geometry.
        size: Longer side of the image in pixels.
    """
    rng = plan.stream(2)
    ratio = float(rng.choice(_RATIOS))
    width, height = (size, round(size / ratio)) if ratio > 1 else (round(size * ratio), size)
    lungs = np.concatenate([anatomy.lung(0), anatomy.lung(1)])
    span = lungs.max(0) - lungs.min(0)
    fitted = min(width * 0.80 / span[0], height * 0.71 / span[1])
    roll = np.deg2rad(rng.uniform(-6, 6))
    widest = 0.93 * min(width / span[0], height / span[1])
    scale = min(fitted * rng.uniform(0.85, 1.17), widest)
    turn = scale * np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    middle = np.array([0.5, 0.49])
    target = np.array([width * (0.5 + rng.uniform(-0.08, 0.08)), height * (0.5 + rng.uniform(-0.08, 0.08))])
    matrix = np.concatenate([turn, (target - turn @ middle)[:, None]], 1)
    drawn = lungs @ turn.T + matrix[:, 2]
    low, high = drawn.min(0), drawn.max(0)
    high[1] += 0.03 * scale  # room for the abdomen
    low[1] -= 0.03 * scale
    matrix[:, 2] += [_limits(low[0], high[0], width), _limits(low[1], high[1], height)]
    return Pose(height, width, matrix, float(scale))
