"""Models on the Hugging Face Hub: a repository is a model's folder with a card, no pickle and no local path."""

import json
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from huggingface_hub import ModelCard, ModelHubMixin, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

from gkmvlp.checkpoints.card_texts import METHODS, NOT_FOR, python_use
from gkmvlp.checkpoints.checksums import write_checksums
from gkmvlp.checkpoints.references import is_offline
from gkmvlp.errors import ZooError
from gkmvlp.local_paths import without_paths
from gkmvlp.metrics.calibration.score_map import UNCALIBRATED
from gkmvlp.notices import NO_PATIENT, NOT_CLINICAL, trained_on_patients

# what a model's folder consists of; a pickle is not even fetched
PATTERNS = ("*.safetensors", "*.json", "*.txt")
# of the HTTP client below huggingface_hub, whichever it is: no connection, or one that broke
CLIENT_ERROR: type[Exception] = HfHubHTTPError.__mro__[1]
CARD = """---
{{ card_data }}
---
# GK-MVLP, {{ task }}

**{{ notices }}**

{{ method }}

```python
{{ use }}
```

Not for: {{ not_for }}

Trained on, first to last: {{ trained_on }}.

Probabilities: {{ probabilities }}.
"""


class HubModel(ModelHubMixin, library_name="gkmvlp", tags=["chest-x-ray"], model_card_template=CARD):
    """Base of what lies in a folder; ``info`` holds the further keys of its ``config.json``."""

    info: dict[str, Any]
    # the folder has a config.json of its own; without this the mixin would look for one in the arguments
    _hub_mixin_config = {}  # noqa: RUF012

    @property
    def system(self) -> str:
        """Name of its system, of ``gkmvlp.checkpoints.systems``."""
        return "gk_mvlp"

    @property
    def probabilities(self) -> str:
        """What its card says of probabilities: on which data they were calibrated."""
        return UNCALIBRATED

    def write_folder(self, folder: Path) -> None:
        """Writes the whole folder anew."""
        raise NotImplementedError

    @classmethod
    def open_folder(cls, folder: Path, **options: Any) -> Self:
        """What lies in a folder."""
        raise NotImplementedError

    @classmethod
    def from_pretrained(  # type: ignore[override]  # the mixin would take keys of config.json for arguments
        cls, pretrained_model_name_or_path: str | Path, *, revision: str | None = None, **options: Any
    ) -> Self:
        """The model of a folder, or of a repository of the Hugging Face Hub.

        Args:
            pretrained_model_name_or_path: A folder, or ``org/name``.
            revision: Branch, tag or commit of the repository.
            **options: ``cache_dir``, ``force_download``, ``local_files_only`` and ``token`` are those of
                ``snapshot_download``; others those of the class, such as ``device`` of a ``Predictor``.

        Raises:
            ZooError: If the repository cannot be had.
            BackboneError: If what is there does not fit; a pickle is not opened.
        """
        known = ("cache_dir", "force_download", "local_files_only", "token")
        fetching = {key: options.pop(key) for key in known if key in options}
        folder = Path(pretrained_model_name_or_path)
        if not folder.is_dir():
            folder = snapshot(str(pretrained_model_name_or_path), revision, **fetching)
        model = cls.open_folder(folder, **options)
        if not trained_on_patients(model.info):
            warnings.warn(NO_PATIENT, stacklevel=2)
        return model

    def _save_pretrained(self, save_directory: Path) -> None:
        """Moves the files into the folder one by one: what else lies there stays."""
        with tempfile.TemporaryDirectory(prefix=".", dir=save_directory) as scratch:
            made = Path(scratch) / "model"
            self.write_folder(made)
            config = without_paths(json.loads((made / "config.json").read_text()))
            if "://" not in str(config.get("backbone")):
                config.pop("backbone", None)  # a folder of this machine
            (made / "config.json").write_text(json.dumps(config, indent=1))
            write_checksums(made)
            # the configuration last: a folder without one is no model yet
            for file in sorted(made.iterdir(), key=lambda file: file.name == "config.json"):
                file.replace(save_directory / file.name)
        (save_directory / "README.md").unlink(missing_ok=True)  # the mixin keeps a card that is there, of what it was

    def push_to_hub(self, repo_id: str, *, saw_patients: bool = False, **options: Any) -> str:
        """Uploads folder and card in one commit.

        Args:
            repo_id: ``org/name``; made where it does not exist.
            saw_patients: Say True of a model that was trained on patients, where the terms of the data allow to share
                it; those of credentialed data mostly do not.
            **options: Those of the mixin: ``private``, ``branch``, ``commit_message``, ``create_pr``, ``token`` ...

        Returns:
            Address of the commit.

        Raises:
            ZooError: If it was trained on patients and nobody said so, or the upload fails.
        """
        if trained_on_patients(self.info) and not saw_patients:
            raise ZooError(
                f"{repo_id}: not pushed, it was trained on patients ({self.info.get('trained_on', 'unknown data')}); "
                "if the terms of the data allow it: push_to_hub(..., saw_patients=True)"
            )
        if is_offline():
            raise ZooError(f"{repo_id}: not pushed, offline (GKMVLP_OFFLINE or HF_HUB_OFFLINE is set)")
        options.setdefault("commit_message", "Upload GK-MVLP model")
        options["model_card_kwargs"] = {"repo_id": repo_id, **(options.get("model_card_kwargs") or {})}
        try:
            return super().push_to_hub(repo_id, **options)
        except (CLIENT_ERROR, HFValidationError, OSError) as error:
            raise ZooError(f"{repo_id}: {first_line(error)}") from error

    def generate_model_card(self, *args: Any, **kwargs: Any) -> ModelCard:
        """The card, out of ``info``."""
        task = str(self.info.get("task") or "pre-trained backbone")
        notices = NOT_CLINICAL if trained_on_patients(self.info) else f"{NOT_CLINICAL} {NO_PATIENT}"
        told = {
            "task": task.replace("_", " "),
            "notices": notices,
            "method": METHODS[self.system],
            "use": python_use(f"hf://{kwargs.pop('repo_id', None) or 'ORG/NAME'}", task),
            "trained_on": self.info.get("trained_on", "unknown data"),
            "probabilities": self.probabilities,
            "not_for": NOT_FOR,
        }
        return super().generate_model_card(*args, **{**told, **kwargs})


