"""Pre-training on real image-report pairs over patient folds, and what it learned beside the prevalence."""

import argparse
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Plot

from gkmvlp.app.experiments.real.chestxray14_pairs import (
    NAMES,
    WORDINGS,
    Pairs,
    build_pairs,
    over_folds,
    prevalence_nats,
)
from gkmvlp.app.experiments.runs import run_in_process, run_missing
from gkmvlp.app.pages.training_curves import read_scalars
from gkmvlp.app.running.run import Overrides, Run, data_overrides, merged, overrides_of, words_of
from gkmvlp.data_modules import ImageReportPairs
from gkmvlp.entities import ENTITY_INDEX
from gkmvlp.metrics.results.plain_table import write_table
from gkmvlp.metrics.results.provenance import command
from gkmvlp.metrics.results.tables import interval

FOLDS = 5
OBJECTIVES = ("itc", "lm", "ecls")
ENTITIES = sorted(NAMES.values())
LOSSES = tuple(f"{name.upper()} {when}" for name in OBJECTIVES for when in ("start", "end"))
COLUMNS = ("fold", "train", "validation", *LOSSES, "prevalence", "ECLS - prevalence")


@dataclass(frozen=True)
class Fold:
    """What one fold gave; losses are means over its validation images, in nats.

    Attributes:
        fold: Its number.
        images: Images of ``train`` and ``validate``.
        start: Objective -> loss at step 0.
        end: Objective -> loss at the last step.
        curves: Objective -> [step, loss] after each epoch, step 0 first.
        prevalence: Cross-entropy of a predictor that knows the training prevalence only.
        entropy: Entropy of that prevalence.
    """

    fold: int
    images: dict[str, int]
    start: dict[str, float]
    end: dict[str, float]
    curves: dict[str, list[list[float]]]
    prevalence: float
    entropy: float

    @property
    def gain(self) -> float:
        """ECLS at the end minus the prevalence's cross-entropy; below 0 means that the image was read."""
        return self.end["ecls"] - self.prevalence


def measure(args: argparse.Namespace) -> None:
    """Builds the table, runs the folds that are not there yet, prints and writes ``pairs.json`` and ``pairs.png``."""
    begin = time.monotonic()
    pairs = build_pairs(args.root)
    args.out.mkdir(parents=True, exist_ok=True)
    table = args.out / "pairs.csv"
    pairs.table.to_csv(table, index=False)
    overrides = overrides_of(args.settings)
    folds = [_fold(args, table, fold, overrides) for fold in args.folds]
    rows = [_row(fold) for fold in folds]
    if len(folds) > 1:
        rows.append(_mean_row(folds))
    note = _note(pairs, folds, overrides)
    shown: list[list[object]] = [list(COLUMNS), *rows]
    print(*(" | ".join(_text(cell) for cell in row) for row in shown), note, sep="\n")
    curves = {fold.fold: fold.curves for fold in folds}
    write_table(args.out / "pairs.json", "Pre-training on real image-report pairs", COLUMNS, rows, command=command(),
                seconds=time.monotonic() - begin, note=note, curves=curves)  # fmt: skip
    plot_curves(folds).savefig(args.out / "pairs.png", dpi=80)
    if args.record:
        args.record.mkdir(parents=True, exist_ok=True)
        for name in ("pairs.json", "pairs.png"):
            shutil.copyfile(args.out / name, args.record / name)


def _fold(args: argparse.Namespace, table: Path, fold: int, overrides: Overrides) -> Fold:
    """One fold: losses at step 0, the fit, and the prevalence; a fold that is complete is not repeated."""
    data: dict[str, Any] = {"table": str(table), "image_root": str(args.root), "num_folds": FOLDS, "fold": fold}
    places = data_overrides(**data, cache_dir=args.out / "cache", dataset_name="chestxray14-pairs")
    entities = {"model.init_args.architecture.knowledge.entities": ENTITIES}

    def measured(run: Run) -> None:
        shutil.rmtree(run.folder, ignore_errors=True)  # a broken run's scalars would mix with the new ones
        run_in_process(*replace(run, folder=run.folder / "start").words("validate"))
        run_in_process(*run.words("fit"))
        rows = ImageReportPairs(**data)
        rows.check()
        (run.folder / "fold.json").write_text(json.dumps(asdict(_losses(run.folder, fold, rows))))

    run = Run("zoo://pretrain-pairs", args.out / f"fold{fold}", merged(places, entities, overrides))
    run_missing(measured, [run], "fold.json", 1)
    return Fold(**json.loads((run.folder / "fold.json").read_text()))


