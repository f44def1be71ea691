"""What data sets of questions share: the texts, the answer vocabulary and the ceiling that it sets."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.metrics.answers import vqav2

_FLATTERS = "legacy_vocabulary: the answer vocabulary holds the answers of test questions; figures flatter"


class QuestionDataModule(DataModule):
    """A data set whose rows hold ``question``, ``answer`` and ``chest`` among their fields.

    Args:
        legacy_vocabulary: Answers in the spelling of the VQA v2 challenge, and a vocabulary of training, validation and
            test, as in published code of METER, M3AE and ARL: to compare with figures that were made so.
        **kwargs: What every DataModule takes.
    """

    def __init__(self, *, legacy_vocabulary: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.legacy_vocabulary = legacy_vocabulary

    @property
    def vocabulary_source(self) -> str:
        """What the answer vocabulary was read from, as the signature of figures says it."""
        return "legacy" if self.legacy_vocabulary else "train"

    def spelled(self, samples: Iterable[Sample]) -> list[Sample]:
        """The rows, with the legacy vocabulary in its spelling; it is said that it flatters."""
        if not self.legacy_vocabulary:
            return list(samples)
        self.ledger.warn(_FLATTERS)
        return [replace(row, fields={**row.fields, "answer": vqav2(row.fields["answer"])}) for row in samples]

    @property
    def has_vocabulary(self) -> bool:
        """Whether there are training answers, so that the summary can say how many test answers they cover."""
        return True

    def texts(self) -> list[str]:
        """Training questions and answers."""
        rows = self.rows("train")
        return [row.fields["question"] for row in rows] + [row.fields["answer"] for row in rows]

    def answers(self) -> list[str]:
        """Answer vocabulary: the different answers of all training rows, validation included, in order."""
        if self.legacy_vocabulary:
            return sorted({row.fields["answer"] for row in self.samples})
        return sorted({row.fields["answer"] for row in self.rows("train") + self.rows("validate")} - {""})

    def coverage(self) -> float:
        """Share of test questions whose answer is in the vocabulary: the ceiling of ranked and classified answers."""
        known, rows = set(self.answers()), self.rows("test")
        return sum(row.fields["answer"] in known for row in rows) / len(rows) if rows else float("nan")

    def summary_lines(self) -> list[str]:
        """The base's lines and, where there is one, the ceiling that the vocabulary sets."""
        if not self.has_vocabulary:
            return super().summary_lines()
        chest = sum(row.fields["chest"] for row in self.rows("test"))
        known = "in the legacy vocabulary" if self.legacy_vocabulary else "known from training"
        line = f"answers {known} {self.coverage():.1%} of the test questions (the ceiling), chest {chest:,}"
        return [*super().summary_lines(), line]
