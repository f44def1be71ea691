"""Where MIMIC-CXR(-JPG) and Chest ImaGenome lie on a disk, and their tables read by column name."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import pandas as pd

from gkmvlp.data_modules.formats.files import is_file
from gkmvlp.data_modules.formats.people import sex_of, years
from gkmvlp.data_modules.formats.plain_text import one_line, shown
from gkmvlp.data_modules.formats.schema import Schema
from gkmvlp.data_modules.formats.tables import read_table as read_columns
from gkmvlp.errors import DataError

_JPG_PAGE = "MIMIC-CXR-JPG on PhysioNet (physionet.org/content/mimic-cxr-jpg, credentialed access)"
_CXR_PAGE = "MIMIC-CXR on PhysioNet (physionet.org/content/mimic-cxr, credentialed access)"
_IV_PAGE = "MIMIC-IV on PhysioNet (physionet.org/content/mimiciv, credentialed access)"
_GRAPH_PAGE = "Chest ImaGenome on PhysioNet (physionet.org/content/chest-imagenome, credentialed access)"
# Release 2.1.0 keeps 2.0.0 in the names of its tables.
SPLIT_TABLE = "mimic-cxr-2.0.0-split.csv"
METADATA_TABLE = "mimic-cxr-2.0.0-metadata.csv"
# Folders under which PhysioNet's wget and plain downloads put a release.
_PREFIXES = ("", "physionet.org/files", "files")
_ENDINGS = (".jpg", ".png", ".dcm", ".jpeg", ".JPG", ".PNG", ".DCM")


@dataclass(frozen=True)
class MimicFiles:
    """Where each part lies.

    Attributes:
        split: The split table.
        metadata: The metadata table.
        images: Folders that hold ``files/p1x/...``: the JPG tree, then the DICOM tree where there is one.
        reports: ``mimic-cxr-reports.zip`` or a folder that holds ``files/p1x/.../s5x.txt``.
        scene_graphs: ``scene_graph.zip``, a folder of scene graphs, or None.
        patients: ``patients.csv`` of MIMIC-IV, or None.
    """

    split: Path
    metadata: Path
    images: tuple[Path, ...]
    reports: Path
    scene_graphs: Path | None
    patients: Path | None = None


def find_files(
    root: str, jpg: str | None, reports: str | None, scene_graphs: str | None, patients: str | None = None
) -> MimicFiles:
    """Looks for the official files.

    Args:
        root: Folder that holds the releases under their official names.
        jpg: Folder of MIMIC-CXR-JPG, where it lies elsewhere.
        reports: Reports zip or unpacked tree, where it lies elsewhere.
        scene_graphs: ``scene_graph.zip`` or a folder of scene graphs, where it lies elsewhere.
        patients: ``patients.csv`` of MIMIC-IV, where it lies elsewhere.

    Raises:
        DataError: If a needed file is missing: what to get, where, and what was looked for.
    """
    base = Path(root)
    if not base.is_dir():
        raise DataError(f"no folder {base}: get {_JPG_PAGE} and name the folder that holds mimic-cxr-jpg/2.1.0")
    trees = jpg_trees(base, jpg)
    cxr = releases(base, "mimic-cxr")
    split = _table(trees, SPLIT_TABLE)
    return MimicFiles(
        split=split,
        metadata=_table([split.parent], METADATA_TABLE),
        images=tuple(tree for tree in (split.parent, *cxr) if (tree / "files").is_dir()),
        reports=_find_reports(Path(reports) if reports else None, [*cxr, split.parent, base]),
        scene_graphs=_find_scene_graphs(Path(scene_graphs) if scene_graphs else None, base),
        patients=_find_patients(Path(patients) if patients else None, base),
    )


def jpg_trees(base: Path, jpg: str | None) -> list[Path]:
    """Where MIMIC-CXR-JPG may lie: the folder given, or the releases under ``base``, newest first, and itself."""
    return [Path(jpg)] if jpg else [*releases(base, "mimic-cxr-jpg"), base]


def releases(base: Path, name: str) -> list[Path]:
    """Folders of a release, newest first."""
    folders: list[Path] = []
    for prefix in _PREFIXES:
        folder = base / prefix / name
        folders += sorted((path for path in folder.glob("[0-9]*") if path.is_dir()), reverse=True)
        folders += [folder] * folder.is_dir()
    return folders


def imagenome_folders(base: Path) -> list[Path]:
    """Where Chest ImaGenome may lie; its archive unpacks to a folder of another name."""
    return [*releases(base, "chest-imagenome"), base / "chest-imagenome-dataset-1.0.0"]


def find_table(folders: list[Path], name: str) -> Path | None:
    """The first table of that name, gzipped or not, or None."""
    choices = (path for folder in folders for path in (folder / f"{name}.gz", folder / name))
    return next((path for path in choices if path.is_file()), None)


def _table(folders: list[Path], name: str) -> Path:
    path = find_table(folders, name)
    if path is None:
        raise DataError(f"no {name}.gz or {name} in {folders[0]}: get {_JPG_PAGE}")
    return path


def _find_reports(reports: Path | None, folders: list[Path]) -> Path:
    if reports is not None:
        if reports.is_file() or reports.is_dir():
            return reports
        raise DataError(f"no reports at {reports}: get mimic-cxr-reports.zip of {_CXR_PAGE}")
    for folder in folders:
        if (folder / "mimic-cxr-reports.zip").is_file():
            return folder / "mimic-cxr-reports.zip"
    for folder in folders:
        for tree in (folder / "mimic-cxr-reports", folder):
            # One level is listed: JPG trees have the same folders, but no text beside the study folders.
            if next((tree / "files").glob("p1*/p1*/s5*.txt"), None) is not None:
                return tree
    raise DataError(f"no mimic-cxr-reports.zip in {folders[0]}: get {_CXR_PAGE}, or name it with reports:")


def _find_scene_graphs(scene_graphs: Path | None, base: Path) -> Path | None:
    if scene_graphs is not None:
        if scene_graphs.is_file() or scene_graphs.is_dir():
            return scene_graphs
        raise DataError(f"no scene graphs at {scene_graphs}: get silver_dataset/scene_graph.zip of {_GRAPH_PAGE}")
    for folder in imagenome_folders(base):
        for path in (folder / "silver_dataset/scene_graph.zip", folder / "silver_dataset/scene_graph"):
            if path.exists():
                return path
    return None


def _find_patients(patients: Path | None, base: Path) -> Path | None:
    if patients is not None:
        if patients.is_file():
            return patients
        raise DataError(f"no {patients}: get hosp/patients.csv.gz of {_IV_PAGE}, or leave patients: out")
    folders = [release / "hosp" for release in (*releases(base, "mimiciv"), *releases(base, "mimic-iv"))]
    return find_table([*folders, base], "patients.csv")


def read_patients(path: Path) -> dict[str, tuple[str, float | None, int | None]]:
    """Patient -> sex, age in the anchor year, and that year, by MIMIC-IV's table.

    Raises:
        DataError: If it cannot be read, or lacks a column.
    """
    table = read_columns(path, Schema(("subject_id", "gender", "anchor_age", "anchor_year")))
    return {
        row.subject_id: (sex_of(row.gender), years(row.anchor_age), int(row.anchor_year) if row.anchor_year else None)
        for row in table.itertuples(index=False)
    }


def age_at(person: tuple[str, float | None, int | None], study_date: str) -> float | None:
    """Age at a study of YYYYMMDD: dates and anchor years are shifted alike, so that their distance holds.

    Args:
        person: From ``read_patients``.
        study_date: As the metadata table has it.
    """
    if person[1] is None or person[2] is None or not study_date[:4].isdigit():
        return None
    return max(person[1] + int(study_date[:4]) - person[2], 0.0)


def read_table(path: Path, columns: dict[str, type]) -> pd.DataFrame:
    """Reads columns by name.

    Args:
        path: ``.csv`` or ``.csv.gz``.
        columns: Name -> type (str or float), dicom_id among them.

    Raises:
        DataError: If the file cannot be read, lacks a column, holds a dicom_id twice, or what is no number.
    """
    numbers = tuple(name for name, kind in columns.items() if kind is float)
    table = read_columns(path, Schema(tuple(columns), numbers=numbers))
    twice = table["dicom_id"][table["dicom_id"].duplicated()]
    if len(twice):
        first = shown(twice.iloc[0])
        raise DataError(f"{path} holds dicom_id {first} twice ({len(twice)} in all): use the official file")
    return table


class ReportFiles:
    """Reports by their official path, from the zip or an unpacked tree.

    Args:
        path: The zip, or the folder that holds ``files``.

    Raises:
        DataError: If the zip is broken.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names: dict[str, str] = {}
        self._zip: ZipFile | None = None
        if path.is_file():
            try:
                self._zip = ZipFile(path)
            except (BadZipFile, OSError) as error:
                raise DataError(f"cannot read {path}: {error}; fetch it again") from error
            names = [name for name in self._zip.namelist() if name.endswith(".txt")]
            self._names = {"/".join(name.split("/")[-2:]): name for name in names}

    def read(self, subject_id: str, study_id: str) -> bytes | None:
        """Bytes of a report of this patient, or None where there is none.

        Raises:
            DataError: If it cannot be read.
        """
        if self._zip is not None:
            name = self._names.get(f"p{subject_id}/s{study_id}.txt")
            try:
                return None if name is None else self._zip.read(name)
            # Broken members raise BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError ...
            except Exception as error:
                raise DataError(f"cannot read {name} of {self._path}: {one_line(error)}; fetch it again") from error
        folder = self._path / "files" if (self._path / "files").is_dir() else self._path
        path = folder / f"p{subject_id[:2]}" / f"p{subject_id}" / f"s{study_id}.txt"
        return path.read_bytes() if is_file(path) else None


def image_candidates(trees: tuple[Path, ...], subject_id: str, study_id: str, dicom_id: str) -> Iterator[Path]:
    """Where an image may lie: as JPG, as PNG (a common copy) or as DICOM, tree by tree."""
    for tree in trees:
        folder = tree / "files" / f"p{subject_id[:2]}" / f"p{subject_id}" / f"s{study_id}"
        yield from (folder / f"{dicom_id}{end}" for end in _ENDINGS)


def find_image(trees: tuple[Path, ...], subject_id: str, study_id: str, dicom_id: str) -> tuple[str, str]:
    """The image file, "" where there is none, and the first path that was looked for."""
    first = ""
    for path in image_candidates(trees, subject_id, study_id, dicom_id):
        first = first or str(path)
        if is_file(path):
            return str(path), first
    return "", first or f"files/.../{dicom_id}.jpg"
