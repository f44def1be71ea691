"""Hugging Face repositories: addresses of files at a pinned commit, and whole folders by ``hf://org/repo``."""

import re
from pathlib import Path

from gkmvlp.errors import ZooError

FORM = re.compile(r"hf://(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[\w.-]+))?(/(?P<folder>(?!.*\.\.)[\w./-]+))?/?")


def _parts(reference: str) -> dict[str, str | None]:
    """Repository, revision and folder of a reference."""
    if (match := FORM.fullmatch(reference)) is None:
        raise ZooError(f"{reference}: hf://org/repo or hf://org/repo@REVISION is expected")
    return match.groupdict()


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
    from gkmvlp.checkpoints.hub import snapshot

    parts = _parts(reference)
    folder = parts["folder"] or ""
    return snapshot(str(parts["repo"]), parts["revision"], folder) / folder
