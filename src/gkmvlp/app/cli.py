"""The program behind ``gkmvlp``, ``lightning`` and ``python -m gkmvlp``.

``COMMANDS`` names the commands of ``--help``, ``MODULES`` the module of each command and subcommand in
``gkmvlp.app.commands``, with a dot where the command has a folder; it is imported when its command or ``--help`` is
called. ``fit``, ``validate`` and ``test`` are LightningCLI's. Nothing outside the standard library is imported at
module level, so that ``--help`` answers at once.

A command module has a docstring (its first line is its line of ``gkmvlp --help``, the whole is the help of the
command), ``add_arguments(parser)`` and ``run(arguments) -> int``. With
``FORWARDS = True`` unknown options are not an error: they reach ``run`` as ``arguments.forwarded``.
"""

import argparse
import contextlib
import importlib
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple, NoReturn

from gkmvlp import __version__
from gkmvlp.app.command_line.cli_errors import explain, hint, one_line, own_fault, unwritable
from gkmvlp.app.command_line.renamed_keys import is_former
from gkmvlp.checkpoints.references import is_offline
from gkmvlp.errors import GkmvlpError, UsageError


class Command(NamedTuple):
    """A command as ``gkmvlp --help`` shows it."""

    group: str
    summary: str | None = None  # of a command without a module; that of a module is the first line of its docstring


