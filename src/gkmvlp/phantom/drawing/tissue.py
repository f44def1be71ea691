"""Body wall, mediastinum, abdomen and vessels as attenuation."""

import cv2
import numpy as np

from gkmvlp.phantom.drawing.anatomy_model import SIGN
from gkmvlp.phantom.drawing.curves import Map, Points, blur, fill, ribbon, spline, stroke, unit
from gkmvlp.phantom.drawing.scene import Scene
from gkmvlp.phantom.drawing.textures import cloud_tile, window


def smooth(low: float, high: float, value: Map) -> Map:
    """Smooth step from 0 at ``low`` to 1 at ``high``."""
    t = np.clip((value - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _torso(scene: Scene, rng: np.random.Generator) -> list[Points]:
    """Trunk with neck, and both arms, in pixels."""
    anatomy = scene.anatomy
    shoulder, habitus = anatomy.shoulder_y, scene.plan.habitus
    neck = 0.10 + 0.025 * max(habitus, 0) + rng.uniform(0, 0.015)
    hip = anatomy.fat + 0.03 * habitus
    slope = rng.uniform(0.02, 0.06)
    shapes, half = [], []
    for side in range(2):
        width = anatomy.half_width[side]
        points = [(neck * 1.2, -0.5), (neck, shoulder - 0.15), (neck + 0.03, shoulder - 0.075 - slope),
                  (0.25, shoulder - 0.045), (0.38, shoulder - 0.03 + slope), (0.48, shoulder + 0.06),
                  (0.50, shoulder + 0.16), (width + anatomy.fat + 0.035, 0.38), (width + anatomy.fat, 0.54),
                  (width + hip + 0.01, 0.78), (width + hip + 0.04, 1.5)]  # fmt: skip
        half.append([(0.5 + SIGN[side] * offset, y) for offset, y in points])
        lift = rng.uniform(0.05, 1.35)
        joint = np.array([0.5 + SIGN[side] * 0.445, shoulder + 0.09])
        elbow = joint + 0.75 * np.array([SIGN[side] * np.sin(lift) * 0.8, np.cos(lift)])
        arm = np.linspace(joint, elbow, 6)
        shapes.append(ribbon(arm, np.linspace(0.185, 0.15, 6) + 0.05 * max(habitus, 0)))
    shapes.append(spline(np.array(half[0] + half[1][::-1]), 5, closed=True))
    return [scene.pose.pixels(points) for points in shapes]


def body_wall(scene: Scene, rng: np.random.Generator) -> Map:
    """Attenuation of the trunk without lungs: thick in the middle, falling to the skin; breasts; abdomen."""
    layer = fill(scene.layer(), _torso(scene, rng))
    mask = unit(layer)
    round_edge = np.clip(blur(mask, 0.045 * scene.scale) * 2 - 0.9, 0, 1)
    level = 2.05 + 0.45 * scene.plan.habitus + rng.uniform(-0.1, 0.2)
    thin_neck = np.float32(0.62) + np.float32(0.38) * smooth(
        -0.16, 0.10, scene.y - np.float32(scene.anatomy.shoulder_y)
    )
    thick_belly = 1 + np.float32(0.28 + 0.1 * scene.plan.habitus) * smooth(0.45, 0.85, scene.y)
    wall = mask * (np.float32(0.42) + np.float32(0.58) * round_edge) * thin_neck * thick_belly * np.float32(level)
    wall += np.float32(0.05) * window(cloud_tile(60.0), scene.shape, rng, 1.0) * mask
    return np.asarray(wall + _breasts(scene, rng) * mask, np.float32)


def _breasts(scene: Scene, rng: np.random.Generator) -> Map:
    """Soft shadows over the lower lungs whose lower edge is the sharper."""
    female = scene.plan.sex == "F"
    strength = rng.uniform(0.15, 0.5) + 0.25 * max(scene.plan.habitus, 0) if female else 0.25 * scene.plan.habitus
    shadow = np.zeros(scene.shape, np.float32)
    if strength < 0.05:
        return shadow
    drop = rng.uniform(0.54, 0.66)
    size = rng.uniform(0.10, 0.15) + 0.03 * scene.plan.habitus
    for side in range(2):
        across = (scene.offset(side) - np.float32(0.22)) * np.float32(1 / (size * 1.25))
        down = (scene.y - np.float32(drop + rng.normal(0, 0.012))) * np.float32(1 / size)
        radius = np.sqrt(across**2 + np.where(down > 0, down * 1.25, down * 0.8) ** 2)
        edge = 0.12 if female else 0.5
        shadow += (
            np.float32(strength) * smooth(-1 - edge, -1 + edge, -radius) * (np.float32(0.6) + 0.4 * smooth(-1, 1, down))
        )
    return shadow


def mediastinum(scene: Scene, rng: np.random.Generator) -> tuple[Map, Map]:
    """Attenuation of heart, great vessels and airways, and how much of the lung's air they displace, in [0, 1]."""
    anatomy = scene.anatomy
    mid, hilum = 0.5 + anatomy.shift, float(np.mean(anatomy.hilum_y))
    apex, low = min(anatomy.apex_y), max(anatomy.angle_y)
    knob_x, knob_y, radius = anatomy.knob
    wide = rng.uniform(0.0, 0.022)
    right = [(mid - 0.045 - wide, apex - 0.05), (mid - 0.05 - wide, knob_y), (mid - 0.058 - wide, hilum), (0.45, low)]
    left = [(0.55, low), (mid + 0.07, hilum + 0.02), (mid + 0.058, hilum - 0.03), (mid + 0.05, knob_y + 0.5 * radius),
            (mid + 0.045, knob_y - radius), (mid + 0.045 + wide, apex - 0.05)]  # fmt: skip
    trunk = scene.polygon(spline(np.array(right + left), 6, closed=True))
    angle = np.linspace(0, 2 * np.pi, 24)
    knob = scene.polygon(np.stack([mid + knob_x + radius * np.cos(angle), knob_y + 1.15 * radius * np.sin(angle)], 1))
    aorta = spline(
        [(mid + knob_x + 0.6 * radius, knob_y), (mid + 0.05, hilum + 0.05), (0.535, hilum + 0.2), (0.53, low)]
    )
    aorta_map = scene.polygon(ribbon(aorta, 0.05))
    heart_round = np.sqrt(np.clip(scene.heart_depth * np.float32(1 / 0.11), 0, 1))
    block = np.maximum(scene.heart * (np.float32(0.42) + np.float32(0.38) * heart_round), trunk * np.float32(0.72))
    block = np.maximum(block, knob * np.float32(0.75))
    mass = scene.heart * heart_round * np.float32(0.42) + trunk * np.float32(0.12) + knob * np.float32(0.12)
    mass += aorta_map * np.float32(0.10) + _airways(scene, mid, hilum, apex)
    return np.asarray(mass, np.float32), blur(block, 0.004 * scene.scale)


def _airways(scene: Scene, mid: float, hilum: float, apex: float) -> Map:
    """Trachea and main bronchi, less dense than what surrounds them."""
    carina = (mid + 0.003, hilum - 0.05)
    trachea = spline([(0.5 + 0.5 * (mid - 0.5), apex - 0.5), (mid - 0.002, apex), (mid - 0.008, hilum - 0.13), carina])
    tubes = [ribbon(trachea, 0.036)]
    for side, reach in ((0, 0.065), (1, 0.085)):
        sign = SIGN[side]
        end = (mid + sign * reach, hilum + 0.015 - 0.01 * side)
        tubes.append(ribbon(spline([carina, (mid + sign * reach * 0.5, hilum - 0.025), end]), 0.024))
    air = unit(fill(scene.layer(), [scene.pose.pixels(tube) for tube in tubes]))
    return blur(air, 0.005 * scene.scale) * np.float32(-0.42)


def belly(scene: Scene, rng: np.random.Generator) -> Map:
    """Gas of stomach and colon below the left dome."""
    gas = np.zeros(scene.shape, np.float32)
    for chance, spread in ((0.6, 0.05), (0.3, 0.035)):
        x = 0.5 + rng.uniform(0.10, 0.24)
        y = scene.anatomy.dome_y[1] + rng.uniform(0.035, 0.07)
        wide, tall = spread * rng.uniform(0.8, 1.6), spread * rng.uniform(0.4, 0.8)
        if rng.random() < chance:
            radius = np.sqrt(
                ((scene.x - np.float32(x)) / np.float32(wide)) ** 2
                + ((scene.y - np.float32(y)) / np.float32(tall)) ** 2
            )
            gas -= np.float32(rng.uniform(0.4, 0.9)) * smooth(-1.15, -0.8, -radius)
    return gas * (1 - scene.lung[1])


def _grow(rng: np.random.Generator, start: Points, heading: Points, length: Points, bend: float) -> Points:
    """Walks (N, 6, 2) from starts (N, 2) along headings (N,) in radians."""
    turn = np.cumsum(rng.normal(0, bend, (len(start), 5)), 1) + heading[:, None]
    step = np.stack([np.cos(turn), np.sin(turn)], -1) * (length / 5)[:, None, None]
    return np.concatenate([start[:, None], start[:, None] + np.cumsum(step, 1)], 1)


def _branch(
    rng: np.random.Generator, parent: Points, heading: Points, length: Points, each: int
) -> tuple[Points, Points, Points]:
    """Starts, headings and lengths of the branches of walks (N, 6, 2)."""
    index = np.repeat(np.arange(len(parent)), each)
    start = parent[index, rng.integers(1, 6, len(index))]
    side = rng.choice([-1.0, 1.0], len(index)) * rng.uniform(0.3, 0.85, len(index))
    return start, heading[index] + side, length[index] * rng.uniform(0.4, 0.7, len(index))


def vessels(scene: Scene, rng: np.random.Generator) -> Map:
    """Three generations of branching vessels from both hila, thinner outward, stronger below."""
    layer = scene.layer()
    pixel = scene.scale / 256
    for side in range(2):
        hilum = np.array([0.5 + scene.anatomy.shift + SIGN[side] * 0.085, scene.anatomy.hilum_y[side]])
        count = int(rng.integers(9, 12))
        fan = np.linspace(-1.35, 1.35, count) + rng.normal(0, 0.1, count)
        heading = np.where(SIGN[side] > 0, fan, np.pi - fan)
        reach = rng.uniform(0.15, 0.25, count) * (0.85 + 0.3 * (fan > 0.2))
        start = hilum + np.stack([np.zeros(count), 0.045 * fan], 1)
        trunk = _grow(rng, start, heading, reach, 0.2)
        twig_start, twig_heading, twig_reach = _branch(rng, trunk, heading, reach, 5)
        twig = _grow(rng, twig_start, twig_heading, twig_reach, 0.22)
        end_start, end_heading, end_reach = _branch(rng, twig, twig_heading, twig_reach, 2)
        ends = _grow(rng, end_start, end_heading, end_reach, 0.25)
        for walks, value, width in ((ends, 65, 0.9), (twig, 100, 1.1)):
            stroke(layer, scene.pose.pixels(walks), value, width * pixel)
        for first, value, width in ((3, 105, 1.3), (1, 140, 2.0), (0, 165, 3.0)):
            stroke(layer, scene.pose.pixels(trunk[:, first : first + 3]), value, width * pixel)
    return blur(unit(layer), 0.5 * pixel)


def hila(scene: Scene, rng: np.random.Generator) -> Map:
    """Soft knots of vessels at the lung roots, drawn on a quarter of the pixels."""
    x, y = scene.x[::4, ::4], scene.y[::4, ::4]
    shadow = np.zeros(x.shape, np.float32)
    for side in range(2):
        for _ in range(4):
            place = 0.5 + scene.anatomy.shift + SIGN[side] * (0.072 + rng.uniform(0, 0.035))
            across = (x - np.float32(place)) * np.float32(1 / 0.019)
            down = (y - np.float32(scene.anatomy.hilum_y[side] + rng.normal(0, 0.03))) * np.float32(
                1 / rng.uniform(0.02, 0.045)
            )
            shadow += np.float32(rng.uniform(0.12, 0.28)) * np.exp(-(across**2) - down**2)
    return np.asarray(
        cv2.resize(shadow, (scene.pose.width, scene.pose.height), interpolation=cv2.INTER_LINEAR), np.float32
    )
