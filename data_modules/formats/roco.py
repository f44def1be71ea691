"""ROCO, radiology figures of PubMed Central with captions, as its owner ships it and as others rename its folders."""

from pathlib import Path

from gkmvlp.data_modules.formats.figures import Figure
from gkmvlp.data_modules.formats.plain_text import clean, shown
from gkmvlp.data_modules.formats.schema import Schema
from gkmvlp.data_modules.formats.tables import read_table
from gkmvlp.data_modules.formats.text_files import read_text
from gkmvlp.data_modules.pipeline.splits import Split
from gkmvlp.errors import DataError

FOLDER = "roco"
KIND = "radiology"
# Folders of a side; M3AE's copy says val.
SIDES: dict[Split, tuple[str, ...]] = {
    "train": ("train",),
    "validate": ("validation", "val", "validate"),
    "test": ("test",),
}
_ROOTS = ("", "data", FOLDER, f"{FOLDER}/data", "roco-dataset/data", "roco-dataset-master/data")
_GET = "get ROCO from github.com/razorx89/roco-dataset, and its images by scripts/fetch.py"
_LICENCES = Schema(("ROCO_ID", "PMC_ID"), remedy=f"{_GET}, or delete it: figures are then not grouped by article")


def find_base(root: str) -> Path:
    """The folder that holds ``train``: ``root``, its data, or a folder of the data set's name in it.

    Raises:
        DataError: If there is none: what to get and where.
    """
    for base in (Path(root) / name for name in _ROOTS):
        if (base / "train" / KIND / "captions.txt").is_file():
            return base
    raise DataError(f"no train/{KIND}/captions.txt in {root} or its data: {_GET}")


def read_figures(base: Path) -> list[Figure]:
    """All radiology figures, training first.

    Args:
        base: From ``find_base``.

    Raises:
        DataError: If a file is missing or broken.
    """
    figures = []
    for side, names in SIDES.items():
        folder = next((base / name / KIND for name in names if (base / name / KIND).is_dir()), None)
        if folder is None:
            raise DataError(f"no {names[0]}/{KIND} in {base}: {_GET}")
        article = _read_articles(folder / "licences.txt")
        for name, caption in _read_captions(folder / "captions.txt"):
            image = str(folder / "images" / f"{name}.jpg")
            figures.append(Figure(name, article.get(name, name), image, side, caption))
    return figures


def concept_files(base: Path) -> list[Path]:
    """The lists of concepts of all sides, ``cuis.txt``, training first.

    Args:
        base: From ``find_base``.

    Raises:
        DataError: If a side has none.
    """
    files = []
    for names in SIDES.values():
        file = next((one for name in names if (one := base / name / KIND / "cuis.txt").is_file()), None)
        if file is None:
            raise DataError(f"no {names[0]}/{KIND}/cuis.txt in {base}: {_GET}")
        files.append(file)
    return files


def _read_captions(path: Path) -> list[tuple[str, str]]:
    """Id and caption of each line; a blank stands behind the tab."""
    rows = []
    for number, line in enumerate(read_text(path, _GET).split("\n"), 1):
        if not line.strip():
            continue
        name, tab, caption = line.partition("\t")
        if not tab or not clean(name) or name.startswith('"'):
            told = f"{path}, line {number}: {shown(clean(line))}"
            raise DataError(f"{told}: ROCO_NNNNN, a tab and a caption were expected; {_GET}")
        rows.append((clean(name), " ".join(clean(caption).split())))
    if not rows:
        raise DataError(f"{path} holds no caption: {_GET}")
    return rows


def _read_articles(path: Path) -> dict[str, str]:
    """Id of a figure -> PubMed Central id of its article; empty without the file, whose second cell begins with it."""
    if not path.is_file():
        return {}
    table = read_table(path, _LICENCES)
    articles = (source.partition("_")[0] for source in table["PMC_ID"])
    return {name: article for name, article in zip(table["ROCO_ID"], articles, strict=True) if article}
