"""Open-i, the chest radiographs of Indiana University, as Open-i, Kaggle and R2Gen ship them.

Open-i: ``ecgen-radiology/N.xml`` (or the archive NLMCXR_reports.tgz) and ``CXRN_IM-NNNN-NNNN.png``. Kaggle (raddar):
``indiana_reports.csv``, ``indiana_projections.csv`` and ``N_IM-NNNN-NNNN.dcm.png``. R2Gen: ``annotation.json`` and
``CXRN_IM-NNNN/0.png``. Parts of different copies go together: each image has one key in all of them.
"""

import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from xml.etree import ElementTree

import pandas as pd

from gkmvlp.data_modules.formats.cells import value_of
from gkmvlp.data_modules.formats.json_files import read_json
from gkmvlp.data_modules.formats.plain_text import one_line, shown
from gkmvlp.data_modules.formats.schema import Schema
from gkmvlp.data_modules.formats.tables import read_table, to_table
from gkmvlp.errors import DataError

FOLDER = "openi"
FRONTAL, LATERAL = "frontal", "lateral"
SPLITS = {"train": "train", "val": "validate", "test": "test"}
_ROOTS = ("", FOLDER, "iu_xray", "iu-xray", "IU_xray", "chest-xrays-indiana-university")
REPORTS = ("ecgen-radiology", "NLMCXR_reports/ecgen-radiology", "NLMCXR_reports.tgz", "indiana_reports.csv")
_PROJECTIONS = ("indiana_projections.csv", "projections.csv")
ANNOTATIONS = ("annotation.json", "r2gen_annotation.json", "iu_xray/annotation.json")
_IMAGES = ("NLMCXR_png", "images/images_normalized", "images_normalized", "images", "png", "iu_xray/images", "")
_GET = (
    "get NLMCXR_png.tgz and NLMCXR_reports.tgz (openi.nlm.nih.gov), or Kaggle's raddar/chest-xrays-indiana-university, "
    "or R2Gen's iu_xray"
)
_PROJECTION = Schema(("filename", "projection"), remedy=_GET)
_TABLE = Schema(("uid", "findings", "impression"), remedy=_GET)
_ANNOTATED = Schema(("id", "report"), remedy=_GET)
_NAME = re.compile(r"(?:CXR)?(\d+)(?:_\d+)?_(IM-\d[\d-]*)(?:\.DCM)?")
_FORMATS = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class OpenIFiles:
    """Where each part lies.

    Attributes:
        base: The folder that holds them.
        reports: Folder or archive of XML reports, Kaggle's table, or R2Gen's annotation.
        projections: Table of frontal and lateral images, or None.
        annotation: R2Gen's annotation, or None.
        images: Key of an image -> file.
    """

    base: Path
    reports: Path
    projections: Path | None
    annotation: Path | None
    images: dict[str, Path]


