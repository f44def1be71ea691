"""What data sets that are made of other ones share."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.pipeline.images import ImageError
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.errors import ConfigError, DataError


def require_names(argument: str, names: Collection[str]) -> None:
    """Stops where an argument holds no data set, or a name that ids cannot begin with.

    Raises:
        ConfigError: If so.
    """
    if not names:
        raise ConfigError(f"{argument}: one or more of name: DataModule were expected, got none")
    if bad := [name for name in names if not name or "/" in name]:
        raise ConfigError(f"{argument}: a name without a slash was expected, got {bad[0]!r}")


def check_part(place: str, part: DataModule) -> None:
    """Checks one of the data sets.

    Args:
        place: Where it stands, for errors.
        part: The data set.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        part.check()
    except DataError as error:
        raise DataError(f"{place}: {error}; mend it, or leave it out") from error


def require_train_rows(place: str, part: DataModule) -> None:
    """Stops where a checked data set teaches nothing.

    Raises:
        DataError: If it has no training rows.
    """
    if not part.rows("train"):
        told = "; ".join(part.ledger.lines()) or "its split has none"
        raise DataError(f"{place} has no train rows ({told}): mend it, or leave it out")


def leave_out_of_all(
    whole: DataModule,
    parts: Iterable[tuple[str, DataModule]],
    bad: Mapping[str | bytes, ImageError],
    notes: Mapping[str | bytes, list[str]],
) -> None:
    """Leaves unreadable images out, of each data set by its own ledger, and of all together.

    Args:
        whole: All together.
        parts: What the ids of a data set's rows begin with, and the data set.
        bad: Source -> error, of the images that cannot be read.
        notes: Source -> what was not taken as the file says.
    """
    kept = set[str]()
    for start, part in parts:
        part.on_unreadable = whole.on_unreadable
        part.leave_out(bad, notes)
        kept |= {f"{start}{row}" for row in part.samples.values("sample_id")}
    whole.samples = whole.samples.where([name in kept for name in whole.samples.values("sample_id")])


def renamed(name: str, row: Sample, fields: Collection[str], unit: str) -> Sample:
    """A row among those of others.

    Args:
        name: Of its data set; ids begin with it.
        row: The row.
        fields: What all data sets have; the rest is dropped.
        unit: The field among them that is an id too.
    """
    kept: dict[str, Any] = {key: row.fields[key] for key in fields}
    kept[unit] = f"{name}/{kept[unit]}"
    return replace(row, sample_id=f"{name}/{row.sample_id}", finding_K4=None, fields=kept, source=name)
