"""Train, measure and publish the models that come with the package."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from gkmvlp.app.experiments.runs import fit, run_missing, test
from gkmvlp.app.running.outcome import finish_run
from gkmvlp.app.running.planted_truth import score_run_on_truth
from gkmvlp.app.running.run import Overrides, Run, data_overrides, merged, model_overrides
from gkmvlp.data_modules.synthetic.lookalikes import write_lookalikes
from gkmvlp.errors import UsageError
from gkmvlp.metrics.results.provenance import ProcessTreePeak
from gkmvlp.zoo.entry import PACKAGED, Entry
from gkmvlp.zoo.registry import find
from gkmvlp.zoo.store.model_files import rounded
from gkmvlp.zoo.store.packaged import CORPORA, MODELS, SEED, Shipped
from gkmvlp.zoo.store.publish import MODEL_FOLDERS, ReleaseInfo, publish


def make_models(out: Path, models: Path, overrides: Overrides, only: Sequence[str] = ()) -> list[Entry]:
    """Every shipped model, backbones first; a run that is complete is not repeated.

    Args:
        out: Folder of phantoms and runs.
        models: Folder of entries; those of the same names are replaced.
        overrides: Of every run.
        only: Names of the models that are made, from the backbones that are there; none means all.

    Raises:
        UsageError: If a name is none of a shipped model.
    """
    known = [shipped.name for shipped in MODELS]
    if strange := sorted(set(only) - set(known)):
        raise UsageError(f"--only {strange[0]}: one of {', '.join(known)} expected")
    models.mkdir(parents=True, exist_ok=True)
    if models.resolve() != PACKAGED.resolve():
        named = os.environ.get("GKMVLP_ZOO", "")
        os.environ["GKMVLP_ZOO"] = os.pathsep.join(filter(None, (str(models.resolve()), named)))
    write_lookalikes(out / "data", CORPORA, SEED)
    changed = merged(data_overrides(root=out / "data"), overrides)
    return [
        _make(shipped, out, models, merged(_start(shipped), changed))
        for shipped in MODELS
        if not only or shipped.name in only
    ]


def _start(shipped: Shipped) -> Overrides:
    """Where a model starts from."""
    if shipped.backbone is None:
        return {}
    return model_overrides(backbone=find(shipped.backbone).reference, architecture=None)


def _make(shipped: Shipped, out: Path, models: Path, overrides: Overrides) -> Entry:
    """One model: fit, round to what is released, test that, publish."""
    run = Run(f"zoo://{shipped.config}", out / shipped.name, overrides)
    run_missing(fit_and_measure, [run], "results.json", 1)
    with tempfile.TemporaryDirectory(prefix=".", dir=models) as scratch:
        entry = publish(run.folder, Path(scratch), ReleaseInfo(shipped.name, shipped.summary, limits=shipped.limits))
        shutil.rmtree(models / shipped.name, ignore_errors=True)
        for name in (shipped.name, f"{shipped.name}.md", f"{shipped.name}.yaml"):
            (Path(scratch) / name).replace(models / name)
    return entry


def fit_and_measure(run: Run) -> None:
    """Fits a run, and tests its weights as they are released."""
    shutil.rmtree(run.folder, ignore_errors=True)  # a run by another config or with other overrides
    with ProcessTreePeak() as peak:
        fit(run)
        test(run.with_checkpoint(round_run(run.folder)))
        score_run_on_truth(run.folder)
    finish_run(run.folder, peak)


def round_run(folder: Path) -> Path:
    """Rounds the weights that a fit leaves to half precision, so that what is measured is what is released.

    Args:
        folder: The run's folder; the tensors of its model are rewritten.

    Returns:
        The best checkpoint with rounded weights.
    """
    for inner in MODEL_FOLDERS:
        for file in (folder / inner).glob("*.safetensors"):
            save_file(rounded(load_file(file)), file, {"format": "pt"})
    checkpoint = torch.load(folder / "checkpoints" / "best.ckpt", map_location="cpu", weights_only=True)
    checkpoint["state_dict"] = rounded(checkpoint["state_dict"])
    torch.save(checkpoint, folder / "checkpoints" / "rounded.ckpt")
    return folder / "checkpoints" / "rounded.ckpt"
