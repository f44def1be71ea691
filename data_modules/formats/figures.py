"""A figure of an article with what the article says of it, whichever data set it comes from."""

from typing import NamedTuple

from gkmvlp.data_modules.pipeline.splits import Split


class Figure(NamedTuple):
    """One figure.

    Attributes:
        figure_id: Unique id.
        article: Id of the article, or of the figure where that is not known.
        image: Path of the image, or where it was expected.
        split: ``train``, ``validate`` or ``test``.
        caption: Its caption in one line, "" where there is none.
        references: Sentences elsewhere in the article that speak of it, each in one line.
    """

    figure_id: str
    article: str
    image: str
    split: Split
    caption: str
    references: tuple[str, ...] = ()
