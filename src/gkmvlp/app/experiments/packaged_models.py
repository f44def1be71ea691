"""Train, measure and publish the models that come with the package."""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from gkmvlp.app.commands.phantom import write_corpora
from gkmvlp.app.experiments.conditions import fit, test
from gkmvlp.app.running.configs import by_name
from gkmvlp.app.running.outcome import conclude
from gkmvlp.app.running.planted_truth import score_on_truth
from gkmvlp.errors import UsageError
from gkmvlp.metrics.results.provenance import ProcessTreePeak
from gkmvlp.zoo.entry import PACKAGED, Entry
from gkmvlp.zoo.registry import find
from gkmvlp.zoo.store.model_files import rounded
from gkmvlp.zoo.store.packaged import BACKBONE, CORPORA, FINE_TUNED, SEED, Shipped
from gkmvlp.zoo.store.publish import MODEL_FOLDERS, About, publish


def make_models(out: Path, models: Path, options: list[str], only: Sequence[str] = ()) -> list[Entry]:
    """Every shipped model, the backbone first; a run that is complete is not repeated.

    Args:
        out: Folder of phantoms and runs.
        models: Folder of entries; those of the same names are replaced.
        options: Further words of every run.
        only: Names of the models that are made, from the backbone that is there; none means all.

    Raises:
        UsageError: If a name is none of a shipped model.
    """
    known = [shipped.name for shipped in (BACKBONE, *FINE_TUNED)]
    if strange := sorted(set(only) - set(known)):
        raise UsageError(f"--only {strange[0]}: one of {', '.join(known)} expected")
    models.mkdir(parents=True, exist_ok=True)
    if models.resolve() != PACKAGED.resolve():
        named = os.environ.get("GKMVLP_ZOO", "")
        os.environ["GKMVLP_ZOO"] = os.pathsep.join(filter(None, (str(models.resolve()), named)))
    write_corpora(out / "data", CORPORA, SEED)
    is_new = not only or BACKBONE.name in only
    backbone = _make(BACKBONE, out, models, options) if is_new else find(BACKBONE.name)
    start = [f"--model.init_args.backbone={backbone.reference}", "--model.init_args.architecture=null", *options]
    chosen = [shipped for shipped in FINE_TUNED if not only or shipped.name in only]
    return [*([backbone] if is_new else []), *(_make(shipped, out, models, start) for shipped in chosen)]


def _make(shipped: Shipped, out: Path, models: Path, options: list[str]) -> Entry:
    """One model: fit, round to what is released, test that, publish; from another config it is another run."""
    file = by_name(shipped.config)
    texts = [part.read_text() for part in (file, *sorted((file.parent / "_base").glob("architecture_*.yaml")))]
    folder = out / f"{shipped.name}-{hashlib.sha256(repr((texts, options, CORPORA, SEED)).encode()).hexdigest()[:8]}"
    if not (folder / "results.json").is_file():
        begin, data = time.monotonic(), out / "data"
        config, words = f"zoo://{shipped.config}", [f"--data.init_args.root={data}", *options]
        with ProcessTreePeak() as peak:
            fit(config, folder, words)
            checkpoint = round_run(folder)
            test(config, folder, [*words, f"--ckpt_path={checkpoint}"])
            if shipped is BACKBONE:
                score_on_truth(folder / "predictions", data)
        conclude(folder, begin, peak.bytes)
    with tempfile.TemporaryDirectory(prefix=".", dir=models) as scratch:
        entry = publish(folder, Path(scratch), About(shipped.name, shipped.summary, limits=shipped.limits))
        shutil.rmtree(models / shipped.name, ignore_errors=True)
        for name in (shipped.name, f"{shipped.name}.md", f"{shipped.name}.yaml"):
            (Path(scratch) / name).replace(models / name)
    return entry


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
