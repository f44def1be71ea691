"""Several corpora of images with texts as one, drawn from by weight."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.mixing import check_part, leave_out_of_all, renamed, require_names, require_train_rows
from gkmvlp.data_modules.pipeline.dataset import EpochSampler, SampleDataset
from gkmvlp.data_modules.pipeline.images import ImageError
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.pipeline.splits import SPLITS, require_disjoint
from gkmvlp.data_modules.pipeline.weighted_sampler import WeightedSampler, shares
from gkmvlp.errors import ConfigError, DataError
from gkmvlp.notices import is_phantom

_FIELDS = ("study_id", "text", "status", "place")  # of StudyBatch


class MixedCorpora(DataModule):
    """Corpora of images with texts, for pre-training; yields ``StudyBatch``.

    A corpus gives its rows, with a ledger and a manifest of its own. How images are read, cached, shown and batched is
    said here, once for all: those arguments of a corpus have no effect. An epoch has as many rows as training has;
    evaluation reads every row once. Ids get the corpus's name in front, patients do not.

    Args:
        corpora: Name -> DataModule that yields ``StudyBatch``.
        weights: Name -> how often rows of this corpus are drawn in training, relative to the others; None shows each
            row once an epoch.
        **kwargs: What every DataModule takes.
    """

    data_name: ClassVar[str] = "mixed"

    def __init__(self, corpora: dict[str, DataModule], weights: dict[str, float] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.corpora, self.weights = corpora, weights
        _require_weights(corpora, weights)
        if kwargs.get("dataset_name") is None:
            # phantoms last: a name that begins with theirs says that no patient was seen
            self.name = "+".join(sorted(dict.fromkeys(each.name for each in corpora.values()), key=is_phantom))
        self.credentialed = any(each.credentialed for each in corpora.values())

    @property
    def split_label(self) -> str:
        """The different split labels of the corpora, joined by ``+``."""
        return "+".join(dict.fromkeys(each.split_label for each in self.corpora.values()))

    @property
    def is_patient_disjoint(self) -> bool:
        """Checked by corpus, and where two number the same patients: ids of different owners are not compared."""
        return False

    def texts(self) -> list[str]:
        """Training texts, each once."""
        return list(dict.fromkeys(self.rows("train").values("text")))

    def file_locations(self) -> dict[str, str]:
        """Where each corpus lies."""
        return {name: corpus.split_source for name, corpus in self.corpora.items()}

    def read_samples(self) -> Iterator[Sample]:
        """The rows of all corpora.

        Raises:
            DataError: If one cannot be read, is empty, or has no training rows; or if a patient is on two sides.
            ConfigError: If one has no texts.
        """
        for name, corpus in self.corpora.items():
            check_part(f"corpora: {name}", corpus)
            if not set(_FIELDS) <= corpus.samples[0].fields.keys():
                kind = type(corpus).__name__
                raise ConfigError(f"corpora: {name} is of {kind}, which has no texts to pre-train on: leave it out")
            require_train_rows(f"corpora: {name}", corpus)
            self.table_counts |= {f"{name} {part}": counts for part, counts in corpus.table_counts.items()}
        self._require_disjoint()
        return self._mixed()

    def _require_disjoint(self) -> None:
        """No patient may be on two sides of corpora that number the same patients."""
        for space in {each.patient_space for each in self.corpora.values()} - {""}:
            same = [each for each in self.corpora.values() if each.patient_space == space and each.is_patient_disjoint]
            sides: dict[str, list[str]] = {
                split: [patient for each in same for patient in each.rows(split).values("patient_id")]
                for split in SPLITS
            }
            require_disjoint(sides, " and ".join(each.name for each in same))

    def _mixed(self) -> Iterator[Sample]:
        return (
            renamed(name, row, _FIELDS, "study_id") for name, corpus in self.corpora.items() for row in corpus.samples
        )

    def leave_out(self, bad: Mapping[str | bytes, ImageError], notes: Mapping[str | bytes, list[str]]) -> None:
        """Unreadable images are left out, and counted, by corpus."""
        leave_out_of_all(self, ((f"{name}/", corpus) for name, corpus in self.corpora.items()), bad, notes)

    def sampler(self, dataset: SampleDataset, world: int, rank: int, drop_last: bool) -> EpochSampler:
        """Draws by weight, where there are any."""
        if self.weights is None:
            return super().sampler(dataset, world, rank, drop_last)
        rows: dict[str, list[int]] = {name: [] for name in self.corpora}
        for index, sample_id in enumerate(dataset.samples.values("sample_id")):
            rows[_corpus_of(sample_id)].append(index)
        if empty := [name for name in rows if not rows[name]]:
            raise DataError(f"corpora: {empty[0]} has no train rows left: raise train_fraction, or leave it out")
        weights = [self.weights[name] for name in rows]
        return WeightedSampler(
            dataset, world, rank, corpora=list(rows.values()), weights=weights, seed=self.seed, drop_last=drop_last
        )

    def manifest(self) -> dict[str, Any]:
        """The base's over all rows, with the manifest of each corpus."""
        each = {name: corpus.manifest() for name, corpus in self.corpora.items()}
        return {**super().manifest(), "weights": self.weights, "corpora": each}

    def ledger_lines(self) -> list[str]:
        """The base's lines, then those of each corpus with its name."""
        of_corpora = [f"{name}: {line}" for name, corpus in self.corpora.items() for line in corpus.ledger_lines()]
        return [*super().ledger_lines(), *of_corpora]

    def summary_lines(self) -> list[str]:
        """The base's lines, then what an epoch draws of each corpus."""
        rows = Counter(map(_corpus_of, self.rows("train").values("sample_id")))
        drawn = [rows[name] for name in self.corpora]
        if self.weights is not None:
            drawn = shares([self.weights[name] for name in self.corpora], rows.total())
        lines = [
            f"{name}: an epoch draws {count:,} of {rows.total():,} rows from {corpus.name} {corpus.split_name}"
            for (name, corpus), count in zip(self.corpora.items(), drawn, strict=True)
        ]
        return [*super().summary_lines(), *lines]


def _corpus_of(sample_id: str) -> str:
    return sample_id.partition("/")[0]


def _require_weights(corpora: Mapping[str, DataModule], weights: Mapping[str, float] | None) -> None:
    """Stops before anything is read where corpora and weights do not go together."""
    require_names("corpora", corpora)
    if weights is None:
        return
    if strange := sorted(weights.keys() ^ corpora.keys()):
        raise ConfigError(f"weights: one for each of {', '.join(corpora)} was expected; {strange[0]} does not fit")
    if bad := [name for name, weight in weights.items() if not 0 < weight < float("inf")]:
        raise ConfigError(f"weights: {bad[0]} must be above 0, got {weights[bad[0]]}; leave the corpus out instead")
