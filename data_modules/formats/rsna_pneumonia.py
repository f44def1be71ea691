"""The RSNA Pneumonia Detection Challenge as its owner ships it: label tables, DICOM headers, the mapping to NIH."""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from gkmvlp.data_modules.pipeline.ledger import write_json
from gkmvlp.errors import DataError

LABELS, CLASSES, IMAGES = "stage_2_train_labels.csv", "stage_2_detailed_class_info.csv", "stage_2_train_images"
MAPPING = "pneumonia-challenge-dataset-mappings_2018.json"
_MATCHES = ("rsna_to_nih.csv", "rsna_to_nih.csv.gz")
_ROOTS = ("", "rsna_pneumonia", "rsna-pneumonia", "rsna-pneumonia-detection-challenge")
_GET = "get the RSNA Pneumonia Detection Challenge, stage 2 (kaggle.com/c/rsna-pneumonia-detection-challenge)"
# Side in pixels of every image of the release; boxes of re-encoded copies are still measured in it.
_SIDE = 1024
# Mean squared error in grey levels below which an RSNA image and its NIH candidate are surely the same.
_SURE = 10.0
_FORMATS = (".dcm", ".png", ".jpg", ".jpeg")


class Header(NamedTuple):
    """What a DICOM says before its pixels.

    Attributes:
        view: Projection, ``""`` where unknown.
        width: Of the image in which boxes are measured, in pixels.
        height: Of the same.
    """

    view: str
    width: int
    height: int


@dataclass(frozen=True)
class Mapping:
    """Which NIH image each RSNA image is.

    Attributes:
        source: The file that says so.
        stem: RSNA ``patientId`` -> stem of the NIH name, ``NNNNNNNN_FFF``.
        unsure: Ids whose match is not sure.
    """

    source: Path
    stem: dict[str, str]
    unsure: frozenset[str]


def find_base(root: str) -> Path:
    """The folder that holds the label table: ``root`` or a folder of the data set's name in it.

    Raises:
        DataError: If there is none: what to get and where.
    """
    for base in (Path(root) / name for name in _ROOTS):
        if (base / LABELS).is_file():
            return base
    raise DataError(f"no {LABELS} in {root}: {_GET}")


def read_table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """A table whose first column is text; the other columns stay as pandas reads them.

    Raises:
        DataError: If the file cannot be read or lacks a column.
    """
    try:
        table = pd.read_csv(path, dtype={columns[0]: str})
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"cannot read {path}: {' '.join(str(error).split())}; {_GET}") from error
    missing = [name for name in columns if name not in table]
    if missing:
        raise DataError(f"{path} has no column {missing[0]!r}, only {', '.join(table)}: use the official file")
    return table[list(columns)]


def read_labels(base: Path) -> pd.DataFrame:
    """``patientId, x, y, x2, y2, Target``, one row a box, numbers as float; no box is NaN.

    Raises:
        DataError: If the file cannot be read, lacks a column, or holds something that is no number.
    """
    table = read_table(base / LABELS, ("patientId", "x", "y", "width", "height", "Target"))
    for name in table.columns[1:]:
        try:
            table[name] = table[name].astype(float)
        except ValueError as error:
            raise DataError(f"{base / LABELS}: column {name}: {error}; use the official file") from error
    return table.assign(x2=table["x"] + table["width"], y2=table["y"] + table["height"])


def read_classes(base: Path) -> dict[str, int]:
    """Images of each class of the detailed table; nothing where there is no such table."""
    if not (base / CLASSES).is_file():
        return {}
    table = read_table(base / CLASSES, ("patientId", "class")).drop_duplicates("patientId")
    return {str(name): int(count) for name, count in table["class"].value_counts().items()}


def find_images(base: Path) -> dict[str, Path]:
    """Id -> file, in ``stage_2_train_images``; a DICOM wins over a copy in another format.

    Raises:
        DataError: If there is no such folder.
    """
    folder = base / IMAGES
    if not folder.is_dir():
        raise DataError(f"no folder {folder}: {_GET}")
    found: dict[str, Path] = {}
    for kind in reversed(_FORMATS):
        found |= {path.stem: path for path in sorted(folder.glob(f"[!.]*{kind}"))}
    return found


def read_headers(images: dict[str, Path], folder: Path | None) -> dict[str, Header]:
    """Headers by id, or from the cache; of a release they take most of a minute.

    Args:
        images: Id -> file.
        folder: Cache folder, or None.
    """
    if folder is None:
        return {name: _read_header(path) for name, path in images.items()}
    stats = [(str(path), path.stat()) for path in images.values()]
    known = sha256(repr([(path, stat.st_size, stat.st_mtime_ns) for path, stat in stats]).encode()).hexdigest()
    cache = folder / f"rsna-headers-{known[:16]}.json"
    if cache.is_file():
        return {name: Header(*values) for name, values in json.loads(cache.read_bytes()).items()}
    headers = {name: _read_header(path) for name, path in images.items()}
    write_json(cache, headers)
    return headers


def _read_header(path: Path) -> Header:
    if path.suffix != ".dcm":
        return Header("", _SIDE, _SIDE)
    try:
        header = dcmread(path, stop_before_pixels=True, specific_tags=["ViewPosition", "Rows", "Columns"])
        return Header(str(header.get("ViewPosition") or ""), header.Columns, header.Rows)
    # The reader of the pixels says what is wrong with the file, if it is ever read.
    except (OSError, AttributeError, EOFError, ValueError, InvalidDicomError):
        return Header("", _SIDE, _SIDE)


def find_mapping(base: Path, given: str | None) -> Mapping:
    """Reads the mapping to NIH names: the file given, else the official JSON or ``rsna_to_nih.csv`` beside the labels.

    Raises:
        DataError: If there is none, or it is broken: what to get and where.
    """
    choices = [Path(given)] if given else [base / name for name in (MAPPING, *_MATCHES)]
    for path in choices:
        if path.is_file():
            return _read_json(path) if path.suffix == ".json" else _read_csv(path)
    raise DataError(
        f"no {choices[0]}: patientId names an image, and one patient has several; get {MAPPING} from the challenge's "
        "page at rsna.org or name it with mapping:, or set patient_id_source: image and take each image for a patient"
    )


def _read_json(path: Path) -> Mapping:
    try:
        rows = json.loads(path.read_bytes())
        stem = {row["subset_img_id"]: Path(row["img_id"]).stem for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not the official mapping ({type(error).__name__}: {error})") from error
    return Mapping(path, stem, frozenset())


def _read_csv(path: Path) -> Mapping:
    table = read_table(path, ("rsna_patientId", "nih_image", "mse"))
    ids = table["rsna_patientId"]
    stems = [Path(name).stem for name in table["nih_image"]]
    return Mapping(path, dict(zip(ids, stems, strict=True)), frozenset(ids[~(table["mse"] < _SURE)]))
