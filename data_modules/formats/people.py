"""Sex and age as tables and headers spell them."""

import re
from collections.abc import Iterable

# CheXpert writes Female and Male, MIMIC-IV, ChestX-ray14 and DICOM F and M
_SEXES = {"f": "F", "female": "F", "w": "F", "woman": "F", "m": "M", "male": "M", "man": "M"}
# DICOM's 058Y, 011M, 003D and 02W; numbers with or without decimals; MIMIC-IV's 91 of all who are older than 89
_AGE = re.compile(r"0*(\d+)(?:\.\d+)?\s*([YMWD]?)", re.IGNORECASE)


def sex_of(text: object) -> str:
    """``F`` or ``M``; "" for whatever is neither."""
    return _SEXES.get(str(text).strip().lower(), "")


def years(text: object) -> float | None:
    """Age in whole years, or None where there is none; months, weeks and days count as 0."""
    match = _AGE.fullmatch(str(text).strip())
    if match is None:
        return None
    return float(match[1]) if match[2].upper() in ("", "Y") else 0.0


def people_of(sexes: Iterable[object], ages: Iterable[object]) -> list[tuple[str, float | None]]:
    """Sex and age of rows."""
    return [(sex_of(sex), years(age)) for sex, age in zip(sexes, ages, strict=True)]
