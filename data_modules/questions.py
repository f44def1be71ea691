"""What data sets of questions share: the texts, the answer vocabulary and the ceiling that it sets."""

from gkmvlp.data_modules.base import DataModule


class QuestionDataModule(DataModule):
    """A data set whose rows hold ``question``, ``answer`` and ``chest`` among their fields."""

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
        line = f"answers known from training {self.coverage():.1%} of the test questions (the ceiling), chest {chest:,}"
        return [*super().summary_lines(), line]
