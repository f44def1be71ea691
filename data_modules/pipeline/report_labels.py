"""Reports to text and entity statuses, once a corpus; kept as Parquet where a cache folder is given."""

from collections.abc import Callable, Iterable
from hashlib import sha256
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gkmvlp.anatomy import REGIONS
from gkmvlp.data_modules.formats.plain_text import western
from gkmvlp.data_modules.pipeline.ledger import Ledger, write_bytes
from gkmvlp.entities import ENTITIES, list_hash
from gkmvlp.report.labeler import Mention, label_report, stated_regions, statuses
from gkmvlp.report.placeholders import is_placeholder
from gkmvlp.report.redaction import without_redactions
from gkmvlp.report.rules import ABSENT, PRESENT
from gkmvlp.report.sections import Sections, parse_sections, report_text

NO_REPORT = "study without a report file"
EMPTY = "report is empty, or nothing is left of it"
PLACEHOLDER = "report is none: missing, pending, elsewhere, or a number or path"
NO_SECTION = "report without the section that is read"
NO_SECTIONS = "report without findings or impression (its last paragraph is read)"
CONTRADICTED = "addendum contradicts its report (the report is read)"
NOT_UTF8 = "report is not UTF-8 (read as Windows-1252)"


class Labeled(NamedTuple):
    """One report as training reads it.

    Attributes:
        study_id: The study, or another id of the report.
        text: Findings then impression, or one of them, without ``XXXX``; "" where nothing is left.
        status_E: (E,) int8 by the package's labeler.
        place_ER: (E, R) bool, where the report says that present entities lie.
        note: One of the reasons of this module, or "".
    """

    study_id: str
    text: str
    status_E: NDArray[np.int8]
    place_ER: NDArray[np.bool_]
    note: str


def label_one(study_id: str, raw: bytes | None, sections: Sections = "both", plain: bool = False) -> Labeled:
    """Reads one report.

    Args:
        study_id: Its id.
        raw: Its bytes, or None where there is no file.
        sections: What of it is read; statuses follow what is read.
        plain: A text without any header is as good as one with headers, and gets no note.
    """
    note = ""
    if raw is None:
        return Labeled(study_id, "", statuses([]), stated_regions([]), NO_REPORT)
    try:
        full = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        full, note = western(raw), NOT_UTF8
    # CR and NUL are the remains of other systems; no radiology sentence holds them.
    full = full.replace("\r\n", "\n").replace("\x00", "")
    text = without_redactions(report_text(full, sections))
    if not text:
        return Labeled(study_id, "", statuses([]), stated_regions([]), EMPTY if sections == "both" else NO_SECTION)
    if is_placeholder(text):
        return Labeled(study_id, "", statuses([]), stated_regions([]), PLACEHOLDER)
    named = parse_sections(full)
    if not note and not {"findings", "impression"} & named.keys() and not (plain and named.keys() == {"preamble"}):
        note = NO_SECTIONS
    mentions = label_report(text)
    if not note and "addendum" in named:
        added = label_report(without_redactions(named["addendum"]))
        note = CONTRADICTED if _denies(mentions, added) or _denies(added, mentions) else ""
    return Labeled(study_id, text, statuses(mentions), stated_regions(mentions), note)


def _denies(mentions: list[Mention], others: list[Mention]) -> bool:
    """Whether one text calls absent what the other calls present on the same side.

    "No other effusion" beside a right effusion denies nothing: within a text absence yields to all else on its side.
    """
    absent = [one for one in mentions if one.status == ABSENT]
    absent = [one for one in absent if not any(_overlap(one, other) for other in mentions if other.status != ABSENT)]
    return any(_overlap(one, other) for one in absent for other in others if other.status == PRESENT)


def _overlap(one: Mention, other: Mention) -> bool:
    """Whether two mentions speak of one entity on one side; no side is any."""
    return one.entity == other.entity and {one.side, other.side} != {"right", "left"}


def label_reports(
    studies: Iterable[tuple[str, str]],
    read: Callable[[str, str], bytes | None],
    source: Path,
    folder: Path | None,
    sections: Sections = "both",
) -> dict[str, Labeled]:
    """Reads the reports of studies, or takes them from the cache.

    Args:
        studies: (subject_id, study_id) of each, each study once.
        read: (subject_id, study_id) -> bytes of the report.
        source: The file that the reports come from; its size and time of change are part of the cache's name.
        folder: Cache folder, or None.
        sections: What of each report is read.

    Returns:
        Study id -> labelled report.
    """
    wanted = list(studies)
    path = None if folder is None else folder / f"reports-{_key(wanted, source, sections)}.parquet"
    if path is not None and path.is_file():
        return _load(path)
    labeled = [label_one(study_id, read(subject_id, study_id), sections) for subject_id, study_id in wanted]
    if path is not None:
        _save(path, labeled)
    return {row.study_id: row for row in labeled}


def count_notes(labeled: Iterable[Labeled], ledger: Ledger) -> None:
    """Counts reports that are left out (no text) and those read with a reservation."""
    for row in labeled:
        (ledger.mask if row.text else ledger.drop)(row.note, [row.study_id] if row.note else [])


def _key(studies: list[tuple[str, str]], source: Path, sections: Sections) -> str:
    stat = source.stat()
    code = sorted(Path(__file__).parent.glob("report_labels.py")) + sorted(Path(_labeler_folder()).glob("*.py"))
    digest = sha256(f"{version('gkmvlp')}|{source}|{stat.st_size}|{stat.st_mtime_ns}|{sections}|{studies}".encode())
    digest.update(list_hash([entity.name for entity in ENTITIES]).encode())
    for file in code:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _labeler_folder() -> str:
    """Folder of the labeler's code: a changed rule makes a new cache."""
    return str(Path(parse_sections.__code__.co_filename).parent)


def _save(path: Path, labeled: list[Labeled]) -> None:
    table = pa.table(
        {
            "study_id": [row.study_id for row in labeled],
            "text": [row.text for row in labeled],
            "status": pa.array([row.status_E.tolist() for row in labeled], pa.list_(pa.int8())),
            "place": pa.array([np.flatnonzero(row.place_ER).tolist() for row in labeled], pa.list_(pa.int32())),
            "note": [row.note for row in labeled],
        }
    )
    buffer = BytesIO()
    pq.write_table(table, buffer)
    write_bytes(path, buffer.getvalue())


def _load(path: Path) -> dict[str, Labeled]:
    labeled = {}
    for row in pq.read_table(path).to_pylist():
        place_ER = np.zeros((len(ENTITIES), len(REGIONS)), bool)
        place_ER.flat[row["place"]] = True
        status_E = np.array(row["status"], np.int8)
        labeled[row["study_id"]] = Labeled(row["study_id"], row["text"], status_E, place_ER, row["note"])
    return labeled