def _losses(folder: Path, fold: int, rows: ImageReportPairs) -> Fold:
    """Reads what the two runs of a fold logged, and weighs the prevalence of its training rows."""
    before, after = read_scalars(folder / "start" / "tensorboard"), read_scalars(folder / "tensorboard")
    start = {name: float(before[f"val/{name}"]["value"].iloc[-1]) for name in OBJECTIVES}
    curves = {name: [[0, start[name]], *after[f"val/{name}"].to_numpy().tolist()] for name in OBJECTIVES}
    columns = [ENTITY_INDEX[name] for name in ENTITIES]
    status = {
        split: np.stack([row.fields["status"] for row in rows.rows(split)])[:, columns]
        for split in ("train", "validate")
    }
    prevalence, entropy = prevalence_nats(status["train"], status["validate"])
    end = {name: curve[-1][1] for name, curve in curves.items()}
    images = {split: len(status_NE) for split, status_NE in status.items()}
    return Fold(fold, images, start, end, curves, prevalence, entropy)


def _row(fold: Fold) -> list[object]:
    """One fold as a row of the table."""
    losses = [losses[name] for name in OBJECTIVES for losses in (fold.start, fold.end)]
    return [str(fold.fold), *fold.images.values(), *losses, fold.prevalence, fold.gain]


def _mean_row(folds: Sequence[Fold]) -> list[object]:
    """Means over folds with their intervals."""
    columns = list(zip(*(_row(fold)[3:] for fold in folds), strict=True))
    spans = [dict(zip(("value", "low", "high"), over_folds(column), strict=True)) for column in columns]  # type: ignore[arg-type]
    return ["mean [95 %]", "", "", *(interval(span) for span in spans)]


def _note(pairs: Pairs, folds: Sequence[Fold], overrides: Overrides) -> str:
    """Counts and what the columns are."""
    dropped = "; ".join(f"{count} {reason}" for reason, count in pairs.dropped.items()) or "none"
    patients = pairs.table["patient_id"].nunique()
    entropy = np.mean([fold.entropy for fold in folds])
    changed = f" Changed options: {' '.join(words_of(overrides))}." if overrides else ""
    return (
        f"Images found {pairs.images}, used {len(pairs.table)} of {patients} patients, dropped: {dropped}. "
        f"Reports are the labels' names in one of {len(WORDINGS)} wordings, chosen by hash. Losses in nats on the "
        f"validation fold, at step 0 and at the last step; config pretrain-pairs, the {len(ENTITIES)} entities that "
        "the labels name. `prevalence` is the cross-entropy, over the same entries as ECLS, of a predictor that knows "
        f"only how often each entity is present in training (the entropy of that prevalence is {entropy:.3f}). "
        f"Intervals: Student's t over patient folds, whose training sets overlap.{changed}"
    )


def _text(cell: object) -> str:
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)


def plot_curves(folds: Sequence[Fold]) -> Plot:
    """Validation losses over steps, a line a fold; dashed in the panel of ECLS: the prevalence's cross-entropy."""
    plot = Plot(figsize=(8.4, 2.6), layout="constrained")
    for axis, name in zip(plot.subplots(1, len(OBJECTIVES)), OBJECTIVES, strict=True):
        for fold in folds:
            axis.plot(*np.transpose(fold.curves[name]), linewidth=1, label=f"fold {fold.fold}")
        axis.set(title=f"validation {name.upper()}", xlabel="step", ylabel="nats")
        if name == "ecls":
            axis.axhline(float(np.mean([fold.prevalence for fold in folds])), linestyle="--", color="grey", linewidth=1)
    axis.legend(fontsize=6)
    return plot
