"""Question answering on real VQA-RAD: from a backbone, from scratch and without the image, on several splits."""

import argparse

from gkmvlp.app.experiments.conditions import run_conditions, with_question_only
from gkmvlp.app.running.outcome import write_results
from gkmvlp.app.running.run import data_overrides, merged, parse_overrides
from gkmvlp.hardware import runs_at_once
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.provenance import ProcessTreePeak


def measure_vqa(args: argparse.Namespace) -> None:
    """Runs what is not there yet, prints the figures, writes ``results.json``, with ``--record`` ``vqa-rad.json``."""
    figures, jobs, conditions = [], args.jobs or runs_at_once(), with_question_only(args.backbone)
    overrides = merged(data_overrides(root=args.data, cache_dir=args.out / "cache"), parse_overrides(args.options))
    with ProcessTreePeak() as peak:
        for split in args.splits:
            changed = merged(overrides, data_overrides(split=split))
            out = args.out / split
            figures += figures_of(run_conditions("vqa", "zoo://vqa-rad", out, conditions, args.seeds, changed, jobs))
    write_results(args.out, figures, peak, args.record and args.record / "vqa-rad.json")
