"""Question answering on real VQA-RAD: the arms and a model without the image, on several splits."""

import argparse
from pathlib import Path

from gkmvlp.app.experiments.conditions import run_conditions, with_text_baseline
from gkmvlp.app.experiments.real.pieces import Piece, run_pieces
from gkmvlp.app.experiments.real.table_arms import arms_of
from gkmvlp.app.running.run import data_overrides, merged, overrides_of
from gkmvlp.hardware import runs_at_once
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.metric_result import MetricResult

CONFIG, FURTHER = "zoo://vqa-rad", "zoo://vqa-rad-further"


def measure(args: argparse.Namespace) -> None:
    """Runs what is not there yet, a piece a split; ``--record`` gets ``vqa-rad-SPLIT.json``.

    With ``--slake`` the piece ``further`` learns from more questions and is tested on those of ``official``.
    """
    jobs, set_by_user = args.jobs or runs_at_once(), overrides_of(args.settings)
    conditions = with_text_baseline("vqa", arms_of(args.arms, args.backbone, CONFIG, set_by_user))
    overrides = merged(data_overrides(root=args.root, cache_dir=args.out / "cache"), set_by_user)

    def piece_of(split: str) -> Piece:
        def questions(out: Path) -> list[MetricResult]:
            changed = merged(overrides, data_overrides(split=split))
            return figures_of(run_conditions("vqa", CONFIG, out, conditions, args.seeds, changed, jobs))

        return questions

    def further(out: Path) -> list[MetricResult]:
        more = with_text_baseline("vqa", arms_of(args.arms, args.backbone, FURTHER, set_by_user))
        roots = {"main.init_args.root": args.root, "further.slake.init_args.root": args.slake}
        changed = merged(data_overrides(**roots), set_by_user)
        return figures_of(run_conditions("vqa", FURTHER, out, more, args.seeds, changed, jobs))

    pieces = {split: piece_of(split) for split in args.splits}
    if args.slake is not None:
        pieces["further"] = further
    run_pieces("vqa-rad", pieces, None, args.out, args.record)
