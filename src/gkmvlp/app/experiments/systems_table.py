"""The table of two systems side by side, from the predictions and costs that their runs left."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gkmvlp.app.running.step_cost import FILE, Cost
from gkmvlp.metrics.assemble import BASELINE, Curves, Key, curves, difference, mean_over_seeds, span
from gkmvlp.metrics.protocols import PROTOCOLS
from gkmvlp.metrics.results.metric_result import Range
from gkmvlp.metrics.results.plain_table import write_table
from gkmvlp.metrics.results.predictions import read_predictions
from gkmvlp.metrics.results.provenance import command
from gkmvlp.metrics.results.tables import interval

# predictions file -> its figures and what the table calls them
SHOWN: Mapping[str, Sequence[tuple[Key, str]]] = {
    "entity_classification": [(Key("entity_auroc_macro", None), "entities of images, AUROC")],
    "retrieval": [
        (Key("i2t_recall_at_10", None), "texts of images, recall at 10"),
        (Key("t2i_recall_at_10", None), "images of texts, recall at 10"),
        (Key("i2t_recall_at_10", "findings"), "texts of images, recall at 10, same findings"),
        (Key("t2i_recall_at_10", "findings"), "images of texts, recall at 10, same findings"),
    ],
    "vqa": [
        (Key("accuracy_overall", None), "questions, accuracy"),
        (Key("accuracy_open", None), "open questions, accuracy"),
        (Key("accuracy_closed", None), "closed questions, accuracy"),
    ],
    "image_text_classification": [(Key("accuracy", None), "classes of figures with captions, accuracy")],
}
PAIRED = "Paired differences on the same resamples and seeds."
NOTE = (
    f"Same pairs, encoders, epochs and seeds. {PAIRED} Costs are of "
    "pre-training: operations of products and convolutions, forward and backward, and wall-clock hours of a fit, "
    "validation included, both means over seeds."
)


class Row(NamedTuple):
    """One figure of all systems."""

    figure: str
    values: Sequence[Range | None]  # in the order of the systems; None where one was not measured
    against: Range | None  # the last system minus the first, paired
    each: Sequence[float]  # the same in each seed
    baselines: Mapping[str, float]
    seeds: int


def record_table(folder: Path, out: Path, systems: Sequence[str], seconds: float, backbones: Mapping[str, str]) -> None:
    """Writes ``systems.json`` of all that is there, and prints the table.

    Args:
        folder: Where the table goes.
        out: Folder of the experiment.
        systems: Their names, in order.
        seconds: Time of the call that ends here.
        backbones: System -> backbone that was there before; empty where they were pre-trained.
    """
    rows = [*map(texts, figure_rows(out, systems)), *cost_rows(out, systems)]
    columns = ("figure", *systems, f"{systems[-1]} - {systems[0]}", "in each seed", "baselines", "seeds")
    for row in (columns, *rows):
        print(*row, sep=" | ")
    file = folder / "systems.json"
    title = "Two systems side by side"
    note = f"From {', '.join(backbones.values())}. {PAIRED}" if backbones else NOTE
    write_table(file, title, columns, rows, command=command(), seconds=seconds, note=note)
    print(file)


def figure_rows(out: Path, systems: Sequence[str]) -> list[Row]:
    """Every figure that some run left.

    Args:
        out: Folder of the experiment, with ``PIECE/predictions/TASK.parquet``.
        systems: Their names, in order.
    """
    rows = []
    for task, shown in SHOWN.items():
        for file in sorted(out.glob(f"*/predictions/{task}.parquet")):
            table, meta = read_predictions(file)
            measured = curves(PROTOCOLS[meta["task"]], table)
            rows += [row for key, title in shown if (row := _row(measured, systems, key, title)) is not None]
    return rows


def _row(measured: Mapping[str, Curves], systems: Sequence[str], key: Key, title: str) -> Row | None:
    """One figure; None where no system has it."""
    by_seed = [measured[model].by_seed.get(key, {}) if (model := f"variant:{name}") in measured else {} for name in
               systems]  # fmt: skip
    if not any(by_seed):
        return None
    first, last = by_seed[0], by_seed[-1]
    common = sorted(set(first) & set(last))
    baselines = {
        name.removeprefix(BASELINE): float(mean_over_seeds(of_model.by_seed[key])[0])
        for name, of_model in measured.items()
        if name.startswith(BASELINE) and key in of_model.by_seed
    }
    return Row(
        title,
        [span(mean_over_seeds(of_seed)) if of_seed else None for of_seed in by_seed],
        span(difference(last, first)) if common else None,
        [float(last[seed][0] - first[seed][0]) for seed in common],
        baselines,
        max(map(len, by_seed)),
    )


def texts(row: Row) -> list[object]:
    """A row as the table has it."""
    return [
        row.figure,
        *(interval(value) if value else "" for value in row.values),
        interval(row.against) if row.against else "",
        ", ".join(f"{gap:+.3f}" for gap in row.each),
        ", ".join(f"{name} {value:.3f}" for name, value in row.baselines.items()),
        row.seeds,
    ]


def cost_rows(out: Path, systems: Sequence[str]) -> list[list[object]]:
    """What pre-training took, means over the seeds that are there."""
    costs = [
        [Cost.read(file.parent) for file in sorted((out / "pretraining").glob(f"{name}-*/{FILE}"))] for name in systems
    ]
    if not any(costs):
        return []
    shown = {"parameters": ("parameters", "{:,.0f}"), "GFLOP a pair": ("gflop_per_pair", "{:.2f}"),
             "hours": ("hours", "{:.2f}")}  # fmt: skip
    return [
        [title, *(form.format(np.mean([getattr(cost, name) for cost in some])) if some else "" for some in costs),
         "", "", "", max(map(len, costs))]
        for title, (name, form) in shown.items()
    ]  # fmt: skip
