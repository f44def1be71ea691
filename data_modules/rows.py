"""The rows of a data set: what they are read from, checked, in which split, and what was left out of them."""

from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from gkmvlp.data_modules.pipeline.detected_regions import require_boxes
from gkmvlp.data_modules.pipeline.ledger import Ledger, describe_membership, write_json
from gkmvlp.data_modules.pipeline.row_checks import require_ids, with_standard_views
from gkmvlp.data_modules.pipeline.sample_table import SampleTable
from gkmvlp.data_modules.pipeline.samples import Counts, RegionPolicy, Sample
from gkmvlp.data_modules.pipeline.splits import SPLITS, in_fraction, least_fraction, require_disjoint
from gkmvlp.errors import DataError


class CheckedRows:
    """Rows that a data set reads (``read_samples``), checked and counted, without an image being opened."""

    name: str  # what figures call the data
    data_name: ClassVar[str] = ""
    location_key: ClassVar[str] = "root"  # the argument that says where the data lies
    landmarks: ClassVar[tuple[str, ...]] = ()  # patterns of paths or names that tell the data set
    credentialed: bool = False  # of the data set; phantoms in its layout are not
    patient_space: ClassVar[str] = ""  # who numbered the patients: ids of different owners are not compared
    has_captions: ClassVar[bool] = False  # texts of figures, which are compared between splits; reports are not
    split_source: str  # file or data set that the split is from, for errors
    # options of the DataModule
    regions: RegionPolicy
    train_fraction: float

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self._table = SampleTable.of(())
        self.table_counts: Counts = {}  # what the tables hold, before anything is left out
        self.too_small_fraction = ""  # what an error says where ``train_fraction`` leaves no training row
        self.published_counts: Counts = {}  # the same as published; empty where the data are a part, or a look-alike

    @classmethod
    def recognises(cls, place: Path) -> bool:
        """Whether a folder, or a folder in it, or a file looks like this data set, by its ``landmarks``."""
        if place.is_file():
            return any(place.match(pattern) for pattern in cls.landmarks)
        patterns = (depth + pattern for pattern in cls.landmarks for depth in ("", "*/"))
        return any(next(place.glob(pattern), None) is not None for pattern in patterns)

    @abstractmethod
    def read_samples(self) -> Iterable[Sample]:
        """All rows of the data set with their split; what is left out goes to ``self.ledger``.

        They are read once, from first to last: a large data set yields them, so that they never all are in memory.
        """

    @abstractmethod
    def texts(self) -> list[str]:
        """All training texts, from which a fresh tokenizer is trained."""

    @property
    @abstractmethod
    def split_label(self) -> str:
        """Name of the split, without its hash."""

    @property
    def is_patient_disjoint(self) -> bool:
        """Whether no patient may be in two splits: always, unless a leaky split is asked for by name."""
        return not self.split_label.startswith("legacy-")

    @property
    def samples(self) -> SampleTable:
        """All rows; whatever rows are set are kept as such a table."""
        return self._table

    @samples.setter
    def samples(self, samples: Iterable[Sample]) -> None:
        self._table = SampleTable.of(samples)

    def rows(self, split: str) -> SampleTable:
        """Rows of ``train``, ``validate`` or ``test``."""
        return self.samples.split(split)

    @property
    def boxes(self) -> str:
        """What evaluation rows read: ``atlas``, ``dataset`` or ``detected``."""
        return "atlas" if self.regions.source == "mixed" else self.regions.source

    @property
    def split_name(self) -> str:
        """``<name>@<first 12 hex digits of the manifest's hash>``."""
        return f"{self.split_label}@{self.manifest()['hash'][:12]}"

    def file_locations(self) -> dict[str, str]:
        """Where each part of the data lies, for ``gkmvlp data check``; "" where an optional part is missing."""
        return {"files": self.split_source}

    def check(self) -> None:
        """Reads and checks the tables without opening an image.

        The rows have their boxes as the tables do, in the picture as it is stored; see ``upright``.
        """
        if self.samples:
            return
        self.ledger = Ledger()
        rows = with_standard_views(self.read_samples(), self.ledger, self.regions.uses_atlas)
        samples = SampleTable.of(rows)
        require_ids(samples, self.split_source)
        if self.is_patient_disjoint:
            require_disjoint({split: samples.split(split).values("patient_id") for split in SPLITS}, self.split_source)
        samples = self._in_fraction(samples)
        if not samples:
            told = "; ".join(self.ledger.lines()) or f"the tables are empty ({self.split_source})"
            raise DataError(f"{self.name}: nothing is left; {told}; name a root or options that keep rows")
        require_boxes(samples, self.regions, self.name)
        self.samples = samples

    def _in_fraction(self, samples: SampleTable) -> SampleTable:
        """The rows without those of training patients beyond ``train_fraction``."""
        people = zip(samples.values("split"), samples.values("patient_id"), strict=True)
        kept = samples.where([name != "train" or in_fraction(one, self.train_fraction) for name, one in people])
        if not kept.split("train") and (patients := {*samples.split("train").values("patient_id")}):
            self.too_small_fraction = (
                f"train_fraction {self.train_fraction:g} takes none of {len(patients):,} training patients: "
                f"give {least_fraction(patients):g} or more"
            )
        return kept

    def known_groups(self, split: str | None) -> dict[str, list[Any]]:
        """What is known of the group of each row: ``sample_id``, ``sex``, ``age`` in years, ``view`` and ``source``.

        None stands where it is not known; a column of nothing else is left out. Figures by group read it, no model.

        Args:
            split: Of these rows; None is all.
        """
        rows = self.samples if split is None else self.rows(split)
        columns = {name: [value or None for value in rows.values(name)] for name in ("sex", "view", "source")}
        columns["age"] = list(rows.values("age"))
        known = {name: values for name, values in columns.items() if any(value is not None for value in values)}
        return {"sample_id": list(rows.values("sample_id")), **known}

    def manifest(self) -> dict[str, Any]:
        """What is in which split and what was left out; ``hash`` is the SHA-256 of the membership alone."""
        members: dict[str, list[tuple[str, str]]] = {
            split: list(zip(rows.values("sample_id"), rows.values("patient_id"), strict=True))
            for split, rows in ((split, self.rows(split)) for split in SPLITS)
        }
        return {"data": self.name, "split": self.split_label, **describe_membership(members), **self.ledger.as_dict()}

    def write_manifest(self, path: str | Path) -> None:
        """Writes the manifest as JSON, whole or not at all."""
        write_json(path, self.manifest())

    def summary_lines(self) -> list[str]:
        """Lines for the end of a run: rows by split, then what was dropped or changed and why."""
        return [f"{self.name} {self.split_name}: {self._counts()}", *self.ledger_lines()]

    def ledger_lines(self) -> list[str]:
        """What was dropped or changed and why, one line a reason, and the warnings."""
        return self.ledger.lines()

    def _counts(self) -> str:
        return ", ".join(f"{split} {len(self.rows(split)):,}" for split in SPLITS)
