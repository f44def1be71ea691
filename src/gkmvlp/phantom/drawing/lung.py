"""Findings of the lung itself; each function draws on the scene and returns boxes (K, 4), None where nothing shows."""

import numpy as np
from numpy.typing import NDArray

from gkmvlp.phantom.drawing.anatomy_model import SIDES, SIGN
from gkmvlp.phantom.drawing.curves import Map, Points, blur, box_of, fill, ribbon, spline, stroke, unit
from gkmvlp.phantom.drawing.scene import Scene
from gkmvlp.phantom.drawing.textures import cloud_tile, net_tile, window
from gkmvlp.phantom.drawing.tissue import smooth
from gkmvlp.phantom.sample import FindingPlan

Boxes = NDArray[np.float32]


def side_index(plan: FindingPlan) -> int:
    """0 for right, 1 for left."""
    return SIDES.index(plan.side or "right")


def one_box(mask: NDArray[np.bool_]) -> Boxes | None:
    """The box of a mask as (1, 4)."""
    box_4 = box_of(mask)
    return None if box_4 is None else box_4[None]


def _grain(scene: Scene, rng: np.random.Generator, grain: float) -> Map:
    """Cloud noise whose coarsest grain is a share of the body."""
    return window(cloud_tile(24.0), scene.shape, rng, grain * scene.scale / 24)


def consolidation(scene: Scene, plan: FindingPlan, rng: np.random.Generator) -> Boxes | None:
    """A dense ragged patch that hides vessels and shows dark branching airways."""
    side = side_index(plan)
    radius = 0.050 + 0.055 * plan.extent
    column, row = scene.spot(side, plan.zone or "mid", radius * 0.6, plan.place)
    stretch = rng.uniform(0.75, 1.3)
    dx = (np.arange(scene.pose.width, dtype=np.float32) - np.float32(column)) * np.float32(stretch / scene.scale)
    dy = (np.arange(scene.pose.height, dtype=np.float32) - np.float32(row)) * np.float32(1 / stretch / scene.scale)
    distance = np.sqrt(dx**2 + (dy**2)[:, None]) * np.float32(1 / radius)
    patch = smooth(-1.12, -0.72, -distance + np.float32(0.16) * _grain(scene, rng, 0.09)) * scene.lung[side]
    if not (patch > 0.5).any():
        return None
    layer = scene.layer()
    root = scene.pose.pixels(np.array([0.5 + SIGN[side] * 0.08, scene.anatomy.hilum_y[side]]))
    centre = np.array([column, row])
    for _ in range(4):
        end = centre + rng.normal(0, 0.55 * radius, 2) * scene.scale
        start = centre + (root - centre) * 0.35
        middle = (start + end) / 2 + rng.normal(0, 0.1 * radius, 2) * scene.scale
        stroke(layer, [spline(np.stack([start, middle, end]), 4)], 255, 1.7 * scene.scale / 256)
    airways = blur(unit(layer), 0.4 * scene.scale / 256)
    strength = 0.75 + 0.30 * plan.contrast
    mottle = 1 + np.float32(0.16) * _grain(scene, rng, 0.03)
    scene.add += patch * (np.float32(strength) * mottle - np.float32(0.36) * airways)
    scene.vessel_gain *= 1 - patch
    scene.occupied |= patch > 0.25
    return one_box(patch > 0.4)


def _plates(centre: Points, length: float, extent: float, scale: float, rng: np.random.Generator) -> list[Points]:
    """Level bands, one to three, thin at their ends; all in pixels."""
    tilt = rng.uniform(-0.45, 0.45)
    reach = np.array([np.cos(tilt), np.sin(tilt)]) * length / 2
    taper = np.interp(np.linspace(0, 1, 13), [0, 0.3, 1], [0.6, 1, 0.4]) * (0.016 + 0.009 * extent) * scale
    plates = []
    for number in range(1 + int(extent * 2.5)):
        middle = centre + np.array([0.0, (0.036 + 0.01 * rng.random()) * number * scale])
        bow = middle - np.array([0, 0.008 * scale])
        plates.append(ribbon(spline(np.stack([middle - reach, bow, middle + reach]), 6), taper))
    return plates


