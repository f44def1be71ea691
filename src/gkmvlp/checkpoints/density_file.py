"""``density.json`` and ``density.safetensors`` in a model's folder: where the images that it was trained on lie.

N images, D width of the pooled image.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gkmvlp.checkpoints.checksums import write_later
from gkmvlp.checkpoints.weights import read_tensors, write_tensors
from gkmvlp.errors import BackboneError

INFO, TENSORS = "density.json", "density.safetensors"
FORMAT = 1
REMEDY = "run gkmvlp calibrate --density anew, or remove both files"
Float = NDArray[np.float64]


@dataclass(frozen=True)
class Density:
    """A normal distribution of pooled images, and how far from its middle others lie.

    Attributes:
        mean_D: Mean over training images.
        whitening_DD: From a difference to the mean to one of unit covariance: ``difference @ whitening``.
        quantiles: Distances below which 0, 1, ... 100 % of the validation images lie.
        data: Data set.
        split: Its split, with the hash.
        n: Training images.
        n_validate: Validation images.
        created: ISO 8601, UTC.
    """

    mean_D: Float
    whitening_DD: Float
    quantiles: tuple[float, ...]
    data: str
    split: str
    n: int
    n_validate: int
    created: str

    def distances(self, vector_ND: Float) -> Float:
        """Mahalanobis distance of each pooled image from the training images, (N,)."""
        return np.asarray(np.linalg.norm((vector_ND - self.mean_D) @ self.whitening_DD, axis=1))

    def share_nearer(self, distance: float) -> float:
        """The share of the validation images that lie nearer, in [0, 1]."""
        return float(np.interp(distance, self.quantiles, np.linspace(0, 1, len(self.quantiles))))


def shrunk_covariance(vector_ND: Float) -> Float:
    """Covariance (D, D) drawn towards a multiple of the identity, as much as few images ask for.

    Source: Ledoit and Wolf, A well-conditioned estimator for large-dimensional covariance matrices, 2004.

    Args:
        vector_ND: N vectors.
    """
    count, width = vector_ND.shape
    centred_ND = vector_ND - vector_ND.mean(0)
    covariance_DD = centred_ND.T @ centred_ND / count
    middle = np.trace(covariance_DD) / width
    spread = ((covariance_DD - middle * np.eye(width)) ** 2).sum()
    square_ND = centred_ND**2
    noise = ((square_ND.T @ square_ND).sum() / count - (covariance_DD**2).sum()) / count
    share = min(noise, spread) / spread if spread else 0.0
    return (1 - share) * covariance_DD + share * middle * np.eye(width)


def write_density(folder: Path, density: Density) -> Path:
    """Writes both files into a model's folder.

    Returns:
        The first of them.
    """
    tensors = {"mean": torch.from_numpy(density.mean_D), "whitening": torch.from_numpy(density.whitening_DD)}
    write_tensors({name: t.float().contiguous() for name, t in tensors.items()}, folder / TENSORS)
    plain = {name: getattr(density, name) for name in ("data", "split", "n", "n_validate", "created", "quantiles")}
    write_later(folder, INFO, json.dumps({"format": FORMAT, **plain}, indent=1, allow_nan=False) + "\n")
    return folder / INFO


def read_density(folder: Path, width: int) -> Density | None:
    """The density in a model's folder; None where there is none.

    Args:
        folder: The folder.
        width: D of the model.

    Raises:
        BackboneError: If it cannot be read, or is of another model.
    """
    if not (folder / INFO).is_file():
        return None
    try:
        content = json.loads((folder / INFO).read_text(encoding="utf-8"))
        if content.pop("format") != FORMAT:
            raise ValueError(f"format {FORMAT} was expected")
        tensors = {name: t.double().numpy() for name, t in read_tensors(folder / TENSORS).items()}
        quantiles = tuple(map(float, content.pop("quantiles")))
        made = Density(tensors["mean"], tensors["whitening"], quantiles, **content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackboneError(
            f"{folder / INFO}: no readable density ({type(error).__name__}: {error}); {REMEDY}"
        ) from error
    if made.whitening_DD.shape != (width, width) or made.mean_D.shape != (width,):
        raise BackboneError(f"{folder / INFO}: of vectors of {len(made.mean_D)}, the model has {width}; {REMEDY}")
    return made
