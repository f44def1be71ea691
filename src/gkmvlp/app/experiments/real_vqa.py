"""Question answering on real VQA-RAD: from a backbone, from scratch and without the image, on several splits."""

import argparse
import time

from gkmvlp.app.experiments.conditions import vqa_arms
from gkmvlp.app.running.outcome import write_results
from gkmvlp.hardware import runs_at_once
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.provenance import ProcessTreePeak


def measure_vqa(args: argparse.Namespace) -> None:
    """Runs what is not there yet, prints the figures, writes ``results.json``, with ``--record`` ``vqa-rad.json``."""
    start, figures, jobs = time.monotonic(), [], args.jobs or runs_at_once()
    options = [f"--data.init_args.root={args.data}", f"--data.init_args.cache_dir={args.out / 'cache'}", *args.options]
    with ProcessTreePeak() as peak:
        for split in args.splits:
            words = [*options, f"--data.init_args.split={split}"]
            arms = vqa_arms("zoo://vqa-rad", args.out / split, args.backbone, args.seeds, words, jobs)
            figures += figures_of(arms)
    write_results(args.out, figures, start, peak.bytes, args.record and args.record / "vqa-rad.json")
