"""Ids of patients as tables hold them: whom nobody knows, who is written in two ways, and what may be no id."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from gkmvlp.data_modules.formats.cells import NOTHING
from gkmvlp.data_modules.formats.plain_text import shown
from gkmvlp.data_modules.pipeline.ledger import Ledger
from gkmvlp.errors import DataError

# What people write, beside ``NOTHING``, for a patient whom nobody knows; negative numbers stand for none as well.
NOBODY = (
    *NOTHING, "nil", "missing", "not available", "not known", "unspecified", "undefined", "(blank)", "anonymous",
    "anonymized", "anonymised", "anon", "<anonymous>", "redacted", "removed", "deidentified", "de-identified", "masked",
    "x", "xx", "xxx", "xxxx", "*", "**", "***", "****", "-1", "-9", "-99", "-999", "-9999",
)  # fmt: skip
_NUMBER = re.compile(r"0*(\d+?)(?:[.,](?=\d)(?!\d{3}$)(\d*?)0*)?")  # 1,250 may be a thousand
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATE = re.compile(
    rf"\d{{4}}-\d\d?-\d\d?(?:[ t][\d:.]+)?|\d\d?([./-])\d\d?\1(?:\d\d|\d{{4}})|\d\d?-{_MONTH}(?:-\d+)?|{_MONTH}-\d+",
    re.IGNORECASE,
)
_FRACTION = re.compile(r"\d+[.,]\d+")
_TRUTHS = frozenset({"true", "false", "yes", "no"})


def as_id(cell: str) -> str:
    """An id whose accents and blanks are written in one of the ways that look alike."""
    return " ".join(unicodedata.normalize("NFC", cell).split())


def require_patients(patients: Sequence[str], path: Path, remedy: str) -> None:
    """Checks that ids tell patients apart.

    Raises:
        DataError: If all are yes or no, or two are one number, of which zeros were lost or added in some rows.
    """
    known = {name.lower() for name in patients if name}
    if known and known <= _TRUTHS:
        raise DataError(f"{path}, column patient_id: {shown(min(known))} is an answer, no id: {remedy}")
    spelled: dict[tuple[str, str], str] = {}
    for row, name in enumerate(patients, 1):
        if not (number := _NUMBER.fullmatch(name)):
            continue
        if (other := spelled.setdefault((number[1], number[2] or ""), name)) != name:
            told = f"{shown(name)} is {shown(other)} in a row above: write a patient in one way"
            raise DataError(f"{path}, column patient_id, row {row}: {told}, or {remedy}")


def count_doubtful(patients: pd.Series, written: pd.Series, ledger: Ledger) -> None:
    """Counts ids that may be another patient's, or none.

    Args:
        patients: The ids.
        written: The same as the table has them.
        ledger: Counts them.
    """
    ledger.mask("patient_id differs from another one in case or form alone (kept apart)", _twins(patients))
    joined = {name for name, ways in written.groupby(patients).nunique().items() if name and ways > 1}
    ways = [shown(cell) for name, cell in zip(patients, written, strict=True) if name in joined]
    ledger.mask("patient_id is written in several ways (one patient)", dict.fromkeys(ways))
    names = [name for name in dict.fromkeys(patients) if name]
    dates = [name for name in names if _DATE.fullmatch(name)]
    ledger.mask("patient_id reads as a date (kept; a spreadsheet may have made it of another id)", dates)
    fractions = [name for name in names if _FRACTION.fullmatch(name)]
    ledger.mask("patient_id is a fraction (kept; name the column of patients if it is none)", fractions)


def _twins(patients: pd.Series) -> list[str]:
    """Ids that differ from another one in case alone: two patients where ids are hashes, one where they are names."""
    spelled: dict[str, set[str]] = defaultdict(set)
    for name in patients:
        spelled[unicodedata.normalize("NFKC", name).casefold()].add(name)
    return sorted(name for names in spelled.values() if len(names) > 1 for name in names)
