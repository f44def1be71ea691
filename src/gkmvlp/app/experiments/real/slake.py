"""SLAKE: questions in English, where prompts look on its chest radiographs, and their labels by sentences alone."""

import argparse
from pathlib import Path

from gkmvlp.app.experiments.conditions import run_conditions, with_text_baseline
from gkmvlp.app.experiments.real.arm_names import WITH_BACKBONE
from gkmvlp.app.experiments.real.pieces import Piece, all_figures, run_pieces
from gkmvlp.app.experiments.real.subgroups import record_groups
from gkmvlp.app.experiments.real.table_arms import arms_of, run_arms
from gkmvlp.app.experiments.runs import test
from gkmvlp.app.running.run import Overrides, data_overrides, merged, of_trainer, overrides_of
from gkmvlp.hardware import runs_at_once
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.metric_result import MetricResult

QUESTIONS, BOXES, LABELS = "zoo://vqa-slake", "zoo://grounding-slake", "zoo://zero-shot-slake"


def measure(args: argparse.Namespace) -> None:
    """Runs what is not there yet; ``--record`` gets ``slake-PIECE.json``. Labels need ChestX-ray14's (``--nih``)."""
    jobs, overrides, root = args.jobs or runs_at_once(), overrides_of(args.settings), data_overrides(root=args.root)

    def questions(out: Path) -> list[MetricResult]:
        conditions = with_text_baseline("vqa", arms_of(args.arms, args.backbone, QUESTIONS, overrides))
        changed = merged(root, data_overrides(cache_dir=args.out / "cache"), overrides)
        return figures_of(run_conditions("vqa", QUESTIONS, out, conditions, args.seeds, changed, jobs))

    def looks(config: str, task: str, names: list[str], data: Overrides) -> Piece:
        def look(out: Path) -> list[MetricResult]:
            arms = {args.seeds[0]: arms_of(names, args.backbone, config, learns=False)}  # nothing is drawn but weights
            files = run_arms(test, config, [task], out, arms, merged(data, of_trainer(overrides)))
            record_groups(f"slake-{out.name}", files, args.nih, out, args.record)
            return all_figures(files)

        return look

    radiographs = root if args.nih is None else merged(root, data_overrides(nih_root=args.nih))
    pieces: dict[str, Piece] = {
        "vqa": questions,
        "grounding": looks(BOXES, "grounding", args.arms, radiographs),
    }
    knowing = [name for name in args.arms if name in WITH_BACKBONE]
    if args.nih is not None and knowing:
        pieces["zero-shot"] = looks(LABELS, "zero_shot", knowing, radiographs)
    run_pieces("slake", pieces, args.only, args.out, args.record)
