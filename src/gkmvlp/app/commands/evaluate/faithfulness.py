"""Evaluate whether what models say of a finding rests on the finding: hide it, swap its side, mirror the image.

The finding's true box is hidden, and the box where the model's prompt looks; against each stand boxes of the same size
at random places of the chest. What falls is the log odds of a backbone or a model for labels, the likelihood of the
finding's sentence (backbones, reports), and the probability of yes (questions). The sentence, or the question, is then
asked with the side of the boxes and with the other one, on the image and on the image mirrored.

Data are those of gkmvlp evaluate grounding: test images with boxes of findings. Several models of different tasks may
be measured at once. Options of the data set's class are taken too, as --KEY VALUE.

Research software, not for clinical use.
"""

import argparse

from gkmvlp.app.commands.options import add_evaluation_arguments, require_data

FORWARDS = True
FILLS = ("mean", "blur")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare models, data, what hides, and outputs."""
    parser.add_argument("--model", metavar="REF", nargs="+", default=["zoo://gk-mvlp-phantom"],
                        help="backbones or fine-tuned models (zoo://gk-mvlp-phantom)")  # fmt: skip
    described = "root of the data set (absent: phantoms)"
    parser.add_argument("--root", metavar="DIR", help=described)
    parser.add_argument("--data", metavar="CLASS_OR_CONFIG", help="grounding-slake, MsCxr ... (absent: by --root)")
    fill = "what hides: the mean of the rest of the image, or the image blurred (mean)"
    parser.add_argument("--fill", choices=FILLS, metavar="NAME", default="mean", help=fill)
    stand_in = "entity that is asked of where a model does not know the label, like Pneumonia=consolidation"
    parser.add_argument("--as", dest="stand_ins", metavar="LABEL=ENTITY", nargs="+", default=[], help=stand_in)
    rows = "rows that are read: test, or all where the model never saw the data (test)"
    parser.add_argument("--split", choices=("test", "all"), metavar="NAME", default="test", help=rows)
    parser.add_argument("--limit", metavar="N", type=int, help="at most so many images, by a hash of their ids (all)")
    add_evaluation_arguments(parser, "faithfulness")


def run(arguments: argparse.Namespace) -> int:
    """Measure; write figures and page."""
    require_data(arguments.root)
    from gkmvlp.app.running.run import parse_init_args
    from gkmvlp.errors import UsageError

    init_args = parse_init_args(arguments.forwarded)
    stand_ins = dict(word.partition("=")[::2] for word in arguments.stand_ins)
    if odd := next((label for label, name in stand_ins.items() if not (label and name)), None):
        raise UsageError(f"--as {odd}: LABEL=ENTITY was expected, like Pneumonia=consolidation")
    if arguments.limit is not None and arguments.limit < 1:
        raise UsageError(f"--limit {arguments.limit}: 1 or more was expected")
    from gkmvlp.app.actions.faithfulness import Probe, data_source, finish, predict
    from gkmvlp.metrics.results.provenance import ProcessTreePeak

    probe = Probe(arguments.fill, stand_ins, arguments.split, arguments.limit)
    with ProcessTreePeak() as cost:
        source = data_source(arguments.data, arguments.root)
        files = predict(arguments.model, source, init_args, arguments.out / "predictions", probe, arguments.device)
        finish(files, arguments.out, arguments.record and arguments.record / f"{arguments.record_as}.json", cost)
    return 0