def _wedge(centre: Points, length: float, extent: float, root: Points) -> Points:
    """A triangle whose tip points to the lung root; all in pixels."""
    inward = (root - centre) / max(float(np.hypot(*(root - centre))), 1.0)
    across = np.array([-inward[1], inward[0]]) * length * (0.28 + 0.12 * extent)
    tip, base = centre + inward * length * 0.55, centre - inward * length * 0.5
    return np.stack([tip, base + across, base - 0.15 * length * inward, base - across])


def atelectasis(scene: Scene, plan: FindingPlan, rng: np.random.Generator) -> Boxes | None:
    """Plate-like bands, or a wedge that points to the hilum, both with a sharp edge."""
    side, extent = side_index(plan), plan.extent
    centre = np.array(scene.spot(side, plan.zone or "lower", 0.03, plan.place))
    length = (0.10 + 0.09 * extent) * scene.scale
    root = scene.pose.pixels(np.array([0.5 + SIGN[side] * 0.09, scene.anatomy.hilum_y[side]]))
    plates = rng.random() < 0.6
    shapes = _plates(centre, length, extent, scene.scale, rng) if plates else [_wedge(centre, length, extent, root)]
    mask = blur(unit(fill(scene.layer(), shapes)), 0.9 * scene.scale / 256) * scene.lung[side]
    scene.add += mask * np.float32(0.72 + 0.3 * plan.contrast)
    scene.vessel_gain *= 1 - mask
    return one_box(mask > 0.3)


def edema(scene: Scene, plan: FindingPlan, rng: np.random.Generator) -> Boxes | None:
    """Cloudy haze around both hila like a bat's wings, with blurred vessels and short lines at the walls."""
    boxes = []
    reach = 0.075 + 0.045 * plan.extent
    for side in range(2):
        offset = scene.offset(side) - np.float32(SIGN[side] * scene.anatomy.shift)
        across = (offset - np.float32(0.125)) * np.float32(1 / reach)
        down = (scene.y - np.float32(scene.anatomy.hilum_y[side] + 0.05)) * np.float32(1 / (1.55 * reach))
        haze = (
            np.exp(-np.float32(0.8) * (across**2 + down**2)) * scene.lung[side] * (1 - np.float32(0.85) * scene.heart)
        )
        cloud = np.clip(np.float32(0.8) + np.float32(0.42) * _grain(scene, rng, 0.045), 0.1, 1.9)
        scene.add += haze * cloud * np.float32(0.50 + 0.25 * plan.contrast)
        scene.vessel_gain *= 1 - np.float32(0.55) * haze
        boxes.append(box_of((haze > 0.5) & (scene.heart < 0.5)))
        _septal_lines(scene, side, rng)
    kept = [box for box in boxes if box is not None]
    return np.stack(kept) if kept else None


def _septal_lines(scene: Scene, side: int, rng: np.random.Generator) -> None:
    """Short level lines at the lower wall (Kerley B)."""
    layer, lines = scene.layer(), []
    for y in np.arange(scene.anatomy.level(side, 0.72), scene.anatomy.level(side, 0.98), 0.017):
        wall = float(scene.anatomy.wall(side, y))
        lines.append(
            scene.pose.pixels(scene.anatomy.place(side, np.array([wall - 0.045 * rng.uniform(0.6, 1), wall]), y))
        )
    stroke(layer, lines, 255, scene.scale / 256)
    scene.add += unit(layer) * np.float32(0.28) * scene.lung[side]


