"""A DICOMweb server: radiographs of a study come from it, objects go to it.

Whatever stops it is one line with a remedy. Lines name addresses and UIDs, and nothing of a patient.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from pydicom import Dataset

from gkmvlp.app.dicom.identity import MANUFACTURER
from gkmvlp.data_modules.pipeline.dicom_header import word
from gkmvlp.data_modules.pipeline.dicom_view import RADIOGRAPHY
from gkmvlp.data_modules.pipeline.quiet import reader_settings
from gkmvlp.errors import ConfigError, DataError, UsageError

USER, PASSWORD, TOKEN, TIMEOUT = (f"GKMVLP_DICOMWEB_{name}" for name in ("USER", "PASSWORD", "TOKEN", "TIMEOUT"))
PATIENCE = 30.0  # seconds that an answer, and each part of it, may take
MOST = 64  # radiographs of one study; more is another thing than a study of the chest
MOST_STUDIES = 50  # that a search gives
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")


class Radiograph(NamedTuple):
    """Where a radiograph lies in an archive."""

    study: str
    series: str
    uid: str
    modality: str


class Study(NamedTuple):
    """A study that a search found; whose it is was not asked."""

    uid: str
    date: str  # as the archive has it, "" where it has none
    modalities: str


class DicomWeb:
    """A server, by the address that QIDO-RS, WADO-RS and STOW-RS share, such as ``http://127.0.0.1:8042/dicom-web``.

    Who asks is taken from the environment (``GKMVLP_DICOMWEB_USER`` and ``..._PASSWORD``, or ``..._TOKEN``), which
    neither a history of commands nor a table holds.

    Args:
        url: The address.
        patience: Seconds that an answer may take; None takes ``GKMVLP_DICOMWEB_TIMEOUT``, or 30.

    Raises:
        UsageError: If the address is none, or holds a password.
        ConfigError: If the packages that this needs are missing.
    """

    def __init__(self, url: str, patience: float | None = None) -> None:
        self.url, self.patience = _address(url), _patience() if patience is None else patience
        try:
            from dicomweb_client import DICOMwebClient
            from requests import Session
        except ImportError as error:
            raise ConfigError("--dicomweb needs dicomweb-client: pip install 'gkmvlp[dicom]'") from error
        session = Session()
        if token := os.environ.get(TOKEN):
            session.headers["Authorization"] = f"Bearer {token}"
        elif user := os.environ.get(USER):
            session.auth = (user, os.environ.get(PASSWORD, ""))
        self._client = DICOMwebClient(self.url, session=session, timeout=self.patience)
        self._client.set_http_retry_params(retry=False)  # it would wait for a minute before it says anything

    def studies(self, accession: str = "", date: str = "") -> list[Study]:
        """The studies of an accession number or of a day, at most ``MOST_STUDIES``.

        Args:
            accession: Accession number; "" asks for any.
            date: Day as YYYYMMDD; "" asks for any.

        Raises:
            ConfigError: If the server does not answer.
        """
        asked = {"AccessionNumber": accession, "StudyDate": date}
        filters = {name: value for name, value in asked.items() if value}
        with self._one_line("searching"):
            rows = self._client.search_for_studies(limit=MOST_STUDIES, search_filters=filters)
            return [Study(_first(row, "0020000D"), _first(row, "00080020"), _all(row, "00080061")) for row in rows]

    def fetch(self, study: str, folder: Path) -> list[Path]:
        """Writes the radiographs of a study into a folder, each under its SOP Instance UID.

        What this package stored there before, and what is no radiograph by its modality, is left out.

        Args:
            study: Its Study Instance UID.
            folder: An empty folder, made where it is absent.

        Returns:
            The files, in the order of the server.

        Raises:
            UsageError: If ``study`` is no UID.
            DataError: If the study is unknown, holds no radiograph, or too many.
            ConfigError: If the server does not give it, or it cannot be written.
        """
        files = []
        for radiograph in self.radiographs(study):
            if (data := self.retrieve(radiograph)) is not None:
                files.append(folder / f"{radiograph.uid}.dcm")
                with self._one_line(f"study {study}"):
                    folder.mkdir(parents=True, exist_ok=True)
                    files[-1].write_bytes(data)
        if not files:
            raise DataError(f"study {study} holds no radiograph but what this package stored: name another study")
        return files

    def radiographs(self, study: str) -> list[Radiograph]:
        """What a study holds of radiographs by its modality, in the order of the server.

        Raises:
            UsageError: If ``study`` is no UID.
            DataError: If the study is unknown, holds no radiograph, or too many.
            ConfigError: If the server does not answer.
        """
        require_uid(study)
        with self._one_line(f"study {study}"):
            series = {_first(row, "0020000E"): _first(row, "00080060") for row in self._client.search_for_series(study)}
            if not series:
                raise DataError(f"{self.url} holds no study {study}: name another study, or another --dicomweb")
            found = [
                Radiograph(study, uid, _first(row, "00080018"), modality)
                for uid, modality in series.items()
                if modality.upper() in RADIOGRAPHY
                for row in self._client.search_for_instances(study, uid)
            ]
        if not found:
            there = ", ".join(sorted({modality or "none" for modality in series.values()}))
            raise DataError(f"study {study} holds no radiograph (modality CR, DX ...), but {there}: name another study")
        if len(found) > MOST:
            raise DataError(f"study {study} holds {len(found)} radiographs, at most {MOST} were expected: send files")
        return found

    def retrieve(self, radiograph: Radiograph) -> bytes | None:
        """The file of a radiograph; None of one that this package made.

        Raises:
            UsageError: If one of its UIDs is none.
            ConfigError: If the server does not give it.
        """
        named = radiograph.study, radiograph.series, radiograph.uid
        for uid in named:  # the last may become the name of a file
            require_uid(uid)
        asked = (("application/dicom", "*"),)
        with self._one_line(f"study {radiograph.study}"):
            dataset = self._client.retrieve_instance(*named, media_types=asked)
            with reader_settings:
                if word(dataset, "Manufacturer") == MANUFACTURER.upper():
                    return None
                file = BytesIO()
                dataset.save_as(file)
        return file.getvalue()

    def store(self, datasets: Sequence[Dataset]) -> None:
        """Stores objects.

        Raises:
            ConfigError: If the server does not take all of them.
        """
        with self._one_line("storing"):
            answer = self._client.store_instances(datasets)
        refused = list(answer.get("FailedSOPSequence") or [])
        if refused:
            reason = f"0x{int(refused[0].get('FailureReason') or 0):04X}"
            raise ConfigError(
                f"{self.url} refused {len(refused)} of {len(datasets)} objects (reason {reason}): see its log; "
                "--dicom-out DIR keeps them"
            )

    @contextmanager
    def _one_line(self, what: str) -> Iterator[None]:
        """Errors of the network as one line."""
        from requests import exceptions

        try:
            yield
        except (ConfigError, DataError, UsageError):
            raise
        except exceptions.HTTPError as error:
            raise ConfigError(self._refusal(error.response, what)) from error
        except exceptions.RequestException as error:
            is_slow = isinstance(error, exceptions.Timeout) or "timed out" in str(error)
            if is_slow:
                reason = f"gave no answer within {self.patience:g} s: try again, or wait longer by {TIMEOUT}=SECONDS"
            elif isinstance(error, exceptions.ConnectionError):
                reason = "is not reached: start the server, or name another --dicomweb"
            else:
                reason = f"gave no DICOMweb answer ({type(error).__name__}): name the address of its DICOMweb root"
            raise ConfigError(f"{self.url} {reason}") from error
        except OSError as error:
            raise ConfigError(f"{what} cannot be written ({error.strerror}): make room") from error
        except Exception as error:  # the client and pydicom raise what an answer that is none leads to
            reason = f"gave no DICOMweb answer ({type(error).__name__}): name the address of its DICOMweb root"
            raise ConfigError(f"{self.url} {reason}") from error

    def _refusal(self, response: object, what: str) -> str:
        status = getattr(response, "status_code", None)
        if status in (401, 403):
            return f"{self.url} answers {status}: set {USER} and {PASSWORD}, or {TOKEN}, to what it lets in"
        if status == 404:
            return f"{self.url} answers 404 ({what}): name the address of its DICOMweb root, and a study that it holds"
        return f"{self.url} answers {status} ({what}): see the server's log"


def is_uid(text: str) -> bool:
    """Whether a text is a UID."""
    return _UID.fullmatch(text) is not None and len(text) <= 64


def require_uid(uid: str) -> None:
    """Refuses what is no UID.

    Raises:
        UsageError: If it is none.
    """
    if not is_uid(uid):
        raise UsageError(f"{uid[:64]!r} is no UID: a Study Instance UID, digits and points, was expected")


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_good = False
    if not is_good:
        raise UsageError("--dicomweb: an address like http://127.0.0.1:8042/dicom-web was expected")
    if parts.username or parts.password:
        raise UsageError(f"--dicomweb: no password in an address; set {USER} and {PASSWORD}, or {TOKEN}")
    return url.rstrip("/")


def _patience() -> float:
    text = os.environ.get(TIMEOUT, str(PATIENCE))
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ConfigError(f"{TIMEOUT}={text}: seconds above 0 were expected")
    return seconds


def _first(row: dict[str, dict[str, object]], tag: str) -> str:
    """The first value of an attribute in an answer in JSON, "" where it is absent."""
    value = row.get(tag, {}).get("Value")
    return str(value[0]) if isinstance(value, list) and value else ""


def _all(row: dict[str, dict[str, object]], tag: str) -> str:
    """All values of an attribute in an answer in JSON, "" where it is absent."""
    value = row.get(tag, {}).get("Value")
    return ", ".join(map(str, value)) if isinstance(value, list) else ""
