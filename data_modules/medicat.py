"""MedICaT: radiology figures of articles with their captions and the sentences that refer to them."""

from collections import Counter
from typing import Any, ClassVar

from gkmvlp.data_modules.captions import CaptionDataModule
from gkmvlp.data_modules.formats.medicat import ANY_TABLE, FOLDER, find_table, read_figures
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.pipeline.splits import SPLITS


class Medicat(CaptionDataModule):
    """MedICaT's radiology figures, of every modality; yields ``StudyBatch``.

    A figure has one row for its caption and, in training, one for each sentence of the article that refers to it. There
    is no official split: articles, which are ``patient_id``, are drawn 80/10/10 by a hash of their id. Statuses are
    those of the package's labeler, which knows chests; region boxes come from the atlas.

    Args:
        root: Folder that holds the list of figures and the folder figures, or release with them, or a folder medicat
            that does.
        references: Whether training reads the sentences that refer to a figure, too.
        **kwargs: What every DataModule takes.
    """

    data_name: ClassVar[str] = FOLDER
    landmarks: ClassVar[tuple[str, ...]] = (ANY_TABLE, f"release/{ANY_TABLE}")
    credentialed: bool = True  # open to all who sign, but for non-commercial use and not to be passed on
    patient_space: ClassVar[str] = "s2"

    def __init__(self, root: str, references: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.root, self.references = root, references

    @property
    def split_label(self) -> str:
        """``article``, or ``article-captions`` without references."""
        return "article" if self.references else "article-captions"

    def read_samples(self) -> list[Sample]:
        """All texts of radiology figures whose image is there."""
        table = find_table(self.root)
        self.split_source = str(table)
        figures, others = read_figures(table)
        count = Counter(figure.split for figure in figures)
        self.table_counts = {side: {"figures": count[side]} for side in SPLITS} | {"other": {"figures": others}}
        if not self.references:
            figures = [figure._replace(references=()) for figure in figures]
        return self.rows_of(figures)
