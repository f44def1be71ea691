"""Ribs, clavicles, shoulder blades, upper arms and spine as attenuation."""

import numpy as np

from gkmvlp.phantom.drawing.anatomy_model import SIGN
from gkmvlp.phantom.drawing.curves import Layer, Map, Points, band, blur, fill, ribbon, spline, stroke, unit
from gkmvlp.phantom.drawing.scene import Scene


def _posterior(scene: Scene, side: int, first_y: float) -> Points:
    """Centre lines (M, 11, 2) of the ribs' back parts from the spine to the wall, as many as lie on the lung."""
    anatomy = scene.anatomy
    number_M1 = np.arange(11)[:, None]
    y0_M1 = first_y + number_M1 * anatomy.rib_gap * (1 + 0.012 * number_M1)
    shown = y0_M1[:, 0] < anatomy.angle_y[side] - 0.03
    u_N = np.linspace(0, 1, 11)
    fall_M1 = anatomy.rib_drop * (0.35 + 0.16 * number_M1)
    y_MN = y0_M1 - 0.035 * np.sin(np.pi * np.minimum(u_N * 1.25, 1)) + fall_M1 * u_N**2.2
    end_M = anatomy.wall(side, np.maximum(y_MN[:, -1], anatomy.apex_y[side] + 0.035)) + 0.006
    return anatomy.place(side, 0.035 + (end_M[:, None] - 0.035) * u_N, y_MN)[shown]


def _anterior(side: int, back: Points) -> Points:
    """The fainter front parts (M, 8, 2): from the lateral end of the back parts down and inward."""
    u_N = np.linspace(0, 1, 8)
    number_M1 = np.arange(len(back))[:, None]
    inward = 0.16 + 0.012 * np.minimum(number_M1, 6)
    x = back[:, -1:, 0] - SIGN[side] * (inward * u_N - 0.012 * np.sin(np.pi * u_N))
    return np.stack([x, back[:, -1:, 1] + 0.012 + (0.085 + 0.006 * number_M1) * u_N**0.85], -1)


def ribs(scene: Scene, rng: np.random.Generator) -> Map:
    """Tapered ribs with two bright edges; front ends fainter and broader."""
    pixel = scene.scale / 256
    back_fill, front_fill, edges = scene.layer(), scene.layer(), scene.layer()
    first_y = scene.anatomy.apex_y[0] + rng.uniform(-0.02, 0.03)
    for side in range(2):
        line = _posterior(scene, side, first_y)
        width = np.linspace(0.019, 0.024, line.shape[1])
        front = _anterior(side, line)[1:8]
        wide = np.linspace(0.022, 0.030, front.shape[1])
        fill(back_fill, scene.pose.pixels(ribbon(line, width)))
        fill(front_fill, scene.pose.pixels(ribbon(front, wide)))
        stroke(edges, scene.pose.pixels(np.concatenate(band(front, wide))), 100, 0.7 * pixel)
        stroke(edges, scene.pose.pixels(np.concatenate(band(line, width))), 190, 0.8 * pixel)
    strength = rng.uniform(0.6, 1.1)
    solid = unit(back_fill) * np.float32(0.17) + unit(front_fill) * np.float32(0.09) + unit(edges) * np.float32(0.19)
    return blur(solid * np.float32(strength), 0.5 * pixel)


def shoulder_girdle(scene: Scene, rng: np.random.Generator) -> Map:
    """Clavicles, shoulder blades and the heads of the upper arms."""
    anatomy, pixel = scene.anatomy, scene.scale / 256
    solid, edges = scene.layer(), scene.layer()
    rise, abducted = rng.uniform(0.02, 0.085), rng.random() < 0.55
    for side in range(2):
        sign, mid = SIGN[side], 0.5 + anatomy.shift
        y = anatomy.clavicle_y + rng.normal(0, 0.006)
        end = y - rise
        points = [(0.028, y), (0.09, y - 0.25 * rise + 0.006), (0.18, y - 0.75 * rise), (0.28, end - 0.006)]
        points.append((0.37, end + 0.008))
        line = spline([(mid + sign * offset, height) for offset, height in points], 5)
        width = np.interp(np.linspace(0, 1, len(line)), [0, 0.15, 0.5, 1], [0.034, 0.025, 0.019, 0.026])
        fill(solid, [scene.pose.pixels(ribbon(line, width))])
        stroke(edges, scene.pose.pixels(np.stack(band(line, width))), 230, pixel)
        _shoulder_blade(scene, side, abducted, end, edges)
        angle = np.linspace(0, 2 * np.pi, 20)
        head = np.array([0.5 + sign * 0.44, end + 0.075])
        circle = head + 0.045 * np.stack([np.cos(angle), np.sin(angle)], 1)
        fill(solid, [scene.pose.pixels(circle)], 120)
    return blur(unit(solid) * np.float32(0.26) + unit(edges) * np.float32(0.20), 0.6 * pixel)


def _shoulder_blade(scene: Scene, side: int, abducted: bool, top: float, edges: Layer) -> None:
    """The inner and lower edge of a shoulder blade; drawn over the lung unless the arms are moved outward."""
    x = 0.33 if abducted else 0.235
    points = [(x + 0.02, top + 0.03), (x, top + 0.13), (x + 0.02, top + 0.22), (x + 0.06, top + 0.29)]
    line = spline([*points, (x + 0.11, top + 0.16)], 6)
    line[:, 0] = 0.5 + SIGN[side] * line[:, 0]
    stroke(edges, [scene.pose.pixels(line)], 90, 1.3 * scene.scale / 256)


def spine(scene: Scene, rng: np.random.Generator) -> Map:
    """Vertebral bodies with bright end plates, pedicles and spinous processes."""
    anatomy, pixel = scene.anatomy, scene.scale / 256
    bodies, marks = scene.layer(), scene.layer()
    gap = anatomy.rib_gap * rng.uniform(0.82, 0.92)
    y_M = np.arange(-0.1 + rng.uniform(0, gap), 1.1, gap)
    mid_M, half_M, tall = anatomy.mid(y_M), 0.032 + 0.010 * y_M, gap * 0.41
    corners = np.array([[-1, -1], [0, -0.82], [1, -1], [0.86, 0], [1, 1], [0, 0.82], [-1, 1], [-0.86, 0]])
    unit_outline = spline(corners, 3, closed=True)
    size_M12 = np.stack([half_M, np.full(len(y_M), tall)], 1)[:, None]
    outline = unit_outline * size_M12 + np.stack([mid_M, y_M], 1)[:, None]
    fill(bodies, scene.pose.pixels(outline))
    stroke(marks, scene.pose.pixels(np.concatenate([outline[:, :7], outline[:, 12:19]])), 150, pixel)
    dots = np.array([[[-0.62, -0.3], [-0.62, 0.25]], [[0.62, -0.3], [0.62, 0.25]], [[0, 0], [0, 1.1]]])
    for dot in dots:
        place = dot * size_M12 + np.stack([mid_M - (anatomy.shift * 0.3 if not dot[0, 0] else 0), y_M], 1)[:, None]
        stroke(marks, scene.pose.pixels(place), 110, 2.2 * pixel)
    column = unit(bodies) * np.float32(0.13) + unit(marks) * np.float32(0.11)
    return blur(column * np.float32(rng.uniform(0.7, 1.3)), 0.7 * pixel)
