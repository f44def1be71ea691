"""No patients are joined or split in silence, whatever a column of ids holds."""

import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gkmvlp.data_modules import ImageReportPairs
from gkmvlp.data_modules.formats.patient_ids import count_doubtful, require_patients
from gkmvlp.data_modules.formats.people import count_untold, sex_of, years
from gkmvlp.data_modules.formats.schema import Schema
from gkmvlp.data_modules.formats.tables import to_table
from gkmvlp.data_modules.image_report_pairs import read_pairs
from gkmvlp.data_modules.pipeline.ledger import Ledger
from gkmvlp.errors import DataError

_APART = "patient_id differs from another one in case or form alone (kept apart)"
_WAYS = "patient_id is written in several ways (one patient)"
_DATE = "patient_id reads as a date (kept; a spreadsheet may have made it of another id)"
_FRACTION = "patient_id is a fraction (kept; name the column of patients if it is none)"

_ALPHABET = "patient_id has letters of another alphabet that look alike (kept apart)"


def _pairs(folder: Path, ids: Any, kind: str) -> ImageReportPairs:
    """Checked pairs whose patients are ``ids``."""
    for number in range(len(ids)):
        shade_HW = np.random.default_rng(number).integers(0, 255, (8, 8)).astype(np.uint8)
        Image.fromarray(shade_HW).save(folder / f"{number}.png")
    images = [f"{number}.png" for number in range(len(ids))]
    table = pd.DataFrame({"image": images, "report": "No effusion.", "patient_id": ids})
    path = folder / f"t.{kind}"
    if kind == "csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    data = ImageReportPairs(str(path))
    data.check()
    return data


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_column_of_truth_values_is_none_of_patients(kind: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"column patient_id.* is an answer, no id"):
        _pairs(tmp_path, [True, False, True], kind)


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        ([1.5, 2.5, 3.0], r"row 1: '1\.5' is a fraction, no id"),
        ([Decimal("1.00"), Decimal("2.50")], r"row 2: '2\.50' is a fraction, no id"),
        (np.array([2**24, 2**24 + 2], np.float32), "row 2: 16777218 has lost digits, no id"),
        ([2.0**53, 3.0], "row 1: .* has lost digits, no id"),
        ([1.0, float("inf")], "row 2: 'inf' is infinite, .*no id"),
        (np.array([1, -np.inf], np.float32), "row 2: '-inf' is infinite, .*no id"),
    ],
)
def test_numbers_that_can_be_of_several_patients_are_no_ids(ids: Any, told: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=told):
        _pairs(tmp_path, ids, "parquet")


@pytest.mark.parametrize(
    "ids",
    [
        ["007", "8", "7"],
        ["1,0", "1"],
        ["1.0", "x", "1"],
        ["12", "012.00", "P3"],
        ["+7", "7", "8"],
        ["7", "7.", "8"],
        ["1e5", "100000", "x"],
        ["1.2345678E7", "12345678"],  # as Java writes numbers from ten millions on
        ["1.20E3", "x", "1200.0"],
    ],
)
def test_one_number_in_two_spellings_is_an_error(ids: list[str], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="write a patient in one way"):
        _pairs(tmp_path, ids, "csv")


@pytest.mark.parametrize(
    ("ids", "patients", "notes"),
    [
        (["Ab1", "ab1", "c"], {"Ab1", "ab1", "c"}, {_APART: 2}),
        (["\uff112", "12"], {"\uff112", "12"}, {_APART: 2}),
        ([" a", "a", "a\u200b", "b"], {"a", "b"}, {_WAYS: 3}),
        (["1.0", "1", "2"], {"1", "2"}, {_WAYS: 2}),
        ([" a", " b"], {"a", "b"}, {}),
        (["1-Jan", "2/3/2020", "c"], {"1-Jan", "2/3/2020", "c"}, {_DATE: 2}),
        (["1.5", "2.25"], {"1.5", "2.25"}, {_FRACTION: 2}),
        (["1", "1.000"], {"1", "1.000"}, {_FRACTION: 1}),
        (["nan", "NULL", "-1", "nil", "0", "a"], {"0", "a"}, {}),
        (["1.2.840.1", "1.2.840.10"], {"1.2.840.1", "1.2.840.10"}, {}),
        # A program that takes them for numbers writes 1.1 and 1.10 in one way: a column that has both is text, and its
        # ids are names, as of sections. Somebody may still have typed one patient in two ways: they are counted.
        (["1.1", "1.10"], {"1.1", "1.10"}, {_FRACTION: 2, _APART: 2}),
        (["1.5", "1.50", "2"], {"1.5", "1.50", "2"}, {_FRACTION: 2, _APART: 2}),
        (["1.5", "01,50"], {"1.5", "01,50"}, {_FRACTION: 2, _APART: 2}),
        (["1.1", "1.2", "1.11"], {"1.1", "1.2", "1.11"}, {_FRACTION: 3}),
        (["0e12", "0e34", "1e5"], {"0e12", "0e34", "1e5"}, {}),  # hashes
        (["1", "inf", "-inf"], {"1"}, {}),
        (["\u0661\u0662", "12"], {"\u0661\u0662", "12"}, {_APART: 2}),  # digits of Arabic
        (["\u04101", "A1", "B2"], {"\u04101", "A1", "B2"}, {_ALPHABET: 1}),
        (["A\u0391", "AA", "7"], {"A\u0391", "AA", "7"}, {_ALPHABET: 1}),
        (["\u0410\u0412", "\u0415"], {"\u0410\u0412", "\u0415"}, {}),
        (["M\u00fcller", "Muller", "\u6797"], {"M\u00fcller", "Muller", "\u6797"}, {}),
    ],
)
def test_ids_that_may_be_of_another_patient_are_counted(
    ids: list[str], patients: set[str], notes: dict[str, int], tmp_path: Path
) -> None:
    data = _pairs(tmp_path, ids, "csv")
    assert {row.patient_id for row in data.samples} == patients
    assert dict(data.ledger.masked) == notes


