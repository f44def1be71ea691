"""What public weights of an image encoder know: pooled features, a logistic regression on them, nearest neighbours.

N images, D features, E entities.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from gkmvlp.checkpoints.vision_weights import load_vision
from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.pipeline.dataset import to_tensor
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.metrics.auroc import weighted_auroc
from gkmvlp.metrics.bootstrap import nanmean
from gkmvlp.models.config import Architecture
from gkmvlp.models.vision import VisionEncoder

Features = dict[str, NDArray[np.float32]]  # sample id -> (D,)
Array = NDArray[np.float64]
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)  # of the squared norm of the weights, beside a mean over images
STEPS = 200  # of L-BFGS
AT_ONCE = 32


def pooled_features(data: DataModule, architecture: Architecture, file: Path) -> Features:
    """The mean of the last map of an image encoder, before any layer of ours; kept in a file.

    Args:
        data: A checked DataModule.
        architecture: Its encoder, with the weights that it names.
        file: ``.npz`` of the features; read where it is of this encoder and has every image.
    """
    frame = {key: getattr(data, key) for key in ("image_size", "resize_mode", "intensity")}
    made_by = json.dumps({**asdict(architecture.vision), **frame}, sort_keys=True)
    if file.is_file():
        with np.load(file) as archive:
            features = dict(zip(archive["sample_id"].tolist(), archive["feature_ND"], strict=True))
            if str(archive["made_by"]) == made_by and features.keys() >= {sample.sample_id for sample in data.samples}:
                return features
    feature_ND = _computed(data, data.samples, architecture)
    names = np.array([sample.sample_id for sample in data.samples])
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    with part.open("wb") as stream:
        np.savez(stream, sample_id=names, feature_ND=feature_ND, made_by=np.array(made_by))
    part.replace(file)
    return dict(zip(names.tolist(), feature_ND, strict=True))


@torch.inference_mode()
def _computed(data: DataModule, samples: Sequence[Sample], architecture: Architecture) -> NDArray[np.float32]:
    """Features (N, D) of rows."""
    encoder = VisionEncoder(architecture.vision, architecture.text.hidden_size, architecture.image_size).eval()
    load_vision(encoder, architecture.vision, architecture.image_size)
    parts = []
    for start in range(0, len(samples), AT_ONCE):
        image_B1SS = torch.stack([to_tensor(data.read(sample)[0]) for sample in samples[start : start + AT_ONCE]])
        map_BDhw = encoder.model.forward_features((image_B1SS - encoder.mean) / encoder.std)
        parts.append(map_BDhw.mean((2, 3)).numpy())
        print(f"\rfeatures of public weights: {min(start + AT_ONCE, len(samples)):,} of {len(samples):,}", end="")
    print(flush=True)
    return np.concatenate(parts)


def standardised(train_ND: Array, *others_ND: Array) -> list[Array]:
    """Features less the mean of the training images, in units of their standard deviation; constant ones are 0."""
    mean_D, std_D = train_ND.mean(0), train_ND.std(0)
    scale_D = np.divide(1, std_D, out=np.zeros_like(std_D), where=std_D > 0)
    return [(part_ND - mean_D) * scale_D for part_ND in (train_ND, *others_ND)]


def fit_logistic(feature_ND: Array, target_NE: Array, strength: float) -> tuple[Array, Array]:
    """A logistic regression of each entity, with a squared norm of the weights (not of the offset) as penalty.

    The sum over entities is minimised at once: they share no weight, so each is at its own minimum there.

    Args:
        feature_ND: Standardised features.
        target_NE: 1 present, 0 absent, NaN unknown: left out.
        strength: Half of it times the squared norm is added to the mean cross-entropy over images.

    Returns:
        Weights (D, E) and offsets (E,).
    """
    feature, target = torch.from_numpy(feature_ND), torch.from_numpy(np.nan_to_num(target_NE))
    known = torch.from_numpy(~np.isnan(target_NE)).double()
    weight = torch.zeros(feature.shape[1], target.shape[1], dtype=torch.double, requires_grad=True)
    offset = torch.zeros(target.shape[1], dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, offset], max_iter=STEPS, history_size=20, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        entropy = F.binary_cross_entropy_with_logits(feature @ weight + offset, target, known, reduction="sum")
        total = entropy / len(feature) + strength / 2 * weight.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return weight.detach().numpy(), offset.detach().numpy()


def macro_auroc(score_NE: Array, target_NE: Array) -> float:
    """Mean AUROC over the entities that have both classes; NaN where none has."""
    once = np.ones((1, len(score_NE)))
    areas = [weighted_auroc(score_N, target_N, once) for score_N, target_N in zip(score_NE.T, target_NE.T, strict=True)]
    return float(nanmean(np.stack(areas))[0])


def probe(train: tuple[Array, Array], validate: tuple[Array, Array], test_ND: Array) -> tuple[Array, float]:
    """Log odds (N, E) of test images by the strength with the best mean AUROC on validation images, and the strength.

    Args:
        train: Features (N, D) and targets (N, E).
        validate: The same of other images.
        test_ND: Features.
    """
    train_ND, validate_ND, test_ND = standardised(train[0], validate[0], test_ND)
    trials: dict[float, tuple[float, Array]] = {}
    for strength in STRENGTHS:
        weight_DE, offset_E = fit_logistic(train_ND, train[1], strength)
        area = macro_auroc(validate_ND @ weight_DE + offset_E, validate[1])
        trials[strength] = area, test_ND @ weight_DE + offset_E
        print(f"linear probe: penalty {strength:g}, validation AUROC {area:.3f}", flush=True)
    best = max(trials, key=lambda strength: (np.nan_to_num(trials[strength][0]), strength))
    return trials[best][1], best


def nearest(train_ND: Array, test_ND: Array) -> NDArray[np.intp]:
    """The training image of the largest cosine of each test image (N,), by standardised features."""
    unit = [part / np.linalg.norm(part, axis=1, keepdims=True).clip(1e-12) for part in standardised(train_ND, test_ND)]
    return (unit[1] @ unit[0].T).argmax(1)
