"""Commands with a module of their own: their parsers, their help, and how they are run.

A command module has a docstring (its first line is its line of ``gkmvlp --help``, the whole is the help of the
command), ``add_arguments(parser)`` and ``run(arguments) -> int``. It is imported when its command or ``--help`` is
called. With ``FORWARDS = True`` unknown options are not an error: they reach ``run`` as ``arguments.forwarded``.
"""

import argparse
import importlib
from types import ModuleType
from typing import NoReturn

from gkmvlp.app.command_line.cli_errors import explain, hint
from gkmvlp.app.command_line.command_table import COMMANDS, MODULES, subcommands
from gkmvlp.app.command_line.renamed_keys import is_former
from gkmvlp.errors import UsageError


def run_command(command: str, words: list[str]) -> int:
    """Parse the words of one command in ``MODULES`` and run it."""
    parser, module = parser_of(command)
    _require_filled(words, parser)
    for word in words:  # before the parser: what it forwards or asks for would hide the new name
        if is_former(word.partition("=")[0], _options(parser)):
            parser.error(f"unrecognized arguments: {word}")
        if (option := word.partition("=")[0]) in _positionals(parser) - {*_options(parser)}:
            name = option.removeprefix("--")
            parser.error(f"{option}: {name.upper()} is named without an option: gkmvlp {command} {name.upper()}")
    arguments, unknown = parser.parse_known_args(words)
    if getattr(module, "FORWARDS", False):
        arguments.forwarded = unknown
    elif unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return int(module.run(arguments))


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


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line with the nearest known word."""

    def error(self, message: str) -> NoReturn:
        """Raise ``UsageError`` instead of printing the usage."""
        raise UsageError(f"{explain(message, _options(self), {}, [])} (see {self.prog} --help)")


def _module(command: str) -> ModuleType:
    """Module of a command in ``MODULES``."""
    return importlib.import_module(f"gkmvlp.app.commands.{MODULES[command]}")


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


def _positionals(parser: argparse.ArgumentParser) -> set[str]:
    """Arguments that are named by their place, spelt as options."""
    return {f"--{action.dest}" for action in parser._actions if not action.option_strings}


def _options(parser: argparse.ArgumentParser) -> list[str]:
    """Option strings of a parser and of all its subparsers."""
    words = list(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                words += _options(child)
    return words


def summary_of(command: str) -> str:
    """The line of a command in ``gkmvlp --help``."""
    summary = COMMANDS[command].summary if command in COMMANDS else None
    return summary or str(_module(command).__doc__).partition("\n")[0]


def program_help() -> str:
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


def show_group(name: str, words: list[str]) -> int:
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
