"""Questions of one data set, and training questions of others beside its own."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, ClassVar

from gkmvlp.data_modules.mixing import check_part, leave_out_of_all, renamed, require_names, require_train_rows
from gkmvlp.data_modules.pipeline.images import ImageError
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.questions import QuestionDataModule
from gkmvlp.errors import ConfigError

_PICTURES = (".jpg", ".jpeg", ".png")
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
        require_names("further", further)
        for name, data in {"main": main, **further}.items():
            if not isinstance(data, QuestionDataModule):
                raise ConfigError(f"{name} is of {type(data).__name__}, which has no questions: leave it out")
        if self.legacy_vocabulary or any(data.legacy_vocabulary for data in (main, *further.values())):
            raise ConfigError("legacy_vocabulary is of one data set alone: test that one without further ones")
        if kwargs.get("dataset_name") is None:
            self.name = main.name
        self.credentialed = any(data.credentialed for data in (main, *further.values()))

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
            check_part(name, data)
            require_train_rows(name, data)
        self.split_source = self.main.split_source
        self.table_counts, self.published_counts = self.main.table_counts, self.main.published_counts
        yield from self.main.samples
        for name, data in self.further.items():
            yield from self._added(name, data)

    def _added(self, name: str, data: QuestionDataModule) -> Iterator[Sample]:
        """Training rows of a data set on no image or patient that the main one validates or tests on."""
        held = [row for split in ("validate", "test") for row in self.main.rows(split)]
        patients, images = {row.patient_id for row in held}, {_image_name(row) for row in held}
        rows = list(data.rows("train"))
        left_out = {row.sample_id for row in rows if row.patient_id in patients or _image_name(row) in images}
        self.ledger.drop(f"{name}: image or patient is held out by the main data set", sorted(left_out))
        return (renamed(name, row, _FIELDS, "image_id") for row in rows if row.sample_id not in left_out)

    def leave_out(self, bad: Mapping[str | bytes, ImageError], notes: Mapping[str | bytes, list[str]]) -> None:
        """Unreadable images are left out, and counted, by data set."""
        further = ((f"{name}/", data) for name, data in self.further.items())
        leave_out_of_all(self, (("", self.main), *further), bad, notes)

    def manifest(self) -> dict[str, Any]:
        """The base's over all rows, with the manifest of each data set."""
        each = {"main": self.main.manifest(), **{name: data.manifest() for name, data in self.further.items()}}
        return {**super().manifest(), "parts": each}

    def ledger_lines(self) -> list[str]:
        """The base's lines, then those of each data set with its name."""
        of_parts = [f"{name}: {line}" for name, data in self.further.items() for line in data.ledger_lines()]
        return [*super().ledger_lines(), *self.main.ledger_lines(), *of_parts]


def _image_name(row: Sample) -> str:
    """Name of a row's image without the suffix of a picture: releases of a data set differ in that."""
    path = PurePosixPath(row.image_key)
    return str(path.with_suffix("") if path.suffix.lower() in _PICTURES else path)
