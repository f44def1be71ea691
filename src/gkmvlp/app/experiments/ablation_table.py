"""The table and the plot of the ablation, from the predictions that its runs left."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure as Plot

from gkmvlp.app.experiments.ablation import ARL_VARIANTS, FEWER, FILES, FULL, VARIANTS, model_name
from gkmvlp.metrics.assemble import Curves, Key, curves, difference, mean_over_seeds, span
from gkmvlp.metrics.protocols import PROTOCOLS
from gkmvlp.metrics.results.metric_result import Range, Results
from gkmvlp.metrics.results.plain_table import write_table
from gkmvlp.metrics.results.predictions import read_predictions
from gkmvlp.metrics.results.provenance import command
from gkmvlp.metrics.results.tables import interval

PHANTOMS = {  # kept file -> its figure and what the table calls it
    "entity_classification": ("entity_auroc_macro", "entities, AUROC"),
    "zero_shot": ("entity_auroc_macro", "zero-shot, AUROC"),
    "grounding": ("pointing_game", "pointing game, lateralised"),
    "classification-1%": ("auroc_macro", "classification, 1 % of labels, AUROC"),
    "classification-100%": ("auroc_macro", "classification, all labels, AUROC"),
    "vqa": ("accuracy_overall", "questions, accuracy"),
    "report": ("entity_f1_micro", "reports, entity F1"),
}
assert set(PHANTOMS) == set(FILES)
ORDER = tuple(VARIANTS | FEWER | ARL_VARIANTS)
Shown = Mapping[str, tuple[str, str]]
COLUMNS = ("figure", "variant", "value", "full - variant", "in each seed", "seeds")


class Cell(NamedTuple):
    """One figure of one variant."""

    figure: str
    variant: str
    value: Range
    against: Range | None  # full - variant, paired; None for the full model
    each: tuple[float, ...]  # the same in each seed
    seeds: int


def record_table(table: Path, keep: Path, seconds: float, shown: Shown = PHANTOMS, title: str = "Ablation") -> None:
    """Writes table and plot of all that is kept, and prints the table.

    Args:
        table: The table's file, ``.json``; the plot stands beside it.
        keep: Folder of the kept predictions.
        seconds: Time of the call that ends here.
        shown: Kept file -> its figure and what the table calls it.
        title: Of the table.
    """
    table_cells = cells(keep, shown)
    total = sum(Results.read(file).seconds for file in keep.glob("[!.]*/results.json"))
    note = (
        "Paired differences on the same resamples and seeds. The calls that completed the runs took "
        f"{total:,.0f} s, added up, as many at once as the cores allow; the seconds above are those of the last call."
    )
    write_table(table, title, COLUMNS, rows(table_cells), command=command(), seconds=seconds, note=note)
    plot(table_cells).savefig(table.with_suffix(".png"), dpi=90)
    for row in rows(table_cells):
        print(*row, sep=" | ")
    print(table)


def cells(keep: Path, shown: Shown = PHANTOMS) -> list[Cell]:
    """Every figure of every variant that has a complete run.

    Args:
        keep: Folder of the kept predictions, ``VARIANT-SEED`` each.
        shown: Kept file -> its figure and what the table calls it.
    """
    out = []
    for file, (name, title) in shown.items():
        parts = [read_predictions(path) for path in sorted(keep.glob(f"[!.]*/{file}.parquet"))]
        if not parts:
            continue
        table = pd.concat([rows for rows, _ in parts], ignore_index=True)
        measured = curves(PROTOCOLS[parts[0][1]["task"]], table)
        curves_of = {variant: measured[model_name(variant)] for variant in ORDER if model_name(variant) in measured}
        out += [_cell(title, variant, curves_of, Key(name, None)) for variant in curves_of]
    return out


def _cell(title: str, variant: str, curves_of: dict[str, Curves], key: Key) -> Cell:
    of_seed = curves_of[variant].by_seed[key]
    full = curves_of[FULL].by_seed[key] if FULL in curves_of and variant != FULL else {}
    common = sorted(set(full) & set(of_seed))
    against = span(difference(full, of_seed)) if common else None
    each = tuple(float(full[seed][0] - of_seed[seed][0]) for seed in common)
    return Cell(title, variant, span(mean_over_seeds(of_seed)), against, each, len(of_seed))


def rows(table_cells: Sequence[Cell]) -> list[list[object]]:
    """The cells as rows of a table."""
    return [
        [cell.figure, cell.variant, interval(cell.value), interval(cell.against) if cell.against else "",
         ", ".join(f"{gap:+.3f}" for gap in cell.each), cell.seeds]
        for cell in table_cells
    ]  # fmt: skip


def plot(table_cells: Sequence[Cell]) -> Plot:
    """A panel a figure: value and interval of each variant; the dashed line is the full model."""
    titles = list(dict.fromkeys(cell.figure for cell in table_cells))
    figure = Plot(figsize=(11, 2.0 * -(-len(titles) // 2)), layout="constrained")
    axes = figure.subplots(-(-len(titles) // 2), 2, squeeze=False).ravel()
    for axis in axes[len(titles) :]:
        axis.set_axis_off()
    for axis, title in zip(axes, titles, strict=False):
        chosen = [cell for cell in table_cells if cell.figure == title and cell.value["value"] is not None]
        for place, cell in enumerate(chosen):
            value, low, high = (cell.value[name] or 0.0 for name in ("value", "low", "high"))
            axis.plot([low, high], [place, place], color="tab:blue", linewidth=2, alpha=0.5)
            axis.plot(value, place, "o", color="tab:blue", markersize=5)
            if cell.variant == FULL:
                axis.axvline(value, color="grey", linestyle="--", linewidth=0.8)
        axis.set_yticks(range(len(chosen)), [cell.variant for cell in chosen], fontsize=7)
        axis.invert_yaxis()
        axis.set_title(title, fontsize=8)
        axis.tick_params(axis="x", labelsize=7)
    return figure
