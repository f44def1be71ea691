"""Measure speed and memory: steps, writing, retrieval, loading, zoo, phantoms, reports, images, rows, the page.

model    forward, backward and AdamW of all four objectives with two negatives, fresh weights, made-up pairs
reference  that step beside a reference recipe in turns: momentum copies, fusion in all layers, padding, float32
scaling  two processes of one core each, DDP over gloo, beside one process on one core (Linux)
generation  reports written a second with 3 beams and 60 tokens, beside generate of transformers with the same weights
arl      a step of ARL beside four forwards of the whole model, one an objective; base is ViT-B/16 and RoBERTa-base
retrieval  400 images and reports, encoded once, beside every pair through the whole model; base is the compact ARL
loading  a backbone folder of that model, seconds and peak memory, in a process of its own after its imports
zoo      seconds of `gkmvlp zoo list`; speed of a download from this machine over that of cp and sha256sum
phantom  patients a second, written in the layout of MIMIC-CXR at 256 px on one core
reports  reports a second from text to entity statuses on one core, nothing cached
images   images a second from JPGs of MIMIC's size to augmented training items on one core
rows     memory of a million rows with eight workers that read them

--table computes from a measured model what pre-training on MIMIC-CXR needs, and writes it into the README.
"""

import argparse
from pathlib import Path

WHAT = (
    "model", "reference", "scaling", "generation", "arl", "retrieval", "loading", "zoo", "phantom", "reports", "images",
    "rows", "serve", "dicom",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is measured and where it goes."""
    parser.add_argument("--what", nargs="+", choices=WHAT, default=["model"], help="what is measured (model)")
    parser.add_argument("--config", metavar="NAME", default="base", help="base, small, or a pre-training config (base)")
    parser.add_argument(
        "--batch", type=int, default=4, metavar="B", help="pairs of a step, or reports written at once (4)"
    )
    parser.add_argument(
        "--lengths", choices=("full", "corpus"), default="full",
        help="texts that fill all tokens, or as long as the reports of IU X-Ray (full)",
    )  # fmt: skip
    parser.add_argument(
        "--steps", type=int, default=2, metavar="N", help="steps, or batches of reports, that are timed (2)"
    )
    parser.add_argument(
        "--readings", type=int, default=1000, metavar="N", help="readings of four clients, for serve (1000)"
    )
    parser.add_argument(
        "--against", type=Path, metavar="DIR", help="checkout of BLIP, whose own step is timed in turns with ours"
    )
    parser.add_argument(
        "--profile", type=Path, metavar="DIR", help="also a trace of one step, and a table of where its time goes"
    )
    parser.add_argument("--device", metavar="NAME", help="cpu or cuda (absent: a GPU where there is one)")
    parser.add_argument("--json", action="store_true", help='print {"figures": [...]}')
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the figures are written")
    parser.add_argument("--table", type=Path, metavar="FILE", help="measure nothing: table of a file that --out wrote")
    parser.add_argument("--readme", type=Path, default=Path("README.md"), metavar="FILE", help="page with the markers")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    import dataclasses
    import json

    from gkmvlp.errors import UsageError

    if arguments.table:
        return _table(arguments.table, arguments.readme)
    # ITM needs a wrong pair; one report can be written alone
    least = 2 if {"model", "reference", "scaling", "arl"} & {*arguments.what} else 1
    if arguments.batch < least or arguments.steps < 1:
        came = f"{arguments.batch} and {arguments.steps}"
        raise UsageError(f"--batch from {least} and --steps from 1 are expected; what came is {came}")
    from gkmvlp.app.benchmarks.figures import lines, measure
    from gkmvlp.app.benchmarks.profile import profile_step
    from gkmvlp.metrics.results.provenance import ProcessTreePeak, results_of

    with ProcessTreePeak() as peak:
        what = [name for name in WHAT if name in arguments.what]  # the model first: its peak is the process's
        figures = measure(
            what, arguments.config, arguments.batch, arguments.steps, arguments.device, arguments.lengths,
            arguments.against, arguments.readings,
        )  # fmt: skip
    if arguments.json:
        print(json.dumps({"figures": [dataclasses.asdict(figure) for figure in figures]}, indent=1, allow_nan=False))
    else:
        print(*lines(figures), sep="\n")
    if arguments.out:
        results_of(figures, peak).write(arguments.out)
    if arguments.profile:  # behind the figures: what a profiler adds is in none of them
        a = arguments
        print(*profile_step(a.config, a.batch, a.device, a.lengths, a.profile), sep="\n")
    return 0


def _table(file: Path, readme: Path) -> int:
    """Put the table between the markers of the page, or print it where there are none."""
    from gkmvlp.app.benchmarks.table import BEGIN, markdown, with_table
    from gkmvlp.metrics.results.metric_result import Results, write_text

    table = markdown(Results.read(file))
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    if BEGIN not in text:
        print(table)
        return 0
    write_text(readme, with_table(text, table))
    print(readme)
    return 0
