"""Several runs of one config, compared: pre-trained against from scratch and against floors."""

import gc
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from gkmvlp.app.experiments.runs import run_missing
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions


def lightning(*words: str) -> None:
    """One ``fit``, ``validate`` or ``test`` in this process, its words and its time said."""
    from gkmvlp.app.running.lightning_cli import run

    print("$ gkmvlp", *words, flush=True)
    start = time.monotonic()
    run(list(words))
    gc.collect()
    print(f"  {time.monotonic() - start:.0f} s", flush=True)


def fit(config: str, out: Path, options: Sequence[str]) -> None:
    """Fits a config in a folder."""
    lightning("fit", f"--config={config}", f"--trainer.default_root_dir={out}", *options)


def fit_and_test(config: str, out: Path, options: Sequence[str]) -> Path:
    """Fits a config and tests the checkpoint that validation chose.

    Args:
        config: ``zoo://NAME`` or a file.
        out: The run's folder.
        options: Further words.

    Returns:
        The folder of the predictions.
    """
    fit(config, out, options)
    test(config, out, [*options, f"--ckpt_path={out / 'checkpoints' / 'best.ckpt'}"])
    return out / "predictions"


def test(config: str, out: Path, options: Sequence[str]) -> None:
    """Tests a config, of which a backbone or a checkpoint is named by the options."""
    lightning("test", f"--config={config}", f"--trainer.default_root_dir={out}", *options)


def seed_words(seed: int) -> list[str]:
    """Options that give a run its seed."""
    return [f"--seed_everything={seed}", f"--model.init_args.seed={seed}", f"--data.init_args.seed={seed}"]


def start_words(backbone: str) -> dict[str, list[str]]:
    """Options of the two starts that every task compares; the longer runs first."""
    return {"scratch": ["--model.init_args.backbone=null"], "pretrained": [f"--model.init_args.backbone={backbone}"]}


def localization_words(backbone: str) -> dict[str, list[str]]:
    """Options of the two starts, and of a detector on an encoder that is held still."""
    arms = start_words(backbone)
    return {**arms, "frozen": [*arms["pretrained"], "--model.init_args.freeze_image_branch=true"]}


def run_arms(
    task: str,
    config: str,
    out: Path,
    arms: Mapping[str, Sequence[str]],
    seeds: Sequence[int],
    options: Sequence[str],
    jobs: int = 1,
) -> Path:
    """Several arms of one task, each with every seed; a run that is complete is not run again.

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
    runs = [
        (config, out / task / f"{name}-{seed}", [*options, *seed_words(seed), *words])
        for seed in seeds
        for name, words in arms.items()
    ]
    left = f"predictions/{task}.parquet"
    run_missing(fit_and_test, runs, left, jobs)
    merged = out / left
    merge([folder / left for _, folder, _ in runs], merged)
    return merged


def vqa_arms(
    config: str, out: Path, backbone: str, seeds: Sequence[int], options: Sequence[str], jobs: int = 1
) -> Path:
    """Question answering from a backbone, from scratch, and without the image (see ``run_arms``)."""
    blind = [f"--model.init_args.backbone={backbone}", "--model.init_args.question_only=true"]
    return run_arms("vqa", config, out, {**start_words(backbone), "question_only": blind}, seeds, options, jobs)


def merge(parts: Sequence[Path], target: Path) -> None:
    """Rows of several predictions files of one task, data set and split in one; equal rows stand once.

    ``boxes`` is null where the files differ in it: no one word holds for all rows. Notes of all files stay, and all
    that any model in them was trained on.
    """
    tables, metas = zip(*(read_predictions(part) for part in parts), strict=True)
    table = pd.concat(tables, ignore_index=True)
    units = [name for name in ("question", "entity") if name in table]
    table = table.drop_duplicates(["model", "seed", "sample_id", *units], ignore_index=True)
    meta = {key: value for key, value in metas[0].items() if key != "signatures"}
    if any(other.get("boxes") != meta.get("boxes") for other in metas):
        meta["boxes"] = None
    joined = {
        key: sep.join(_distinct(sep, [other.get(key) for other in metas])) or None for key, sep in _JOINED.items()
    }
    write_predictions(target, table, {**meta, **joined})


_JOINED = {"note": "; ", "trained_on": ", "}  # metadata of several files in one: what stands between the parts


def _distinct(separator: str, texts: Sequence[str | None]) -> list[str]:
    """The parts of several texts, each once."""
    return list(dict.fromkeys(part for text in texts if text for part in text.split(separator)))