def test_long_rows_of_zeros_take_no_time() -> None:
    ids = ["0" * 100_000 + "x", "1." + "0" * 100_000 + "x", "1.5" + "0" * 100_000 + "e5x"]
    began = time.process_time()
    require_patients(ids, Path("t.csv"), "use another")
    count_doubtful(pd.Series(ids), pd.Series(ids), Ledger())
    assert time.process_time() - began < 1.0


def test_numbers_in_bytes_are_told_apart_by_all_of_their_bytes(tmp_path: Path) -> None:
    ids = [b"\x00\x01\xff" * 5, b"\x00\x02\xff" * 5, b"name\0\0"]
    assert list(read_pairs_of(tmp_path, ids)["patient_id"]) == ["0001ff" * 5, "0002ff" * 5, "name"]


def read_pairs_of(folder: Path, ids: list[Any]) -> pd.DataFrame:
    images = [f"{number}.png" for number in range(len(ids))]
    pd.DataFrame({"image": images, "report": "Edema.", "patient_id": ids}).to_parquet(folder / "t.parquet")
    return read_pairs(folder / "t.parquet")


@pytest.mark.parametrize(
    ("cells", "age"),
    [
        (["45", "45.0", "45,5", "045Y", "45 y.o.", "45yo", "45 y/o", "45-year-old", "45 Jahre", "45 años"], 45),
        (["90", ">= 90", "90+", "> 89", "older than 89"], 90),
        (["011M", "6 months", "3 wk", "02W", "003D"], 0),
        (["12", "144M", "144 months", "624W"], 12),
        (["", "1985", "-1", "44 or 45", "121", "9" * 5000], None),
    ],
)
def test_ages_in_the_words_of_tables(cells: list[str], age: int | None) -> None:
    assert [years(cell) for cell in cells] == [age] * len(cells)


@pytest.mark.parametrize(
    ("cells", "sex"), [(["F", "f.", "Fem", "Female;", "(F)"], "F"), (["M.", "MALE ", "varón"], "M"), (["m/f", ""], "")]
)
def test_sexes_in_the_words_of_tables(cells: list[str], sex: str) -> None:
    assert [sex_of(cell) for cell in cells] == [sex] * len(cells)


def test_sex_and_age_that_are_not_understood_are_counted() -> None:
    ledger = Ledger()
    sexes, ages = ["F", "male", "1", "U", "", "N/A"], ["44", "44 or 45", "1950", "nan", "", "011M"]
    count_untold(pd.Series(sexes), pd.Series(ages), ledger)
    assert sorted(ledger.masked.values()) == [2, 2]
    assert sorted(ledger.examples.values()) == [["1", "U"], ["44 or 45", "1950"]]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("copy", ["patient_id.1", "Patient ID.2", "patient_id:1", "patient_id_duplicated_0"])
def test_a_second_column_of_patients_says_the_same_or_is_an_error(copy: str, kind: str, tmp_path: Path) -> None:
    """What pandas, SQLite and polars make of two columns of one name."""
    path = tmp_path / f"t.{kind}"
    table = pd.DataFrame({"image": ["0.png", "1.png"], "report": "No effusion.", "patient_id": ["a", "b"]})
    for second in (["a", "b"], ["a", "c"]):
        table[copy] = second
        table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path)
        if second[1] == "b":
            assert list(read_pairs(path)["patient_id"]) == ["a", "b"]
            continue
        told = rf"has the column 'patient_id' twice, row 2: 'b' in 'patient_id', 'c' in '{copy}'; keep one"
        with pytest.raises(DataError, match=told):
            read_pairs(path)


def test_so_does_a_second_key_of_json() -> None:
    schema = Schema(("qid",), ("answer",))
    row = {"qid": 1, "answer": "yes", "answer.1": "yes"}
    assert list(to_table([row], schema, "t.json")["answer"]) == ["yes"]
    with pytest.raises(DataError, match=r"t.json has the column 'answer' twice, row 2: 'yes' in 'answer', 'no' in"):
        to_table([row, row | {"answer.1": "no"}], schema, "t.json")
