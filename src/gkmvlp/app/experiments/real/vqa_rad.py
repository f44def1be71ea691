"""Question answering on real VQA-RAD: the arms and a model without the image, on several splits."""

import argparse
from pathlib import Path

from gkmvlp.app.experiments.conditions import run_conditions, with_question_only
from gkmvlp.app.experiments.real.pieces import Piece, run_pieces
from gkmvlp.app.experiments.real.table_arms import arms_of
from gkmvlp.app.running.run import data_overrides, merged, overrides_of
from gkmvlp.hardware import runs_at_once
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.metric_result import MetricResult

CONFIG = "zoo://vqa-rad"


def measure(args: argparse.Namespace) -> None:
    """Runs what is not there yet, a piece a split; ``--record`` gets ``vqa-rad-SPLIT.json``."""
    jobs, conditions = args.jobs or runs_at_once(), with_question_only(arms_of(args.arms, args.backbone, CONFIG))
    overrides = merged(data_overrides(root=args.root, cache_dir=args.out / "cache"), overrides_of(args.settings))

    def piece_of(split: str) -> Piece:
        def questions(out: Path) -> list[MetricResult]:
            changed = merged(overrides, data_overrides(split=split))
            return figures_of(run_conditions("vqa", CONFIG, out, conditions, args.seeds, changed, jobs))

        return questions

    run_pieces("vqa-rad", {split: piece_of(split) for split in args.splits}, None, args.out, args.record)
