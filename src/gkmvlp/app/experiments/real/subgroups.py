"""Figures by sex and age group, where ChestX-ray14's table knows the patients of predictions."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from gkmvlp.data_modules.formats.chest_xray14 import find_files, read_people
from gkmvlp.metrics.assemble import BASELINE, Key, curves, mean_over_seeds, span
from gkmvlp.metrics.protocols import PROTOCOLS
from gkmvlp.metrics.results.plain_table import write_table
from gkmvlp.metrics.results.predictions import read_predictions
from gkmvlp.metrics.results.provenance import ProcessTreePeak, command
from gkmvlp.metrics.results.tables import interval

FEWEST = 30  # patients of a group that gets a figure
SHOWN = {
    "classification": Key("auroc_macro", None),
    "zero_shot": Key("entity_auroc_macro", None),
    "grounding": Key("pointing_game", "all"),
    "localization": Key("map_40_75", None),
}
AGES = ("under 40", "40 to 59", "60 and over")
COLUMNS = ("task", "figure", "model", "group", "patients", "value")
NOTE = (
    f"Patients by the table of ChestX-ray14, age at the first of a patient's images there. A group of fewer than "
    f"{FEWEST} patients is too small for a figure. Intervals are those of each group; nothing is corrected for the "
    "number of comparisons."
)


def age_group(age: float) -> str | None:
    """The age group of years; None where the age is unknown or none that a patient has."""
    if not 0 <= age <= 120:
        return None
    return AGES[(age >= 40) + (age >= 60)]


def groups_of(people: pd.DataFrame) -> dict[str, set[str]]:
    """Group -> ids of its patients.

    Args:
        people: patient_id, sex (F or M) and age in years, a row an image.
    """
    first = people.groupby("patient_id").agg(sex=("sex", "first"), age=("age", "min"))
    ages = first["age"].map(age_group)
    sexes = {f"sex {sex}": set(first.index[first["sex"].eq(sex)]) for sex in ("F", "M")}
    return sexes | {f"age {name}": set(first.index[ages.eq(name)]) for name in AGES}


def group_rows(file: Path, groups: Mapping[str, set[str]]) -> list[list[object]]:
    """One row a model, baseline and group, of the figure that stands for the task."""
    table, meta = read_predictions(file)
    task, key = meta["task"], SHOWN[meta["task"]]
    rows: list[list[object]] = []
    for group, members in groups.items():
        chosen = table[table["patient_id"].isin(members)]
        patients = chosen["patient_id"].nunique()
        values = curves(PROTOCOLS[task], chosen) if patients >= FEWEST else {}
        for model in sorted(set(table["model"]), key=lambda name: (name.startswith(BASELINE), name)):
            value = "too few"
            if model in values and key in values[model].by_seed:
                value = interval(span(mean_over_seeds(values[model].by_seed[key])))
            rows.append([task, " ".join(filter(None, key)), model.removeprefix(BASELINE), group, patients, value])
    return rows


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
        groups = groups_of(read_people(find_files(str(nih_root)).entries))
        rows = [row for file in files for row in group_rows(file, groups)]
    for target in (out / "groups.json", *([record / f"{name}-groups.json"] if record else [])):
        title = f"{name}, by sex and age"
        write_table(target, title, COLUMNS, rows, command=command(), seconds=cost.seconds, note=NOTE)
