"""Ribs, clavicles, shoulder blades, upper arms and spine as attenuation."""

import numpy as np

from gkmvlp.phantom.anatomy_model import SIGN
from gkmvlp.phantom.curves import Map, Points, band, blur, fill, ribbon, spline, stroke, unit
from gkmvlp.phantom.scene import Scene


def _posterior(scene: Scene, side: int, number: int, first_y: float) -> Points | None:
    """Centre line of a posterior rib from the spine to the wall, or None below the lung."""
    anatomy = scene.anatomy
    y0 = first_y + number * anatomy.rib_gap * (1 + 0.012 * number)
    if y0 > anatomy.angle_y[side] + 0.02:
        return None
    u = np.linspace(0, 1, 11)
    fall = anatomy.rib_drop * (0.35 + 0.16 * number)
    y = y0 - 0.035 * np.sin(np.pi * np.minimum(u * 1.25, 1)) + fall * u**2.2
    end = float(anatomy.wall(side, max(y[-1], anatomy.apex_y[side] + 0.035))) + 0.006
    return anatomy.place(side, 0.035 + (end - 0.035) * u, y)


def _anterior(scene: Scene, side: int, back: Points, number: int) -> Points:
    """The fainter front part: from the lateral end of a posterior rib down and inward."""
    u = np.linspace(0, 1, 8)
    x0, y0 = back[-1]
    inward = 0.16 + 0.012 * min(number, 6)
    x = x0 - SIGN[side] * (inward * u - 0.012 * np.sin(np.pi * u))
    return np.stack([x, y0 + 0.012 + (0.085 + 0.006 * number) * u**0.85], 1)


def ribs(scene: Scene, rng: np.random.Generator) -> Map:
    """Tapered ribs with two bright edges; front ends fainter and broader."""
    pixel = scene.scale / 256
    back_fill, front_fill, edges = scene.layer(), scene.layer(), scene.layer()
    first_y = scene.anatomy.apex_y[0] + rng.uniform(-0.02, 0.03)
    for side in range(2):
        for number in range(11):
            line = _posterior(scene, side, number, first_y)
            if line is None:
                break
            width = np.linspace(0.019, 0.024, len(line)) * (0.8 if number < 2 else 1)
            front = _anterior(scene, side, line, number)
            wide = np.linspace(0.022, 0.030, len(front))
            fill(back_fill, [scene.pose.pixels(ribbon(line, width))])
            stroke(edges, [scene.pose.pixels(edge) for edge in band(line, width)], 190, 0.8 * pixel)
            if 0 < number < 8:
                fill(front_fill, [scene.pose.pixels(ribbon(front, wide))])
                stroke(edges, [scene.pose.pixels(edge) for edge in band(front, wide)], 110, 0.7 * pixel)
    strength = rng.uniform(0.7, 1.25)
    solid = unit(back_fill) * np.float32(0.15) + unit(front_fill) * np.float32(0.075) + unit(edges) * np.float32(0.15)
    return blur(solid * np.float32(strength), 0.5 * pixel)


def shoulder_girdle(scene: Scene, rng: np.random.Generator) -> Map:
    """Clavicles, shoulder blades and the heads of the upper arms."""
    anatomy, pixel = scene.anatomy, scene.scale / 256
    solid, edges = scene.layer(), scene.layer()
    rise = rng.uniform(0.01, 0.05)
    abducted = rng.random() < 0.55
    for side in range(2):
        sign = SIGN[side]
        mid, y = 0.5 + anatomy.shift, anatomy.clavicle_y + rng.normal(0, 0.006)
        shoulder = y - rise
        points = [
            (0.03, y),
            (0.10, y - 0.002),
            (0.19, y - 0.35 * rise - 0.012),
            (0.27, shoulder),
            (0.35, shoulder + 0.012),
        ]
        line = spline([(mid + sign * offset, height) for offset, height in points], 5)
        width = np.interp(np.linspace(0, 1, len(line)), [0, 0.15, 0.5, 1], [0.034, 0.026, 0.020, 0.026])
        fill(solid, [scene.pose.pixels(ribbon(line, width))])
        stroke(edges, [scene.pose.pixels(edge) for edge in band(line, width)], 230, 1.0 * pixel)
        blade_x = 0.33 if abducted else 0.24
        blade = spline([(blade_x + 0.02, shoulder + 0.03), (blade_x, shoulder + 0.13), (blade_x + 0.02, shoulder + 0.2),
                        (blade_x + 0.06, shoulder + 0.29), (blade_x + 0.11, shoulder + 0.16)], 6)  # fmt: skip
        blade[:, 0] = 0.5 + sign * blade[:, 0]
        stroke(edges, [scene.pose.pixels(blade)], 90, 1.2 * pixel)
        head = np.array([0.5 + sign * 0.405, shoulder + 0.075])
        angle = np.linspace(0, 2 * np.pi, 20)
        circle = head + 0.042 * np.stack([np.cos(angle), np.sin(angle)], 1)
        fill(solid, [scene.pose.pixels(circle)], 170)
        stroke(edges, [scene.pose.pixels(circle)], 120, pixel)
    return blur(unit(solid) * np.float32(0.30) + unit(edges) * np.float32(0.22), 0.6 * pixel)


def spine(scene: Scene, rng: np.random.Generator) -> Map:
    """Vertebral bodies with bright end plates, pedicles and spinous processes."""
    anatomy, pixel = scene.anatomy, scene.scale / 256
    bodies, marks = scene.layer(), scene.layer()
    gap = anatomy.rib_gap * rng.uniform(0.82, 0.92)
    y = -0.1 + rng.uniform(0, gap)
    while y < 1.1:
        mid, half, tall = float(anatomy.mid(y)), 0.034 + 0.010 * y, gap * 0.41
        corners = np.array([[-1, -1], [0, -0.82], [1, -1], [0.86, 0], [1, 1], [0, 0.82], [-1, 1], [-0.86, 0]])
        outline = spline(corners * [half, tall] + [mid, y], 3, closed=True)
        fill(bodies, [scene.pose.pixels(outline)])
        plates = [outline[:7], outline[12:19]]
        stroke(marks, [scene.pose.pixels(plate) for plate in plates], 150, pixel)
        dots = [
            np.array([[mid + dx * half, y - 0.3 * tall], [mid + dx * half, y + 0.25 * tall]]) for dx in (-0.62, 0.62)
        ]
        dots.append(np.array([[mid - anatomy.shift * 0.3, y], [mid - anatomy.shift * 0.3, y + 1.1 * tall]]))
        stroke(marks, [scene.pose.pixels(dot) for dot in dots], 110, 2.2 * pixel)
        y += gap
    column = unit(bodies) * np.float32(0.30) + unit(marks) * np.float32(0.20)
    return blur(column, 0.7 * pixel)
