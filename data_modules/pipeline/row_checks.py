"""Checks of rows as a data set gives them: ids, patients, and views in one spelling."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache

from gkmvlp.data_modules.formats.plain_text import shown
from gkmvlp.data_modules.pipeline.ledger import Ledger
from gkmvlp.data_modules.pipeline.sample_table import SampleTable
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.pipeline.views import standard_view
from gkmvlp.errors import DataError


def require_ids(samples: SampleTable, source: str) -> None:
    """Checks that every row has an id of its own, and a patient.

    Args:
        samples: The rows.
        source: What an error names: the file or data set that they are from.

    Raises:
        DataError: If an id stands twice, or an id or a patient is missing.
    """
    ids = Counter(samples.values("sample_id"))
    if len(ids) != len(samples):
        twice = ids.most_common(1)[0][0]
        raise DataError(f"{source}: sample {twice!r} stands twice; ids must be unique")
    for name, patient in zip(samples.values("sample_id"), samples.values("patient_id"), strict=True):
        if not (name and patient):
            who = f"sample {name!r} of patient {patient!r}"
            raise DataError(f"{source}: {who}: every row needs an id and a patient")


def with_standard_views(samples: Iterable[Sample], ledger: Ledger, uses_atlas: bool) -> Iterator[Sample]:
    """The rows with their views in one spelling.

    Args:
        samples: The rows, read once.
        ledger: Counts, behind the last row, what the atlas has no regions for.
        uses_atlas: Whether boxes come from the atlas, which has frontal regions alone.
    """
    standard = cache(standard_view)
    unknown: list[tuple[str, str]] = []  # view and id
    other: list[str] = []
    for sample in samples:
        if not isinstance(sample, Sample):  # a DataModule of one's own may yield anything
            raise DataError(f"read_samples yields {type(sample).__name__}: {Sample.__module__}.Sample was expected")
        view = standard(sample.view)
        if view is None:
            unknown.append((sample.view, sample.sample_id))
        elif view not in ("PA", "AP", ""):
            other.append(sample.sample_id)
        yield sample if view in (sample.view, None) else replace(sample, view=str(view))
    first = dict(reversed(unknown))
    unknown.sort(key=lambda pair: first[pair[0]] != pair[1])  # the ledger shows few examples
    notes = [f"{shown(view)} of {name}" for view, name in unknown]
    ledger.mask("view is spelled in no known way (no regions of the atlas)", notes)
    if uses_atlas:
        ledger.mask("view is not frontal (no regions of the atlas)", other)
