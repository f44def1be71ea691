"""Ids of patients as tables hold them: whom nobody knows, who is written in two ways, and what may be no id."""

import re
import unicodedata
from collections import Counter, defaultdict
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
    "inf", "+inf", "-inf", "infinity", "-infinity",
)  # fmt: skip
# A whole number: 7, 007, +7, 7. and 7.0; 1.000 may be a thousand. What has other digits behind its point is a name: a
# program that takes 1.1 and 1.10 for numbers writes both in one way, so that a column that has both is text.
_NUMBER = re.compile(r"\+?(\d+)(?:[.,](?!000$)0*)?")
# 1e5 and Java's 1.2E5; hashes like 0e12 and 0e34 are no numbers
_POWER = re.compile(r"([1-9]\d*)(?:[.,](\d+))?[eE](\d{1,2})")
_POINTED = re.compile(r"(\d+)[.,](\d+)")
# Alphabets with letters that look alike.
_ALPHABETS = ("LATIN", "CYRILLIC", "GREEK")
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
    spelled: dict[str, str] = {}
    for row, name in enumerate(patients, 1):
        if (number := _whole_number(name)) and (other := spelled.setdefault(number, name)) != name:
            told = f"{shown(name)} is {shown(other)} in a row above: write a patient in one way"
            raise DataError(f"{path}, column patient_id, row {row}: {told}, or {remedy}")


def _whole_number(name: str) -> str:
    """The digits of an id that is a whole number, however a spreadsheet wrote it; "" where it is none."""
    if number := _NUMBER.fullmatch(name):
        return number[1].lstrip("0") or "0"
    if not (power := _POWER.fullmatch(name)):
        return ""
    decimals = (power[2] or "").rstrip("0")
    zeros = int(power[3]) - len(decimals)
    return power[1] + decimals + "0" * zeros if zeros >= 0 else ""


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
    ledger.mask("patient_id has letters of another alphabet that look alike (kept apart)", _of_other_alphabets(names))


def _twins(patients: pd.Series) -> list[str]:
    """Ids that differ from another one in form alone.

    In case: two patients where ids are hashes, one where they are names. In zeros or the mark of a fraction (1.1 and
    1.10): two where ids are numbers of sections, one where they are fractions. In the script of digits.
    """
    spelled: dict[str, set[str]] = defaultdict(set)
    for name in patients:
        spelled[_form(name)].add(name)
    return sorted(name for names in spelled.values() if len(names) > 1 for name in names)


def _form(name: str) -> str:
    """What ids have in common that differ in form alone."""
    plain = name.casefold() if name.isascii() else unicodedata.normalize("NFKC", name).casefold()
    if not plain.isascii():
        plain = "".join(str(unicodedata.decimal(letter, letter)) for letter in plain)
    pointed = _POINTED.fullmatch(plain)
    return f"{pointed[1].lstrip('0')}.{pointed[2].rstrip('0')}" if pointed else plain


def _of_other_alphabets(names: Sequence[str]) -> list[str]:
    """Ids with letters of another alphabet than most of them: a Cyrillic A1 looks like a Latin one."""
    alphabets = {name: _alphabets(name) for name in names}
    counts = Counter(alphabet for found in alphabets.values() for alphabet in found)
    if len(counts) < 2:
        return []
    usual = counts.most_common(1)[0][0]
    return [name for name, found in alphabets.items() if found - {usual}]


def _alphabets(name: str) -> set[str]:
    """Which of ``_ALPHABETS`` the letters of an id are of."""
    if name.isascii():
        return {"LATIN"} if any(map(str.isalpha, name)) else set()
    return {alphabet for letter in name if (alphabet := unicodedata.name(letter, "").partition(" ")[0]) in _ALPHABETS}
