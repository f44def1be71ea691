"""The program behind ``gkmvlp``, ``lightning`` and ``python -m gkmvlp``.

``fit``, ``validate`` and ``test`` are LightningCLI's; the others are modules of ``gkmvlp.app.commands``, named by the
tables of ``gkmvlp.app.command_line.command_table``. Nothing outside the standard library is imported at module level,
so that ``--help`` answers at once.
"""

import os
import sys
import traceback

from gkmvlp import __version__
from gkmvlp.app.command_line.cli_errors import hint, one_line, unwritable
from gkmvlp.app.command_line.command_table import COMMANDS, LIGHTNING, MODULES, RENAMED
from gkmvlp.app.command_line.faults import own_fault
from gkmvlp.app.command_line.plain_commands import program_help, run_command, show_group
from gkmvlp.app.command_line.process import (
    CLOSED,
    INTERRUPTED,
    TERMINATED,
    Terminated,
    ending_at_sigterm,
    leave_stdout,
    make_streams_safe,
    require_ranks,
)
from gkmvlp.checkpoints.references import is_offline
from gkmvlp.errors import GkmvlpError, UsageError


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
    _set_up_libraries(is_program=args is None)
    make_streams_safe()
    try:
        require_ranks()
        with ending_at_sigterm():
            code = _dispatch(words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # as `| head` does: whoever reads has seen enough
        leave_stdout()
        return CLOSED
    except KeyboardInterrupt:
        return _told("stopped by SIGINT", INTERRUPTED)
    except Terminated:
        return _told("stopped by SIGTERM", TERMINATED)
    except SystemExit as stop:
        return _code_of(stop)
    except Exception as error:
        if show_traceback and isinstance(error, GkmvlpError):
            traceback.print_exc()
            return error.exit_code
        if show_traceback or (mendable := _code_of_mendable(error)) is None:
            raise
        return mendable


def _told(message: str, code: int) -> int:
    """Says why the program ends, in one line, and gives its exit code back."""
    print(f"gkmvlp: {message}", file=sys.stderr)
    return code


def _code_of(stop: SystemExit) -> int:
    """Exit code of what a module asked to end by."""
    if isinstance(stop.__context__, KeyboardInterrupt):  # Lightning turns the signal into exit(1)
        return INTERRUPTED
    if isinstance(stop.code, str):  # as Python itself does: a module of somebody's own may say why it ends
        return _told(one_line(stop), 1)
    return stop.code if isinstance(stop.code, int) else int(stop.code is not None)


def _code_of_mendable(error: Exception) -> int | None:
    """Exit code of an error that the user can mend, which is told; None of a fault of the program."""
    if isinstance(error, GkmvlpError):
        return _told(one_line(error), error.exit_code)
    if isinstance(error, OSError) and error.errno is not None:
        # a full disk, a folder that nobody may write to: no command has to think of it
        code = _told(unwritable(error), 1)
        leave_stdout()
        return code
    told = None if isinstance(error, OSError) else own_fault(error)
    return None if told is None else _told(told, 1)


def _set_up_libraries(is_program: bool) -> None:
    """What libraries are told by the environment before they are imported; as a program also the hub's client."""
    # albumentations asks a server for its newest version on import, the hub's client tells which program uses it,
    # tokenizers warns about every worker
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")  # each of its attempts to reach the hub is a line
    if "" not in sys.path:  # the working folder, as with python -m: class_path: my_module.MyData
        sys.path.append("")
    if is_program and is_offline():  # ours holds for weights that are named by a repository too
        os.environ["HF_HUB_OFFLINE"] = "1"


def _dispatch(words: list[str]) -> int:
    """Hand the words to the command that the first one or two of them name."""
    if not words:
        raise UsageError("a command is missing; gkmvlp --help lists them")
    name = words[0]
    if name in ("-h", "--help", "help"):
        print(program_help())
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
        # Several devices look for parameters without a gradient, as trainer_defaults.allow_unused asks; where all have
        # one, the C++ of torch warns in each process. It reads this on import, and is then silent of all but errors.
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
        from gkmvlp.app.running.lightning_cli import run

        return run(words)
    for length in (2, 1):
        if (command := " ".join(words[:length])) in MODULES:
            return run_command(command, words[length:])
    return show_group(name, words[1:])
