"""Show the whole method on phantoms: pre-train, classify, ground, answer questions, one result page.

With --all also classification, localization, reports, grounding, retrieval and regions, the first two and grounding on
the other data sets' look-alikes.
"""

import argparse
from pathlib import Path

# Sizes of the demo; they stand on its page. Corpora of one seed share patients, whatever their size, and not their
# splits: the backbone of the package, of seed 0, has seen none of these.
PATIENTS = 4500
VQA_IMAGES = 2000
SEED = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--out", type=Path, default=Path("outputs/demo"), metavar="DIR", help="where to write")
    parser.add_argument("--patients", type=int, default=PATIENTS, metavar="N", help=f"phantom patients ({PATIENTS})")
    parser.add_argument(
        "--vqa-images", type=int, default=VQA_IMAGES, metavar="M", help=f"phantoms with questions ({VQA_IMAGES})"
    )
    parser.add_argument("--seed", type=int, default=SEED, metavar="S", help=f"seed of the phantoms ({SEED})")
    parser.add_argument("--all", action="store_true", help="the further tasks too, half an hour more")
    parser.add_argument("--nih-patients", type=int, default=3000, metavar="N", help="of --all (3000)")
    parser.add_argument("--rsna-images", type=int, default=1200, metavar="N", help="of --all (1200)")
    for stage, what in (("--pretrain", "pre-training"), ("--vqa", "question answering")):
        described = f"one more option of {what}, like {stage}=--trainer.max_epochs=1; may be repeated"
        parser.add_argument(stage, action="append", default=[], metavar="OPTION", help=described)


def run(args: argparse.Namespace) -> int:
    """Run all stages; what a broken call left is written anew."""
    import os
    import time

    os.environ.setdefault("GKMVLP_PROGRESS", "1")
    from gkmvlp.app.commands.phantom import write_corpora
    from gkmvlp.app.experiments.conditions import fit_and_test, vqa_arms
    from gkmvlp.app.experiments.demo import further_stages
    from gkmvlp.app.pages.demo_page import write_demo_page
    from gkmvlp.app.running.planted_truth import score_on_truth
    from gkmvlp.hardware import runs_at_once
    from gkmvlp.metrics.results.evaluate import figures_of
    from gkmvlp.metrics.results.figure import Results
    from gkmvlp.metrics.results.provenance import ProcessTreePeak, command, commit, created

    start, out, data = time.monotonic(), args.out, args.out / "data"
    with ProcessTreePeak() as peak:
        write_corpora(data, {"mimic": args.patients, "vqa": args.vqa_images}, args.seed)
        root = f"--data.init_args.root={data}"
        predictions = fit_and_test("zoo://pretrain-phantom", out, [root, *args.pretrain])
        score_on_truth(predictions, data)
        backbone = str(out / "backbone")
        vqa_arms("zoo://vqa-phantom", out, backbone, [0], [root, *args.vqa], runs_at_once())
        files = [predictions / f"{task}.parquet" for task in ("entity_classification", "zero_shot", "grounding", "vqa")]
        if args.all:
            sizes = {"nih": args.nih_patients, "rsna": args.rsna_images}
            files += further_stages(out, data, backbone, sizes, args.seed)
        found = {file: figures_of(file) for file in files}
    figures = [figure for of_file in found.values() for figure in of_file]
    seconds = time.monotonic() - start
    results = Results(created(), command(), commit(), seconds, peak.bytes, figures)
    results.write(out / "results.json")
    write_demo_page(out, data, results, found)
    for figure in figures:
        if figure.label is None and figure.model == "pretrained" and figure.value is not None:
            print(f"{figure.task:22s} {figure.name:20s} {figure.value:.3f}  [{figure.low:.3f}, {figure.high:.3f}]")
    print(f"{seconds:.0f} s, {peak.bytes / 1e9:.1f} GB; look at {out / 'report.html'}")
    return 0
