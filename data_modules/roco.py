"""ROCO: radiology figures of articles with their captions."""

from collections import Counter
from typing import Any, ClassVar

from gkmvlp.data_modules.captions import CaptionDataModule
from gkmvlp.data_modules.formats.figures import Figure
from gkmvlp.data_modules.formats.roco import FOLDER, KIND, find_base, read_figures
from gkmvlp.data_modules.pipeline.samples import Counts, Sample
from gkmvlp.data_modules.pipeline.splits import SPLITS

# Captions of the repository, counted on its files; of many figures the image can no longer be fetched.
PUBLISHED: Counts = {"validate": {"captions": 8_180}, "test": {"captions": 8_179}}
_FULL_RELEASE = 60_000


class Roco(CaptionDataModule):
    """ROCO's radiology figures with captions, of every modality; yields ``StudyBatch``.

    The split is the owner's, by figure: articles have figures on two sides, which is said. ``patient_id`` is the
    article where licences.txt tells it, else the figure. Statuses are those of the package's labeler, which knows
    chests; region boxes come from the atlas.

    Args:
        root: Folder that holds train, validation (or val) and test, or data with them, or a folder roco that does.
        **kwargs: What every DataModule takes.
    """

    data_name: ClassVar[str] = FOLDER
    landmarks: ClassVar[tuple[str, ...]] = (f"train/{KIND}/captions.txt", f"data/train/{KIND}/captions.txt")
    patient_space: ClassVar[str] = "pmc"

    def __init__(self, root: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.root = root

    @property
    def split_label(self) -> str:
        """``official``."""
        return "official"

    @property
    def is_patient_disjoint(self) -> bool:
        """The owner's split is by figure, not by article."""
        return False

    def read_samples(self) -> list[Sample]:
        """All captions of figures whose image is there."""
        base = find_base(self.root)
        self.split_source = str(base)
        figures = read_figures(base)
        count = Counter(figure.split for figure in figures)
        self.table_counts = {side: {"captions": count[side]} for side in SPLITS}
        self.published_counts = PUBLISHED if count["train"] >= _FULL_RELEASE else {}
        self._warn(figures)
        return self.rows_of(figures)

    def _warn(self, figures: list[Figure]) -> None:
        """Says which articles are on two sides, or that nobody knows."""
        if unknown := sum(figure.article == figure.figure_id for figure in figures):
            self.ledger.warn(f"the article of {unknown:,} figures is not told by licences.txt: each is its own")
        sides: dict[str, set[str]] = {}
        for figure in figures:
            sides.setdefault(figure.article, set()).add(figure.split)
        if shared := sum(len(each) > 1 for each in sides.values()):
            told = f"{shared:,} of {len(sides):,} articles have figures on two sides"
            self.ledger.warn(f"{told} (the split is by figure)")
