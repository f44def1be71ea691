"""Figures by groups as a table for the documents; ChestX-ray14's table tells who patients are where rows do not."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from gkmvlp.data_modules.formats.chest_xray14 import find_files, read_people
from gkmvlp.metrics.assemble import Key
from gkmvlp.metrics.groups import grouped, known_columns
from gkmvlp.metrics.protocols import PROTOCOLS
from gkmvlp.metrics.results.group_result import GroupedResult
from gkmvlp.metrics.results.plain_table import write_table
from gkmvlp.metrics.results.predictions import read_predictions
from gkmvlp.metrics.results.provenance import ProcessTreePeak, command
from gkmvlp.metrics.results.tables import GROUPS, group_rows

SHOWN = {
    "classification": Key("auroc_macro", None),
    "zero_shot": Key("entity_auroc_macro", None),
    "grounding": Key("pointing_game", "all"),
    "localization": Key("map_40_75", None),
}
NOTE = f"Ages of images whose own is not known are those of the patient's first image in ChestX-ray14. {GROUPS}"


def with_people(table: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Predictions with sex and age of ChestX-ray14's patients, where they have none of their own.

    Args:
        table: Predictions whose ``patient_id`` is that of ChestX-ray14.
        people: patient_id, sex (F or M) and age in years, a row an image.
    """
    first = people.groupby("patient_id").agg(sex=("sex", "first"), age=("age", "min"))
    own = {name: table["patient_id"].map(first[name]) for name in ("sex", "age")}
    return table.assign(**{name: table[name].fillna(told) if name in table else told for name, told in own.items()})


def groups_of_file(file: Path, people: pd.DataFrame) -> list[GroupedResult]:
    """The figure that stands for the task of a predictions file, of each model and baseline, by all that is known."""
    table, meta = read_predictions(file)
    table = with_people(table, people)
    found = grouped(PROTOCOLS[meta["task"]], table, meta, known_columns(table))
    return [figure for figure in found if (figure.name, figure.label) == SHOWN[meta["task"]]]


def record_groups(name: str, files: Sequence[Path], nih_root: Path | None, out: Path, record: Path | None) -> None:
    """Writes ``groups.json`` of predictions files, and ``NAME-groups.json`` in a folder of records.

    Args:
        name: Of the table and piece.
        files: Predictions whose ``patient_id`` is that of ChestX-ray14.
        nih_root: Folder of ChestX-ray14; None writes nothing.
        out: Folder of the piece.
        record: Folder of records, or None.
    """
    if nih_root is None:
        return
    with ProcessTreePeak() as cost:
        people = read_people(find_files(str(nih_root)).entries)
        head, rows = group_rows([figure for file in files for figure in groups_of_file(file, people)])
    for target in (out / "groups.json", *([record / f"{name}-groups.json"] if record else [])):
        write_table(target, f"{name}, by group", head, rows, command=command(), seconds=cost.seconds, note=NOTE)
