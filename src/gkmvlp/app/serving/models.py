"""The models of a page: each reference that was named, by what it is asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gkmvlp.checkpoints.calibration_file import Scores
from gkmvlp.checkpoints.heads import knowledge_of
from gkmvlp.errors import GkmvlpError, UsageError
from gkmvlp.models.generation import DecodingConfig
from gkmvlp.models.heads.answer_head import AnswerHead
from gkmvlp.models.heads.box_head import BoxHead
from gkmvlp.models.heads.label_head import LabelHead
from gkmvlp.models.heads.region_head import RegionHead
from gkmvlp.zoo.inference.loading import open_predictor
from gkmvlp.zoo.inference.predictor import Predictor

# what a model is asked for, by the class of its head; a backbone has none
PARTS: dict[type, str] = {
    type(None): "backbone",
    LabelHead: "labels",
    BoxHead: "boxes",
    RegionHead: "regions",
    DecodingConfig: "report",
    AnswerHead: "answers",
}

# parts whose scores become probabilities with thresholds -> the kind of score
SCORED: dict[str, Scores] = {"labels": "labels", "backbone": "entities"}


@dataclass(frozen=True)
class ModelSet:
    """Models that read together, one for each part of a reading. All of them stay in memory.

    Attributes:
        references: As they were named.
        parts: ``backbone``, ``labels``, ``boxes``, ``regions``, ``report``, ``answers`` -> the model.
        notices: What has to be said of them.
        at: Operating point whose thresholds count; None takes the first of a calibration.
        named: Part -> reference of its model, also of a backbone that came along.
    """

    references: tuple[str, ...]
    parts: dict[str, Predictor]
    notices: list[str] = field(default_factory=list)
    at: str | None = None
    named: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the page calls them."""
        return " + ".join(Path(reference).name for reference in self.references)


def open_models(references: Sequence[str], device: str | None = None, at: str | None = None) -> ModelSet:
    """Opens models, and the backbone that fine-tuned ones came from where they name one and none was given.

    Args:
        references: See ``open_predictor``; at most one for each part.
        device: ``cpu``, ``cuda`` or ``cuda:N``; None takes a GPU where there is one.
        at: Operating point.

    Raises:
        UsageError: If two of them answer for the same part, or one for none.
        ConfigError: If no calibration holds that operating point.
        ZooError: If a model of the zoo cannot be had.
        BackboneError: If one cannot be read.
    """
    parts: dict[str, Predictor] = {}
    named: dict[str, str] = {}
    for reference in references:
        predictor = open_predictor(reference, device)
        if predictor.head is not None and type(predictor.head) not in PARTS:
            reads = f"a model for {knowledge_of(predictor.head)}"
            raise UsageError(
                f"--model {reference}: {reads} has no part of a reading; gkmvlp predict shows what it says"
            )
        part = PARTS[type(predictor.head)]
        if part in parts:
            raise UsageError(
                f"--model {named[part]} and {reference} both give the {part}: one of them was expected; "
                "--compare puts two side by side"
            )
        parts[part], named[part] = predictor, reference
    notices = list(dict.fromkeys(notice for one in parts.values() if (notice := one.notice)))
    if "backbone" not in parts and (origin := _origin(parts.values())):
        try:
            parts["backbone"], named["backbone"] = open_predictor(origin, device), origin
        except GkmvlpError as error:
            notices.append(f"No heat maps: the backbone {Path(origin).name} that this model names is gone ({error}).")
    if at is not None:
        _require_point(parts, at)
    return ModelSet(tuple(references), parts, notices, at, named)


def _origin(predictors: Iterable[Predictor]) -> str | None:
    """The backbone that one of them was fine-tuned from."""
    return next((str(one.info["backbone"]) for one in predictors if one.info.get("backbone")), None)


def _require_point(parts: dict[str, Predictor], at: str) -> None:
    """Refuses an operating point that no calibration holds."""
    for part, kind in SCORED.items():
        if part in parts and parts[part].calibration is not None:
            parts[part].reader(kind, at)
            return
    raise UsageError(f"--at {at}: none of the models is calibrated, so that none has thresholds; see gkmvlp calibrate")
