"""MELINDA, figures of biomedical articles with the experiment that they show, as its owner ships it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gkmvlp.data_modules.formats.cells import value_of
from gkmvlp.data_modules.formats.schema import Schema
from gkmvlp.data_modules.formats.tables import read_table
from gkmvlp.data_modules.pipeline.splits import Split
from gkmvlp.errors import DataError

FOLDER = "melinda"
Label = Literal["i_meth", "p_meth", "i_meth_label", "p_meth_label"]
SIDES: dict[Split, str] = {"train": "train", "validate": "dev", "test": "test"}
IMAGES = "melinda_images"
_ENDINGS = (".csv", ".tsv")
_ROOTS = ("", FOLDER, "MELINDA", "melinda_data")
_GET = "get MELINDA from its authors (Wu et al., AAAI 2021), who send it by e-mail"


@dataclass(frozen=True)
class Row:
    """One sub-figure.

    Attributes:
        sample_id: ``<file>-<row>``.
        figure: Name of the figure's file; several rows may share it.
        image: Path of the image, or where it was expected.
        caption: Its caption in one line, "" where there is none.
        category: The label that was asked for, "" where there is none.
        side: ``train``, ``validate`` or ``test``.
    """

    sample_id: str
    figure: str
    image: str
    caption: str
    category: str
    side: Split


def find_base(root: str) -> Path:
    """The folder that holds the three tables: ``root`` or a folder of the data set's name in it.

    Raises:
        DataError: If there is none: what to get and where.
    """
    for base in (Path(root) / name for name in _ROOTS):
        # train.csv is what many data sets call theirs: the one of the images is meant
        if _table(base, "train") is not None and (base / IMAGES).is_dir():
            return base
    raise DataError(f"no train.csv beside a folder {IMAGES} in {root}: {_GET}")


def _table(base: Path, name: str) -> Path | None:
    return next((base / f"{name}{end}" for end in _ENDINGS if (base / f"{name}{end}").is_file()), None)


def read_rows(base: Path, label: Label) -> list[Row]:
    """All rows, training first.

    Args:
        base: From ``find_base``.
        label: The column of the category.

    Raises:
        DataError: If a table is missing or broken, or lacks a column.
    """
    schema = Schema(("figure_file", "caption", label), remedy=_GET)
    rows = []
    for side, name in SIDES.items():
        path = _table(base, name)
        if path is None:
            raise DataError(f"no {name}.csv in {base}: {_GET}")
        table = read_table(path, schema)
        cells = zip(table["figure_file"], table["caption"], table[label], strict=True)
        for number, (figure, caption, category) in enumerate(cells, 1):
            if not figure:
                raise DataError(f"{path}, row {number}: figure_file is empty; {_GET}")
            image = str(base / IMAGES / figure)
            told = value_of(" ".join(caption.split()))
            rows.append(Row(f"{name}-{number}", figure, image, told, value_of(category), side))
    return rows
