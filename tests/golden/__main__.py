"""Golden regressions: what a few seeded runs compute, to the last bit.

``python -m tests.golden`` runs the real command on phantoms, on one thread in float32, and compares every loss, figure
and score with ``values.json``; ``--record`` writes that file anew. The values are our own output, no truth: they show
that a refactor changed nothing. Another processor or release of PyTorch rounds otherwise: the file says which made it.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from tests import tiny

VALUES = Path(__file__).with_name("values.json")
ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "GKMVLP_PROGRESS": "0"}
TRAINER = ["--trainer.precision=32-true", "--trainer.accelerator=cpu", "--trainer.callbacks=null"]
SHORT = [*TRAINER, "--trainer.max_steps=2", "--trainer.limit_val_batches=1", "--trainer.log_every_n_steps=1"]
PRETRAINING = [
    *TRAINER,
    "--trainer.max_steps=20",
    "--trainer.limit_val_batches=2",
    "--model.init_args.objectives.statement.start_step=0",
]
FINE_TUNINGS = ("classification-phantom", "localization-phantom", "regions-phantom", "report-phantom", "vqa-phantom")
MEASURED = ("grounding-phantom", "retrieval-phantom")
MODELS = {
    "gk-mvlp-phantom": ("grounding",),
    "gk-mvlp-phantom-classification": ("classification",),
    "gk-mvlp-phantom-localization": ("localization",),
    "gk-mvlp-phantom-report": ("report",),
    "gk-mvlp-phantom-vqa": ("vqa", "--question=Is there a pleural effusion?"),
}


def gkmvlp(*arguments: str) -> None:
    """Run one command in a process of its own, on one thread."""
    print("$ gkmvlp", *arguments, flush=True)
    command = [sys.executable, "-m", "gkmvlp", *arguments]
    subprocess.run(command, check=True, env=os.environ | ENVIRONMENT, cwd=ROOT, stdout=subprocess.DEVNULL)


def logged(run: Path) -> dict[str, list[float]]:
    """Every scalar of a run's TensorBoard files by its tag, in the order of steps."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    return {tag: [event.value for event in events.Scalars(tag)] for tag in sorted(events.Tags()["scalars"])}


def figures(file: Path) -> dict[str, list[float | None]]:
    """Value and interval of every figure in a ``results.json``, by what identifies it."""
    keys = ("task", "name", "label", "model", "data", "boxes")
    listed = json.loads(file.read_text())["figures"]
    return {
        " ".join(str(figure[key]) for key in keys): [figure["value"], figure["low"], figure["high"]]
        for figure in listed
    }


def numbers(file: Path) -> dict[str, Any]:
    """Every column of numbers of a table of predictions."""
    table = pd.read_parquet(file)
    columns = [name for name in table if pd.api.types.is_numeric_dtype(table[name])]
    return {name: [None if pd.isna(value) else value for value in table[name].tolist()] for name in columns}


def write_phantoms(data: Path) -> None:
    """The corpora that all runs below read."""
    size = ["--seed", "0", "--image-size", "128", "--root", str(data)]
    gkmvlp("data", "phantom", *size, "--patients", "120", "--layouts", "mimic", "nih", "rsna")
    gkmvlp("data", "phantom", *size, "--patients", "40", "--layouts", "vqa")


def run_all(folder: Path) -> Iterator[tuple[str, Any]]:
    """Name and values of each run."""
    data = folder / "data"
    write_phantoms(data)
    at = [f"--data.init_args.root={data}"]
    gkmvlp(
        "fit", "--config=zoo://pretrain-phantom", f"--trainer.default_root_dir={folder / 'pretrain'}", *at, *PRETRAINING
    )
    yield "pretrain-phantom", logged(folder / "pretrain")
    for config in FINE_TUNINGS:
        out = folder / config
        gkmvlp("fit", f"--config=zoo://{config}", f"--trainer.default_root_dir={out}", *at, *SHORT)
        yield config, logged(out)
    for config in MEASURED:
        out = folder / config
        gkmvlp("test", f"--config=zoo://{config}", f"--trainer.default_root_dir={out}", *at, *TRAINER)
        yield config, {file.name: numbers(file) for file in sorted((out / "predictions").glob("*.parquet"))}
    few = ["--patients", "24", "--vqa-images", "10", "--seed", "0"]
    shrunk = [*tiny.options(), *TRAINER]
    stages = [f"--set={stage}:{option.removeprefix('--')}" for stage in ("pretrain", "vqa") for option in shrunk]
    gkmvlp("demo", "--out", str(folder / "demo"), *few, *stages)
    yield "demo", figures(folder / "demo" / "results.json")
    images = sorted(map(str, (data / "chestxray14" / "images").glob("*.png")))[:4]
    for model, (task, *more) in MODELS.items():
        out = folder / f"{model}.parquet"
        gkmvlp(
            "predict", "--gate", "off", "--model", f"zoo://{model}", "--task", task, *more, "--out", str(out), *images
        )
        yield model, numbers(out)


def machine() -> str:
    """What rounds: processor and PyTorch."""
    import torch

    return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}, torch {torch.__version__}"


def main() -> int:
    """Compare, or record."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write values.json instead of comparing with it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        computed = json.loads(json.dumps(dict(run_all(Path(folder)))))
    if arguments.record:
        VALUES.write_text(json.dumps({"golden regression of": machine(), "runs": computed}, indent=1) + "\n")
        return 0
    golden = json.loads(VALUES.read_text())
    different = 0
    for name, wanted in golden["runs"].items():  # what a run tells by now and did not then is no difference
        got = computed.get(name) or {}
        keys = [key for key in wanted if got.get(key) != wanted[key]]
        different += bool(keys)
        if keys:
            print(f"{name}: {len(keys)} of {len(wanted)} differ: {', '.join(keys[:5])}", file=sys.stderr)
    print(f"{len(golden['runs']) - different} of {len(golden['runs'])} runs equal to the last bit")
    if different and golden["golden regression of"] != machine():
        print(f"recorded on {golden['golden regression of']}, this is {machine()}", file=sys.stderr)
    return int(bool(different))


if __name__ == "__main__":
    sys.exit(main())
