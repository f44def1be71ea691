"""Train, measure, calibrate and publish the models that come with the package."""

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from gkmvlp.app.actions.calibration import calibrate_model, make_data
from gkmvlp.app.experiments.runs import fit, run_missing, test
from gkmvlp.app.running.outcome import finish_run
from gkmvlp.app.running.planted_truth import score_run_on_truth
from gkmvlp.app.running.run import Overrides, Run, data_overrides, merged, model_overrides
from gkmvlp.checkpoints.pickles import load_pickle
from gkmvlp.checkpoints.weights import read_tensors, write_tensors
from gkmvlp.data_modules.synthetic.lookalikes import write_lookalikes
from gkmvlp.errors import UsageError
from gkmvlp.metrics.results.provenance import ProcessTreePeak
from gkmvlp.zoo.entry import PACKAGED, Entry
from gkmvlp.zoo.inference.calibrating import is_calibratable
from gkmvlp.zoo.inference.loading import open_predictor
from gkmvlp.zoo.registry import find
from gkmvlp.zoo.store.model_files import rename_backbone, rounded
from gkmvlp.zoo.store.packaged import CALIBRATION, CALIBRATION_SEED, CORPORA, MODELS, SEED, Shipped
from gkmvlp.zoo.store.publish import MODEL_FOLDERS, ReleaseInfo, publish, renew

PHANTOMS = "calibration"  # folder of those that calibrate


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
    know_entries(models, only)
    write_lookalikes(out / PHANTOMS, CALIBRATION, CALIBRATION_SEED)
    write_lookalikes(out / "data", CORPORA, SEED)
    changed = merged(data_overrides(root=out / "data"), overrides)
    return [
        _make(shipped, out, models, merged(start(shipped), changed))
        for shipped in MODELS
        if not only or shipped.name in only
    ]


def calibrate_models(out: Path, models: Path, only: Sequence[str] = ()) -> list[Entry]:
    """Calibrates shipped models that are there anew, on phantoms that trained none of them; no weight changes.

    A model that stands on one whose files changed names the new files.

    Args:
        out: Folder of phantoms.
        models: Folder of entries; they are changed in place.
        only: Names of the models that are calibrated; none means all.

    Raises:
        UsageError: If a name is none of a shipped model.
    """
    know_entries(models, only)
    write_lookalikes(out / PHANTOMS, CALIBRATION, CALIBRATION_SEED)
    return [_calibrate(shipped, out, models, not only or shipped.name in only) for shipped in MODELS]


def know_entries(models: Path, only: Sequence[str]) -> None:
    """Checks the names of models, and makes the entries of a folder known.

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


def _calibrate(shipped: Shipped, out: Path, models: Path, is_calibrated: bool) -> Entry:
    """One model that is there: named by its backbone of today, calibrated, entry and card anew."""
    entry, folder = find(shipped.name), models / shipped.name
    backbone = find(shipped.backbone).reference if shipped.backbone else None
    rename_backbone(folder, entry.backbone, backbone)
    if is_calibrated:
        calibrate_folder(folder, f"zoo://{shipped.config}", out / PHANTOMS)
    return renew(dataclasses.replace(entry, backbone=backbone), models, shipped.limits)


def start(shipped: Shipped) -> Overrides:
    """Where a model starts from."""
    if shipped.backbone is None:
        return {}
    return model_overrides(backbone=find(shipped.backbone).reference, architecture=None)


def _make(shipped: Shipped, out: Path, models: Path, overrides: Overrides) -> Entry:
    """One model: fit, round to what is released, test and calibrate that, publish."""
    run = Run(f"zoo://{shipped.config}", out / shipped.name, overrides)
    run_missing(fit_and_measure, [run], "results.json", 1)
    with tempfile.TemporaryDirectory(prefix=".", dir=models) as scratch:
        entry = publish(run.folder, Path(scratch), ReleaseInfo(shipped.name, shipped.summary, limits=shipped.limits))
        shutil.rmtree(models / shipped.name, ignore_errors=True)
        for name in (shipped.name, f"{shipped.name}.md", f"{shipped.name}.yaml"):
            (Path(scratch) / name).replace(models / name)
    return entry


def fit_and_measure(run: Run) -> None:
    """Fits a run, tests its weights as they are released, and calibrates them."""
    shutil.rmtree(run.folder, ignore_errors=True)  # a run by another config or with other overrides
    with ProcessTreePeak() as peak:
        fit(run)
        test(run.with_checkpoint(round_run(run.folder)))
        inner = next(run.folder / name for name in MODEL_FOLDERS if (run.folder / name / "config.json").is_file())
        calibrate_folder(inner, run.config, run.folder.parent / PHANTOMS)
        score_run_on_truth(run.folder)
    finish_run(run.folder, peak)


def calibrate_folder(folder: Path, config: str, phantoms: Path) -> None:
    """Calibrates a model on all rows of phantoms that it was not trained on; one without probabilities is left.

    Args:
        folder: Of the model.
        config: That trained it, which names the data set.
        phantoms: Root of them.
    """
    predictor = open_predictor(folder)
    predictor.calibration = None  # what was there before is not told of
    predictor.info["patients"] = []  # phantoms of two seeds share numbers of patients, and no patient
    if is_calibratable(predictor):
        calibrate_model(predictor, make_data(predictor, config, str(phantoms), {}), folder, "all")


def round_run(folder: Path) -> Path:
    """Rounds the weights that a fit leaves to half precision, so that what is measured is what is released.

    Args:
        folder: The run's folder; the tensors of its model are rewritten.

    Returns:
        The best checkpoint with rounded weights.
    """
    for inner in MODEL_FOLDERS:
        for file in (folder / inner).glob("*.safetensors"):
            write_tensors(rounded(read_tensors(file)), file)
    checkpoint = load_pickle(folder / "checkpoints" / "best.ckpt", "run the fit anew")
    checkpoint["state_dict"] = rounded(checkpoint["state_dict"])
    torch.save(checkpoint, folder / "checkpoints" / "rounded.ckpt")
    return folder / "checkpoints" / "rounded.ckpt"
