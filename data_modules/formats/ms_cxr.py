"""MS-CXR as its owner ships it, JSON or CSV, release 0.1 or 1.1.0, read into one table."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from gkmvlp.data_modules.formats.mimic_cxr import releases
from gkmvlp.errors import DataError

_GET = "get MS-CXR on PhysioNet (physionet.org/content/ms-cxr, credentialed access)"
_NUMBERS = ("x", "y", "w", "h", "image_width", "image_height")
COLUMNS = ("dicom_id", "category_name", "label_text", "path", *_NUMBERS)


def find_annotations(root: str, given: str | None) -> Path:
    """The annotation file: of the newest release its JSON, else its CSV.

    Args:
        root: Folder that holds ``ms-cxr/1.1.0`` or ``ms-cxr/0.1``, or the files themselves.
        given: The file or its folder, where it lies elsewhere.

    Raises:
        DataError: If there is none: what to get, where, and what was looked for.
    """
    if given and Path(given).is_file():
        return Path(given)
    base = Path(given or root)
    # The archive of release 0.1 unpacks to a folder of the paper's long title.
    for folder in (*releases(base, "ms-cxr"), *sorted(base.glob("ms-cxr-*")), base):
        for kind in ("json", "csv"):
            if found := sorted(folder.glob(f"MS_CXR_Local_Alignment_v*.{kind}")):
                return found[-1]
    raise DataError(f"no MS_CXR_Local_Alignment_v*.json or .csv in {base} or {base / 'ms-cxr'}: {_GET}")


def read_annotations(path: Path) -> pd.DataFrame:
    """One row a box: the columns of the CSV, numbers as float; ``split`` only where the file has it (from 1.1.0 on).

    Raises:
        DataError: If the file is broken, lacks a column, or holds something that is no number.
    """
    try:
        table = _read_json(path) if path.suffix == ".json" else pd.read_csv(path, keep_default_na=False, dtype=str)
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"cannot read {path} ({type(error).__name__}: {reason}); {_GET}") from error
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise DataError(f"{path} has no column {missing[0]!r}, only {', '.join(table)}: use the official file")
    for name in _NUMBERS:
        try:
            table[name] = table[name].astype(float)
        except ValueError as error:
            raise DataError(f"{path}: column {name}: {error}; use the official file") from error
    return table


def _read_json(path: Path) -> pd.DataFrame:
    """The COCO file as rows of the CSV."""
    told = json.loads(path.read_bytes())
    images: dict[Any, dict[str, Any]] = {image["id"]: image for image in told["images"]}
    names = {category["id"]: category["name"] for category in told["categories"]}
    rows = []
    for box in told["annotations"]:
        image = images[box["image_id"]]
        row = {
            "dicom_id": Path(image["file_name"]).stem,
            "category_name": names[box["category_id"]],
            "label_text": box["label_text"],
            "path": image["path"],
            **dict(zip(("x", "y", "w", "h"), box["bbox"], strict=True)),
            "image_width": image["width"],
            "image_height": image["height"],
        }
        rows.append(row | {"split": box["split"]} if "split" in box else row)
    return pd.DataFrame(rows)
