"""What the config of a run says about its data and its model."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.inspection.check import find_class
from gkmvlp.errors import ConfigError, UsageError


@dataclass(frozen=True)
class RunConfig:
    """The config that ``fit`` or ``test`` wrote.

    Attributes:
        file: Where it lies.
        data: Full name of the DataModule, and its arguments.
        model: Full name of the task, and its arguments.
    """

    file: Path
    data: tuple[str, dict[str, Any]]
    model: tuple[str, dict[str, Any]]

    def make_data(self) -> DataModule:
        """The DataModule.

        Raises:
            ConfigError: If there is no such class, or it takes other arguments.
            GkmvlpError: Whatever the class refuses.
        """
        name, arguments = self.data
        try:
            return find_class(name)(**arguments)
        except (UsageError, TypeError) as error:
            raise ConfigError(f"{self.file}: {name} cannot be made ({error}); run gkmvlp test again") from error


def read_run_config(out: Path) -> RunConfig:
    """The config that the predictions of a run came from.

    Args:
        out: The run's folder; or one with the merged predictions of runs two folders below, whose first counts.

    Raises:
        UsageError: If there is none, or it is no config of ours.
    """
    file = _config_file(out)
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
        data, model = ((config[part]["class_path"], config[part].get("init_args") or {}) for part in ("data", "model"))
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise UsageError(f"{file}: expected data and model, as gkmvlp test writes them; run it again") from error
    return RunConfig(file, data, model)


def _config_file(out: Path) -> Path:
    """That of a later test, else the first; else that of a run below."""
    own = [out / "config-test.yaml", out / "config.yaml"]
    files = [file for file in [*own, *sorted(out.glob("*/*/config-test.yaml"))] if file.is_file()]
    if not files:
        raise UsageError(f"{out}: expected config.yaml, as gkmvlp fit and test write it; name a run's folder")
    return files[0]
