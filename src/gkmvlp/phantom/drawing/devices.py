"""Devices: central line and pacemaker. Each draws on the scene and returns a box (1, 4) or None."""

import numpy as np

from gkmvlp.phantom.drawing.anatomy_model import SIGN
from gkmvlp.phantom.drawing.curves import Points, fill, spline, stroke, unit
from gkmvlp.phantom.drawing.lung import Boxes, one_box, side_index
from gkmvlp.phantom.drawing.scene import Scene
from gkmvlp.phantom.sample import FindingPlan


def _to_vein(scene: Scene, plan: FindingPlan, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Way of a wire from the edge of the chest or the neck to the superior vena cava, in body coordinates."""
    anatomy = scene.anatomy
    sign, mid = SIGN[side_index(plan)], 0.5 + anatomy.shift
    collar = anatomy.clavicle_y
    entry = plan.place
    if entry < 0.4:  # internal jugular vein
        way = [
            (mid + sign * 0.075, collar - 0.13),
            (mid + sign * 0.06, collar - 0.05),
            (mid + sign * 0.05, collar + 0.02),
        ]
    elif entry < 0.75:  # subclavian vein
        way = [
            (mid + sign * 0.26, collar + 0.03),
            (mid + sign * 0.16, collar - 0.012),
            (mid + sign * 0.065, collar + 0.012),
        ]
    else:  # from the arm
        way = [(0.5 + sign * 0.40, collar + 0.11), (0.5 + sign * 0.28, collar + 0.03)]
        way += [(mid + sign * 0.16, collar - 0.005), (mid + sign * 0.06, collar + 0.015)]
    if sign > 0:
        way.append((mid - 0.015, collar + 0.05))
    return [*way, (mid - 0.045, collar + 0.095)]


def central_line(scene: Scene, plan: FindingPlan, rng: np.random.Generator) -> Boxes | None:
    """A thin dense catheter that ends at the entry of the right atrium."""
    way = _to_vein(scene, plan, rng)
    hilum = float(np.mean(scene.anatomy.hilum_y))
    end = (0.5 + scene.anatomy.shift - 0.048, max(hilum + rng.uniform(-0.05, 0.06), way[-1][1] + 0.04))
    line = scene.pose.pixels(spline([*way, end], 10))
    catheter = unit(stroke(scene.layer(), [line], 255, 2.0 * scene.scale / 256))
    scene.add += catheter * np.float32(0.8 + 0.3 * plan.contrast)
    return one_box(catheter > 0.4)


def _generator(scene: Scene, sign: float, rng: np.random.Generator) -> Points:
    """Outline of the can, in pixels."""
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    wide, tall = rng.uniform(0.034, 0.044), rng.uniform(0.030, 0.038)
    squarish = [np.sign(f) * np.abs(f) ** 0.55 for f in (np.cos(angle), np.sin(angle))]
    tilt = rng.uniform(-0.5, 0.5)
    x, y = wide * squarish[0], tall * squarish[1]
    turned = np.stack([x * np.cos(tilt) - y * np.sin(tilt), x * np.sin(tilt) + y * np.cos(tilt)], 1)
    place = [0.5 + sign * rng.uniform(0.19, 0.29), scene.anatomy.clavicle_y + rng.uniform(0.065, 0.12)]
    return scene.pose.pixels(turned + place)


def pacemaker(scene: Scene, plan: FindingPlan, rng: np.random.Generator) -> Boxes | None:
    """A metal can below the clavicle and one or two leads; the box is the can's."""
    sign, mid = SIGN[side_index(plan)], 0.5 + scene.anatomy.shift
    can = _generator(scene, sign, rng)
    metal = unit(fill(scene.layer(), [can]))
    collar, hilum = scene.anatomy.clavicle_y, float(np.mean(scene.anatomy.hilum_y))
    heart = scene.anatomy.heart
    low, right, left = heart[:, 1].max(), heart[:, 0].min(), heart[:, 0].max()
    root = [(mid + sign * 0.15, collar + 0.005), (mid + sign * 0.06, collar + 0.015)]
    root += [(mid - 0.02, collar + 0.055)] if sign > 0 else []
    root += [(mid - 0.045, hilum)]
    tips = [[(right + 0.03, hilum + 0.10), (mid, low - 0.035), (mid + 0.62 * (left - mid), low - 0.035)]]
    if rng.random() < 0.6:
        tips.append([(right + 0.035, hilum + 0.11), (right + 0.06, hilum + 0.09)])
    layer = scene.layer()
    start = can.mean(0)
    for tip in tips:
        way = np.concatenate([start[None], scene.pose.pixels(np.array([*root, *tip]))])
        stroke(layer, [spline(way, 8)], 255, 1.6 * scene.scale / 256)
    scene.add += np.maximum(metal * np.float32(2.6), unit(layer) * np.float32(0.8))
    scene.occupied |= metal > 0.1
    return one_box(metal > 0.5)
