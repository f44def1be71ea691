"""From attenuation to a film: scatter, blur, noise, exposure, collimation and markers."""

import cv2
import numpy as np
from numpy.typing import NDArray

from gkmvlp.phantom.drawing.curves import Map, blur
from gkmvlp.phantom.drawing.scene import Scene


def _detector(attenuation: Map, scene: Scene, rng: np.random.Generator) -> Map:
    """Log signal behind a scattering body, blurred by the detector, with quantum noise."""
    pixel = scene.scale / 256
    direct = np.exp(-attenuation)
    share = rng.uniform(0.15, 0.42) + 0.1 * max(scene.plan.habitus, 0) + (0.08 if scene.plan.view == "AP" else 0)
    signal = direct + np.float32(share) * blur(np.minimum(direct, 0.5), 26 * pixel)
    signal = blur(signal, float(rng.uniform(0.35, 0.75)) * pixel)
    dose = rng.uniform(0.004, 0.016)
    grain = rng.standard_normal(scene.shape, np.float32)
    signal += np.float32(dose) * np.sqrt(signal) * blur(grain, 0.45)
    return np.asarray(-np.log(np.maximum(signal, 1e-3)), np.float32)


def _expose(density: Map, scene: Scene, rng: np.random.Generator) -> Map:
    """Display window set on the patient's own lungs and spine, off by a random amount; gamma and saturation."""
    heel = rng.uniform(-0.12, 0.12, 2)
    height, width = scene.shape
    column_W = np.linspace(-1, 1, width, dtype=np.float32)
    row_H1 = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    density = density + np.float32(heel[0]) * column_W + np.float32(heel[1]) * row_H1
    lungs = np.maximum(scene.lung[0], scene.lung[1])[::4, ::4] > 0.5
    sample = density[::4, ::4]
    dark = float(np.percentile(sample[lungs], 10)) if lungs.any() else 0.8
    bright = float(np.percentile(sample, 96))
    span = bright - dark
    low = dark - span * rng.uniform(0.03, 0.52)
    high = bright + span * rng.uniform(-0.14, 0.22)
    tone = np.clip((density - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    return np.asarray(tone ** np.float32(np.exp(rng.uniform(-0.42, 0.42))), np.float32)


def _collimate(tone: Map, rng: np.random.Generator) -> Map:
    """Dark, sometimes pale borders where shutters cut the beam, slightly askew."""
    if rng.random() > 0.35:
        return tone
    height, width = tone.shape
    edge = rng.uniform(0.0, 0.035, 4) * [width, height, width, height]
    tilt = rng.uniform(-0.015, 0.015, 4) * [height, width, height, width]
    left, top, right, bottom = edge
    corners = np.array([[left + tilt[0], top], [width - right, top + tilt[1]],
                        [width - right - tilt[2], height - bottom], [left, height - bottom - tilt[3]]])  # fmt: skip
    window = np.zeros(tone.shape, np.uint8)
    cv2.fillPoly(window, [np.rint(corners).astype(np.int32)], (1,))
    shade = 0.0 if rng.random() < 0.75 else rng.uniform(0.5, 0.95)
    return np.where(window > 0, tone, np.float32(shade)).astype(np.float32)


def _mark(image: NDArray[np.uint8], scene: Scene, rng: np.random.Generator) -> None:
    """Writes the side letter, R on the image's left or L on its right, and sometimes the view."""
    height, width = image.shape
    right = rng.random() < 0.5
    size = rng.uniform(0.32, 0.55) * max(height, width) / 256
    margin = rng.uniform(0.02, 0.10)
    column = margin * width if right else (1 - margin) * width - 18 * size
    row = rng.uniform(0.06, 0.18) * height
    grey, thick = int(rng.uniform(190, 255)), max(1, round(2.4 * size))
    cv2.putText(
        image, "R" if right else "L", (int(column), int(row)), cv2.FONT_HERSHEY_SIMPLEX, size, grey, thick, cv2.LINE_AA
    )
    if scene.plan.view == "AP" and rng.random() < 0.6:
        word = "AP" if rng.random() < 0.5 else "PORTABLE"
        place = (int(rng.uniform(0.03, 0.12) * width), int(row + 14 * size))
        cv2.putText(image, word, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6 * size, grey, 1, cv2.LINE_AA)


def develop(attenuation: Map, scene: Scene, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The radiograph (H, W) uint8, air dark.

    Args:
        attenuation: (H, W) float32, log of the intensity lost.
        scene: Its patient.
        rng: Random numbers of the exposure.
    """
    tone = _collimate(_expose(_detector(attenuation, scene, rng), scene, rng), rng)
    image = np.rint(tone * 255).astype(np.uint8)
    _mark(image, scene, rng)
    return image
