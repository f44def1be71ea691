"""Boxes of regions that a detector found, kept as Parquet beside any data set: ``region_boxes: detected``.

One row an image: ``image``, ``box`` (29 boxes xyxy in pixels of the original image, flat), ``score`` (29 in [0, 1]).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from gkmvlp.anatomy import LEAST_SCORE, REGIONS
from gkmvlp.data_modules.pipeline.samples import Detected, RegionPolicy, Sample
from gkmvlp.data_modules.pipeline.transforms import Float
from gkmvlp.errors import ConfigError, DataError
from gkmvlp.whole_files import replacing

META = b"gkmvlp"


def write_regions(path: Path, images: Sequence[str], box_NR4: Float, score_NR: Float, meta: Mapping[str, Any]) -> None:
    """Writes the detected boxes of N images under the file's name in one step.

    Args:
        path: The file.
        images: ``Sample.image_key`` of each image.
        box_NR4: Boxes (N, 29, 4) xyxy in pixels of the original image.
        score_NR: Scores (N, 29) in [0, 1].
        meta: What found them.
    """
    columns = {"image": list(images), "box": list(box_NR4.reshape(len(images), -1)), "score": list(score_NR)}
    table = pa.table(columns).replace_schema_metadata({META: json.dumps({"regions": REGIONS, **meta}).encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        parquet.write_table(table, part, compression="zstd")


def read_regions(path: str) -> dict[str, Detected]:
    """Image -> boxes (29, 4) in pixels of the original image and mask (29,), False where the region seems absent.

    Raises:
        DataError: If the file is missing, or is not what ``write_regions`` wrote for these regions.
    """
    try:
        table = parquet.read_table(path)
        if json.loads(table.schema.metadata[META])["regions"] != list(REGIONS):
            raise ValueError("other regions")
        columns = [table[name].to_pylist() for name in ("image", "box", "score")]
        box_NR4 = np.array(columns[1], np.float32).reshape(len(table), len(REGIONS), 4)
        score_NR = np.array(columns[2], np.float32).reshape(len(table), len(REGIONS))
        if not np.isfinite(box_NR4).all():
            raise ValueError("a box is no four numbers")
        return dict(zip(map(str, columns[0]), zip(box_NR4, score_NR >= LEAST_SCORE, strict=True), strict=True))
    # Arrow raises what the broken bytes happen to lead to.
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise DataError(
            f"{path}: no boxes of regions ({reason}): write them with gkmvlp data regions --out {path}"
        ) from error


def require_boxes(samples: Sequence[Sample], regions: RegionPolicy, name: str | None) -> None:
    """Checks that the data set has the boxes that are asked for.

    Raises:
        ConfigError: If it has none of its own, or no file of detected ones was named.
        DataError: If the file lacks some of its images.
    """
    if regions.source == "dataset" and all(sample.box_R4 is None for sample in samples):
        raise ConfigError(f"region_boxes: dataset, but {name} has no region boxes; use region_boxes: atlas")
    if regions.source != "detected":
        return
    if not regions.detected:
        raise ConfigError("region_boxes: detected needs detected_regions_file: the file that gkmvlp data regions wrote")
    lacking = {sample.image_key for sample in samples} - set(regions.detected)
    if lacking:
        raise DataError(
            f"region_boxes: detected, but {len(lacking):,} images of {name} are not in its file, such as "
            f"{min(lacking)}: write it for this data set with gkmvlp data regions"
        )
