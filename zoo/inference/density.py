"""How far an image lies from those that a model was trained on, by the model's own pooled image.

N images, D width.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from gkmvlp.checkpoints.density_file import Density, shrunk_covariance
from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.pipeline.dataset import SampleDataset
from gkmvlp.data_modules.pipeline.quiet import one_opencv_thread_a_worker
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.errors import ConfigError
from gkmvlp.metrics.results.provenance import created
from gkmvlp.zoo.inference.predictor import Predictor

MOST = 5_000  # images that are read of a split; more hardly move a mean
LEAST = 10  # images without which a split says nothing
BATCH = 32


def measure_density(predictor: Predictor, data: DataModule) -> Density:
    """Where the training images of a data set lie for a model, and how far its validation images do.

    Args:
        predictor: The model.
        data: The data set, set up, with images as the model reads them.

    Raises:
        ConfigError: If it has too few rows of either.
    """
    for split in ("train", "validate"):
        if (count := len(data.rows(split))) < LEAST:
            expected = f"--density needs {LEAST} train and {LEAST} validate rows"
            raise ConfigError(f"{data.name} has {count} {split} rows: {expected}; add patients, or leave it out")
    train_ND, validate_ND = (pooled_images(predictor, data, data.rows(split)) for split in ("train", "validate"))
    values_D, vectors_DD = np.linalg.eigh(shrunk_covariance(train_ND))
    whitening_DD = vectors_DD / np.sqrt(np.maximum(values_D, 1e-12 * values_D.max()))
    made = Density(
        mean_D=train_ND.mean(0), whitening_DD=whitening_DD, quantiles=(), data=data.name, split=data.split_name,
        n=len(train_ND), n_validate=len(validate_ND), created=created(),
    )  # fmt: skip
    quantiles = np.quantile(made.distances(validate_ND), np.linspace(0, 1, 101))
    return Density(**{**vars(made), "quantiles": tuple(quantiles.tolist())})


def pooled_images(predictor: Predictor, data: DataModule, samples: Sequence[Sample]) -> NDArray[np.float64]:
    """Pooled images (N, D) of rows, at most ``MOST`` of them, evenly spread."""
    step = -(-len(samples) // MOST)
    dataset = SampleDataset(list(samples)[::step], data.read, predictor.regions)
    workers = {"num_workers": data.num_workers, "worker_init_fn": one_opencv_thread_a_worker}
    parts = [
        predictor.encode_images(predictor.batch(items)).features.pooled.double().cpu().numpy()
        for items in DataLoader(dataset, BATCH, collate_fn=list, **workers)  # type: ignore[arg-type]
    ]
    return np.concatenate(parts)
