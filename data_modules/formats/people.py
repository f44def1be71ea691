"""Sex and age as tables and headers spell them."""

import re
from collections.abc import Iterable

# CheXpert writes Female and Male, MIMIC-IV, ChestX-ray14 and DICOM F and M
_WORDS = {
    "F": "f female w woman weiblich femme femenino feminino mujer",
    "M": "m male man männlich homme masculino hombre",
}
_SEXES = {word: sex for sex, words in _WORDS.items() for word in words.split()}
# DICOM's 058Y, 011M, 003D and 02W; numbers with or without decimals; MIMIC-IV's 91 of all who are older than 89
_AGE = re.compile(r"0*(\d+)(?:\.\d+)?\s*([YMWD]?|years?(?: old)?|yrs?)", re.IGNORECASE)
_OLDEST = 120  # more is a slip, like the 148 to 155 of RSNA Pneumonia


def sex_of(text: object) -> str:
    """``F`` or ``M``; "" for whatever is neither."""
    return _SEXES.get(str(text).strip().lower(), "")


def years(text: object) -> float | None:
    """Age in whole years, or None where there is none that can be; months, weeks and days count as 0."""
    match = _AGE.fullmatch(str(text).strip())
    if match is None:
        return None
    age = float(match[1]) if match[2][:1].upper() in ("", "Y") else 0.0
    return age if age <= _OLDEST else None


def people_of(sexes: Iterable[object], ages: Iterable[object]) -> list[tuple[str, float | None]]:
    """Sex and age of rows."""
    return [(sex_of(sex), years(age)) for sex, age in zip(sexes, ages, strict=True)]
