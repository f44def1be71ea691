"""Question answering on real VQA-RAD: from a backbone, from scratch and without the image, on several splits."""

import argparse
import time
from dataclasses import replace

from gkmvlp.commands._arms import vqa_arms
from gkmvlp.hardware import runs_at_once
from gkmvlp.metrics.evaluate import figures_of
from gkmvlp.metrics.figure import Results
from gkmvlp.metrics.provenance import ProcessTreePeak, command, commit, created
from gkmvlp.metrics.tables import interval


def measure_vqa(args: argparse.Namespace) -> None:
    """Runs what is not there yet, prints the figures, writes ``results.json``, with ``--record`` ``vqa-rad.json``."""
    start, figures, jobs = time.monotonic(), [], args.jobs or runs_at_once()
    options = [f"--data.init_args.root={args.data}", f"--data.init_args.cache_dir={args.out / 'cache'}", *args.options]
    with ProcessTreePeak() as peak:
        for split in args.splits:
            words = [*options, f"--data.init_args.split={split}"]
            arms = vqa_arms("zoo://vqa-rad", args.out / split, args.backbone, args.seeds, words, jobs)
            figures += figures_of(arms)
    results = Results(created(), command(), commit(), time.monotonic() - start, peak.bytes, figures)
    results.write(args.out / "results.json")
    for figure in figures:
        if figure.label is None:
            value = interval({"value": figure.value, "low": figure.low, "high": figure.high})
            floors = ", ".join(f"{name} {interval(span)}" for name, span in figure.floors.items())
            print(f"{figure.split} {figure.name} {figure.model}: {value}; {floors}; {figure.note}")
    print(args.out / "results.json")
    if args.record:
        # the predictions stay where they are: others' questions and ids do not go into the repository
        bare = [replace(figure, predictions=None) for figure in figures]
        replace(results, figures=bare).write(args.record / "vqa-rad.json")