def emphysema(scene: Scene, plan: FindingPlan, rng: np.random.Generator) -> Boxes | None:
    """Dark, large lungs with few vessels, and thin-walled holes."""
    strength = 0.6 + 0.4 * plan.extent
    layer = scene.layer()
    for side in range(2):
        scene.vessel_gain *= 1 - np.float32(0.72 * strength) * scene.lung[side]
        scene.air_gain += np.float32(0.16 * strength) * scene.lung[side]
        for _ in range(int(rng.integers(3, 6))):
            radius = rng.uniform(0.022, 0.045)
            column, row = scene.spot(side, "upper" if rng.random() < 0.7 else "mid", radius, rng.random())
            angle = np.linspace(0, 2 * np.pi, 20)
            wobble = radius * scene.scale * (1 + rng.normal(0, 0.05, 20))
            ring = np.stack([column + wobble * np.cos(angle), row + wobble * np.sin(angle)], 1)
            hole = unit(fill(scene.layer(), [ring]))
            scene.air_gain += hole * np.float32(0.10)
            scene.vessel_gain *= 1 - hole
            stroke(layer, [ring], 255, 0.9 * scene.scale / 256, closed=True)
    scene.add += unit(layer) * np.float32(0.16)
    boxes = [box_of(lung > 0.5) for lung in scene.lung]
    kept = [box for box in boxes if box is not None]
    return np.stack(kept) if kept else None


def fibrosis(scene: Scene, plan: FindingPlan, rng: np.random.Generator) -> Boxes | None:
    """A coarse net of lines, densest at the wall."""
    side = side_index(plan)
    column, row = scene.spot(side, plan.zone or "lower", 0.03, plan.place)
    radius = 0.075 + 0.06 * plan.extent
    distance = scene.radial(column, row) * np.float32(1 / radius) + np.float32(0.12) * _grain(scene, rng, 0.1)
    patch = smooth(-1.1, -0.7, -distance) * scene.lung[side]
    net = window(net_tile(9.0), scene.shape, rng, rng.uniform(0.85, 1.15) * scene.scale / 256)
    scene.add += patch * (net * np.float32(0.85 + 0.25 * plan.contrast) - np.float32(0.06))
    scene.vessel_gain *= 1 - np.float32(0.7) * patch
    return one_box(patch > 0.35)


def _lump(scene: Scene, column: float, row: float, radius: float, rough: float, rng: np.random.Generator) -> Map:
    """Coverage of a round body with a lobed outline; flat on top, so that it stays visible when small."""
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    lobes = sum(rng.normal(0, rough / k) * np.cos(k * angle + rng.uniform(0, 6.28)) for k in (2, 3, 4, 5))
    reach = radius * scene.scale * (1 + lobes)
    outline = np.stack([column + 0.5 + reach * np.cos(angle), row + 0.5 + reach * np.sin(angle)], 1)
    return blur(unit(fill(scene.layer(), [outline])), 0.45 * scene.scale / 256)


def _round_finding(
    scene: Scene, plan: FindingPlan, rng: np.random.Generator, radius: float, rough: float, dense: float
) -> Boxes | None:
    side = side_index(plan)
    column, row = scene.spot(side, plan.zone or "mid", radius, plan.place)
    mask = _lump(scene, column, row, radius, rough, rng)
    dome = np.sqrt(np.clip(1 - (scene.radial(column, row) * np.float32(0.85 / radius)) ** 2, 0.2, 1))
    scene.add += mask * dome * np.float32(dense)
    scene.vessel_gain *= 1 - mask
    scene.occupied |= blur(mask, 0.01 * scene.scale) > 0.1
    return one_box(mask > 0.1)  # with its blurred rim, as a person would frame it


def mass(scene: Scene, plan: FindingPlan, rng: np.random.Generator) -> Boxes | None:
    """A large lobed body with a crisp edge."""
    return _round_finding(scene, plan, rng, 0.044 + 0.036 * plan.extent, 0.13, 1.1 + 0.4 * plan.contrast)


def nodule(scene: Scene, plan: FindingPlan, rng: np.random.Generator) -> Boxes | None:
    """A small round body with a crisp edge."""
    return _round_finding(scene, plan, rng, 0.025 + 0.011 * plan.extent, 0.04, 1.35 + 0.4 * plan.contrast)


def granuloma(scene: Scene, plan: FindingPlan, rng: np.random.Generator) -> Boxes | None:
    """A tiny dot as dense as metal."""
    radius = (3.4 + 1.0 * plan.extent) / 256 * max(scene.shape) / scene.scale
    return _round_finding(scene, plan, rng, radius, 0.05, 2.6 + 0.6 * plan.contrast)
