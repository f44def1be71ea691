"""A trained model applied to radiographs: what ``gkmvlp.load(REF)`` gives and ``gkmvlp predict`` runs.

B images.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, cast, overload

from gkmvlp.batch import ImageBatch
from gkmvlp.data_modules.pipeline.accept import accepted
from gkmvlp.data_modules.pipeline.intensity import Pixels
from gkmvlp.errors import BackboneError, UsageError
from gkmvlp.models.generation import DecodingConfig
from gkmvlp.models.gk_mvlp import ImageMemory
from gkmvlp.models.heads.answer_head import AnswerHead
from gkmvlp.models.heads.category_head import CategoryHead
from gkmvlp.zoo.inference import embedding, findings, inputs, language
from gkmvlp.zoo.inference.boxes import boxes_of_regions
from gkmvlp.zoo.inference.findings import UNASKED, Found
from gkmvlp.zoo.inference.gate import GateMode, settled
from gkmvlp.zoo.inference.inputs import frames_of
from gkmvlp.zoo.inference.loaded_model import LoadedModel
from gkmvlp.zoo.inference.prediction import Prediction
from gkmvlp.zoo.inference.preprocess import Radiograph, name_of


class Predictor(LoadedModel):
    """A loaded model that reads radiographs.

    ``predict`` does it in one call. The steps that it takes are methods too: functions over a ``LoadedModel`` from the
    files beside this one.
    """

    # from a radiograph to an encoded image
    item = inputs.item
    item_of = inputs.item_of
    admitted = inputs.admitted
    batch = inputs.batch
    encode_images = inputs.encode_images
    far = inputs.far
    # what heads say of encoded images
    entity_scores = findings.entity_scores
    label_scores = findings.label_scores
    boxes = findings.boxes
    places = findings.places
    finding_fields = findings.finding_fields
    answers = language.answers
    answer_scores = language.answer_scores
    probable_answers = language.probable_answers
    category_scores = language.category_scores
    categories = language.categories
    choice_scores = language.choice_scores
    reports = language.reports
    in_scope = language.in_scope
    out_of_scope = language.out_of_scope
    left_out = language.left_out
    # the space that images and texts share
    embed = embedding.embed
    zero_shot = embedding.zero_shot
    embed_images = embedding.embed_images
    embed_texts = embedding.embed_texts
    similarities = embedding.similarities

    @overload  # a text is a sequence of texts: the first that fits is meant
    def predict(  # type: ignore[overload-overlap]
        self,
        image: Radiograph,
        question: str | None = None,
        accept: Collection[str] = (),
        at: str | None = None,
        gate: GateMode = "warn",
        text: str | None = None,
    ) -> Prediction: ...

    @overload
    def predict(
        self,
        image: Sequence[Radiograph],
        question: str | None = None,
        accept: Collection[str] = (),
        at: str | None = None,
        gate: GateMode = "warn",
        text: str | None = None,
    ) -> list[Prediction]: ...

    def predict(
        self,
        image: Radiograph | Sequence[Radiograph],
        question: str | None = None,
        accept: Collection[str] = (),
        at: str | None = None,
        gate: GateMode = "warn",
        text: str | None = None,
    ) -> Prediction | list[Prediction]:
        """What the model says about a radiograph: findings and places, its report, or the answer to a question.

        Args:
            image: Path of a file, its bytes, a PIL image or an array (H, W); a list or tuple of them is one batch.
            question: Asked of a model for questions.
            accept: What is read although it is no frontal radiograph: ``lateral``, ``modality``, ``blank``.
            at: Operating point whose thresholds count, like ``specificity=0.95``; None takes the first of the model's
                calibration.
            gate: What happens to a picture that looks like no upright frontal chest radiograph: ``warn`` says so in
                the prediction's notice, ``refuse`` stops, ``off`` does not look (see ``zoo.inference.gate``).
            text: Read with the image by a model for classes of both.

        Returns:
            A prediction, or of a list one for each image.

        Raises:
            ImageError: If an image cannot be read, or is refused.
            BackboneError: If a question or a text is given to a model that is not for it, or none to one that is.
            TypeError: If a question or a text is no string.
            ConfigError: If the calibration holds no such operating point.
            UsageError: If ``accept`` or ``gate`` is no word that is known, or a question or a text is empty.
        """
        for name, words in (("question", question), ("text", text)):
            _require_text(name, words)
        if isinstance(image, list | tuple):
            return self._predict_batch(image, question, accept, at, gate, text)
        return self._predict_batch([cast("Radiograph", image)], question, accept, at, gate, text)[0]

    def _predict_batch(
        self,
        images: Sequence[Radiograph],
        question: str | None,
        accept: Collection[str],
        at: str | None,
        gate: GateMode,
        text: str | None,
    ) -> list[Prediction]:
        accept = accepted(accept)
        unread = [*self.left_out(question), *self.left_out(text, "text")]
        notes = [list(unread) for _ in images]
        judged = [self.admitted(one, accept, gate, told) for one, told in zip(images, notes, strict=True)]
        if not judged:
            return []
        shown, verdicts = [pixels for pixels, _ in judged], [verdict for _, verdict in judged]
        batch = self.batch([self.item_of(one, image_HW) for one, image_HW in zip(images, shown, strict=True)])
        memory = self.encode_images(batch)
        verdicts = [
            settled(verdict, far, name_of(one), gate)
            for verdict, far, one in zip(verdicts, self.far(memory), images, strict=True)
        ]
        said = zip(self.predictions(batch, memory, shown, question, at, text), verdicts, notes, strict=True)
        return [replace(one.judged(verdict), notes=tuple(told)) for one, verdict, told in said]

    read = predict  # its name before; kept for one release

    def predictions(
        self,
        batch: ImageBatch,
        memory: ImageMemory,
        shown: Sequence[Pixels],
        question: str | None = None,
        at: str | None = None,
        text: str | None = None,
        found: Found = UNASKED,
    ) -> list[Prediction]:
        """``predict`` of images that are read and encoded.

        Args:
            batch: B images.
            memory: What ``encode_images`` made of them.
            shown: Pixels of each at its own size.
            question: As of ``predict``.
            at: As of ``predict``.
            text: As of ``predict``.
            found: What the heads have said already.
        """
        outputs = self._fields(batch, memory, question, at, text, found)
        side = self.architecture.image_size
        beside = zip(outputs, boxes_of_regions(batch, side), shown, frames_of(batch), strict=True)
        return [
            Prediction(**{"notice": self.notice, **one}, region_boxes=boxes, pixels_HW=pixels, frame=frame, side=side)
            for one, boxes, pixels, frame in beside
        ]

    def _fields(
        self,
        batch: ImageBatch,
        memory: ImageMemory,
        question: str | None,
        at: str | None,
        text: str | None,
        found: Found,
    ) -> list[dict[str, Any]]:
        """Fields of the prediction of each image."""
        if text is not None:
            return [{"categories": classes} for classes in self.categories(memory, text)]
        if question is not None:
            return self._answer_fields(memory, question)
        if isinstance(self.head, AnswerHead):
            raise BackboneError('this model answers questions: ask one, as in question="Is there an effusion?"')
        if isinstance(self.head, CategoryHead):
            raise BackboneError('this model reads an image with its text: name the text, as in text="A caption."')
        if isinstance(self.head, DecodingConfig):
            return [{"report": report} for report in self.reports(memory)[0]]
        return self.finding_fields(batch, memory, at, found)

    def _answer_fields(self, memory: ImageMemory, question: str) -> list[dict[str, Any]]:
        notice = " ".join(filter(None, (self.notice, self.out_of_scope(question)))) or None
        shared = {"is_in_scope": self.in_scope(question), "notice": notice}
        return [
            {"answer": answer, "answer_probability": probability, **shared}
            for answer, _, probability in self.probable_answers(memory, question)
        ]


def _require_text(name: str, text: object) -> None:
    """Checks that an argument is one text that says something, or None.

    Raises:
        TypeError: If it is no text.
        UsageError: If it is empty.
    """
    if text is not None and not isinstance(text, str):
        raise TypeError(f"{name}: one text was expected, got {type(text).__name__}; call once for each")
    if text is not None and not text.strip():
        raise UsageError(f"{name} is empty: name what is meant, or leave it out")
