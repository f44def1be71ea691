"""An index of one's own images for nearest neighbours: unit vectors of a backbone, names and thumbnails in one file.

N images, D size of the shared space.
"""

import json
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gkmvlp.app.serving.pictures import data_uri, thumbnail
from gkmvlp.app.serving.reading import Neighbour
from gkmvlp.checkpoints.weights import digest
from gkmvlp.data_modules.pipeline.images import ImageError
from gkmvlp.errors import ConfigError, DataError
from gkmvlp.metrics.results.predictions import META_KEY, write_table
from gkmvlp.zoo.inference.predictor import Predictor

FORMAT = 1
COUNT = 6  # neighbours that are shown


@dataclass(frozen=True)
class Index:
    """Images and their vectors.

    Attributes:
        names: Of the files, below the folder that was indexed.
        vector_ND: Unit vectors, float32.
        thumbnails: JPEGs.
    """

    names: list[str]
    vector_ND: NDArray[np.float32]
    thumbnails: list[bytes]

    def nearest(self, vector_D: NDArray[np.float32], count: int = COUNT) -> list[Neighbour]:
        """The images whose vectors have the largest cosine with a unit vector (D,), the nearest first."""
        similarity_N = self.vector_ND @ vector_D
        order = np.argsort(-similarity_N, kind="stable")[:count]
        return [Neighbour(self.names[n], float(similarity_N[n]), data_uri(self.thumbnails[n])) for n in order]


def build_index(
    predictor: Predictor, files: Iterable[tuple[str, Path]], accept: Collection[str]
) -> tuple[Index, list[str]]:
    """Reads and embeds images.

    Args:
        predictor: A backbone.
        files: Name in the index and file of each.
        accept: What is read although it is no frontal radiograph.

    Returns:
        The index, and a line for each image that could not be read.

    Raises:
        BackboneError: If the model is no backbone.
        DataError: If none could be read.
    """
    names, vectors, small, bad = list[str](), list[NDArray[np.float32]](), list[bytes](), list[str]()
    for name, file in files:
        try:
            pixels_HW = predictor.preprocess.pixels(file, accept)
        except ImageError as error:
            bad.append(str(error))
            continue
        batch = predictor.batch([predictor.item_of(file, pixels_HW)])
        vectors.append(predictor.embed_images(predictor.encode_images(batch))[0].float().cpu().numpy())
        names.append(name)
        small.append(thumbnail(pixels_HW))
    if not names:
        raise DataError("no image could be read: " + "; ".join(bad[:3]))
    return Index(names, np.stack(vectors), small), bad


def write_index(file: Path, index: Index, predictor: Predictor, model: str) -> None:
    """Writes an index as Parquet, whole or not at all.

    Raises:
        ConfigError: If it cannot be written.
    """
    table = pd.DataFrame({"name": index.names, "embedding": list(index.vector_ND), "thumbnail": index.thumbnails})
    meta = {"format": FORMAT, "kind": "index", "model": model, "weights": digest(predictor.model.state_dict())}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_table(file, table, meta)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        raise ConfigError(f"{file} cannot be written ({reason}): name another --out") from error


def read_index(file: Path, predictor: Predictor) -> Index:
    """The index in a file.

    Args:
        file: As ``write_index`` left it.
        predictor: The backbone that looks in it.

    Raises:
        DataError: If the file is missing, no index, or of another model.
    """
    remedy = "gkmvlp index FOLDER --model REF --out FILE makes one"
    try:
        table = pq.read_table(file)
        meta = json.loads((table.schema.metadata or {})[META_KEY])
        if meta["kind"] != "index" or meta["format"] > FORMAT:
            raise KeyError(meta["kind"])
        columns: dict[str, list[Any]] = table.to_pydict()
        index = Index(columns["name"], np.array(columns["embedding"], np.float32), columns["thumbnail"])
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"--index {file}: an index was expected ({reason}); {remedy}") from error
    if meta["weights"] != digest(predictor.model.state_dict()):
        raise DataError(f"--index {file} was made by {meta['model']}, whose weights are other ones; {remedy}")
    return index
