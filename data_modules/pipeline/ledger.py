"""What was left out and why, and the written, hashed list of what is in which split."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from gkmvlp.errors import ConfigError, DataError
from gkmvlp.whole_files import replacing

_EXAMPLES = 5


@dataclass
class Ledger:
    """Counts of rows by reason, with the first ids of each.

    Attributes:
        dropped: Rows left out, by reason.
        masked: Boxes changed or masked, by reason.
        warnings: Lines for the user.
        examples: The first ids of each reason.
    """

    dropped: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def drop(self, reason: str, ids: Iterable[str]) -> None:
        """Counts rows that are left out."""
        self._count(self.dropped, reason, ids)

    def mask(self, reason: str, ids: Iterable[str]) -> None:
        """Counts what stays in, but changed."""
        self._count(self.masked, reason, ids)

    def warn(self, line: str) -> None:
        """Keeps a line for the user, once."""
        if line not in self.warnings:
            self.warnings.append(line)

    def lines(self) -> list[str]:
        """One line a reason, and the warnings."""
        counts = [("dropped", self.dropped), ("kept, but", self.masked)]
        texts = [
            f"{word} {count:,}: {reason} (e.g. {', '.join(self.examples[reason])})"
            for word, counter in counts
            for reason, count in sorted(counter.items())
        ]
        return texts + [f"warning: {line}" for line in self.warnings]

    def as_dict(self) -> dict[str, Any]:
        """The ledger's part of a manifest."""
        return {
            "dropped": dict(self.dropped),
            "masked": dict(self.masked),
            "examples": dict(self.examples),
            "warnings": list(self.warnings),
        }

    def _count(self, counter: Counter[str], reason: str, ids: Iterable[str]) -> None:
        names = list(ids)
        if names:
            counter[reason] += len(names)
            examples = self.examples.setdefault(reason, [])
            examples.extend(names[: _EXAMPLES - len(examples)])


def describe_membership(membership: Mapping[str, list[tuple[str, str]]]) -> dict[str, Any]:
    """The part of a manifest that says who is in which split.

    Args:
        membership: Split -> (sample_id, patient_id) of its rows.

    Returns:
        ``hash`` (SHA-256 over the canonical JSON of the sorted membership), ``rows``, ``patients`` and ``members``.
    """
    canonical = {split: sorted(map(list, rows)) for split, rows in membership.items()}
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"))
    return {
        "schema": 1,
        "hash": sha256(text.encode()).hexdigest(),
        "rows": {split: len(rows) for split, rows in membership.items()},
        "patients": {split: len({patient for _, patient in rows}) for split, rows in membership.items()},
        "members": {
            split: [{"sample_id": sample, "patient_id": patient} for sample, patient in rows]
            for split, rows in membership.items()
        },
    }


def require_same(path: Path, manifest: Mapping[str, Any], remedy: str) -> None:
    """Compares a manifest that was kept with what the files give now.

    Args:
        path: The kept one.
        manifest: That of now.
        remedy: What to do beside restoring the files.

    Raises:
        DataError: If other rows are in other splits, or the kept file is no manifest.
    """
    try:
        former = json.loads(path.read_text())
        before, now = (
            {row["sample_id"] for rows in each["members"].values() for row in rows} for each in (former, manifest)
        )
        is_same = former["hash"] == manifest["hash"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is no manifest ({error!r}): delete it, or {remedy}") from error
    if not is_same:
        raise DataError(
            f"{path} does not match the files: {len(before - now):,} of its images are gone, {len(now - before):,} are "
            f"new, {len(before & now):,} may lie in another split; restore the files, or {remedy}"
        )


def write_json(path: str | Path, content: Any) -> None:
    """Writes JSON whole or not at all."""
    write_bytes(path, (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())


def write_bytes(path: str | Path, content: bytes) -> None:
    """Writes a file whole or not at all."""
    target = Path(path)
    with writing_below(target.parent), replacing(target) as part:
        part.write_bytes(content)


@contextmanager
def writing_below(folder: Path) -> Iterator[None]:
    """A folder that is there, for what is written within.

    Raises:
        ConfigError: If it cannot be made, or a file in it not be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        told = error.strerror or error
        raise ConfigError(f"{folder} cannot be written ({told}): name another folder, or free space") from error
