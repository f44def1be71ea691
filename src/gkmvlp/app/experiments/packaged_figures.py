"""Test the models that come with the package anew, as they are: figures and groups for their cards, no training."""

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path

from gkmvlp.app.experiments.packaged_models import know_entries, start
from gkmvlp.app.experiments.runs import run_missing, test
from gkmvlp.app.running.configs import by_name, data_class
from gkmvlp.app.running.outcome import finish_run
from gkmvlp.app.running.planted_truth import score_run_on_truth
from gkmvlp.app.running.released_weights import ReleasedWeights
from gkmvlp.app.running.run import Overrides, Run, data_overrides, merged
from gkmvlp.data_modules.synthetic.lookalikes import layout_of, write_lookalikes
from gkmvlp.errors import ZooError
from gkmvlp.metrics.results.metric_result import read_json
from gkmvlp.metrics.results.provenance import ProcessTreePeak
from gkmvlp.zoo.entry import Entry
from gkmvlp.zoo.registry import find
from gkmvlp.zoo.store.packaged import CORPORA, MODELS, SEED, Shipped
from gkmvlp.zoo.store.publish import measured_figures, renew, result_of

RELEASED = f"{ReleasedWeights.__module__}.{ReleasedWeights.__qualname__}"


def measure_models(out: Path, models: Path, overrides: Overrides, only: Sequence[str]) -> list[Entry]:
    """Tests shipped models on the phantoms of their training's test split; entries and cards get what was measured.

    Args:
        out: Folder of phantoms and runs; a test that is there, of the same files, is not repeated.
        models: Folder of entries; no file of a model changes.
        overrides: Of every test.
        only: Names of the models that are tested; none means all.

    Raises:
        UsageError: If a name is none of a shipped model.
        ZooError: If the phantoms are others than those that a card tells of.
    """
    know_entries(models, only)
    chosen = [shipped for shipped in MODELS if not only or shipped.name in only]
    layouts = {layout_of(data_class(by_name(shipped.config))) for shipped in chosen}
    write_lookalikes(out / "data", {name: count for name, count in CORPORA.items() if name in layouts}, SEED)
    changed = merged(data_overrides(root=out / "data"), overrides)
    return [_test(shipped, out, models, changed) for shipped in chosen]


def _test(shipped: Shipped, out: Path, models: Path, overrides: Overrides) -> Entry:
    """One model that is there: tested, entry and card anew."""
    entry = find(shipped.name)
    filled = {"trainer.callbacks+": {"class_path": RELEASED, "init_args": {"reference": entry.reference}}}
    run = Run(f"zoo://{shipped.config}", out / "tested" / entry.name, merged(start(shipped), overrides, filled))
    run_missing(test_and_score, [run], "results.json", 1)
    _require_same_split(run.folder, entry)
    figures, groups = measured_figures(run.folder, entry.task)
    return renew(
        dataclasses.replace(entry, results=[result_of(figure) for figure in figures], groups=groups),
        models,
        shipped.limits,
    )


def test_and_score(run: Run) -> None:
    """Tests a run, scores what was planted, and leaves its figures."""
    shutil.rmtree(run.folder, ignore_errors=True)  # an earlier test of other files, and what it predicted
    with ProcessTreePeak() as peak:
        test(run)
        score_run_on_truth(run.folder)
    finish_run(run.folder, peak)


def _require_same_split(folder: Path, entry: Entry) -> None:
    """Compares who was tested with the entry, which says who was in which split.

    Raises:
        ZooError: If the split is another.
    """
    manifest = read_json(folder / "manifest.json")
    data, found = str(manifest["data"]), str(manifest["hash"])
    if (known := entry.manifests.get(data)) != found:
        raise ZooError(f"{folder}: {data} is split as {found[:12]}, the card of {entry.name} says {str(known)[:12]}")
