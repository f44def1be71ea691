"""MELINDA: figures of biomedical articles, each with its caption and the class of its experiment."""

from collections import Counter
from typing import Any, ClassVar

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.formats.files import is_file
from gkmvlp.data_modules.formats.melinda import FOLDER, IMAGES, Label, Row, find_base, read_rows
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.pipeline.splits import SPLITS
from gkmvlp.errors import require_choice


class Melinda(DataModule):
    """MELINDA's figures of experiments, which are no radiographs; yields ``ImageTextBatch``.

    The split is the owner's. ``patient_id`` is the figure: several rows may show one. A class of validation or test
    that training never has stays in, and is answered wrong; the summary says how many rows that are.

    Args:
        root: Folder that holds train.csv, dev.csv, test.csv and melinda_images, or a folder melinda that does.
        label: What is classified: i_meth (interaction, 85 classes), p_meth (participant identification, 45), or their
            coarse groups i_meth_label (15) and p_meth_label (7).
        **kwargs: What every DataModule takes.
    """

    data_name: ClassVar[str] = FOLDER
    landmarks: ClassVar[tuple[str, ...]] = (IMAGES,)
    has_captions: ClassVar[bool] = True

    def __init__(self, root: str, label: Label = "p_meth_label", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        require_choice("data.init_args", Label, label=label)
        self.root: str = root
        self.label: Label = label

    @property
    def split_label(self) -> str:
        """``official``, with the label."""
        return f"official-{self.label}"

    @property
    def is_patient_disjoint(self) -> bool:
        """The owner's split is by row; whether figures are on two sides is said."""
        return False

    def texts(self) -> list[str]:
        """Training captions."""
        return [row.fields["text"] for row in self.rows("train")]

    def classes(self) -> list[str]:
        """The different categories of training, in order."""
        return sorted({row.fields["category"] for row in self.rows("train")})

    def coverage(self) -> float:
        """Share of test rows whose category training has: the ceiling of a classifier."""
        known, rows = set(self.classes()), self.rows("test")
        return sum(row.fields["category"] in known for row in rows) / len(rows) if rows else float("nan")

    def summary_lines(self) -> list[str]:
        """The base's lines and the ceiling that training's classes set."""
        ceiling = f"known from training {self.coverage():.1%} of the test rows (the ceiling)"
        return [*super().summary_lines(), f"{len(self.classes())} classes, {ceiling}"]

    def read_samples(self) -> list[Sample]:
        """All rows with an image, a caption and a category."""
        base = find_base(self.root)
        self.split_source = str(base)
        rows = read_rows(base, self.label)
        count = Counter(row.side for row in rows)
        self.table_counts = {side: {"rows": count[side]} for side in SPLITS}
        present = {image: is_file(image) for image in {row.image for row in rows}}
        self.ledger.drop("image file is missing", [row.image for row in rows if not present[row.image]])
        rows = [row for row in rows if present[row.image]]
        self.ledger.drop("caption is empty", [row.sample_id for row in rows if not row.caption])
        unlabelled = [row.sample_id for row in rows if row.caption and not row.category]
        self.ledger.drop(f"{self.label} is empty", unlabelled)
        rows = [row for row in rows if row.caption and row.category]
        sides: dict[str, set[str]] = {}
        for row in rows:
            sides.setdefault(row.figure, set()).add(row.side)
        if shared := sum(len(each) > 1 for each in sides.values()):
            self.ledger.warn(f"{shared:,} of {len(sides):,} figures are on two sides (the split is by row)")
        return [_sample(row) for row in rows]


def _sample(row: Row) -> Sample:
    fields = {"text": row.caption, "category": row.category}
    return Sample(row.sample_id, row.figure, row.image, "", row.side, fields=fields)
