"""MS-CXR as its owner ships it, JSON or CSV, release 0.1 or 1.1.0, read into one table."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gkmvlp.data_modules.formats.boxes import require_pixels
from gkmvlp.data_modules.formats.json_files import read_json
from gkmvlp.data_modules.formats.mimic_cxr import releases
from gkmvlp.data_modules.formats.plain_text import one_line
from gkmvlp.data_modules.formats.schema import Schema
from gkmvlp.data_modules.formats.tables import read_table, to_table
from gkmvlp.errors import DataError

_GET = "get MS-CXR on PhysioNet (physionet.org/content/ms-cxr, credentialed access)"
_NUMBERS = ("x", "y", "w", "h", "image_width", "image_height")
COLUMNS = ("dicom_id", "category_name", "label_text", "path", *_NUMBERS)
_SCHEMA = Schema(COLUMNS, ("split",), numbers=_NUMBERS)


def find_annotations(root: str, annotations: str | None) -> Path:
    """The annotation file: of the newest release its JSON, else its CSV.

    Args:
        root: Folder that holds ``ms-cxr/1.1.0`` or ``ms-cxr/0.1``, or the files themselves.
        annotations: The file or its folder, where it lies elsewhere.

    Raises:
        DataError: If there is none: what to get, where, and what was looked for.
    """
    if annotations and Path(annotations).is_file():
        return Path(annotations)
    base = Path(annotations or root)
    # The archive of release 0.1 unpacks to a folder of the paper's long title.
    for folder in (*releases(base, "ms-cxr"), *sorted(base.glob("ms-cxr-*")), base):
        for kind in ("json", "csv"):
            if files := sorted(folder.glob(f"MS_CXR_Local_Alignment_v*.{kind}")):
                return files[-1]
    raise DataError(f"no MS_CXR_Local_Alignment_v*.json or .csv in {base} or {base / 'ms-cxr'}: {_GET}")


def read_annotations(path: Path) -> pd.DataFrame:
    """One row a box: the columns of the CSV, numbers as float; ``split`` only where the file has it (from 1.1.0 on).

    Raises:
        DataError: If the file is broken, lacks a column, or holds something that is no number or no box in pixels.
    """
    if path.suffix.lower() != ".json":
        table = read_table(path, _SCHEMA)
    else:
        rows = _read_json(path)
        has_split = any("split" in row for row in rows)
        table = to_table(rows, _SCHEMA if has_split else Schema(COLUMNS, numbers=_NUMBERS), path)
    for name in _NUMBERS:
        if table[name].isna().any():
            raise DataError(
                f"{path}, column {name}, row {table[name].isna().argmax() + 1}: a number was expected; {_GET}"
            )
    for name in ("image_width", "image_height"):
        if not (table[name] > 0).all():
            raise DataError(f"{path}, column {name}: a size above 0 was expected; {_GET}")
    box_N4 = table[["x", "y", "w", "h"]].to_numpy(np.float32, copy=True)
    box_N4[:, 2:] += box_N4[:, :2]
    require_pixels(box_N4, table[["image_width", "image_height"]].to_numpy(np.float32), path)
    return table


def _read_json(path: Path) -> list[dict[str, Any]]:
    """The COCO file as rows of the CSV."""
    content = read_json(path, _GET)
    try:
        images: dict[Any, dict[str, Any]] = {image["id"]: image for image in content["images"]}
        names = {category["id"]: category["name"] for category in content["categories"]}
        return [_row(box, images[box["image_id"]], names) for box in content["annotations"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{type(error).__name__}: {one_line(error)}"
        raise DataError(f"{path} is not the JSON of MS-CXR ({reason}); {_GET}") from error


def _row(box: dict[str, Any], image: dict[str, Any], names: dict[Any, Any]) -> dict[str, Any]:
    row = {
        "dicom_id": Path(image["file_name"]).stem,
        "category_name": names[box["category_id"]],
        "label_text": box["label_text"],
        "path": image["path"],
        **dict(zip(("x", "y", "w", "h"), box["bbox"], strict=True)),
        "image_width": image["width"],
        "image_height": image["height"],
    }
    return row | {"split": box["split"]} if "split" in box else row
