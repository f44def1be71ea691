"""Evaluate how good the probabilities of calibrated models are: ECE and Brier score, before and after calibration.

Test rows are read, which calibrated nothing; of a data set that the models know nothing of, such as phantoms of another
seed, --split all takes every row. Of findings each label is told and all rows together; of answers to questions, how
sure the model is of the one that it gives. Several models may be measured at once, each on data of its own.

Options of the data set's class are taken too, as --KEY VALUE.

Research software, not for clinical use.
"""

import argparse

from gkmvlp.app.commands.options import add_evaluation_arguments

FORWARDS = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare models, data and outputs."""
    parser.add_argument("--model", metavar="REF", nargs="+", required=True, help="calibrated models")
    parser.add_argument("--root", metavar="DIR", required=True, help="folder of the data")
    described = "ChestXray14, MimicCxr, VqaRad ... or a config, one for all or one a model (absent: by --root)"
    parser.add_argument("--data", metavar="CLASS_OR_CONFIG", nargs="+", default=[None], help=described)
    rows = "rows that are read: test, or all where the models never saw the data (test)"
    parser.add_argument("--split", choices=("test", "all"), metavar="NAME", default="test", help=rows)
    add_evaluation_arguments(parser, "calibration")


def run(arguments: argparse.Namespace) -> int:
    """Measure; write figures and page."""
    from gkmvlp.app.running.run import parse_init_args
    from gkmvlp.errors import UsageError

    init_args, count = parse_init_args(arguments.forwarded), len(arguments.model)
    if len(arguments.data) not in (1, count):
        raise UsageError(f"--data: one for all of --model, or {count} were expected, one for each")
    sources = arguments.data * (count if len(arguments.data) == 1 else 1)
    from gkmvlp.app.actions.calibration_figures import finish, measure_models
    from gkmvlp.metrics.results.provenance import ProcessTreePeak

    with ProcessTreePeak() as cost:
        given = arguments.root, init_args, arguments.out, arguments.split, arguments.device
        measured = measure_models(list(zip(arguments.model, sources, strict=True)), *given)
        record = arguments.record and arguments.record / f"{arguments.record_as}.json"
        finish(measured, arguments.out, cost, record)
    return 0