def snapshot(
    repo: str, revision: str | None, folder: str = "", *, local_files_only: bool = False, **options: Any
) -> Path:
    """The folder of a repository, in Hugging Face's own cache.

    Args:
        repo: ``org/name``.
        revision: Branch, tag or commit.
        folder: Only what lies in this folder of it.
        local_files_only: Ask no network.
        **options: Those of ``snapshot_download``.

    Raises:
        ZooError: If there is none, or it cannot be had.
    """
    patterns = [f"{folder}/{pattern}" if folder else pattern for pattern in PATTERNS]
    local = local_files_only or is_offline()
    reference = f"hf://{repo}@{revision}" if revision else f"hf://{repo}"
    try:
        with _bars_on_a_terminal():
            return Path(
                snapshot_download(repo, revision=revision, allow_patterns=patterns, local_files_only=local, **options)
            )
    except LocalEntryNotFoundError as error:
        told = "offline, and it is not in the cache" if local else first_line(error.__cause__ or error)
        raise ZooError(f"{reference}: {told}") from error
    except (CLIENT_ERROR, HFValidationError, OSError) as error:
        raise ZooError(f"{reference}: {first_line(error)}") from error


@contextmanager
def _bars_on_a_terminal() -> Iterator[None]:
    """No progress bars elsewhere, for as long as this lasts."""
    hide = not sys.stderr.isatty() and not are_progress_bars_disabled()
    if hide:
        disable_progress_bars()
    try:
        yield
    finally:
        if hide:
            enable_progress_bars()


def first_line(error: BaseException) -> str:
    """What a library says, without its advice."""
    return str(error).strip().partition("\n")[0]
