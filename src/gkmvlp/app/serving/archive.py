"""The archive behind a page: a study is looked for there, its radiographs are read, readings go back beside them."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydicom import Dataset

from gkmvlp.app.dicom.dicomweb import DicomWeb, Radiograph, Study, is_uid
from gkmvlp.app.dicom.identity import ModelIdentity
from gkmvlp.app.serving.sessions import Held
from gkmvlp.errors import DataError, UsageError

SENT = ("backbone", "labels", "boxes")  # the parts of a reading that go back
LONGEST = 3 * 64 + 2  # characters that name anything in an archive
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)")


class Choice(NamedTuple):
    """A line to choose from, and what ``Archive.find`` takes for it."""

    words: str
    value: str


class Found(NamedTuple):
    """What was found: the radiographs of one study, or several studies."""

    radiographs: Sequence[Radiograph] = ()
    studies: Sequence[Study] = ()

    @property
    def choices(self) -> list[Choice]:
        """Lines to choose from; none where there is no choice."""
        if self.studies:
            return [Choice(f"{_day(one.date)} {one.modalities} {one.uid}", one.uid) for one in self.studies]
        return [
            Choice(f"{number}: {one.modality or 'no modality'}", value_of(one))
            for number, one in enumerate(self.radiographs, 1)
            if len(self.radiographs) > 1
        ]


class Archive:
    """A DICOMweb server, and who reads for it.

    Args:
        server: The server.
        identities: Of each set of models: part -> the model as its objects name it.
    """

    def __init__(self, server: DicomWeb, identities: Sequence[Mapping[str, ModelIdentity]]) -> None:
        self.server, self.identities = server, identities

    def find(self, text: str) -> Found:
        """What somebody asks for.

        Args:
            text: UID of a study, an accession number, a day (YYYY-MM-DD), or the value of a choice.

        Raises:
            UsageError: If nothing is named.
            DataError: If there is none, or a study holds no radiograph.
            ConfigError: If the server does not answer.
        """
        words = " ".join(text.split())[:LONGEST]
        if not words:
            raise UsageError("which study? its Study Instance UID, an accession number or a day (YYYY-MM-DD) is needed")
        parts = words.split("/")
        if len(parts) == len(Radiograph._fields) - 1 and all(map(is_uid, parts)):
            study, series, uid = parts
            return Found([Radiograph(study, series, uid, "")])
        if is_uid(words):
            return Found(self.server.radiographs(words))
        day = _DAY.fullmatch(words)
        studies = self.server.studies(date="".join(day.groups())) if day else self.server.studies(accession=words)
        if not studies:
            raise DataError(f"the archive holds no study of {'the day' if day else 'accession number'} {words}")
        return Found(self.server.radiographs(studies[0].uid)) if len(studies) == 1 else Found(studies=studies)

    def store(self, held: Held) -> str:
        """Stores a reading beside its radiograph, one series for each kind of object of each model; what was done.

        Raises:
            UsageError: If the radiograph is of no study of this archive, or no model has findings.
            ConfigError: If the server does not take it.
        """
        from gkmvlp.app.dicom.objects import objects_of  # highdicom is slow to import, and an extra

        if held.source is None:
            raise UsageError("this picture is of no study of the archive: open one, then store its reading")
        objects: dict[str, Dataset] = {}
        for identities, seen in zip(self.identities, held.seen, strict=True):
            for part in SENT:
                said = seen[part].said if part in seen else None
                if said is not None and (said.readings or said.boxes):
                    made = objects_of(held.source, said, identities[part]).values()
                    objects |= {str(dataset.SOPInstanceUID): dataset for dataset in made}
        if not objects:
            raise UsageError("none of the models has findings that could be stored")
        self.server.store(list(objects.values()))
        count = len({str(dataset.SeriesInstanceUID) for dataset in objects.values()})
        return f"Stored the reading of {held.source.uid}: {len(objects)} objects in {count} new series of its study."


def value_of(radiograph: Radiograph) -> str:
    """What ``Archive.find`` takes for one radiograph."""
    return "/".join(radiograph[:-1])


def _day(date: str) -> str:
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 else "no date"