COMMANDS = {
    "fit": Command("train", "Train the model of a config on its data."),
    "validate": Command("train", "Run the validation split of a config."),
    "test": Command("train", "Run the test split of a config and write its figures."),
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
INTERRUPTED = 130  # 128 + SIGINT, what shells report
TERMINATED = 143  # 128 + SIGTERM
CLOSED = 141  # 128 + SIGPIPE


class _Terminated(SystemExit):
    """SIGTERM came; what a command has begun to write is taken back on the way out."""


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line with the nearest known word."""

    def error(self, message: str) -> NoReturn:
        """Raise ``UsageError`` instead of printing the usage."""
        raise UsageError(f"{explain(message, _options(self), {}, [])} (see {self.prog} --help)")


def main(args: list[str] | None = None) -> int:
    """Run the program.

    Args:
        args: Words after the program's name; ``None`` takes those of the process.

    Returns:
        Exit code: 0 done, 1 an error the user can mend, 2 wrong usage, 130 interrupted, 143 terminated.
    """
    words = list(sys.argv[1:] if args is None else args)
    show_traceback = "--traceback" in words or os.environ.get("GKMVLP_TRACEBACK") == "1"
    words = [word for word in words if word != "--traceback"]
    # albumentations asks a server for its newest version on import, the hub's client tells which program uses it,
    # tokenizers warns about every worker
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")  # each of its attempts to reach the hub is a line
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # each process warns of what several devices are told to do
    if "" not in sys.path:  # the working folder, as with python -m: class_path: my_module.MyData
        sys.path.append("")
    if args is None and is_offline():  # ours holds for weights that are named by a repository too
        os.environ["HF_HUB_OFFLINE"] = "1"
    _make_streams_safe()
    try:
        with _ending_at_sigterm():
            code = _dispatch(words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # as `| head` does: whoever reads has seen enough
        _leave_stdout()
        return CLOSED
    except GkmvlpError as error:
        if show_traceback:
            traceback.print_exc()
        else:
            print(f"gkmvlp: {one_line(error)}", file=sys.stderr)
        return error.exit_code
    except OSError as error:  # a full disk, a folder that nobody may write to: no command has to think of it
        if show_traceback or error.errno is None:
            raise
        print(f"gkmvlp: {unwritable(error)}", file=sys.stderr)
        _leave_stdout()
        return 1
    except KeyboardInterrupt:
        print("gkmvlp: stopped by SIGINT", file=sys.stderr)
        return INTERRUPTED
    except _Terminated:
        print("gkmvlp: stopped by SIGTERM", file=sys.stderr)
        return TERMINATED
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):  # Lightning turns the signal into exit(1)
            return INTERRUPTED
        if isinstance(stop.code, str):  # as Python itself does: a module of somebody's own may say why it ends
            print(f"gkmvlp: {one_line(stop)}", file=sys.stderr)
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except Exception as error:
        if show_traceback or (told := own_fault(error)) is None:
            raise
        print(f"gkmvlp: {told}", file=sys.stderr)
        return 1


@contextlib.contextmanager
def _ending_at_sigterm() -> Iterator[None]:
    """SIGTERM ends what runs inside as Ctrl-C does; commands that end in another way set handlers of their own."""
    if threading.current_thread() is not threading.main_thread():  # others get no signals
        yield
        return

    def end(*_: object) -> NoReturn:
        raise _Terminated(TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave_stdout() -> None:
    """Lets go of a stream that takes no more, or Python would complain of it once more at its end."""
    with contextlib.suppress(OSError, ValueError):  # ValueError: it is closed, or no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _make_streams_safe() -> None:
    """Streams that take every name of a file, and that are there: a program may be called with them closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  for as long as the program runs
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _dispatch(words: list[str]) -> int:
    """Hand the words to the command that the first one or two of them name."""
    if not words:
        raise UsageError("a command is missing; gkmvlp --help lists them")
    name = words[0]
    if name in ("-h", "--help", "help"):
        print(_help())
        return 0
    if name == "--version":
        print(__version__)
        return 0
    if name in RENAMED:
        new = RENAMED[name]
        raise UsageError(f"{name} is now {new!r} (see gkmvlp {new.split()[0]} --help)")
    if name not in COMMANDS:
        raise UsageError(f"no command {name!r}{hint(name, list(COMMANDS))} (see gkmvlp --help)")
    if name in LIGHTNING:
        from gkmvlp.app.running.lightning_cli import run

        return run(words)
    for length in (2, 1):
        if (command := " ".join(words[:length])) in MODULES:
            return _run_plain(command, words[length:])
    return _group(name, words[1:])


def subcommands(name: str) -> list[str]:
    """Subcommands of a command that have a module of their own, as in ``data phantom``."""
    return [command.split()[1] for command in MODULES if command.startswith(f"{name} ")]


def _group(name: str, words: list[str]) -> int:
    """Print the help of a command that has nothing but subcommands.

    Raises:
        UsageError: If another word than ``--help`` follows.
    """
    names = subcommands(name)
    if not words:
        raise UsageError(f"a subcommand is missing: gkmvlp {name} {' | '.join(names)}")
    if words[0] not in ("-h", "--help"):
        known = hint(words[0], names)
        raise UsageError(f"{name}: no subcommand {words[0]!r}{known} (see gkmvlp {name} --help)")
    print(f"usage: gkmvlp {name} SUBCOMMAND [options]\n\n{summary_of(name)}\n\n{_further(name)}")
    return 0


def _further(name: str) -> str:
    """Lines of help on the subcommands that have a module of their own; empty where there are none."""
    lines = [f"  gkmvlp {name} {subcommand} --help" for subcommand in subcommands(name)]
    return "\n".join(["subcommands with options of their own:", *lines]) if lines else ""


def summary_of(command: str) -> str:
    """The line of a command in ``gkmvlp --help``."""
    summary = COMMANDS[command].summary if command in COMMANDS else None
    return summary or str(_module(command).__doc__).partition("\n")[0]


def _module(command: str) -> ModuleType:
    """Module of a command in ``MODULES``."""
    return importlib.import_module(f"gkmvlp.app.commands.{MODULES[command]}")


def parser_of(command: str) -> tuple[argparse.ArgumentParser, ModuleType]:
    """Parser of a command in ``MODULES``, and its module."""
    module = _module(command)
    parser = _Parser(
        prog=f"gkmvlp {command}",
        description=module.__doc__,
        epilog=_further(command),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    return parser, module


def _run_plain(command: str, words: list[str]) -> int:
    """Parse the words of one command in ``MODULES`` and run it."""
    parser, module = parser_of(command)
    _require_filled(words, parser)
    for word in words:  # before the parser: what it forwards or asks for would hide the new name
        if is_former(word.partition("=")[0], _options(parser)):
            parser.error(f"unrecognized arguments: {word}")
    arguments, unknown = parser.parse_known_args(words)
    if getattr(module, "FORWARDS", False):
        arguments.forwarded = unknown
    elif unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return int(module.run(arguments))


def _require_filled(words: list[str], parser: argparse.ArgumentParser) -> None:
    """Checks that no word is empty or blank, as an unset variable of a script is: a path would be the working folder.

    Raises:
        UsageError: If one is.
    """
    for place, word in enumerate(words):
        option, equals, value = word.partition("=")
        if word.strip() and not (equals and not value.strip() and option in _options(parser)):
            continue
        before = words[place - 1] if place else ""
        option = option.strip() or (before if before.startswith("--") else "an argument")
        parser.error(f"{option} is empty: name what is meant, or leave it out")


def _options(parser: argparse.ArgumentParser) -> list[str]:
    """Option strings of a parser and of all its subparsers."""
    words = list(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                words += _options(child)
    return words


def _help() -> str:
    """What ``gkmvlp --help`` prints."""
    width = max(map(len, COMMANDS)) + 2
    lines = []
    for group in dict.fromkeys(command.group for command in COMMANDS.values()):
        lines += [f"{group}:"]
        lines += [f"  {name:<{width}}{summary_of(name)}" for name, (of, _) in COMMANDS.items() if of == group]
        lines += [""]
    return "\n".join(
        [
            "usage: gkmvlp COMMAND [options]      (lightning and python -m gkmvlp are the same program)",
            "",
            "Grounded, knowledge-enhanced vision-language pre-training on chest radiographs. Not for clinical use.",
            "",
            *lines,
            "fit, validate and test take a config: --config FILE or --config zoo://NAME.",
            "gkmvlp COMMAND --help shows the options of one; --traceback anywhere shows where an error came from.",
        ]
    )
