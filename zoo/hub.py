"""Hugging Face repositories: addresses of files at a pinned commit, and whole folders by ``hf://org/repo``."""

import re
import sys
from pathlib import Path

from gkmvlp.errors import ZooError
from gkmvlp.zoo.cache import is_offline

FORM = re.compile(r"hf://(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[\w.-]+))?(/(?P<folder>[\w./-]+))?/?")
# what a backbone folder consists of; a pickle is not even fetched
PATTERNS = ["*.safetensors", "*.json", "*.txt"]


def _parts(reference: str) -> dict[str, str | None]:
    """Repository, revision and folder of a reference."""
    if (found := FORM.fullmatch(reference)) is None:
        raise ZooError(f"{reference}: hf://org/repo or hf://org/repo@REVISION is expected")
    return found.groupdict()


def hub_address(base: str, name: str) -> str:
    """The https address of a file of ``hf://org/repo@REVISION[/folder]``."""
    from huggingface_hub import hf_hub_url

    parts = _parts(base)
    return hf_hub_url(str(parts["repo"]), name, subfolder=parts["folder"], revision=parts["revision"])


def hub_token() -> str | None:
    """The user's token, for private repositories."""
    from huggingface_hub import get_token

    return get_token()


def hub_folder(reference: str) -> Path:
    """The folder behind ``hf://org/repo[@REVISION][/folder]``, in Hugging Face's own cache.

    Raises:
        ZooError: If there is none, or it cannot be had.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if not sys.stderr.isatty():
        disable_progress_bars()
    parts = _parts(reference)
    try:
        folder = snapshot_download(
            str(parts["repo"]), revision=parts["revision"], allow_patterns=PATTERNS, local_files_only=is_offline()
        )
    except LocalEntryNotFoundError as error:
        told = "offline, and it is not in the cache" if is_offline() else _first_line(error.__cause__ or error)
        raise ZooError(f"{reference}: {told}") from error
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise ZooError(f"{reference}: {_first_line(error)}") from error
    return Path(folder) / (parts["folder"] or "")


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
