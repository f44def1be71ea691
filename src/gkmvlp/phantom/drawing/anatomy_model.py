"""The geometry of one patient in body coordinates: the letterboxed frame of an upright patient, x and y in [0, 1].

Side 0 is the patient's right, drawn on the image's left.
"""

from dataclasses import dataclass

import numpy as np

from gkmvlp.phantom.drawing.curves import Points, spline
from gkmvlp.phantom.sample import PatientPlan

SIDES = ("right", "left")
SIGN = (-1.0, 1.0)

# Lung templates: half width of the thorax, its roundness above and below, height of the domes, half width at the apex.
_TEMPLATES = (
    (0.335, 2.6, 1.9, 0.70, 0.140),  # common
    (0.305, 2.9, 1.8, 0.745, 0.125),  # tall and narrow
    (0.360, 2.3, 2.0, 0.66, 0.150),  # short and broad
    (0.350, 1.7, 1.6, 0.69, 0.120),  # bell: narrow above
    (0.330, 3.6, 2.4, 0.72, 0.160),  # barrel
)
# Heart outlines as (x in heart widths right or left of the midline, y from top 0 to bottom 1); right half, then left.
_HEARTS = (
    ((0.62, 0.08), (0.97, 0.55), (0.9, 0.88), (0.3, 1.02), (0.5, 1.03), (0.9, 0.93), (1.0, 0.76), (0.74, 0.42)),
    ((0.55, 0.05), (0.95, 0.60), (0.85, 0.92), (0.3, 1.02), (0.5, 1.05), (0.97, 1.0), (0.98, 0.86), (0.66, 0.42)),
    ((0.70, 0.06), (1.0, 0.48), (0.88, 0.84), (0.3, 1.0), (0.5, 0.99), (0.88, 0.84), (1.0, 0.62), (0.84, 0.34)),
    ((0.58, 0.10), (0.9, 0.62), (0.95, 0.85), (0.3, 1.04), (0.5, 1.04), (0.84, 0.98), (1.0, 0.80), (0.60, 0.46)),
)


@dataclass(frozen=True)
class Anatomy:
    """Parameters of one patient; offsets are distances from the midline, heights are y.

    Attributes:
        apex_y, dome_y, angle_y: Height of lung apex, diaphragm dome and costophrenic angle, right and left.
        half_width: Largest lung offset, right and left.
        apex_offset: Offset of the top of the lung.
        upper, lower: Roundness of the chest wall.
        bend: Sideways bend of the spine.
        shift: Sideways shift of what lies in front of the spine, from a turned patient.
        hilum_y: Height of the hila, right and left.
        knob: Offset, height and radius of the aortic arch.
        heart: Outline (N, 2).
        fat: Thickness of the chest wall.
        shoulder_y: Height of the shoulders.
        clavicle_y: Height of the inner ends of the clavicles.
        rib_gap: Distance of ribs.
        rib_drop: How steeply they fall.
        turned: As in the plan.
    """

    apex_y: tuple[float, float]
    dome_y: tuple[float, float]
    angle_y: tuple[float, float]
    half_width: tuple[float, float]
    apex_offset: float
    upper: float
    lower: float
    bend: float
    shift: float
    hilum_y: tuple[float, float]
    knob: tuple[float, float, float]
    heart: Points
    fat: float
    shoulder_y: float
    clavicle_y: float
    rib_gap: float
    rib_drop: float
    turned: float

    def mid(self, y: float | Points) -> Points:
        """Midline x at a height."""
        return np.asarray(0.5 + self.bend * np.sin((np.asarray(y) - 0.1) * 4.2))

    def wall(self, side: int, y: float | Points) -> Points:
        """Offset of the inner chest wall at a height, 0 above the apex."""
        top, bottom = self.apex_y[side], self.angle_y[side]
        t = np.clip((np.asarray(y, np.float64) - top) / (bottom - top), 0, 1)
        rise = (1 - (1 - t) ** self.upper) ** (1 / self.lower)
        inner = self.apex_offset * np.minimum(1, np.sqrt(t * 14))
        return np.asarray(inner + (self.half_width[side] - self.apex_offset) * rise - 0.025 * t**5)

    def place(self, side: int, offset: float | Points, y: float | Points) -> Points:
        """Body coordinates (N, 2) of offsets on a side."""
        return np.stack(np.broadcast_arrays(self.mid(y) + SIGN[side] * np.asarray(offset), y), -1).astype(np.float64)

    def dome(self, side: int, steps: int = 24) -> Points:
        """The diaphragm (N, 2) from the costophrenic angle to the midline."""
        low, top = self.angle_y[side], self.dome_y[side]
        edge = float(self.wall(side, low))
        offset = np.linspace(edge, 0.03, steps)
        peak = 0.47 * edge
        outer = np.clip((offset - peak) / (edge - peak), 0, 1) ** 2.4 * (low - top)
        inner = np.clip((peak - offset) / peak, 0, 1) ** 2 * 0.35 * (low - top)
        return self.place(side, offset, top + outer + inner)

    def lung(self, side: int) -> Points:
        """Outline (N, 2) of a lung: up along the midline, over the apex, down the wall, along the diaphragm."""
        top = self.apex_y[side]
        shift = SIGN[side] * self.shift
        low = self.dome_y[side] + 0.35 * (self.angle_y[side] - self.dome_y[side])
        inner_y = np.linspace(low, top + 0.05, 8)
        inner = self.place(side, np.full(8, 0.040) + shift * 0.6, inner_y)
        cap = self.place(side, np.array([0.055, 0.085]) + shift * 0.3, np.array([top + 0.022, top + 0.004]))
        wall_y = top + (self.angle_y[side] - top) * np.linspace(0.008, 1, 40) ** 1.5
        return np.concatenate([inner, cap, self.place(side, self.wall(side, wall_y), wall_y), self.dome(side)])

    def level(self, side: int, fraction: float) -> float:
        """Height at a fraction of the lung from apex 0 to dome 1."""
        return self.apex_y[side] + fraction * (self.dome_y[side] - self.apex_y[side])


