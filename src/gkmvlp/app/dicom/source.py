"""The image that was read, as the objects that go back need it: whose, of which study, how large and how it lies."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydicom import Dataset
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.tag import Tag
from pydicom.uid import UID
from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS

from gkmvlp.app.dicom.identity import uid_of
from gkmvlp.data_modules.pipeline.accept import is_dicom
from gkmvlp.data_modules.pipeline.dicom_header import integer, open_dicom, word, words
from gkmvlp.data_modules.pipeline.dicom_view import turn_of
from gkmvlp.data_modules.pipeline.images import ImageError
from gkmvlp.data_modules.pipeline.quiet import reader_settings
from gkmvlp.geometry import Turn

# what the objects take over, besides UIDs and size; a date of nonsense is left empty
_PATIENT = ("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex")
_STUDY = ("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName", "StudyDescription")
_MAY_BE_ABSENT = ("IssuerOfPatientID", "StudyDescription")
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
_SEXES = ("M", "F", "O")
_LOSSY = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")
_METHOD = "gkmvlp: patient, dates, UIDs replaced; pixels not looked at"


@dataclass(frozen=True)
class Source:
    """One image that was read.

    Attributes:
        header: UIDs, kind and size of the image, and of the patient nothing: what other libraries get to see, which
            tell names in their warnings.
        about: Patient and study.
        turn: How the stored image is set upright.
        is_deidentified: Whether all of this was replaced.
        is_annotated: Whether the file says that its pixels hold text on the patient.
    """

    header: Dataset
    about: Dataset
    turn: Turn
    is_deidentified: bool = False
    is_annotated: bool = False

    @property
    def uid(self) -> str:
        """UID of the image."""
        return str(self.header.SOPInstanceUID)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as stored, in pixels."""
        return int(self.header.Columns), int(self.header.Rows)

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height of the upright image, in pixels."""
        width, height = self.size
        return (height, width) if self.turn.exchanges_axes else (width, height)

    def tell_losses(self, dataset: Dataset) -> None:
        """Writes into a picture that was derived from the image what compression took from that."""
        for keyword in _LOSSY:
            if keyword in self.header:
                dataset.add(self.header[keyword])

    def complete(self, dataset: Dataset) -> None:
        """Writes patient and study into an object that was made without them."""
        dataset.SpecificCharacterSet = "ISO_IR 192"
        for element in self.about:
            dataset.add(element)
        if self.is_deidentified:
            dataset.PatientIdentityRemoved = "YES"
            dataset.DeidentificationMethod = _METHOD


def read_source(image: Path | bytes, name: str) -> Source:
    """What an image's file says of it.

    Args:
        image: The file, or its bytes.
        name: What an error calls it.

    Raises:
        ImageError: If it is no DICOM, or lacks what an archive files by.
    """
    start = image[:132] if isinstance(image, bytes) else _first(image, name)
    if not is_dicom(start):
        raise ImageError(f"{name} cannot go back: a DICOM was expected, only these belong to a study; leave it out")
    with reader_settings:
        try:
            dataset = open_dicom(image, stop_before_pixels=True)
            uids = {keyword: str(dataset.get(keyword) or "").strip() for keyword in _UIDS}
        except Exception as error:  # pydicom raises what the broken bytes happen to lead to, and may quote them
            raise ImageError(f"{name} cannot go back: its header cannot be read; export it anew") from error
        _require_uids(uids, name)
        header = Dataset()
        for keyword, value in uids.items():
            setattr(header, keyword, value)
        header.Rows, header.Columns = integer(dataset, "Rows") or 0, integer(dataset, "Columns") or 0
        header.Modality = word(dataset, "Modality") or "OT"
        header.PatientOrientation = words(dataset, "PatientOrientation") or ""
        for keyword in (*_PATIENT, *_STUDY):  # of nobody; see ``complete``
            setattr(header, keyword, "")
        if all(keyword in dataset for keyword in _LOSSY):  # what was lost once is lost in what is derived
            for keyword in _LOSSY:
                header.add(DataElement(Tag(keyword), dictionary_VR(keyword), words(dataset, keyword)))
        is_annotated = word(dataset, "BurnedInAnnotation") == "YES"
        return Source(header, _about(dataset), turn_of(dataset), is_annotated=is_annotated)


def _first(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(132)
    except OSError as error:
        raise ImageError(f"cannot read {name}: {error.strerror}") from error


def _require_uids(uids: dict[str, str], name: str) -> None:
    """Refuses what no archive could file."""
    for keyword, value in uids.items():
        if not value:
            raise ImageError(
                f"{name} cannot go back: it has no {keyword}, so that nothing could be filed beside it; export it anew"
            )
        if not UID(value).is_valid:
            raise ImageError(f"{name} cannot go back: its {keyword} is no UID; export it anew")
    if not UID(uids["SOPClassUID"]).name.partition(" - ")[0].endswith("Image Storage"):
        raise ImageError(f"{name} cannot go back: its SOPClassUID names no image of the standard; export it anew")


def _about(dataset: Dataset) -> Dataset:
    """Patient and study; what is malformed is empty, as the standard allows of all of them."""
    about = Dataset()
    for keyword in (*_PATIENT, *_STUDY):
        value = _text(dataset, keyword)
        if keyword in _MAY_BE_ABSENT and not value:
            continue
        kind = dictionary_VR(keyword)
        is_good = _is_moment(value, kind) and (keyword != "PatientSex" or value in _SEXES)
        # without a check, which would tell the value
        about.add(DataElement(Tag(keyword), kind, value if is_good else "", validation_mode=IGNORE))
    return about


def _text(dataset: Dataset, keyword: str) -> str:
    """A text as the file has it: pydicom's own way checks it, and tells what it is where it is malformed."""
    element = dataset.get_item(Tag(keyword)) if keyword in dataset else None
    value = element.value if element is not None else None
    if not isinstance(value, bytes):
        return str(value or "").strip(" \0")
    try:
        encodings = convert_encodings(dataset.get("SpecificCharacterSet") or "ISO_IR 6")
        return decode_bytes(value, encodings, PN_DELIMS if dictionary_VR(keyword) == "PN" else TEXT_VR_DELIMS).strip(
            " \0"
        )
    except Exception:  # a character set of nobody
        return ""


def _is_moment(value: str, kind: str) -> bool:
    """Whether a date or a time is one; whatever is neither passes."""
    if kind == "TM":
        return re.fullmatch(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?", value) is not None
    if kind != "DA":
        return True
    try:
        datetime.strptime(value, "%Y%m%d")
    except ValueError:
        return False
    return True


class Deidentifier:
    """Replaces who and when; within one object of this class, what belongs together stays together.

    UIDs and the patient's pseudonym are made with a salt that is drawn anew and kept nowhere, so that nobody finds the
    original by trying.
    """

    def __init__(self) -> None:
        self._salt = secrets.token_hex(16)

    def __call__(self, source: Source) -> Source:
        """The source without whose it is and when it was made."""
        header, about = Dataset(), Dataset()
        header.update(source.header)
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            setattr(header, keyword, uid_of(self._salt, str(source.header[keyword].value)))
        for keyword in (*_PATIENT, *_STUDY):
            if keyword not in _MAY_BE_ABSENT:
                setattr(about, keyword, "")
        about.PatientID = f"ANON-{uid_of(self._salt, str(source.about.PatientID))[-12:]}"
        about.PatientName = f"{about.PatientID}^"
        return Source(header, about, source.turn, is_deidentified=True, is_annotated=source.is_annotated)
