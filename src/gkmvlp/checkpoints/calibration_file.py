"""``calibration.json`` in a model's folder: what its scores mean, on which data that was found, and its thresholds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from gkmvlp.checkpoints.checksums import write_later
from gkmvlp.errors import BackboneError
from gkmvlp.metrics.calibration.operating_point import OperatingPoint, Span
from gkmvlp.metrics.calibration.score_map import UNCALIBRATED, ScoreMap

FILE = "calibration.json"
FORMAT = 1
REMEDY = "run gkmvlp calibrate anew, or remove the file"
# labels: of a model fine-tuned for them; entities: by the head that pre-training left; zero_shot: by sentences
Scores = Literal["labels", "entities", "zero_shot"]


@dataclass(frozen=True)
class LabelCalibration:
    """One label.

    Attributes:
        label: Its name.
        n: Rows whose target is known.
        positives: Those where it is present.
        map: From score to probability.
        points: Name of an operating point -> its threshold; empty where the label stayed uncalibrated.
    """

    label: str
    n: int
    positives: int
    map: ScoreMap
    points: dict[str, OperatingPoint] = field(default_factory=dict)

    @property
    def prevalence(self) -> float | None:
        """Share of present rows; None without rows."""
        return self.positives / self.n if self.n else None


@dataclass(frozen=True)
class AnswerCalibration:
    """Answers to questions, or classes of images with texts.

    Attributes:
        temperature: By which scores in nats are divided.
        n: Questions, or texts.
        right: Those that got the right one.
    """

    temperature: float
    n: int
    right: int


@dataclass(frozen=True)
class Calibration:
    """All that a model's scores mean.

    Attributes:
        data: Data set.
        split: Rows that it was found on, with the hash of the split.
        n: Their number.
        n_patients: Patients (resampling groups) among them.
        created: ISO 8601, UTC.
        scores: Kind of score -> its labels.
        answers: Of a model that chooses among answers or classes.
        notes: What a reader must know: patients that were trained on too, what it was calibrated on before.
    """

    data: str
    split: str
    n: int
    n_patients: int
    created: str
    scores: dict[str, list[LabelCalibration]] = field(default_factory=dict)
    answers: AnswerCalibration | None = None
    notes: list[str] = field(default_factory=list)

    def of(self, kind: Scores) -> dict[str, LabelCalibration]:
        """Label -> its calibration; empty where this kind of score has none."""
        return {one.label: one for one in self.scores.get(kind, [])}

    @property
    def points(self) -> list[str]:
        """Names of the operating points, in the order in which they were asked for."""
        return list(dict.fromkeys(name for of in self.scores.values() for one in of for name in one.points))

    @property
    def methods(self) -> list[str]:
        """Methods that were used, by name; ``temperature`` of answers too."""
        used = {one.map.method for of in self.scores.values() for one in of if one.map.is_calibrated}
        return sorted(used | ({"temperature"} if self.answers else set()))

    @property
    def summary(self) -> str:
        """One line: the data, its size, the date, the methods."""
        where = f"{self.data}, {self.split}: {self.n:,} rows of {self.n_patients:,} patients, {self.created[:10]}"
        if not self.methods:
            return f"{UNCALIBRATED}: no label could be calibrated on {where}"
        return f"calibrated on {where} ({', '.join(self.methods)})"


def write_calibration(folder: Path, calibration: Calibration) -> Path:
    """Writes ``calibration.json`` into a model's folder, whole or not at all.

    Returns:
        The file.
    """
    content = {"format": FORMAT, **asdict(calibration)}
    write_later(folder, FILE, json.dumps(content, indent=1, allow_nan=False) + "\n")
    return folder / FILE


def read_calibration(folder: Path, expected: Mapping[Scores, Sequence[str]] | None = None) -> Calibration | None:
    """The calibration in a model's folder; None where there is none.

    Args:
        folder: The folder.
        expected: Kind of score that the model gives -> its labels; None compares none.

    Raises:
        BackboneError: If it cannot be read, or is of another model's labels.
    """
    file = folder / FILE
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["format"] > FORMAT:
            raise BackboneError(f"{file}: format {content['format']} is not known here (up to {FORMAT}); update gkmvlp")
        calibration = _built(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, BackboneError):
            raise
        raise BackboneError(f"{file}: no readable calibration ({type(error).__name__}: {error}); {REMEDY}") from error
    if expected is not None:
        _require_same_labels(file, calibration, expected)
    return calibration


def _require_same_labels(file: Path, calibration: Calibration, expected: Mapping[Scores, Sequence[str]]) -> None:
    """Refuses the calibration of another model."""
    for kind, labels in calibration.scores.items():
        theirs, ours = {one.label for one in labels}, set(expected.get(cast(Scores, kind), ()))
        if theirs != ours:
            odd = ", ".join(sorted(theirs ^ ours)[:3])
            raise BackboneError(
                f"{file}: {len(theirs)} {kind} were calibrated, the model has {len(ours)} ({odd} differ); {REMEDY}"
            )


def _built(content: dict[str, Any]) -> Calibration:
    """The dataclasses of parsed JSON."""
    scores = {kind: [_label(one) for one in labels] for kind, labels in content["scores"].items()}
    answers = AnswerCalibration(**content["answers"]) if content["answers"] else None
    if answers is not None and not answers.temperature > 0:
        raise ValueError(f"temperature {answers.temperature}")
    plain = {key: content[key] for key in ("data", "split", "n", "n_patients", "created", "notes")}
    return Calibration(scores=scores, answers=answers, **plain)


def _label(content: dict[str, Any]) -> LabelCalibration:
    stored = content["map"]
    score_map = ScoreMap(**stored | {name: tuple(stored[name]) for name in ("knots", "values")})
    score_map([0.0])  # parameters that cannot be computed with fail here, not in a reading
    points = {
        name: OperatingPoint(**{part: Span(*map(float, span)) for part, span in point.items()})
        for name, point in content["points"].items()
    }
    return LabelCalibration(content["label"], content["n"], content["positives"], score_map, points)
