"""Learning rates of a config that fine-tunes, chosen on validation data: a run for each rate, initialisation and seed.

On phantoms of another seed than the demo's, from a backbone pre-trained on them, or on a real data set.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gkmvlp.app.experiments.runs import fit, run_missing
from gkmvlp.app.running.configs import by_name, data_class
from gkmvlp.app.running.recipes import start_from
from gkmvlp.app.running.run import Overrides, Run, data_overrides, merged, model_overrides, words_of
from gkmvlp.checkpoints.pickles import load_pickle
from gkmvlp.data_modules.synthetic.lookalikes import layout_of, write_lookalikes
from gkmvlp.errors import UsageError
from gkmvlp.hardware import runs_at_once
from gkmvlp.metrics.results.plain_table import write_table
from gkmvlp.metrics.results.provenance import command
from gkmvlp.zoo.store.packaged import CORPORA

SEED = 1  # of the phantoms; the demo's are of seed 3
KEPT = "validation.json"
COLUMNS = ("config", "arm", "rate", "validation figure", "seeds", "chosen")


@dataclass(frozen=True)
class Corpus:
    """What the rates are tried on.

    Attributes:
        root: Root of the data.
        backbone: Where fine-tuning starts.
        note: How both were made.
    """

    root: str
    backbone: str
    note: str = ""


def phantom_corpus(config: str, out: Path, patients: int, images: int | None, pretraining: Overrides) -> Corpus:
    """Phantoms of another seed than the demo's and a backbone pre-trained on them; what is there is not made again.

    Args:
        config: The config whose rates are chosen.
        out: Folder of both.
        patients: Of the MIMIC-CXR look-alike.
        images: Size of the task's own look-alike; None takes that of the packaged models.
        pretraining: Overrides of pre-training.
    """
    data, folder = out / "data", out / "pretrain"
    sizes = {"mimic": patients}
    layout = layout_of(data_class(by_name(config)))
    if layout is not None and layout != "mimic":
        sizes[layout] = images or CORPORA[layout]
    write_lookalikes(data, sizes, SEED)
    run = Run("zoo://pretrain-phantom", folder, merged(data_overrides(root=data), pretraining))
    run_missing(fit, [run], "backbone/config.json", 1)
    how = f"with {' '.join(words_of(pretraining))}" if pretraining else "unchanged"
    counts = ", ".join(f"{name} {count}" for name, count in sizes.items())
    note = f"; phantoms of seed {SEED}: {counts}; backbone by the config pretrain-phantom {how}"
    return Corpus(str(data), str(folder / "backbone"), note)


def try_rates(
    config: str, out: Path, corpus: Corpus, rates: Sequence[float], seeds: Sequence[int], overrides: Overrides
) -> list[list[object]]:
    """Every initialisation with every rate and seed; a run that is there is not repeated. Prints what is chosen.

    Args:
        config: Config of the zoo.
        out: Folder of all runs.
        corpus: Data and backbone.
        rates: Learning rates.
        seeds: Seeds of initialisation, order and dropout.
        overrides: Of every run.

    Returns:
        Rows of the table with ``COLUMNS``.
    """
    file, folder, start = str(by_name(config)), out / config, start_from(corpus.backbone)
    shared = merged(data_overrides(root=corpus.root), overrides)
    runs = {
        (name, rate, seed): Run(
            file, folder / f"{name}-{rate:g}-{seed}", merged(shared, _condition(name, start, rate)), seed
        )
        for name in ("scratch", "pretrained")  # the longer runs first
        for rate in rates
        for seed in seeds
    }
    run_missing(fit_and_keep, list(runs.values()), KEPT, runs_at_once())
    rows: list[list[object]] = []
    for wanted in ("pretrained", "scratch"):
        scores: dict[float, list[float]] = {rate: [] for rate in rates}
        for (name, rate, _), run in runs.items():
            if name == wanted:
                scores[rate].append(float(json.loads((run.folder / KEPT).read_text())["best"]))
        best = choose(scores)
        for rate, values in scores.items():
            mark = "yes" if rate == best else ""
            rows.append([config, wanted, f"{rate:g}", sum(values) / len(values), len(values), mark])
        print(f"{config}, {wanted}: {best:g}", flush=True)
    return rows


def _condition(name: str, start: Overrides, rate: float) -> Overrides:
    """What one run changes: where it starts, and its rate."""
    if name == "scratch":
        return model_overrides(backbone=None, scratch_lr=rate)
    return {**start, **model_overrides(**{"optimizer.lr": rate})}


def choose(scores: Mapping[float, Sequence[float]]) -> float:
    """The rate of the highest mean over seeds; of equal ones the smallest.

    Args:
        scores: Rate -> validation figure of each seed, higher is better.
    """
    return max(sorted(scores), key=lambda rate: sum(scores[rate]) / len(scores[rate]))


def fit_and_keep(run: Run) -> None:
    """One run; the validation figure of its best checkpoint is kept in its folder."""
    fit(run)
    (run.folder / KEPT).write_text(json.dumps({"best": best_score(run.best_checkpoint)}))


def best_score(checkpoint: Path) -> float:
    """The monitored figure by which a checkpoint was chosen.

    Raises:
        UsageError: If validation chose none.
    """
    if not checkpoint.is_file():
        raise UsageError(f"no {checkpoint}: a rate is chosen on validation data, so runs must be validated")
    callbacks = load_pickle(checkpoint, "run the fit anew")["callbacks"]
    return next(float(state["best_model_score"]) for name, state in callbacks.items() if "ModelCheckpoint" in name)


def record_rates(
    config: str,
    out: Path,
    rows: Sequence[Sequence[object]],
    corpus: Corpus,
    overrides: Overrides,
    seconds: float,
    record: Path | None,
) -> None:
    """Writes the table of ``try_rates`` into ``out``, and into ``record`` where that is given."""
    changed = f"; fine-tuning with {' '.join(words_of(overrides))}" if overrides else ""
    note = f"The figure that validation chooses by, at its best{corpus.note}{changed}."
    name, title = f"rates-{config}.json", f"Learning rates of {config}"
    write_table(out / name, title, COLUMNS, rows, command=command(), seconds=seconds, note=note)
    print(out / name)
    if record:
        record.mkdir(parents=True, exist_ok=True)
        print(shutil.copyfile(out / name, record / name))
