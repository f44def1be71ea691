"""What data sets of figures and captions share: rows of image and text, labelled as reports are."""

from collections.abc import Iterable
from typing import ClassVar

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.formats.figures import Figure
from gkmvlp.data_modules.formats.files import is_file
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.report.labeler import label_report, stated_regions, statuses

LEAST_WORDS = 3  # of a text; shorter ones are letters of panels


class CaptionDataModule(DataModule):
    """A data set of figures; yields ``StudyBatch``, a study being a figure.

    ``patient_id`` is the article: what a figure shows, and who it shows, are told by article alone.
    """

    has_captions: ClassVar[bool] = True

    def texts(self) -> list[str]:
        """Training texts."""
        return [sample.fields["text"] for sample in self.rows("train")]

    def rows_of(self, figures: Iterable[Figure]) -> list[Sample]:
        """A row a figure for its caption, and in training one for each of its references.

        Figures without an image file, and texts under three words, are counted and left out.
        """
        missing, short, samples = [], [], list[Sample]()
        for figure in figures:
            if not is_file(figure.image):
                missing.append(figure.image)
                continue
            references = figure.references if figure.split == "train" else ()
            for number, text in enumerate((figure.caption, *references)):
                name = f"{figure.figure_id}-{number}" if number else figure.figure_id
                if len(text.split()) < LEAST_WORDS:
                    short.append(name)
                else:
                    samples.append(_row(figure, name, text))
        self.ledger.drop("image file is missing", missing)
        self.ledger.drop(f"text has under {LEAST_WORDS} words", short)
        return samples


def _row(figure: Figure, name: str, text: str) -> Sample:
    mentions = label_report(text)
    fields = {
        "study_id": figure.figure_id,
        "text": text,
        "status": statuses(mentions),
        "place": stated_regions(mentions),
    }
    return Sample(name, figure.article, figure.image, "", figure.split, fields=fields)
