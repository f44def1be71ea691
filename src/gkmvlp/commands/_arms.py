"""Several runs of one config, compared: pre-trained against from scratch and against floors."""

import gc
import time
from collections.abc import Sequence
from pathlib import Path

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


def vqa_arms(config: str, out: Path, backbone: str, seeds: Sequence[int], options: Sequence[str]) -> Path:
    """Question answering from a backbone, from scratch, and without the image, each with every seed.

    A run whose predictions are there is not run again.

    Args:
        config: ``zoo://NAME`` or a file.
        out: Folder of all runs; each gets its own below ``vqa/``.
        backbone: Folder of the backbone.
        seeds: Seeds of initialisation, order and dropout.
        options: Further words.

    Returns:
        The merged predictions file, ``predictions/vqa.parquet`` below ``out``.
    """
    arms = {
        "pretrained": [f"--model.init_args.backbone={backbone}"],
        "scratch": ["--model.init_args.backbone=null"],
        "question_only": [f"--model.init_args.backbone={backbone}", "--model.init_args.blind=true"],
    }
    parts = []
    for seed in seeds:
        seeded = [f"--seed_everything={seed}", f"--model.init_args.seed={seed}", f"--data.init_args.seed={seed}"]
        for name, words in arms.items():
            folder = out / "vqa" / f"{name}-{seed}"
            part = folder / "predictions" / "vqa.parquet"
            if not part.is_file():
                fit_and_test(config, folder, [*options, *seeded, *words])
            parts.append(part)
    merged = out / "predictions" / "vqa.parquet"
    merge(parts, merged)
    return merged


def merge(parts: Sequence[Path], target: Path) -> None:
    """Rows of several predictions files of one task, data set and split in one; equal rows stand once."""
    tables, metas = zip(*(read_predictions(part) for part in parts), strict=True)
    table = pd.concat(tables, ignore_index=True)
    table = table.drop_duplicates(["model", "seed", "sample_id", "question"], ignore_index=True)
    meta = {key: value for key, value in metas[0].items() if key != "signatures"}
    write_predictions(target, table, meta)
