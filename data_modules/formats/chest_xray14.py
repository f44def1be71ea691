"""The files of NIH ChestX-ray14 as their owner ships them: label table, box table, split lists, image folders."""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.data_modules.formats.boxes import CORNERS, require_pixels
from gkmvlp.data_modules.formats.files import image_files, require_images
from gkmvlp.data_modules.formats.people import people_of
from gkmvlp.data_modules.formats.plain_text import shown
from gkmvlp.data_modules.formats.schema import Schema
from gkmvlp.data_modules.formats.tables import read_table
from gkmvlp.data_modules.formats.text_files import read_text
from gkmvlp.errors import DataError

# In the order of the paper (Wang et al., CVPR 2017) and of the figures published since.
LABELS = ("Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia", "Pneumothorax",
          "Consolidation", "Edema", "Emphysema", "Fibrosis", "Pleural_Thickening", "Hernia")  # fmt: skip
NO_FINDING = "No Finding"
# Side in pixels of the square released images, in which boxes are measured whatever size the copies here have.
RELEASED = 1024
FOLDER = "chestxray14"
LISTS = {"train_val": "train_val_list.txt", "test": "test_list.txt"}
BOX_NAMES = {"Infiltrate": "Infiltration"}  # names in tables of boxes -> LABELS
_STEM = re.compile(r"\d{8}_\d{3}")
_PAGE = "ChestX-ray14 (nihcc.app.box.com/v/ChestXray-NIHCC)"
_ENTRIES = {"Image Index": "image", "Finding Labels": "labels", "Patient ID": "patient_id", "View Position": "view"}
_PEOPLE = {"Patient ID": "patient_id", "Patient Gender": "sex", "Patient Age": "age"}
_BOX_NUMBERS = ("x", "y", "width", "height")
_BOXES = Schema(("image", "label", *_BOX_NUMBERS), numbers=_BOX_NUMBERS)


@dataclass(frozen=True)
class NihFiles:
    """Where each part lies.

    Attributes:
        entries: The label table.
        boxes: ``BBox_List_2017.csv``, or None.
        folders: Folders that hold images.
    """

    entries: Path
    boxes: Path | None
    folders: tuple[Path, ...]

    @property
    def root(self) -> Path:
        """Folder of the tables."""
        return self.entries.parent


def patient_of(image: str) -> str:
    """The patient of an official image name: 00000013_005.png is of patient 13.

    Raises:
        DataError: If it is no such name.
    """
    stem = Path(image).stem
    if not _STEM.fullmatch(stem):
        raise DataError(f"{shown(image)} is no name of ChestX-ray14: one like 00000013_005.png was expected")
    return str(int(stem[:8]))


def _official(name: str) -> str:
    """An image's official name from one with folders, in quotes, or with another ending; other names stay."""
    stem = PureWindowsPath(name.strip("\"'")).stem
    return f"{stem}.png" if _STEM.fullmatch(stem) else name


def find_files(root: str) -> NihFiles:
    """Looks for the official files: of the 2017 and 2020 label tables the newer, images in one folder or twelve.

    Args:
        root: Folder that holds the tables, or one that holds it as ``chestxray14`` or ``CXR8``.

    Raises:
        DataError: If the label table or the images are missing: what to get, where, and what was looked for.
    """
    for base in (Path(root), Path(root) / FOLDER, Path(root) / "CXR8"):
        tables = sorted(base.glob("Data_Entry_2017*.csv"))
        if tables:
            break
    else:
        raise DataError(f"no Data_Entry_2017*.csv in {root}: get it with {_PAGE}")
    numbered = [path for path in sorted(base.glob("images*")) if path.is_dir()]
    if not numbered:
        raise DataError(f"no folder images or images_001 to images_012 in {base}: unpack the images of {_PAGE} there")
    boxes = base / "BBox_List_2017.csv"
    return NihFiles(tables[-1], boxes if boxes.is_file() else None, tuple(numbered))


