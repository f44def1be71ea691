"""The RSNA Pneumonia Detection Challenge as its owner ships it: label tables, DICOM headers, the mapping to NIH."""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from gkmvlp.data_modules.formats.chest_xray14 import patient_of
from gkmvlp.data_modules.formats.files import image_files, require_images
from gkmvlp.data_modules.formats.json_files import read_json
from gkmvlp.data_modules.formats.people import sex_of, years
from gkmvlp.data_modules.formats.plain_text import shown
from gkmvlp.data_modules.formats.schema import Schema
from gkmvlp.data_modules.formats.tables import read_table, to_table
from gkmvlp.data_modules.pipeline.dicom_header import integer, open_dicom
from gkmvlp.data_modules.pipeline.dicom_view import view_position
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
_BOX = ("x", "y", "width", "height", "Target")
_LABEL_TABLE = Schema(("patientId", *_BOX), numbers=_BOX)
_CLASS_TABLE = Schema(("patientId", "class"))
_JSON_MAPPING = Schema(("subset_img_id", "img_id"), remedy="it is not the official mapping")
_CSV_MAPPING = Schema(("rsna_patientId", "nih_image", "mse"), numbers=("mse",))


class Header(NamedTuple):
    """What a DICOM says before its pixels.

    Attributes:
        view: Projection, ``""`` where unknown.
        width: Of the image in which boxes are measured, in pixels.
        height: Of the same.
        sex: ``F`` or ``M`` of the patient, "" where unknown.
        age: Years, or None.
    """

    view: str
    width: int
    height: int
    sex: str = ""
    age: float | None = None


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


def read_labels(base: Path) -> pd.DataFrame:
    """``patientId, x, y, x2, y2, Target``, one row a box, numbers as float; no box is NaN.

    Raises:
        DataError: If the file cannot be read, lacks a column or an id, holds something that is no number, or a Target
            that is neither 0 nor 1.
    """
    path = base / LABELS
    table = read_table(path, _LABEL_TABLE)
    for name, is_right in (("patientId", table["patientId"] != ""), ("Target", table["Target"].isin((0.0, 1.0)))):
        if not is_right.all():
            row = int(np.flatnonzero(~is_right)[0])
            raise DataError(f"{path}, column {name}, row {row + 1}: {shown(table[name][row])}; use the official file")
    return table.assign(x2=table["x"] + table["width"], y2=table["y"] + table["height"])


def read_classes(base: Path) -> dict[str, int]:
    """Images of each class of the detailed table; nothing where there is no such table."""
    if not (base / CLASSES).is_file():
        return {}
    table = read_table(base / CLASSES, _CLASS_TABLE).drop_duplicates("patientId")
    return {str(name): int(count) for name, count in table["class"].value_counts().items()}


def find_images(base: Path) -> dict[str, Path]:
    """Id -> file, in ``stage_2_train_images`` however deep; a DICOM wins over a copy in another format.

    Raises:
        DataError: If there is no such folder, or no image in it.
    """
    folder = base / IMAGES
    if not folder.is_dir():
        raise DataError(f"no folder {folder}: {_GET}")
    files = list(image_files(folder))
    require_images(folder, files, _GET)
    return {path.stem: path for path in sorted(files, key=_is_dicom)}


def _is_dicom(path: Path) -> bool:
    return path.suffix.lower() in (".dcm", ".dicom")


def read_headers(images: dict[str, Path], folder: Path | None) -> dict[str, Header]:
    """Headers by id, or from the cache; of a release they take most of a minute.

    Args:
        images: Id -> file.
        folder: Cache folder, or None.
    """
    if folder is None:
        return {name: _read_header(path) for name, path in images.items()}
    stats = [(str(path), path.stat()) for path in images.values()]
    digest = sha256(repr([(path, stat.st_size, stat.st_mtime_ns) for path, stat in stats]).encode()).hexdigest()
    cache = folder / f"rsna-headers-2-{digest[:16]}.json"
    if cache.is_file():
        return {name: Header(*values) for name, values in json.loads(cache.read_bytes()).items()}
    headers = {name: _read_header(path) for name, path in images.items()}
    write_json(cache, headers)
    return headers


def _read_header(path: Path) -> Header:
    if not _is_dicom(path):
        return Header("", _SIDE, _SIDE)
    try:
        header = open_dicom(path, stop_before_pixels=True)
        width, height = integer(header, "Columns") or 0, integer(header, "Rows") or 0
        sex, age = sex_of(header.get("PatientSex", "")), years(header.get("PatientAge", ""))
        return Header(view_position(header), width if width > 0 else _SIDE, height if height > 0 else _SIDE, sex, age)
    # The reader of the pixels says what is wrong with the file, if it is ever read; pydicom raises what it likes.
    except Exception:
        return Header("", _SIDE, _SIDE)


def find_mapping(base: Path, mapping: str | None) -> Mapping:
    """Reads the mapping to NIH names: the file given, else the official JSON or ``rsna_to_nih.csv`` beside the labels.

    Raises:
        DataError: If there is none, or it is broken: what to get and where.
    """
    choices = [Path(mapping)] if mapping else [base / name for name in (MAPPING, *_MATCHES)]
    for path in choices:
        if path.is_file():
            return _read_json(path) if path.suffix == ".json" else _read_csv(path)
    raise DataError(
        f"no {choices[0]}: patientId names an image, and one patient has several; get {MAPPING} from the challenge's "
        "page at rsna.org or name it with mapping:, or set patient_id_source: image and take each image for a patient"
    )


def _read_json(path: Path) -> Mapping:
    table = to_table(read_json(path, _GET), _JSON_MAPPING, path)
    return Mapping(path, _stems(path, table["subset_img_id"], table["img_id"]), frozenset())


def _read_csv(path: Path) -> Mapping:
    table = read_table(path, _CSV_MAPPING)
    ids = table["rsna_patientId"]
    return Mapping(path, _stems(path, ids, table["nih_image"]), frozenset(ids[~(table["mse"] < _SURE)]))


def _stems(path: Path, ids: pd.Series, names: pd.Series) -> dict[str, str]:
    """RSNA id -> stem of its NIH name.

    Raises:
        DataError: If a name is none of NIH's, or an id has two.
    """
    stem: dict[str, str] = {}
    for name, image in zip(ids, (Path(image).stem for image in names), strict=True):
        try:
            patient_of(image)
        except DataError as error:
            raise DataError(f"{path}, image {shown(name)}: {error}") from error
        if stem.setdefault(name, image) != image:
            raise DataError(f"{path} gives image {shown(name)} two NIH names: use the official file")
    return stem
