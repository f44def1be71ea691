"""The error for the user behind what jsonargparse, Lightning, loggers and workers made of it."""

import re

from lightning.fabric.utilities.exceptions import MisconfigurationException

from gkmvlp.app.command_line.cli_errors import one_line, unwritable
from gkmvlp.app.command_line.faults import causes, is_stated_by
from gkmvlp.errors import ConfigError, GkmvlpError

_LOGGERS = ("wandb", "mlflow", "comet_ml", "neptune")  # packages of loggers, which raise errors of their own
_REQUIREMENT = re.compile(r"Requirement '(([\w.-]+)[^']*)' not met")  # how Lightning calls a package that is missing


def user_error(error: BaseException) -> GkmvlpError | None:
    """The error for the user behind whatever jsonargparse, Lightning or a DataLoader worker made of it."""
    for cause in causes(error):
        if isinstance(cause, GkmvlpError):
            return type(cause)(one_line(cause))
        if isinstance(cause, MisconfigurationException):
            return ConfigError(one_line(cause))
        if isinstance(cause, RuntimeError | TypeError | ValueError) and is_stated_by("lightning", cause):
            return ConfigError(one_line(cause))  # what a callback or the Trainer says of its arguments
        if isinstance(cause, ImportError) and (match := _REQUIREMENT.search(str(cause))):
            return ConfigError(f"the package {match[2]} is missing: pip install '{match[1]}'")
        if (package := type(cause).__module__.partition(".")[0]) in _LOGGERS:
            return ConfigError(
                f"the logger of {package} does not start: {one_line(cause)} (--trainer.logger=false: none)"
            )
        if isinstance(cause, BrokenPipeError):  # `| head` has seen enough: no error
            return None
        if isinstance(cause, OSError) and cause.strerror:  # a full disk, a folder that nobody may write to
            return ConfigError(unwritable(cause))
    return None
