"""The commands of the program, their groups, and the module of each command and subcommand.

``COMMANDS`` names the commands of ``--help``, ``MODULES`` the module of each command and subcommand in
``gkmvlp.app.commands``, with a dot where the command has a folder.
"""

from typing import NamedTuple


class Command(NamedTuple):
    """A command as ``gkmvlp --help`` shows it."""

    group: str
    summary: str | None = None  # of a command without a module; that of a module is the first line of its docstring


COMMANDS = {
    "fit": Command("train", "Train the model of a config on its data."),
    "validate": Command("train", "Run the validation split of a config."),
    "test": Command("train", "Run the test split of a config: predictions, of which gkmvlp evaluate makes figures."),
    "pretrain": Command("train"),
    "finetune": Command("train"),
    "evaluate": Command("train"),
    "predict": Command("use"),
    "serve": Command("use"),
    "index": Command("use"),
    "calibrate": Command("use"),
    "export": Command("use"),
    "zoo": Command("use"),
    "data": Command("use"),
    "knowledge": Command("use"),
    "demo": Command("use"),
    "compare": Command("study"),
    "experiment": Command("study", "Run an experiment of several trainings, or write the document of results."),
    "bench": Command("study"),
}
LIGHTNING = ("fit", "validate", "test")
MODULES = {  # command, or command and subcommand: its module in gkmvlp.app.commands
    "pretrain": "pretrain",
    "finetune": "finetune",
    "evaluate": "evaluate.predictions",
    "evaluate calibration": "evaluate.calibration",
    "evaluate faithfulness": "evaluate.faithfulness",
    "evaluate grounding": "evaluate.backbone",
    "evaluate retrieval": "evaluate.backbone",
    "evaluate page": "evaluate.page",
    "predict": "predict",
    "serve": "serve",
    "index": "index",
    "calibrate": "calibrate",
    "export": "export",
    "zoo": "zoo.models",
    "zoo configs": "zoo.configs",
    "data": "data.dataset",
    "data phantom": "data.phantom",
    "knowledge": "knowledge",
    "demo": "demo",
    "compare": "compare",
    "experiment ablation": "experiment.ablation",
    "experiment adapter": "experiment.adapter",
    "experiment gate": "experiment.gate",
    "experiment initialization": "experiment.initialization",
    "experiment learning-rate": "experiment.learning_rate",
    "experiment real": "experiment.real",
    "experiment results": "experiment.results",
    "experiment systems": "experiment.systems",
    "bench": "bench",
}
RENAMED = {  # command of earlier versions: its name today
    "ablation": "experiment ablation",
    "config": "zoo configs",
    "measure": "evaluate",
    "page": "evaluate page",
    "phantom": "data phantom",
    "rates": "experiment learning-rate",
    "real": "experiment real",
    "results": "experiment results",
    "starts": "experiment initialization",
}


def subcommands(name: str) -> list[str]:
    """Subcommands of a command that have a module of their own, as in ``data phantom``."""
    return [command.split()[1] for command in MODULES if command.startswith(f"{name} ")]
