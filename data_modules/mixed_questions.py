"""Questions of one data set, and training questions of others beside its own."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, ClassVar

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.pipeline.images import ImageError
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.questions import QuestionDataModule
from gkmvlp.errors import ConfigError, DataError

_FIELDS = ("image_id", "question", "answer", "answer_type", "chest")  # of QuestionBatch


class MixedQuestions(QuestionDataModule):
    """A data set of questions whose training rows are joined by those of others; yields ``QuestionBatch``.

    Validation and test rows, their ids and the name are the main data set's, so that figures stand beside its own; the
    split says what was added. The answer vocabulary is that of all training rows and of validation. Of the others only
    training rows are used, each once an epoch, and none on an image or patient that the main data set validates or
    tests on: VQA-RAD and VQA-Med-2019 both take MedPix's, under its names. How images are read, cached, shown and
    batched is said here, once for all: those arguments of a data set inside have no effect.

    Args:
        main: The data set that is validated and tested on.
        further: Name -> data set whose training rows are added.
        **kwargs: What every DataModule takes.
    """

    data_name: ClassVar[str] = "mixed-questions"

    def __init__(self, main: QuestionDataModule, further: dict[str, QuestionDataModule], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.main, self.further = main, further
        if not further:
            raise ConfigError("further: one or more of name: DataModule were expected, got none: use main alone")
        if bad := [name for name in further if not name or "/" in name]:
            raise ConfigError(f"further: a name without a slash was expected, got {bad[0]!r}")
        for name, data in {"main": main, **further}.items():
            if not isinstance(data, QuestionDataModule):
                raise ConfigError(f"{name} is of {type(data).__name__}, which has no questions: leave it out")
        if kwargs.get("dataset_name") is None:
            self.name = main.name
        self.credentialed = any(data.credentialed for data in self._parts())

    def _parts(self) -> Iterator[DataModule]:
        """All data sets, the main one first."""
        return iter((self.main, *self.further.values()))

    @property
    def split_label(self) -> str:
        """``<split of the main data set>+<name>`` for each that was added."""
        return "+".join([self.main.split_label, *self.further])

    @property
    def is_patient_disjoint(self) -> bool:
        """As the main data set is: rows of the others with a patient that it holds out are left out."""
        return self.main.is_patient_disjoint

    def file_locations(self) -> dict[str, str]:
        """Where each data set lies."""
        return {"main": self.main.split_source, **{name: data.split_source for name, data in self.further.items()}}

    def read_samples(self) -> Iterator[Sample]:
        """The rows of the main data set, then the training rows of the others.

        Raises:
            DataError: If one cannot be read or has no training rows.
        """
        for name, data in {"main": self.main, **self.further}.items():
            try:
                data.check()
            except DataError as error:
                raise DataError(f"{name}: {error}; mend it, or leave it out") from error
            if not data.rows("train"):
                told = "; ".join(data.ledger.lines()) or "its split has none"
                raise DataError(f"{name} has no train rows ({told}): mend it, or leave it out")
        self.split_source = self.main.split_source
        self.table_counts, self.published_counts = self.main.table_counts, self.main.published_counts
        yield from self.main.samples
        for name, data in self.further.items():
            yield from self._added(name, data)

    def _added(self, name: str, data: QuestionDataModule) -> Iterator[Sample]:
        """Training rows of a data set on no image or patient that the main one validates or tests on."""
        held = {one for split in ("validate", "test") for row in self.main.rows(split) for one in _shown(row)}
        rows = list(data.rows("train"))
        left_out = {row.sample_id for row in rows if not held.isdisjoint(_shown(row))}
        self.ledger.drop(f"{name}: image or patient is held out by the main data set", sorted(left_out))
        return (_named(name, row) for row in rows if row.sample_id not in left_out)

    def _leave_out(self, bad: Mapping[str | bytes, ImageError], notes: Mapping[str | bytes, list[str]]) -> None:
        """Unreadable images are left out, and counted, by data set."""
        for data in self._parts():
            data.on_unreadable = self.on_unreadable
            data._leave_out(bad, notes)
        kept = set(self.main.samples.values("sample_id"))
        for name, data in self.further.items():
            kept |= {f"{name}/{row}" for row in data.samples.values("sample_id")}
        self.samples = self.samples.where([name in kept for name in self.samples.values("sample_id")])

    def manifest(self) -> dict[str, Any]:
        """The base's over all rows, with the manifest of each data set."""
        each = {"main": self.main.manifest(), **{name: data.manifest() for name, data in self.further.items()}}
        return {**super().manifest(), "parts": each}

    def ledger_lines(self) -> list[str]:
        """The base's lines, then those of each data set with its name."""
        of_parts = [f"{name}: {line}" for name, data in self.further.items() for line in data.ledger_lines()]
        return [*super().ledger_lines(), *self.main.ledger_lines(), *of_parts]


def _shown(row: Sample) -> tuple[str, str]:
    """Names of the patient and of the image, without its suffix: releases of a data set differ in that."""
    return row.patient_id, str(PurePosixPath(row.image_key).with_suffix(""))


def _named(name: str, row: Sample) -> Sample:
    """A row of another data set beside the main one's: ids with its name, and the fields of a question."""
    fields: dict[str, Any] = {key: row.fields[key] for key in _FIELDS}
    fields["image_id"] = f"{name}/{fields['image_id']}"
    return replace(row, sample_id=f"{name}/{row.sample_id}", finding_K4=None, fields=fields, source=name)
