"""Findings of pleura, diaphragm, heart and hiatus. Each draws on the scene and returns boxes (K, 4) or None."""

import numpy as np

from gkmvlp.phantom.drawing.anatomy_model import SIGN
from gkmvlp.phantom.drawing.curves import blur, box_of, fill, unit
from gkmvlp.phantom.drawing.lung import Boxes, one_box, side_index
from gkmvlp.phantom.drawing.scene import Scene
from gkmvlp.phantom.drawing.textures import cloud_tile, window
from gkmvlp.phantom.drawing.tissue import smooth
from gkmvlp.phantom.regions import ZONES
from gkmvlp.phantom.sample import FindingPlan


def effusion(scene: Scene, plan: FindingPlan, rng: np.random.Generator) -> Boxes | None:
    """Fluid below a meniscus that climbs the lateral wall."""
    side, anatomy = side_index(plan), scene.anatomy
    tall = anatomy.angle_y[side] - anatomy.apex_y[side]
    level = anatomy.angle_y[side] - tall * (0.10 + 0.33 * plan.extent)
    edge = float(anatomy.wall(side, level))
    climb = 0.035 + 0.045 * plan.extent
    outward = np.clip(scene.offset(side) * np.float32(1 / edge), 0, 1.1)
    surface = np.float32(level + 0.25 * climb) - np.float32(climb) * outward ** np.float32(4.5)
    fluid = smooth(-0.004, 0.012, scene.y - surface) * scene.lung[side]
    if (fluid > 0.5).sum() < 12:
        return None
    scene.air_gain *= 1 - np.float32(0.97) * fluid
    scene.vessel_gain *= 1 - fluid
    scene.add += fluid * np.float32(0.02 + 0.1 * plan.contrast)
    scene.occupied |= fluid > 0.2
    return one_box(fluid > 0.5)


def thickening(scene: Scene, plan: FindingPlan, rng: np.random.Generator) -> Boxes | None:
    """A lumpy dense band along the chest wall or over the apex, with a calcified inner rim."""
    side = side_index(plan)
    zone = plan.zone or "mid"
    low, high = ZONES[zone]
    high = min(high, 1.05)
    middle = low + (high - low) * (0.35 + 0.3 * plan.place)
    half = 0.10 + 0.10 * plan.extent
    along = (scene.fraction(side) - np.float32(middle)) * np.float32(1 / half)
    taper = np.clip(1.25 - along**4, 0, 1)
    lumps = 1 + np.float32(0.13) * window(cloud_tile(24.0), scene.shape, rng, 0.14 * scene.scale / 24)
    thick = np.float32(0.028 + 0.016 * plan.extent) * taper * lumps
    outer = scene.offset(side) > (0.055 if zone == "apical" else 0.16)
    covered = scene.lung[side] * outer * blur((taper > 0.05).astype(np.float32), 0.5)
    margin = np.float32(1.2 / scene.scale)
    inward = (thick - scene.depth[side]) / margin
    sheet = np.clip(inward + 0.5, 0, 1) * covered
    rim = np.exp(-((inward - 1) ** 2) * np.float32(0.5)) * covered * (taper > 0.4)
    scene.air_gain *= 1 - np.float32(0.55) * sheet
    scene.add += sheet * np.float32(0.58 + 0.25 * plan.contrast) + rim * np.float32(0.40)
    scene.vessel_gain *= 1 - sheet
    return one_box(sheet > 0.5)


def pneumothorax(scene: Scene, plan: FindingPlan, rng: np.random.Generator) -> Boxes | None:
    """Air without vessels outside a sharp pleural line; the lung behind the line shrinks to the hilum."""
    side, anatomy = side_index(plan), scene.anatomy
    shrink = 0.10 + 0.28 * plan.extent
    anchor = np.array([0.5 + SIGN[side] * 0.05, anatomy.dome_y[side] + 0.02])
    outline = anchor + (anatomy.lung(side) - anchor) * [1 - shrink, 1 - 0.75 * shrink]
    if plan.severity == "small":
        outline = anchor + (anatomy.lung(side) - anchor) * [1 - shrink * 0.7, 1 - shrink * 1.1]
    pixel = scene.scale / 256
    inner = fill(scene.layer(), [scene.pose.pixels(outline)])
    inside = unit(inner)
    air = scene.lung[side] * (1 - inside) * (scene.offset(side) > 0.045)
    if plan.severity == "small":
        air *= smooth(-0.60, -0.40, -scene.fraction(side))
    edge = blur(inside, 0.7 * pixel)
    line = np.clip(4 * edge * (1 - edge), 0, 1) * scene.lung[side] * (scene.offset(side) > 0.06)
    line *= blur(air, 2.0 * pixel) > 0.12
    scene.vessel_gain *= 1 - air
    scene.air_gain += air * np.float32(0.20)
    scene.air_gain *= 1 - np.float32(0.14) * inside * scene.lung[side]
    scene.add += line * np.float32(0.45 + 0.2 * plan.contrast)
    scene.occupied |= air > 0.3
    return one_box(air > 0.5)


def elevated_hemidiaphragm(scene: Scene, plan: FindingPlan, rng: np.random.Generator) -> Boxes | None:
    """The dome was raised in the anatomy; its box."""
    dome = scene.pose.pixels(scene.anatomy.dome(side_index(plan)))
    low = np.clip(dome.min(0) - 2, 0, None)
    high = np.minimum(dome.max(0) + 2, [scene.pose.width, scene.pose.height])
    return np.concatenate([low, high]).astype(np.float32)[None] if (high > low + 2).all() else None


def cardiomegaly(scene: Scene, plan: FindingPlan, rng: np.random.Generator) -> Boxes | None:
    """The heart was enlarged in the anatomy; its box."""
    return one_box(scene.heart > 0.5)


def hernia(scene: Scene, plan: FindingPlan, rng: np.random.Generator) -> Boxes | None:
    """A round sac behind the heart: wall, air above a level, fluid below."""
    radius = 0.052 + 0.036 * plan.extent
    x = 0.5 + scene.anatomy.shift + rng.uniform(-0.045, 0.09)
    y = float(scene.anatomy.heart[:, 1].max()) - radius * rng.uniform(0.55, 1.0)
    centre = scene.pose.pixels(np.array([[x, y]]))[0]
    distance = scene.radial(*centre) * np.float32(1 / radius)
    sac = smooth(-1.04, -0.94, -distance)
    ring = np.exp(-(((distance - np.float32(0.97)) / np.float32(0.07)) ** 2))
    level = (np.arange(scene.pose.height, dtype=np.float32)[:, None] - np.float32(centre[1])) / np.float32(scene.scale)
    below = smooth(-0.004, 0.004, level + np.float32(radius * rng.uniform(-0.15, 0.25)))
    air = smooth(-0.90, -0.82, -distance) * (1 - below)
    scene.add += sac * below * np.float32(0.40) + ring * np.float32(0.20)
    scene.add -= air * np.float32(0.55 + 0.25 * plan.contrast)
    box_4 = box_of(sac > 0.5)
    return None if box_4 is None else box_4[None]
