"""Several runs of one config, compared: pre-trained against from scratch and against floors."""

import gc
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

import pandas as pd

from gkmvlp.metrics.predictions import read_predictions, write_predictions


def lightning(*words: str) -> None:
    """One ``fit``, ``validate`` or ``test`` in this process, its words and its time said."""
    from gkmvlp.commands._lightning import run

    print("$ gkmvlp", *words, flush=True)
    start = time.monotonic()
    run(list(words))
    gc.collect()
    print(f"  {time.monotonic() - start:.0f} s", flush=True)


def fit_and_test(config: str, out: Path, options: Sequence[str]) -> Path:
    """Fits a config and tests the checkpoint that validation chose.

    Args:
        config: ``zoo://NAME`` or a file.
        out: The run's folder.
        options: Further words.

    Returns:
        The folder of the predictions.
    """
    words = [f"--config={config}", f"--trainer.default_root_dir={out}", *options]
    lightning("fit", *words)
    lightning("test", *words, f"--ckpt_path={out / 'checkpoints' / 'best.ckpt'}")
    return out / "predictions"


def seed_words(seed: int) -> list[str]:
    """Options that give a run its seed."""
    return [f"--seed_everything={seed}", f"--model.init_args.seed={seed}", f"--data.init_args.seed={seed}"]


def side_by_side(work: Callable[..., object], calls: Sequence[Sequence[Any]], jobs: int) -> None:
    """Several calls of one function, ``jobs`` of them at once, each with its share of the cores.

    Args:
        work: A function of a module, as it may run in another process.
        calls: Arguments of each call; the longest first keeps all cores at work.
        jobs: 1 makes the calls here, one after the other; more in processes of their own, the first of which shows its
            progress bars.
    """
    if jobs == 1:
        for call in calls:
            work(*call)
        return
    context = multiprocessing.get_context("spawn")
    bars = context.SimpleQueue()
    for shown in (os.environ.get("GKMVLP_PROGRESS", "0"), *["0"] * (jobs - 1)):
        bars.put(shown)
    with ProcessPoolExecutor(jobs, context, _begin, ((os.cpu_count() or 1) // jobs, bars)) as pool:
        for done in [pool.submit(work, *call) for call in calls]:
            done.result()


def _begin(threads: int, bars: "SimpleQueue[str]") -> None:
    """What a process sets before its first run."""
    import torch

    torch.set_num_threads(max(1, threads))
    os.environ["GKMVLP_PROGRESS"] = bars.get()


def start_words(backbone: str) -> dict[str, list[str]]:
    """Options of the two starts that every task compares; the longer runs first."""
    return {"scratch": ["--model.init_args.backbone=null"], "pretrained": [f"--model.init_args.backbone={backbone}"]}


def localization_words(backbone: str) -> dict[str, list[str]]:
    """Options of the two starts, and of a detector on an encoder that is held still."""
    arms = start_words(backbone)
    return {**arms, "frozen": [*arms["pretrained"], "--model.init_args.freeze=true"]}


def run_arms(
    task: str,
    config: str,
    out: Path,
    arms: Mapping[str, Sequence[str]],
    seeds: Sequence[int],
    options: Sequence[str],
    jobs: int = 1,
) -> Path:
    """Several arms of one task, each with every seed; a run whose predictions are there is not run again.

    Args:
        task: Its predictions file.
        config: ``zoo://NAME`` or a file.
        out: Folder of all runs; each gets its own below ``out/task``.
        arms: Name of the arm -> its words, the longest runs first.
        seeds: Seeds of initialisation, order and dropout.
        options: Further words.
        jobs: How many runs go side by side.

    Returns:
        The merged predictions file, ``predictions/<task>.parquet`` below ``out``.
    """
    runs: list[tuple[str, Path, list[str]]] = []
    for seed in seeds:
        runs += [
            (config, out / task / f"{name}-{seed}", [*options, *seed_words(seed), *words])
            for name, words in arms.items()
        ]
    parts = [folder / "predictions" / f"{task}.parquet" for _, folder, _ in runs]
    side_by_side(fit_and_test, [run for run, part in zip(runs, parts, strict=True) if not part.is_file()], jobs)
    merged = out / "predictions" / f"{task}.parquet"
    merge(parts, merged)
    return merged


def vqa_arms(
    config: str, out: Path, backbone: str, seeds: Sequence[int], options: Sequence[str], jobs: int = 1
) -> Path:
    """Question answering from a backbone, from scratch, and without the image (see ``run_arms``)."""
    blind = [f"--model.init_args.backbone={backbone}", "--model.init_args.blind=true"]
    return run_arms("vqa", config, out, {**start_words(backbone), "question_only": blind}, seeds, options, jobs)


def merge(parts: Sequence[Path], target: Path) -> None:
    """Rows of several predictions files of one task, data set and split in one; equal rows stand once.

    ``boxes`` is null where the files differ in it: no one word holds for all rows. Notes of all files stay.
    """
    tables, metas = zip(*(read_predictions(part) for part in parts), strict=True)
    table = pd.concat(tables, ignore_index=True)
    units = [name for name in ("question", "entity") if name in table]
    table = table.drop_duplicates(["model", "seed", "sample_id", *units], ignore_index=True)
    meta = {key: value for key, value in metas[0].items() if key != "signatures"}
    if any(other.get("boxes") != meta.get("boxes") for other in metas):
        meta["boxes"] = None
    notes = dict.fromkeys(other["note"] for other in metas if other.get("note"))
    write_predictions(target, table, {**meta, "note": "; ".join(notes) or None})
