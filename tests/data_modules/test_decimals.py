"""Numbers of tables in European spelling: read right where only one reading is left, else refused by row and column."""

import itertools
import json
import re

import numpy as np
import pytest

from gkmvlp.data_modules.formats.decimals import SpellingError, with_points
from gkmvlp.data_modules.formats.json_files import read_json
from gkmvlp.data_modules.formats.schema import Schema
from gkmvlp.data_modules.formats.slake import read_boxes
from gkmvlp.data_modules.formats.tables import read_table, to_table
from gkmvlp.errors import DataError

SCHEMA = Schema(("image", "x", "y"), numbers=("x", "y"))
VALUES = (0.0, 0.35, -0.5, 7.0, 12.5, 100.25, 512.0, 1024.0, 1024.5, -2048.125, 30_000.0, 1_234_567.75)


def english(value: float) -> str:
    return f"{value:,}".removesuffix(".0")


def european(value: float) -> str:
    return english(value).translate(str.maketrans(",.", ".,"))


@pytest.mark.parametrize("spelled", [english, european])
def test_a_table_says_how_it_is_spelled(spelled):
    """Any two numbers of which one can be read in one way alone; a column of whole numbers goes by the other column."""
    rng = np.random.default_rng(0)
    for pair in itertools.combinations(VALUES, 2):
        values = [*pair, 0.35]
        rng.shuffle(values)
        cells = with_points({"x": [spelled(values[0])], "y": [spelled(value) for value in values[1:]]})
        assert [float(cell) for cell in (*cells["x"], *cells["y"])] == values


@pytest.mark.parametrize("cell", ["1,024", "-12,345", "999,000"])
def test_what_can_be_read_in_two_ways_is_refused(cell):
    with pytest.raises(SpellingError, match=f"is {cell.replace(',', '')} or {cell.replace(',', '.')}") as told:
        with_points({"x": ["512", "7"], "y": ["3", cell]})
    assert (told.value.column, told.value.row) == ("y", 1)


@pytest.mark.parametrize("cell", ["", "nan", "twelve", "1,2,3", ",", "1.2.3,4", "12;5"])
def test_what_is_no_number_stays(cell):
    assert with_points({"x": [cell, "0,5"]}) == {"x": [cell, "0.5"]}


def test_a_table_without_commas_stays():
    assert with_points({"x": ["1.024", "12.000", "7"]}) == {"x": ["1.024", "12.000", "7"]}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("a;0,35;12\nb;1.024;7,5", [[0.35, 12], [1024, 7.5]]),
        ('a,"0,35",12\nb,"1.024","7,5"', [[0.35, 12], [1024, 7.5]]),
        ('a,"1,024",12.5\nb,7,', [[1024, 12.5], [7, np.nan]]),
        ("a;1.024;12.5\nb;7;0.125", [[1.024, 12.5], [7, 0.125]]),
    ],
)
def test_tables_are_read(tmp_path, rows, expected):
    path = tmp_path / "boxes.csv"
    separator = ";" if ";" in rows else ","
    path.write_text(f"image{separator}x{separator}y\n{rows}\n")
    assert np.array_equal(read_table(path, SCHEMA)[["x", "y"]].to_numpy(), expected, equal_nan=True)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("a;3;4\nb;1,024;7", "column x, row 2: '1,024' is 1024 or 1.024: write it without the comma"),
        ("a;12.5;4\nb;7;0,35", "column y, row 2: '0,35' has a decimal comma, '12.5' of column x, row 1, a point"),
        ("a;0,35;4\nb;1,2,3;7", "column x, row 2: '1,2,3' is no number"),
        ("a;0,35;4\nb;1 024,5;7", "column x, row 2: '1 024,5' is no number"),
    ],
)
def test_what_is_left_in_doubt_names_row_and_column(tmp_path, rows, told):
    path = tmp_path / "boxes.csv"
    path.write_text(f"image;x;y\n{rows}\n")
    with pytest.raises(DataError, match=re.escape(told)) as error:
        read_table(path, SCHEMA)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_json_rows_are_read_alike(tmp_path):
    rows = [{"image": "a", "x": "0,35", "y": 4}, {"image": "b", "x": 7, "y": "12,5"}]
    assert to_table(rows, SCHEMA, "rows").to_numpy().tolist() == [["a", 0.35, 4], ["b", 7, 12.5]]
    rows[1]["x"] = 7.5
    with pytest.raises(DataError, match=r"rows, column x, row 1: '0,35' has a decimal comma, '7\.5'"):
        to_table(rows, SCHEMA, "rows")


def test_commas_that_push_cells_behind_the_header_are_refused(tmp_path):
    """ChestX-ray14's table of boxes has three columns without a name, into which unquoted decimals would go."""
    path = tmp_path / "BBox_List_2017.csv"
    schema = Schema(("image", "label", "x", "y", "width", "height"), numbers=("x", "y", "width", "height"))
    header = "Image Index,Finding Label,Bbox [x,y,w,h],,,"
    path.write_text(f"{header}\na.png,Mass,1.5,2,3,4,,,\n")
    assert read_table(path, schema, by_position=True).to_numpy().tolist() == [["a.png", "Mass", 1.5, 2, 3, 4]]
    path.write_text(f"{header}\na.png,Mass,1.5,2,3,4,,,\nb.png,Mass,225,08,547,01,86,7,79\n")
    with pytest.raises(DataError, match=r"row 2: it has more cells than the header has names; .* decimal comma"):
        read_table(path, schema, by_position=True)


@pytest.mark.parametrize("box", [["12", "5", "30", "40"], [12, 5, 30, 40]])
def test_numbers_of_slake_that_are_texts_are_added(tmp_path, box):
    (tmp_path / "detection.json").write_text(json.dumps([{"Mass": box}]))
    assert read_json(tmp_path / "detection.json", "")
    assert read_boxes(tmp_path)[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == [[12, 5, 42, 45]]


def test_a_decimal_comma_of_slake_is_refused(tmp_path):
    (tmp_path / "detection.json").write_text(json.dumps([{"Mass": ["12,5", 5, 30, 40]}]))
    with pytest.raises(DataError, match=r"detection\.json is no list of boxes .*'12,5'"):
        read_boxes(tmp_path)
