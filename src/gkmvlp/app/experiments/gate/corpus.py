"""The pictures that the gate is trained and measured on, small and in splits by patient.

N pictures, S side.
"""

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from gkmvlp.data_modules import ChestXray14, OpenI, RsnaPneumonia, Slake
from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.formats import slake, vqa_rad
from gkmvlp.data_modules.pipeline.images import ImageError, read_image
from gkmvlp.data_modules.pipeline.splits import hash_split
from gkmvlp.data_modules.pipeline.transforms import Pixels, letterbox
from gkmvlp.models.gate import FRONTAL
from gkmvlp.phantom.generate import draw_phantom

SIDE = 160  # pixels: more than the network reads, so that parts can be cut out
SALT = "gate"
PHANTOM_SEED = 71  # that no training corpus has


class Pictures(NamedTuple):
    """Pictures of one source, each as a square of its own aspect given up.

    Attributes:
        name: Of the data set.
        kind: What all of them are, of ``gkmvlp.models.gate.KINDS``.
        image_NSS: (N, S, S) uint8.
        patients: N patients, or images where patients are not known.
        splits: Split of each.
    """

    name: str
    kind: str
    image_NSS: Pixels
    patients: Sequence[str]
    splits: Sequence[str]

    @property
    def is_frontal(self) -> bool:
        """Whether all are upright frontal radiographs of the chest."""
        return self.kind == FRONTAL

    def of(self, split: str) -> "Pictures":
        """Those of one split."""
        rows = [row for row, name in enumerate(self.splits) if name == split]
        names, patients = [self.splits[row] for row in rows], [self.patients[row] for row in rows]
        return Pictures(self.name, self.kind, self.image_NSS[rows], patients, names)


class Folders(NamedTuple):
    """Where the data sets lie; None leaves one out."""

    nih: Path
    rsna: Path | None = None
    slake: Path | None = None
    vqa_rad: Path | None = None
    openi: Path | None = None
    laterals: Path | None = None


def read_corpus(folders: Folders, cache: Path, phantoms: int) -> list[Pictures]:
    """All pictures, read once and kept in ``cache``.

    Open-i and the lateral radiographs are measured on alone: their images may not be trained on and shipped.

    Args:
        folders: Of the data sets.
        cache: Folder for the small copies.
        phantoms: How many are drawn.
    """
    sources = [_phantoms(cache, phantoms)]
    for data in _radiographs(folders):
        sources.append(_frontals(data, cache))
    sources += _vqa_rad(folders.vqa_rad, cache) if folders.vqa_rad else []
    sources += [_sections(folders.slake, cache)] if folders.slake else []
    if folders.laterals:
        rows = [(path, path.name.split("_")[0]) for path in sorted(folders.laterals.iterdir())]
        sources.append(_read("openi-laterals", "lateral", rows, cache, "test"))
    return [*sources, _photographs(cache)]


def _radiographs(folders: Folders) -> Iterable[DataModule]:
    """Data sets of frontal radiographs."""
    yield ChestXray14(str(folders.nih), num_workers=0)
    if folders.rsna:
        yield RsnaPneumonia(str(folders.rsna), num_workers=0)
    if folders.slake:
        yield Slake(str(folders.slake), rows="images", modalities=["X-Ray"], num_workers=0)
    if folders.openi:
        yield OpenI(str(folders.openi), split="patient", num_workers=0)


def _frontals(data: DataModule, cache: Path) -> Pictures:
    data.check()
    seen = {str(sample.image): sample.patient_id for sample in data.samples}
    rows = [(Path(image), patient) for image, patient in seen.items()]
    return _read(data.name, FRONTAL, rows, cache, "test" if isinstance(data, OpenI) else None)


def _vqa_rad(root: Path, cache: Path) -> list[Pictures]:
    """Its chest radiographs, and its pictures of other parts of the body."""
    organ = {str(one.image): one.organ for one in vqa_rad.read_questions(str(root)).rows}
    chest = [(Path(image), Path(image).stem) for image, name in organ.items() if name == "CHEST"]
    other = [(Path(image), Path(image).stem) for image, name in organ.items() if name in ("HEAD", "ABD")]
    return [_read("vqa-rad", FRONTAL, chest, cache), _read("vqa-rad-other", "no chest", other, cache)]


def _sections(root: Path, cache: Path) -> Pictures:
    """CT and MR sections of SLAKE."""
    questions = slake.read_questions(slake.find_base(str(root)))
    images = {each.image: each.image_name for each in questions if each.modality != "X-Ray"}
    return _read("slake-sections", "no chest", [(Path(image), name) for image, name in images.items()], cache)


def _read(
    name: str,
    kind: str,
    rows: Sequence[tuple[Path, str]],
    cache: Path,
    split: str | None = None,
) -> Pictures:
    """Small copies of the files (path, patient) that can be read."""
    file = cache / f"{name}-{len(rows)}.npz"
    if not file.is_file():
        small, patients = [], []
        for path, patient in rows:
            try:
                small.append(shrunk(read_image(path)))
            except ImageError as error:
                print(f"left out: {error}", flush=True)
                continue
            patients.append(patient)
        _keep(file, np.stack(small), patients)
    with np.load(file) as kept:
        image_NSS, patients = kept["image"], kept["patient"].tolist()
    splits = [split or hash_split(patient, 0.2, 0.2, SALT) for patient in patients]
    return Pictures(name, kind, image_NSS, patients, splits)


def _phantoms(cache: Path, count: int) -> Pictures:
    """Phantoms, which are frontal too: the models of the package read them."""
    file = cache / f"phantoms-{count}.npz"
    names = [str(index) for index in range(count)]
    if not file.is_file():
        _keep(file, np.stack([shrunk(draw_phantom(PHANTOM_SEED, index).image_HW) for index in range(count)]), names)
    with np.load(file) as kept:
        image_NSS = kept["image"]
    return Pictures("phantoms", FRONTAL, image_NSS, names, [hash_split(name, 0.2, 0.2, SALT) for name in names])


def _photographs(cache: Path) -> Pictures:
    """Pictures that come with packages that are installed here; they are measured on alone."""
    files = []
    for package, folder in (
        ("skimage", "data"),
        ("sklearn", "datasets/images"),
        ("matplotlib", "mpl-data/sample_data"),
    ):
        if (found := find_spec(package)) is not None and found.origin is not None:
            inside = (Path(found.origin).parent / folder).glob("*")
            files += [(path, path.name) for path in sorted(inside) if path.suffix in (".jpg", ".png")]
    return _read("photographs", "no radiograph", files, cache, "test")


def _keep(file: Path, image_NSS: NDArray[np.uint8], patients: Sequence[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part.npz")
    np.savez(part, image=image_NSS, patient=np.array(patients))
    part.replace(file)


def shrunk(image_HW: Pixels) -> Pixels:
    """A picture as a small square (S, S)."""
    if min(image_HW.shape) > 4 * SIDE:  # INTER_AREA over megapixels takes longer than two steps
        image_HW = np.asarray(cv2.resize(image_HW, (2 * SIDE, 2 * SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    return letterbox(image_HW, SIDE, "squash")[0]
