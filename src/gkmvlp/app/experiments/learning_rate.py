"""Choose the learning rates of a config that fine-tunes, on validation data.

Without --data on phantoms of another seed than the demo's, from a backbone pre-trained on them; with --data on the
validation rows of a real data set. The arms from a backbone and from scratch try the same rates; no test row is read.
The chosen rates are then written into the config by hand: optimizer.lr and scratch_lr.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from gkmvlp.app.commands.demo import PATIENTS
from gkmvlp.zoo.store.packaged import CORPORA

RATES = (3e-4, 1e-3, 3e-3)
SEED = 1  # of the phantoms; the demo's are of seed 3
KEPT = "validation.json"
LAYOUTS = {"VqaRad": "vqa", "ChestXray14": "nih", "RsnaPneumonia": "rsna"}  # DataModule -> look-alike, beside MIMIC's
COLUMNS = ("config", "arm", "rate", "validation figure", "seeds", "chosen")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", default="vqa-phantom", metavar="NAME", help="config of the zoo (vqa-phantom)")
    parser.add_argument("--data", metavar="DIR", help="root of a real data set (absent: phantoms)")
    parser.add_argument("--backbone", metavar="REF", help="backbone for --data")
    parser.add_argument("--out", type=Path, default=Path("outputs/rates"), metavar="DIR", help="where to write")
    parser.add_argument("--record", type=Path, metavar="DIR", help="folder that gets the table too, as docs/results")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES, metavar="R", help="rates to try")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], metavar="S", help="seeds of each run (0)")
    parser.add_argument("--patients", type=int, default=PATIENTS, metavar="N", help=f"phantom patients ({PATIENTS})")
    parser.add_argument("--images", type=int, metavar="M", help="size of the task's own look-alike (as in the demo)")
    for stage, what in (("--pretrain", "pre-training"), ("--finetune", "fine-tuning")):
        described = f"one more option of {what}, like {stage}=--trainer.max_epochs=1; may be repeated"
        parser.add_argument(stage, action="append", default=[], metavar="OPTION", help=described)


def run(args: argparse.Namespace) -> int:
    """Run what is not there yet, choose, write the table."""
    import shutil
    import time

    from gkmvlp.errors import UsageError
    from gkmvlp.metrics.results.plain_table import write_table
    from gkmvlp.metrics.results.provenance import command

    if args.data and not args.backbone:
        raise UsageError("--data needs --backbone: the rates hold for fine-tuning a certain backbone")
    start = time.monotonic()
    data, backbone, told = (args.data, args.backbone, "") if args.data else _phantoms(args)
    rows = _try_all(args, backbone, [f"--data.init_args.root={data}", *args.finetune])
    changed = f"; fine-tuning with {' '.join(args.finetune)}" if args.finetune else ""
    note = f"The figure that validation chooses by, at its best{told}{changed}."
    name = f"rates-{args.config}.json"
    title, seconds = f"Learning rates of {args.config}", time.monotonic() - start
    write_table(args.out / name, title, COLUMNS, rows, command=command(), seconds=seconds, note=note)
    print(args.out / name)
    if args.record:
        args.record.mkdir(parents=True, exist_ok=True)
        print(shutil.copyfile(args.out / name, args.record / name))
    return 0


def _try_all(args: argparse.Namespace, backbone: str, options: Sequence[str]) -> list[list[object]]:
    """Rows of the table: every arm with every rate; says what is chosen. A run that is there is not repeated."""
    import json

    from gkmvlp.app.experiments.runs import run_missing
    from gkmvlp.hardware import runs_at_once

    runs = {
        (arm, rate, seed): args.out / args.config / f"{arm}-{rate:g}-{seed}"
        for arm in ("scratch", "pretrained")  # the longer runs first
        for rate in args.rates
        for seed in args.seeds
    }
    calls = [
        (args.config, folder, [*options, *_words(arm, backbone, rate, seed)])
        for (arm, rate, seed), folder in runs.items()
    ]
    run_missing(fit_and_keep, calls, KEPT, runs_at_once())
    rows: list[list[object]] = []
    for arm in ("pretrained", "scratch"):
        found: dict[float, list[float]] = {rate: [] for rate in args.rates}
        for (name, rate, _), folder in runs.items():
            if name == arm:
                found[rate].append(float(json.loads((folder / KEPT).read_text())["best"]))
        best = choose(found)
        for rate, values in found.items():
            mark = "yes" if rate == best else ""
            rows.append([args.config, arm, f"{rate:g}", sum(values) / len(values), len(values), mark])
        print(f"{args.config}, {arm}: {best:g}", flush=True)
    return rows


def choose(found: Mapping[float, Sequence[float]]) -> float:
    """The rate of the highest mean over seeds; of equal ones the smallest.

    Args:
        found: Rate -> validation figure of each seed, higher is better.
    """
    return max(sorted(found), key=lambda rate: sum(found[rate]) / len(found[rate]))


def _phantoms(args: argparse.Namespace) -> tuple[str, str, str]:
    """Root of phantoms of another seed, backbone pre-trained on them, and how, for the note."""
    from gkmvlp.app.commands.phantom import write_corpora
    from gkmvlp.app.experiments.conditions import fit
    from gkmvlp.app.experiments.runs import run_missing
    from gkmvlp.app.running.configs import by_name
    from gkmvlp.app.running.recipes import data_class

    data, folder = args.out / "data", args.out / "pretrain"
    sizes = {"mimic": args.patients}
    if layout := LAYOUTS.get(data_class(by_name(args.config))):
        sizes[layout] = args.images or CORPORA[layout]
    write_corpora(data, sizes, SEED)
    call = ("zoo://pretrain-phantom", folder, [f"--data.init_args.root={data}", *args.pretrain])
    run_missing(fit, [call], "backbone/config.json", 1)
    how = f"with {' '.join(args.pretrain)}" if args.pretrain else "unchanged"
    told = "; phantoms of seed {}: {}".format(SEED, ", ".join(f"{name} {count}" for name, count in sizes.items()))
    return str(data), str(folder / "backbone"), f"{told}; backbone by the config pretrain-phantom {how}"


def _words(arm: str, backbone: str, rate: float, seed: int) -> list[str]:
    """Options of one run."""
    from gkmvlp.app.experiments.conditions import seed_words
    from gkmvlp.app.running.recipes import brought_by

    words = [f"--model.init_args.backbone={backbone}", f"--model.init_args.optimizer.lr={rate}"]
    words += brought_by(backbone) if arm == "pretrained" else []
    if arm == "scratch":
        words = ["--model.init_args.backbone=null", f"--model.init_args.scratch_lr={rate}"]
    return [*seed_words(seed), *words]


def fit_and_keep(config: str, folder: Path, words: Sequence[str]) -> None:
    """One run; the validation figure of its best checkpoint is kept in its folder."""
    import json

    from gkmvlp.app.experiments.conditions import fit
    from gkmvlp.app.running.configs import by_name

    fit(str(by_name(config)), folder, words)
    (folder / KEPT).write_text(json.dumps({"best": best_score(folder / "checkpoints" / "best.ckpt")}))


def best_score(checkpoint: Path) -> float:
    """The monitored figure by which a checkpoint was chosen."""
    import torch

    callbacks = torch.load(checkpoint, map_location="cpu", weights_only=True)["callbacks"]
    return next(float(state["best_model_score"]) for name, state in callbacks.items() if "ModelCheckpoint" in name)