def _heart(rng: np.random.Generator, center: float, width: float, top: float, bottom: float) -> Points:
    """A heart outline: a mean of two templates, jittered."""
    first, second = (np.array(_HEARTS[i]) for i in rng.choice(len(_HEARTS), 2, replace=False))
    mix = rng.random()
    shape = mix * first + (1 - mix) * second + rng.normal(0, 0.025, first.shape)
    for half in (shape[:4, 0], shape[4:, 0]):
        half /= half.max()  # the ratio asked for is the ratio drawn
    right = rng.uniform(0.30, 0.38)
    part = width * np.array([right] * 4 + [1 - right] * 4)
    sign = np.array([-1.0] * 4 + [1.0] * 4)
    x = center + sign * shape[:, 0] * part
    y = top + shape[:, 1] * (bottom - top)
    crown = np.array([[center + 0.42 * part[-1], top + 0.08 * (bottom - top)], [center - 0.1 * width, top - 0.03]])
    return spline(np.concatenate([np.stack([x, y], 1), crown]), 8, closed=True)


def _cardiothoracic_ratio(plan: PatientPlan, rng: np.random.Generator) -> float:
    large = plan.planned("cardiomegaly")
    if large:
        return 0.585 + 0.115 * large.extent
    narrow = 0.045 if plan.planned("emphysema") else 0.0
    return float(rng.uniform(0.40, 0.49) + (0.015 if plan.view == "AP" else 0.0) - narrow)


def _levels(plan: PatientPlan, rng: np.random.Generator, dome: float) -> tuple[list[float], list[float]]:
    """Heights of the domes and of the costophrenic angles, right and left."""
    deep = dome + rng.normal(0, 0.018) + (0.0 if plan.view == "PA" else -0.02) - 0.02 * max(plan.habitus, 0)
    if plan.low_inspiration:
        deep -= rng.uniform(0.06, 0.10)
    swollen = plan.planned("emphysema")
    if swollen:
        deep += 0.03 + 0.03 * swollen.extent
    domes = [deep - rng.uniform(0.005, 0.03), deep + rng.uniform(-0.005, 0.015)]
    fall = 0.035 if swollen else rng.uniform(0.065, 0.105)
    angles = [max(domes) + fall + rng.normal(0, 0.006) for _ in SIDES]
    for side, name in enumerate(SIDES):
        raised = plan.planned("elevated hemidiaphragm", "right" if name == "right" else "left")
        if raised:
            domes[side] -= 0.095 + 0.085 * raised.extent
            angles[side] -= 0.02 + 0.03 * raised.extent
        shrunk = [f for f in plan.findings if f.side == name and f.entity in ("atelectasis", "fibrosis")]
        domes[side] -= 0.018 * len(shrunk)
    return domes, angles


def build_anatomy(plan: PatientPlan) -> Anatomy:
    """The geometry of a planned patient."""
    rng = plan.stream(1)
    first, second = (np.array(_TEMPLATES[i]) for i in rng.choice(len(_TEMPLATES), 2, replace=False))
    mix = rng.random()
    width, upper, lower, dome, apex_offset = mix * first + (1 - mix) * second
    domes, angles = _levels(plan, rng, dome)
    apex = 0.125 + rng.normal(0, 0.012)
    widths = [width * (1 - SIGN[s] * 0.10 * plan.turned) * (1 + rng.normal(0, 0.02)) for s in range(2)]
    shift = 0.05 * plan.turned
    hilum = apex + (0.42 + rng.normal(0, 0.02)) * (dome - apex)
    ratio = _cardiothoracic_ratio(plan, rng)
    heart_width = ratio * sum(widths)
    floor = float(np.mean([min(d, dome) for d in domes])) + rng.uniform(0.015, 0.04)
    top = hilum + rng.uniform(-0.02, 0.03)
    center = 0.5 + shift + rng.normal(0, 0.008)
    aged = np.clip((plan.age - 40) / 50, 0, 1)
    return Anatomy(
        apex_y=(apex, apex + rng.normal(0, 0.006)),
        dome_y=(domes[0], domes[1]),
        angle_y=(angles[0], angles[1]),
        half_width=(widths[0], widths[1]),
        apex_offset=float(apex_offset),
        upper=float(upper),
        lower=float(lower),
        bend=float(rng.normal(0, 0.008)),
        shift=shift,
        hilum_y=(hilum + 0.015, hilum - 0.01),
        knob=(0.042 + 0.012 * aged + rng.normal(0, 0.004), hilum - 0.12, 0.032 + 0.014 * aged),
        heart=_heart(rng, center, heart_width, min(top, floor - 0.2), floor),
        fat=float(0.055 + 0.06 * max(plan.habitus, 0) + rng.uniform(0, 0.05) + 0.01 * plan.habitus),
        shoulder_y=float(apex - 0.005 + rng.normal(0, 0.02)),
        clavicle_y=float(apex + rng.uniform(0.02, 0.085)),
        rib_gap=float(rng.uniform(0.056, 0.072)),
        rib_drop=float(rng.uniform(0.05, 0.13)),
        turned=plan.turned,
    )
