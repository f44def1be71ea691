"""Find out on validation rows what a model's scores mean, and write it into the model's folder (calibration.json).

Labels and entities get a temperature, Platt's logistic function, or isotonic regression where there are many rows;
answers to questions one temperature. Thresholds of operating points come with intervals over patients. gkmvlp predict
and gkmvlp.load then give calibrated probabilities; without the file they say "uncalibrated".

Calibrate anew at your own site: what a score means depends on how common a finding is there. The prevalence of each
label is printed and kept, beside that of the calibration before.

The test rows of the data are left alone: --figures DIR tells on them how good probabilities are before and after. A
model of the zoo or the hub is not changed: --out DIR makes a calibrated copy.

Options of the data set's class are taken too, as --KEY VALUE.

Research software, not for clinical use.
"""

import argparse
from pathlib import Path

from gkmvlp.app.commands.options import add_device_argument
from gkmvlp.metrics.calibration.operating_point import DEFAULT, goal_of

FORWARDS = True
METHODS = ("temperature", "platt", "isotonic")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare model, data, method and outputs."""
    parser.add_argument("model", metavar="MODEL", help="zoo://NAME, or folder of a backbone, a model or their run")
    parser.add_argument("--root", metavar="DIR", help="folder of the data; for ImageReportPairs the table")
    described = "ChestXray14, MimicCxr, VqaRad ... or a config (absent: by what --root holds, else the run's own)"
    parser.add_argument("--data", metavar="CLASS_OR_CONFIG", help=described)
    rows = "rows that calibrate: validate, or all, after which no figures are made (validate)"
    parser.add_argument("--split", metavar="NAME", default="validate", help=rows)
    chosen = f"{', '.join(METHODS)} for every label (absent: by the number of its rows)"
    parser.add_argument("--method", choices=METHODS, metavar="NAME", help=chosen)
    points = ", ".join(goal.name for goal in DEFAULT)
    added = f"operating points beside {points}; the first one named is what predict uses where it is told none"
    parser.add_argument("--at", metavar="POINT", nargs="+", default=[], help=added)
    parser.add_argument("--out", metavar="DIR", type=Path, help="new folder for a calibrated copy of the model")
    density = "also keep where the training images lie: predict then tells which images lie far from them"
    parser.add_argument("--density", action="store_true", help=density)
    figures = "folder for figures and a page on the test rows, before and after"
    parser.add_argument("--figures", metavar="DIR", type=Path, help=figures)
    add_device_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Calibrate; say what came of it."""
    from gkmvlp.app.running.run import parse_init_args
    from gkmvlp.errors import UsageError

    goals = list(dict.fromkeys([*map(goal_of, arguments.at), *DEFAULT]))
    init_args = parse_init_args(arguments.forwarded)
    is_shared = "://" in arguments.model or not Path(arguments.model).exists()  # a bare name is one of the zoo
    if is_shared and arguments.out is None:
        raise UsageError(f"{arguments.model} is not changed: name a new folder for a calibrated copy by --out DIR")
    if arguments.figures and arguments.split == "all":
        raise UsageError("--figures needs test rows that did not calibrate: leave --split all out")
    from gkmvlp.app.actions import calibration as action
    from gkmvlp.metrics.results.provenance import ProcessTreePeak
    from gkmvlp.zoo.inference.calibrating import is_calibratable, require_calibratable
    from gkmvlp.zoo.inference.loading import model_folder, open_predictor

    with ProcessTreePeak() as cost:
        predictor = open_predictor(arguments.model, arguments.device)
        if predictor.notice:
            print(predictor.notice)
        if not arguments.density:  # before data are looked for, and a copy is made
            require_calibratable(predictor)
        named = arguments.data or (action.own_config(Path(arguments.model)) if arguments.root is None else None)
        data = action.make_data(predictor, named, arguments.root, init_args)
        folder = model_folder(arguments.model)
        if arguments.out is not None:
            folder = action.copy_model(folder, arguments.out)
        if arguments.density:
            action.keep_density(predictor, data, folder)
        if is_calibratable(predictor) or not arguments.density:
            action.calibrate_model(predictor, data, folder, arguments.split, arguments.method, goals)
        if arguments.figures is not None:
            from gkmvlp.app.actions.calibration_figures import finish, measure

            file = arguments.figures / "predictions" / "calibration.parquet"
            finish([measure(predictor, data, file)], arguments.figures, cost)
    return 0
