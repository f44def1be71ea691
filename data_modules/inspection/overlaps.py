"""What two splits share: patients, images (also copies under other names) and captions.

N images, D pixels of a thumbnail.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.formats.plain_text import shown
from gkmvlp.data_modules.inspection.thumbnails import comparable, same_images
from gkmvlp.data_modules.pipeline.splits import SPLITS
from gkmvlp.data_modules.pipeline.transforms import Pixels

KINDS = ("patients", "images", "texts")
_EXAMPLES = 5


@dataclass(frozen=True)
class Overlap:
    """What two sides share.

    Attributes:
        kind: One of ``KINDS``.
        first: One side: data, split name and split.
        second: The other.
        count: Patients, images or texts of the first that are on the second too.
        of_first: Patients, images or texts on the first.
        of_second: Patients, images or texts on the second.
        examples: Some of those shared; of images ``id = id``.
    """

    kind: str
    first: str
    second: str
    count: int
    of_first: int
    of_second: int
    examples: list[str]

    def line(self) -> str:
        """For people."""
        return (
            f"{self.kind} on both sides: {self.count:,} of {self.of_first:,} in {self.first} are among the "
            f"{self.of_second:,} in {self.second} (e.g. {', '.join(self.examples)})"
        )


@dataclass(frozen=True)
class Side:
    """One split of one data set.

    Attributes:
        label: Data, split name and split, as ``Overlap`` names it.
        space: Whose numbers the patients have.
        patients: Their ids.
        ids: Sample ids of the N images, the first row on each; empty where images are not compared.
        thumb_ND: Their thumbnails.
        texts: Captions, in small letters with single blanks; none of reports, of which many share a template.
    """

    label: str
    space: str
    patients: frozenset[str]
    ids: list[str]
    thumb_ND: NDArray[np.float32]
    texts: frozenset[str]


def sides_of(data: DataModule, thumb_of: Mapping[str | bytes, Pixels]) -> list[Side]:
    """The splits of a data set that have rows.

    Args:
        data: The checked data set.
        thumb_of: Image -> its thumbnail (32, 32), of the images that are compared.
    """
    sides = []
    for split in SPLITS:
        rows = data.rows(split)
        if not rows:
            continue
        first: dict[str | bytes, str] = {}
        for image, name in zip(rows.values("image"), rows.values("sample_id"), strict=True):
            if image in thumb_of:
                first.setdefault(image, name)
        thumb_ND = comparable([thumb_of[image] for image in first])
        captions = rows.values("text") if data.has_captions else ()
        texts = frozenset(" ".join(text.casefold().split()) for text in captions)
        label, patients = f"{data.name} {data.split_label} {split}", frozenset(rows.values("patient_id"))
        sides.append(Side(label, data.patient_space, patients, list(first.values()), thumb_ND, texts))
    return sides


def overlaps_of(sides: Sequence[Side]) -> list[Overlap]:
    """What each two sides share."""
    return [overlap for first, second in combinations(sides, 2) for overlap in _overlaps(first, second)]


def _overlaps(first: Side, second: Side) -> Iterator[Overlap]:
    labels = first.label, second.label
    is_one_numbering = "" in (first.space, second.space) or first.space == second.space
    if is_one_numbering and (shared := sorted(first.patients & second.patients)):
        sizes = len(first.patients), len(second.patients)
        yield Overlap("patients", *labels, len(shared), *sizes, shared[:_EXAMPLES])
    if pairs := same_images(first.thumb_ND, second.thumb_ND):
        names = [f"{first.ids[a]} = {second.ids[b]}" for a, b in pairs[:_EXAMPLES]]
        sizes = len(first.ids), len(second.ids)
        yield Overlap("images", *labels, len({a for a, _ in pairs}), *sizes, names)
    if texts := sorted(first.texts & second.texts):
        sizes = len(first.texts), len(second.texts)
        yield Overlap("texts", *labels, len(texts), *sizes, [shown(text) for text in texts[:_EXAMPLES]])
