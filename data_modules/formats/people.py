"""Sex and age as tables and headers spell them."""

import re
from collections.abc import Iterable

from gkmvlp.data_modules.formats.cells import value_of
from gkmvlp.data_modules.pipeline.ledger import Ledger

# CheXpert writes Female and Male, MIMIC-IV, ChestX-ray14 and DICOM F and M
_WORDS = {
    "F": "f female w woman girl weiblich femme fem femenino feminino féminin feminin femmina donna mujer hembra",
    "M": "m male man männlich boy homme masc masculino masculin maschio uomo hombre varón varon",
}
_SEXES = {word: sex for sex, words in _WORDS.items() for word in words.split()}
_MARKS = " .;:,'\"()"  # around a word that tells the sex
# DICOM's 058Y, 011M, 003D and 02W; numbers with or without decimals; "45 y.o.", "6 months old", "> 89", "90+"; MIMIC-IV
# writes 91 for all who are older than 89.
_AGE = re.compile(
    r"(?P<more>>|over|older than)?\s*(?:>=|≥)?\s*0*(?P<number>\d{1,4})(?:[.,]\d+)?\s*\+?[\s-]*"
    r"(?:(?P<Y>y|ys|yrs?|years?|y\.?/?o\.?|jahre?|años?|anos?|ans|anni)|(?P<M>m|mos?|mths?|months?)|(?P<W>w|wks?|weeks?)"
    r"|(?P<D>d|days?))?\.?(?:[\s-]*old)?",
    re.IGNORECASE,
)
_A_YEAR = {"Y": 1, "M": 12, "W": 52, "D": 365}
_OLDEST = 120  # more is a slip, like the 148 to 155 of RSNA Pneumonia


def sex_of(text: object) -> str:
    """``F`` or ``M``; "" for whatever is neither."""
    return _SEXES.get(str(text).strip(_MARKS).lower(), "")


def years(text: object) -> float | None:
    """Age in whole years, or None where there is none that can be; of "> 89" the least that it can be."""
    match = _AGE.fullmatch(str(text).strip())
    if match is None:
        return None
    unit = next((unit for unit in _A_YEAR if match[unit]), "Y")
    age = float(int(match["number"]) // _A_YEAR[unit]) + (match["more"] is not None)
    return age if age <= _OLDEST else None


def count_untold(sexes: Iterable[object], ages: Iterable[object], ledger: Ledger) -> None:
    """Counts cells that tell no sex or age in words that are understood: their rows are in no group of it."""
    unknown = [str(sex) for sex in sexes if value_of(str(sex)) and not sex_of(sex)]
    ledger.mask("sex is neither F nor M, female nor male (in no group)", unknown)
    impossible = [str(age) for age in ages if value_of(str(age)) and years(age) is None]
    ledger.mask("age is no number of years that can be (in no group)", impossible)


def people_of(sexes: Iterable[object], ages: Iterable[object]) -> list[tuple[str, float | None]]:
    """Sex and age of rows."""
    return [(sex_of(sex), years(age)) for sex, age in zip(sexes, ages, strict=True)]
