"""Images with true and predicted boxes for the tests of localization."""

import numpy as np
import pandas as pd

from gkmvlp.metrics.detection import Image

ONES = np.ones((1, 1), np.uint16)


def boxes(generator, count, around=None):
    """Boxes of whole pixels in a square of 100; ``around`` given, near those."""
    if around is not None and len(around) and count:
        chosen = around[generator.integers(0, len(around), count)]
        moved = chosen + generator.integers(-4, 5, (count, 4))
        return np.concatenate([np.minimum(moved[:, :2], moved[:, 2:] - 1), moved[:, 2:]], 1).astype(float)
    low = generator.integers(0, 60, (count, 2))
    return np.concatenate([low, low + generator.integers(8, 40, (count, 2))], 1).astype(float)


def corpus(images=40, most=6, seed=0):
    """Images of which half are without truth; distinct scores; detections near the truth and elsewhere."""
    generator = np.random.default_rng(seed)
    scores = generator.permutation(images * 3 * most) / (images * 3 * most)
    out = []
    for index in range(images):
        true = boxes(generator, generator.integers(1, 4) if index % 2 else 0)
        near = boxes(generator, generator.integers(0, most) if index % 2 else 0, true)
        predicted = np.concatenate([near, boxes(generator, generator.integers(0, most))])
        score = scores[index * 3 * most :][: len(predicted)]
        score[: len(near)] = (2 + score[: len(near)]) / 3 + 1e-6  # better than chance, all distinct
        out.append(Image(true, predicted, score))
    return out


def table(images, model="pretrained", seed=0, entity="opacity", threshold=0.5, per_patient=2):
    return pd.DataFrame(
        {
            "sample_id": [f"i{n}" for n in range(len(images))],
            "patient_id": [f"p{n // per_patient}" for n in range(len(images))],
            "model": model, "seed": seed, "entity": entity, "threshold": threshold,
            "boxes": [image.true_K4.ravel() for image in images],
            "predicted": [image.predicted_P4.ravel() for image in images],
            "scores": [image.score_P for image in images],
        }
    )  # fmt: skip
