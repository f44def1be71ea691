"""The studies of a MIMIC-CXR look-alike: who, when, in which split, and what became of them."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from gkmvlp.data_modules.synthetic.staging import dicom_id, numbers
from gkmvlp.phantom.generate import draw_phantom
from gkmvlp.phantom.plan import Phantom

_SECOND_STUDY = 0.06
# Phantoms of second studies are numbered from here; those of questions lie between (see vqa_rad).
_SECOND_INDEX = 2_000_000


@dataclass(frozen=True)
class Study:
    """One study with its one image, before anything is drawn.

    Attributes:
        index: Number of its phantom.
        first: Number of the phantom of the patient's first study, which gives sex and age.
        subject_id: Number of the patient.
        study_id: Number of the study.
        dicom_id: Id of the image.
        split: ``train``, ``validate`` or ``test``.
        order: 1 or 2.
        date: YYYYMMDD.
        time: HHMMSS.fff.
    """

    index: int
    first: int
    subject_id: int
    study_id: int
    dicom_id: str
    split: str
    order: int
    date: int
    time: float

    @property
    def folder(self) -> str:
        """``files/p1x/p1xxxxxxx``."""
        return f"files/p{self.subject_id // 10**6}/p{self.subject_id}"

    @property
    def path(self) -> str:
        """``files/p1x/p1xxxxxxx/s5xxxxxxx``."""
        return f"{self.folder}/s{self.study_id}"

    @property
    def taken(self) -> str:
        """``YYYY-MM-DD HH:MM:SS``."""
        day, clock = f"{self.date}", f"{int(self.time):06d}"
        return f"{day[:4]}-{day[4:6]}-{day[6:]} {clock[:2]}:{clock[2:4]}:{clock[4:]}"


@dataclass(frozen=True)
class Written:
    """What is known of a study once its image is written.

    Attributes:
        study: The study.
        view: Projection.
        height: Of the image in pixels.
        width: Of the image in pixels.
        stated: What the report says: entity -> status.
        report: Text of the report file.
        graph: Scene graph as JSON.
        findings: Truth, one row a box: entity, side, zone, severity, x1, y1, x2, y2.
        sex: ``F`` or ``M``.
        age: Years.
    """

    study: Study
    view: str
    height: int
    width: int
    stated: dict[str, int]
    report: str
    graph: str
    findings: list[dict[str, Any]]
    sex: str
    age: int


def _splits(patients: int, seed: int) -> list[str]:
    """Split of each patient; test and validation are capped as they are in the official split."""
    test, validate = min(max(patients // 8, 1), 400), min(max(patients // 16, 1), 200)
    order = np.random.default_rng([seed, 0x5117]).permutation(patients)
    splits = ["train"] * patients
    for rank, patient in enumerate(order[: test + validate]):
        splits[int(patient)] = "test" if rank < test else "validate"
    return splits


def plan_studies(patients: int, seed: int) -> list[Study]:
    """All studies of a corpus, in the order of the official tables."""
    subjects = numbers(patients, 10**7, 10**7, seed, "subject")
    study_ids = iter(numbers(2 * patients, 5 * 10**7, 10**7, seed, "study"))
    studies: list[Study] = []
    for patient, (subject, split) in enumerate(zip(subjects, _splits(patients, seed), strict=True)):
        rng = np.random.default_rng([seed, patient, 0xDA7E])
        year = int(rng.integers(2110, 2196))
        for order in range(1, 2 + int(rng.random() < _SECOND_STUDY)):
            index = patient + (order - 1) * _SECOND_INDEX
            date = (year + order) * 10**4 + int(rng.integers(1, 13)) * 100 + int(rng.integers(1, 29))
            hour, minute, second = (int(rng.integers(limit)) for limit in (24, 60, 60))
            time = hour * 10**4 + minute * 100 + second + int(rng.integers(1000)) / 1000
            image = dicom_id(seed, subject, order)
            studies.append(Study(index, patient, subject, next(study_ids), image, split, order, date, time))
    return sorted(studies, key=lambda study: (study.subject_id, study.study_id))


def draw(study: Study, seed: int, size: int) -> Phantom:
    """The phantom of a study; a second study has the sex and, up to a year, the age of the first."""
    phantom = draw_phantom(seed, study.index, size)
    if study.index == study.first:
        return phantom
    first = draw_phantom(seed, study.first, 32)
    return dataclasses.replace(phantom, sex=first.sex, age=first.age + 1)
