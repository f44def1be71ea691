"""The program behind ``gkmvlp``, ``lightning`` and ``python -m gkmvlp``.

Plain subcommands, one module each in ``gkmvlp.app.commands``, are dispatched before Lightning is imported; ``fit``,
``validate`` and ``test`` are LightningCLI's. Nothing outside the standard library is imported at module level, so that
``--help`` answers at once.

A command module has a docstring (its help), ``add_arguments(parser)`` and ``run(arguments) -> int``. With
``FORWARDS = True`` unknown options are not an error: they reach ``run`` as ``arguments.forwarded``.
"""

import argparse
import ast
import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from gkmvlp import __version__
from gkmvlp.app.running.cli_errors import explain, hint, one_line
from gkmvlp.checkpoints.references import is_offline
from gkmvlp.errors import GkmvlpError, UsageError

LIGHTNING = {
    "fit": "Train the model of a config on its data.",
    "validate": "Run the validation split of a config.",
    "test": "Run the test split of a config and write its figures.",
}
INTERRUPTED = 130  # 128 + SIGINT, what shells report
CLOSED = 141  # 128 + SIGPIPE


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
        Exit code: 0 done, 1 an error the user can mend, 2 wrong usage, 130 interrupted.
    """
    words = list(sys.argv[1:] if args is None else args)
    show_traceback = "--traceback" in words or os.environ.get("GKMVLP_TRACEBACK") == "1"
    words = [word for word in words if word != "--traceback"]
    # albumentations asks a server for its newest version on import, the hub's client tells which program uses it,
    # tokenizers warns about every worker
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if args is None and is_offline():  # ours holds for weights that are named by a repository too
        os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        code = _dispatch(words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # as `| head` does: whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED
    except GkmvlpError as error:
        if show_traceback:
            traceback.print_exc()
        else:
            print(f"gkmvlp: {one_line(error)}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):  # Lightning turns the signal into exit(1)
            return INTERRUPTED
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)


def command_names() -> list[str]:
    """Names of the plain subcommands: the public modules of ``gkmvlp.app.commands``, found without importing them."""
    return sorted(file.stem for file in _folder().glob("*.py") if not file.stem.startswith("_"))


def _dispatch(words: list[str]) -> int:
    """Hand the words to the command that the first of them names."""
    if not words:
        raise UsageError("a command is missing; gkmvlp --help lists them")
    name, rest = words[0], words[1:]
    if name in ("-h", "--help", "help"):
        print(_help())
        return 0
    if name == "--version":
        print(__version__)
        return 0
    if name in LIGHTNING:
        from gkmvlp.app.running.lightning_cli import run

        return run(words)
    if name in command_names():
        return _run_plain(name, rest)
    raise UsageError(f"no command {name!r}{hint(name, [*LIGHTNING, *command_names()])} (see gkmvlp --help)")


def _run_plain(name: str, words: list[str]) -> int:
    """Parse the words of one plain subcommand and run it."""
    module = importlib.import_module(f"gkmvlp.app.commands.{name}")
    parser = _Parser(
        prog=f"gkmvlp {name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    arguments, unknown = parser.parse_known_args(words)
    if getattr(module, "FORWARDS", False):
        arguments.forwarded = unknown
    elif unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return int(module.run(arguments))


def _options(parser: argparse.ArgumentParser) -> list[str]:
    """Option strings of a parser and of all its subparsers."""
    words = list(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                words += _options(child)
    return words


def _folder() -> Path:
    """Folder of the command modules."""
    return Path(__file__).parent / "commands"


def _summary(name: str) -> str:
    """First line of a command's docstring, read without importing the module."""
    docstring = ast.get_docstring(ast.parse((_folder() / f"{name}.py").read_text(encoding="utf-8")))
    return (docstring or "").partition("\n")[0]


def _help() -> str:
    """What ``gkmvlp --help`` prints."""
    plain = {name: _summary(name) for name in command_names()}
    width = max(map(len, [*LIGHTNING, *plain])) + 2
    return "\n".join(
        [
            "usage: gkmvlp COMMAND [options]      (lightning and python -m gkmvlp are the same program)",
            "",
            "Grounded, knowledge-enhanced vision-language pre-training on chest radiographs. Not for clinical use.",
            "",
            "with a config (--config FILE or --config zoo://NAME):",
            *(f"  {name:<{width}}{text}" for name, text in LIGHTNING.items()),
            "",
            "plain commands:",
            *(f"  {name:<{width}}{text}" for name, text in plain.items()),
            "",
            "gkmvlp COMMAND --help shows the options of one; --traceback anywhere shows where an error came from.",
        ]
    )