def read_entries(path: Path) -> pd.DataFrame:
    """The label table, one row an image: image (official name), labels, patient_id, view, and who it is of.

    ``sex`` is F, M or "", ``age`` in years or NaN; tables of one's own may lack both columns. The header has unquoted
    commas inside brackets, and in the table of 2017 one comma more at the end; what is read lies before them.

    Raises:
        DataError: If it cannot be read, lacks a column, an image's name or a patient, or has a finding that is none of
            the 14.
    """
    optional = tuple(name for name in _PEOPLE if name not in _ENTRIES)
    table = _with_people(read_table(path, Schema(tuple(_ENTRIES), optional)).rename(columns=_ENTRIES | _PEOPLE))
    table["image"] = table["image"].map(_official)
    unknown = set("|".join(table["labels"].unique()).split("|")) - {*LABELS, NO_FINDING} if len(table) else set()
    if unknown:
        raise DataError(f"{path} has the finding {shown(min(unknown))}: one of {', '.join(LABELS)} was expected")
    nobody = np.flatnonzero((table["patient_id"] == "") | (table["image"] == ""))
    if len(nobody):
        raise DataError(f"{path}, row {nobody[0] + 1}: Image Index or Patient ID is empty; use the official file")
    return table


def read_people(path: Path) -> pd.DataFrame:
    """Who the images of the label table are of, a row an image: patient_id, sex (F or M) and age in years.

    The table of 2017 pads ages and gives their unit, as in 058Y; one in months or days counts as 0 years.

    Raises:
        DataError: If it cannot be read, or lacks a column.
    """
    table = read_table(path, Schema(tuple(_PEOPLE))).rename(columns=_PEOPLE)
    return _with_people(table)[["patient_id", "sex", "age"]]


def _with_people(table: pd.DataFrame) -> pd.DataFrame:
    """A table with sex and age in one spelling, unknown where it has no such column."""
    told = people_of(*(table.get(name, [""] * len(table)) for name in ("sex", "age")))
    ages = np.array([np.nan if age is None else age for _, age in told], float)
    return table.assign(sex=[sex for sex, _ in told], age=ages)


def read_boxes(path: Path) -> pd.DataFrame:
    """The box table: image (official name), label as in the label table, x1, y1, x2, y2 in pixels of 1024 x 1024.

    Its header has nine fields over six.

    Raises:
        DataError: If it cannot be read, a corner is no number, or boxes are no x, y, width, height in pixels.
    """
    table = read_table(path, _BOXES, by_position=True)
    table["image"] = table["image"].map(_official)
    corners = table[list(_BOX_NUMBERS)].astype(np.float32)
    table["label"] = table["label"].replace(BOX_NAMES)
    right, bottom = corners["x"] + corners["width"], corners["y"] + corners["height"]
    table = table[["image", "label"]].assign(x1=corners["x"], y1=corners["y"], x2=right, y2=bottom)
    require_pixels(table[CORNERS].to_numpy(np.float32), np.full((len(table), 2), RELEASED, np.float32), path)
    return table


def read_lists(folder: Path) -> dict[str, str]:
    """Official image name -> ``train_val`` or ``test``.

    Raises:
        DataError: If a list is missing, or names an image that the other names.
    """
    side: dict[str, str] = {}
    for name, file in LISTS.items():
        path = folder / file
        if not path.is_file():
            raise DataError(f"no {path}: get it with {_PAGE}, or split by patient with fold: 0")
        for image in map(_official, read_text(path).split()):
            if side.setdefault(image, name) != name:
                raise DataError(f"{path} and the other list name {shown(image)}: use the official files")
    return side


def find_images(folders: tuple[Path, ...]) -> tuple[dict[str, Path], list[str]]:
    """Image files by official stem, whatever their extension and however deep.

    Returns:
        Stem -> file, the first in order of folder and name, and the stems that more than one file has.

    Raises:
        DataError: If no folder holds an image of such a name.
    """
    files: dict[str, list[Path]] = defaultdict(list)
    for path in (path for folder in folders for path in image_files(folder)):
        if _STEM.fullmatch(path.stem):
            files[path.stem].append(path)
    require_images(folders[0], files, f"unpack the images of {_PAGE} there; names like 00000013_005.png were expected")
    return {stem: paths[0] for stem, paths in files.items()}, [stem for stem, paths in files.items() if len(paths) > 1]


def label_row(labels: str, names: tuple[str, ...]) -> NDArray[np.float32]:
    """Labels of an image (L,): 1 where its cell of the table has the name, else 0."""
    present = labels.split("|")
    return np.array([name in present for name in names], np.float32)
