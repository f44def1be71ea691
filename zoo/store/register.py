"""Entries from elsewhere: read at an address, and kept so that their names mean something."""

import dataclasses
import hashlib
import os
from contextlib import suppress
from pathlib import Path

from gkmvlp.checkpoints.references import is_offline
from gkmvlp.errors import ZooError
from gkmvlp.zoo.entry import PACKAGED, PINNED, SCHEME, Entry, dump, fits, parse, source_urls
from gkmvlp.zoo.registry import downloaded_entries, known
from gkmvlp.zoo.store.download import disk_errors
from gkmvlp.zoo.store.hub import hub_address, hub_token
from gkmvlp.zoo.store.transfer import fetch_text


def register(address: str, sha256: str | None = None) -> Entry:
    """The entry at an address or in a file, kept so that ``zoo://NAME`` means it from now on.

    Args:
        address: ``https://.../NAME.yaml``, ``hf://org/repo@COMMIT/NAME.yaml`` or a path.
        sha256: What the entry must have.

    Raises:
        ZooError: If it is wrong, or its name is taken by another model.
    """
    entry = entry_at(address, sha256)
    before = known(entry.name)
    if before is not None and before.digest != entry.digest:
        remedy = "it ships with gkmvlp" if Path(before.origin).parent == PACKAGED else f"gkmvlp zoo remove {entry.name}"
        raise ZooError(f"{address}: another model is called {entry.name} ({before.origin}): {remedy}")
    if before is None:
        beside = _backbone_beside(address, entry.backbone) if entry.backbone else None
        with disk_errors(entry):
            for one in filter(None, (beside, entry)):
                _keep(one)
    return before or entry


def _backbone_beside(address: str, reference: str) -> Entry | None:
    """The entry of a fine-tuned model's backbone: where it is unknown here, lies beside, and is the one meant."""
    name = reference.removeprefix(SCHEME).partition("@")[0]
    if known(name) is not None:
        return None
    with suppress(ZooError):
        entry = entry_at(f"{address.rpartition('/')[0] or '.'}/{name}.yaml")
        return entry if entry.reference == reference else None
    return None


def entry_at(address: str, sha256: str | None = None) -> Entry:
    """The entry at an address or in a file.

    Raises:
        ZooError: If it is not there, wrong, or of another hash.
    """
    text = _entry_text(address)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if sha256 and digest != sha256:
        raise ZooError(f"{address}: SHA-256 {digest[:12]}... came, {sha256[:12]}... is expected")
    return parse(text, address if "://" in address else str(Path(address).resolve()))


def _entry_text(address: str) -> str:
    if "://" not in address:
        try:
            return Path(address).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ZooError(f"{address}: no readable entry ({getattr(error, 'strerror', None) or error})") from error
    if is_offline():
        raise ZooError(f"{address}: offline (GKMVLP_OFFLINE or HF_HUB_OFFLINE)")
    if address.startswith("hf://"):
        base, _, name = address.rpartition("/")
        if not fits(PINNED, base):
            raise ZooError(f"{address}: hf://org/repo@COMMIT/NAME.yaml with the 40 hex digits of a commit is expected")
        return fetch_text(hub_address(base, name), hub_token())
    return fetch_text(address)


def _keep(entry: Entry) -> None:
    """Write an entry beside the other downloaded ones, with sources that hold from there."""
    folder = downloaded_entries()
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{entry.name}.{os.getpid()}.part"
    part.write_text(dump(dataclasses.replace(entry, sources=source_urls(entry))), encoding="utf-8")
    part.replace(folder / f"{entry.name}.yaml")