@dataclass(frozen=True)
class Study:
    """One report; a study is a patient.

    Attributes:
        number: The study's number, as in ``CXR<number>``.
        findings: Text of that section, "" where empty.
        impression: Text of that section, "" where empty.
        images: Key of each image in order of the report, with its caption; empty where the reports name no images.
    """

    number: str
    findings: str
    impression: str
    images: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The report with headers; "" where both sections are empty."""
        parts = (("FINDINGS", self.findings), ("IMPRESSION", self.impression))
        return "\n\n".join(f"{name}: {text}" for name, text in parts if text)


def key_of(name: str) -> str | None:
    """Key of an image from its name in any of the copies; None where it is no name of Open-i.

    ``CXR1000_IM-0003-1001.png`` and ``1000_IM-0003-1001.dcm.png`` are ``1000_IM-0003-1001``; so is the irregular
    ``CXR1_1_IM-0001-3001`` the same image as ``1_IM-0001-3001``.
    """
    match = _NAME.match(name.upper())
    return f"{match[1]}_{match[2]}" if match else None


def number_of(key: str) -> str:
    """The study of an image."""
    return key.partition("_")[0]


def find_files(root: str, annotation: str | None = None) -> OpenIFiles:
    """Looks for the parts of any copy.

    Args:
        root: The folder, or one that holds it as ``openi`` or ``iu_xray``.
        annotation: R2Gen's annotation, where it is not under root.

    Raises:
        DataError: If reports or images are missing: what to get and where.
    """
    if annotation is not None and not Path(annotation).is_file():
        raise DataError(f"no {annotation}: the annotation.json of R2Gen's iu_xray was expected")
    for base in (Path(root) / name for name in _ROOTS):
        known = Path(annotation) if annotation else _first(base, ANNOTATIONS)
        reports = _first(base, REPORTS) or (_first(base, ANNOTATIONS) and known)
        if reports is not None:
            images = find_images(base)
            if not images:
                raise DataError(f"no image like CXR1_IM-0001-3001.png in {base} or its folder images: {_GET}")
            return OpenIFiles(base, reports, _first(base, _PROJECTIONS), known, images)
    raise DataError(f"no ecgen-radiology, indiana_reports.csv or annotation.json in {root}: {_GET}")


def _first(base: Path, names: tuple[str, ...]) -> Path | None:
    return next((base / name for name in names if (base / name).exists()), None)


def find_images(base: Path) -> dict[str, Path]:
    """Key -> file in the first folder that holds it; of ``CXRN_IM-NNNN/0.png`` the key ends in ``/0``.

    Those are R2Gen's names of images that the other copies name in full: they stand for studies without such names.
    """
    files: dict[str, Path] = {}
    for folder in (base / name for name in _IMAGES):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            key = key_of(path.name)
            if key and path.suffix.lower() in _FORMATS:
                files.setdefault(key, path)
            elif key and path.is_dir():
                for image in sorted(path.iterdir()):
                    if image.suffix.lower() in _FORMATS and image.stem.isdigit():
                        files.setdefault(f"{key}/{image.stem}", image)
    named = {number_of(key) for key in files if "/" not in key}
    return {key: path for key, path in files.items() if "/" not in key or number_of(key) not in named}


def read_studies(path: Path) -> dict[str, Study]:
    """All reports by the study's number.

    Args:
        path: Folder or archive of XML reports, Kaggle's table, or R2Gen's annotation.

    Raises:
        DataError: If a file is broken, or has two reports of one study.
    """
    if path.suffix == ".csv":
        rows = read_table(path, _TABLE)[["uid", "findings", "impression"]].itertuples(index=False, name=None)
        return _by_number((Study(uid, _text(findings), _text(impression)) for uid, findings, impression in rows), path)
    if path.suffix == ".json":
        rows = pd.concat(read_annotation(path).values())[["id", "report"]].itertuples(index=False, name=None)
        return _by_number((Study(number_of(_key(name, path)), _text(report), "") for name, report in rows), path)
    return {study.number: study for study in (_read_xml(name, data) for name, data in _xml_files(path))}


def _by_number(studies: Iterable[Study], path: Path) -> dict[str, Study]:
    """The studies by number: of two reports with one nobody could tell whose they are."""
    known: dict[str, Study] = {}
    for study in studies:
        if known.setdefault(study.number, study) != study:
            raise DataError(f"{path} has two reports of study {shown(study.number)}: {_GET}")
    return known


def read_projections(path: Path) -> dict[str, str]:
    """Key of an image -> ``frontal`` or ``lateral``.

    Raises:
        DataError: If the table cannot be read, lacks a column, or has another projection or what is no image's name.
    """
    table = read_table(path, _PROJECTION)
    projections = [name.lower() for name in table["projection"]]
    if strange := sorted(set(projections) - {FRONTAL, LATERAL}):
        raise DataError(f"{path} has projection {shown(strange[0])}: Frontal or Lateral was expected")
    keys = [key_of(PureWindowsPath(name).name) for name in table["filename"]]
    if None in keys:  # its image would be frontal or lateral by its place in the study
        row = keys.index(None)
        told = f"{shown(table['filename'][row])}: a name like 1_IM-0001-4001.dcm.png was expected"
        raise DataError(f"{path}, column filename, row {row + 1}: {told}; {_GET}")
    return {str(key): view for key, view in zip(keys, projections, strict=True)}


def read_annotation(path: Path) -> dict[str, pd.DataFrame]:
    """R2Gen's lists ``train``, ``val`` and ``test`` as tables of id and report.

    Raises:
        DataError: If it is no such file.
    """
    parts = read_json(path, _GET)
    if not isinstance(parts, dict) or not all(isinstance(parts.get(name), list) for name in SPLITS):
        raise DataError(f"{path} is no annotation of R2Gen with the lists train, val and test: {_GET}")
    return {name: to_table(parts[name], _ANNOTATED, f"{path}, list {name}") for name in SPLITS}


def read_split(path: Path) -> dict[str, str]:
    """Number of a study -> ``train``, ``validate`` or ``test``.

    Raises:
        DataError: If it is no annotation, or names a study in two lists.
    """
    side: dict[str, str] = {}
    for name, table in read_annotation(path).items():
        for number in (number_of(_key(each, path)) for each in table["id"]):
            if side.setdefault(number, SPLITS[name]) != SPLITS[name]:
                raise DataError(f"{path} names study {number} in {side[number]} and in {SPLITS[name]}")
    return side


def caption_view(caption: str) -> str:
    """``frontal`` or ``lateral`` where a caption names one alone, else ""."""
    words = set(re.findall(r"[a-z]+", caption.lower()))
    is_frontal, is_lateral = bool(words & {"frontal", "ap", "pa", "portable"}), bool(words & {"lateral", "lat"})
    return "" if is_frontal == is_lateral else FRONTAL if is_frontal else LATERAL


def _key(name: str, path: Path) -> str:
    key = key_of(name)
    if key is None:
        raise DataError(f"{path} names {shown(name)}: an id like CXR2384_IM-0942 was expected")
    return key


def _text(value: str | None) -> str:
    return value_of(" ".join((value or "").split()))


def _xml_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each report of a folder or an archive."""
    if path.is_dir():
        for file in sorted(path.glob("[!.]*.xml")):
            yield str(file), file.read_bytes()
        return
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                data = archive.extractfile(member) if re.search(r"(?:^|/)[^./][^/]*\.xml$", member.name) else None
                if data is not None:
                    yield f"{path}: {member.name}", data.read()
    except (OSError, EOFError, tarfile.TarError) as error:
        raise DataError(f"cannot read {path}: {one_line(error)}; {_GET}") from error


def _read_xml(name: str, data: bytes) -> Study:
    try:
        root = ElementTree.fromstring(data)
        number = root.find("uId").attrib["id"].removeprefix("CXR")  # type: ignore[union-attr]
    except (ElementTree.ParseError, AttributeError, KeyError) as error:
        raise DataError(f"{name} is no report of Open-i ({error!r}): {_GET}") from error
    section = {part.get("Label", ""): _text(part.text) for part in root.iter("AbstractText")}
    images = [(key_of(image.get("id", "")), _text(image.findtext("caption"))) for image in root.iter("parentImage")]
    named = tuple((key, caption) for key, caption in images if key)
    return Study(number, section.get("FINDINGS", ""), section.get("IMPRESSION", ""), named)
