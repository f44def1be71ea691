"""A trained model applied to single radiographs: what ``gkmvlp.load(REF)`` gives and ``gkmvlp predict`` runs.

B images, E entities, N images or texts, S side, D size of the shared space.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, cast, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import default_collate

from gkmvlp.anatomy import REGIONS
from gkmvlp.batch import ImageBatch
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints import heads
from gkmvlp.checkpoints.backbone import Backbone
from gkmvlp.checkpoints.calibration_file import Calibration, Scores, read_calibration, write_calibration
from gkmvlp.checkpoints.density_file import Density, read_density, write_density
from gkmvlp.checkpoints.heads import Head
from gkmvlp.checkpoints.hub import HubModel, trained_on_patients
from gkmvlp.data_modules.pipeline.accept import accepted, is_dicom
from gkmvlp.data_modules.pipeline.dataset import SampleDataset
from gkmvlp.data_modules.pipeline.intensity import Pixels
from gkmvlp.data_modules.pipeline.quiet import reader_settings
from gkmvlp.data_modules.pipeline.samples import BoxSource, RegionPolicy, Sample
from gkmvlp.data_modules.pipeline.transforms import FittedImage
from gkmvlp.data_modules.pipeline.views import standard_view
from gkmvlp.errors import BackboneError, UsageError
from gkmvlp.geometry import Letterbox, original_boxes
from gkmvlp.hardware import device_named
from gkmvlp.metrics.calibration.answers import answer_probabilities, answer_probability
from gkmvlp.models.generation import DecodingConfig, generate_texts
from gkmvlp.models.gk_mvlp import ImageMemory
from gkmvlp.models.heads.answer_head import AnswerHead
from gkmvlp.models.heads.box_head import BoxHead
from gkmvlp.models.heads.category_head import CategoryHead
from gkmvlp.models.heads.label_head import LabelHead, label_logits
from gkmvlp.models.heads.region_head import RegionHead
from gkmvlp.notices import NO_PATIENT
from gkmvlp.tasks.parts.answering import answer_scores, best_answers, question_memory
from gkmvlp.tasks.parts.entity_predictions import attention_peaks, regions_at
from gkmvlp.tasks.parts.heat_maps import image_area
from gkmvlp.tasks.parts.scope import Scope
from gkmvlp.texts import as_texts
from gkmvlp.zoo.inference.boxes import boxes_of
from gkmvlp.zoo.inference.gate import INTENSITY, GateMode, Verdict, admit, far_verdicts, settled
from gkmvlp.zoo.inference.prediction import Embeddings, PredictedBox, Prediction, hot_box
from gkmvlp.zoo.inference.preprocess import Preprocess, Radiograph, name_of
from gkmvlp.zoo.inference.readings import LIKELY, Reader, Reading, counts

Prompt = str | tuple[str, str]


class Places(NamedTuple):
    """Where prompts look; the point and its region agree, for the region is the one under the point."""

    point_BE2: NDArray[np.float32]  # x and y of the highest attention, in pixels of the original images
    region_BE: NDArray[np.int64]  # the region that the point lies in, -1 where it lies in none
    attended_BE: NDArray[np.int64]  # the region that the prompt attends to most, -1 where an image has none


class Found(NamedTuple):
    """What the heads said of B images, so that nobody asks them twice; None where nobody has asked."""

    score_BN: NDArray[np.float64] | None = None  # of N labels by a model for them, of entities by a backbone
    places: Places | None = None
    boxes: list[list[PredictedBox]] | None = None


_UNASKED = Found()


class Predictor(HubModel):
    """A backbone, or a model fine-tuned for one task, with everything that prepares an image for it.

    Args:
        backbone: Model and tokenizer.
        head: How questions are answered, reports written, labels scored or boxes predicted; None for a bare backbone.
        device: Where it runs.
        calibration: What its scores mean; None where nobody measured it.
        density: Where the images that it was trained on lie; None where nobody measured it.
    """

    def __init__(
        self,
        backbone: Backbone,
        head: Head | None,
        device: torch.device,
        calibration: Calibration | None = None,
        density: Density | None = None,
    ) -> None:
        self.backbone, self.head, self.device, self.info = backbone, head, device, backbone.info
        self.calibration, self.density = calibration, density
        self.architecture = backbone.model.architecture
        self.model = backbone.model.to(device).eval()
        if isinstance(head, AnswerHead) and head.classifier is not None:
            head.classifier.to(device).eval()
        if isinstance(head, nn.Module):
            head.to(device).eval()
        self.entities = list(self.architecture.knowledge.entities)
        self.notice = None if trained_on_patients(backbone.info) else NO_PATIENT
        self.preprocess = Preprocess(self.architecture)
        self.region_boxes: BoxSource = "fitted" if backbone.info.get("region_boxes") == "fitted" else "atlas"
        self.regions = RegionPolicy(self.region_boxes, backbone.atlas)

    def write_folder(self, folder: Path) -> None:
        """Writes the whole folder anew."""
        heads.save(self.backbone, self.head, folder)
        if self.calibration is not None:
            write_calibration(folder, self.calibration)
        if self.density is not None:
            write_density(folder, self.density)

    @property
    def system(self) -> str:  # noqa: D102
        return self.backbone.system

    @property
    def probabilities(self) -> str:  # noqa: D102
        return super().probabilities if self.calibration is None else self.calibration.summary

    @property
    def temperature(self) -> float:
        """By which scores of answers or classes become probabilities: that of the calibration, or 1."""
        answers = self.calibration.answers if self.calibration else None
        return answers.temperature if answers else 1.0

    @property
    def scored(self) -> dict[Scores, list[str]]:
        """Kind of score that the model gives of findings -> their names."""
        if isinstance(self.head, LabelHead):
            return {"labels": list(self.head.labels)}
        return {"entities": self.entities, "zero_shot": self.entities} if self.head is None else {}

    @property
    def choices(self) -> tuple[str, ...]:
        """The known answers, or classes, of which a text with an image gets one; empty where the model knows none."""
        if isinstance(self.head, CategoryHead):
            return self.head.classes
        is_choosing = isinstance(self.head, AnswerHead) and self.head.mode != "generate"
        return tuple(cast(AnswerHead, self.head).answers) if is_choosing else ()

    def reader(self, kind: Scores, at: str | None = None) -> Reader:
        """What makes probabilities of scores; ``at`` names an operating point (see ``Reader``)."""
        return Reader(self.calibration, kind, at)

    @classmethod
    def open_folder(cls, folder: Path, device: str | None = None) -> "Predictor":  # type: ignore[override]
        """What lies in a folder."""
        backbone = backbones.load(folder)
        predictor = cls(backbone, heads.load(folder, backbone), device_named(device))
        predictor.calibration = read_calibration(folder, predictor.scored)
        predictor.density = read_density(folder, predictor.architecture.text.hidden_size)
        return predictor

    def item(self, image: Radiograph, accept: Collection[str] = ()) -> dict[str, Any]:
        """One image as evaluation reads it: size, fit and intensity of the model, regions from its atlas.

        Args:
            image: What ``preprocess`` takes.
            accept: What is read although it is no frontal radiograph (see ``read_image``).

        Raises:
            ImageError: If it cannot be read, or is something else; it is named.
        """
        return self.item_of(image, self.preprocess.pixels(image, accept))

    def admitted(
        self,
        image: Radiograph,
        accept: Collection[str] = (),
        gate: GateMode = "warn",
        notes: list[str] | None = None,
    ) -> tuple[Pixels, Verdict | None]:
        """The pixels that the model reads, and what the gate says of the picture, which it sees as the file holds it.

        Args:
            image: What ``preprocess`` takes.
            accept: What is read although it is no frontal radiograph.
            gate: As of ``predict``.
            notes: Gets a line for each thing that was not taken as the file says.

        Raises:
            ImageError: If it cannot be read, or is refused; it is named.
        """
        if gate == "off":
            return self.preprocess.pixels(image, accept, notes), None
        shown = self.preprocess.shown(image, accept, INTENSITY, notes=notes)
        return shown[self.preprocess.intensity], admit(shown[INTENSITY], name_of(image), gate, accept)

    def item_of(self, image: Radiograph, image_HW: Pixels) -> dict[str, Any]:
        """``item`` of an image whose pixels ``preprocess.pixels`` has read."""
        view = view_of(image) if isinstance(image, str | Path | bytes) else ""
        sample = Sample(name_of(image), "", "", view, "test")  # the pixels are given: no file is opened
        return SampleDataset([sample], lambda _: FittedImage(*self.preprocess.fit(image_HW)), self.regions)[0]

    def batch(self, items: Sequence[dict[str, Any]]) -> ImageBatch:
        """Items side by side on the model's device."""
        fields = default_collate(list(items))
        return cast(ImageBatch, {k: v.to(self.device) if isinstance(v, Tensor) else v for k, v in fields.items()})

    @torch.inference_mode()
    def encode_images(self, batch: ImageBatch) -> ImageMemory:
        """The images of a batch as memory."""
        return self.model.encode_image(batch["image"], batch["region_box"], batch["region_mask"])

    def far(self, image: ImageMemory) -> list[Verdict | None]:
        """A verdict on each image far from what the model was trained on; None on others, or without a density.

        See ``gkmvlp calibrate --density``.
        """
        pooled_BD = image.features.pooled
        return [None] * len(pooled_BD) if self.density is None else far_verdicts(self.density, pooled_BD)

    @torch.inference_mode()
    def entity_scores(self, image: ImageMemory) -> NDArray[np.float64]:
        """Log odds of present against absent, (B, E), by the head that pre-training left."""
        self._require_backbone("findings")
        return cast("NDArray[np.float64]", self.model.entity_log_odds(image).cpu().numpy())

    @torch.inference_mode()
    def label_scores(self, image: ImageMemory) -> NDArray[np.float64]:
        """Log odds of present for each label of ``head.labels``, (B, L).

        Raises:
            BackboneError: If the model was not fine-tuned for labels.
        """
        if not isinstance(self.head, LabelHead):
            raise BackboneError("only a model fine-tuned for labels scores them: make finetune-classification")
        return cast("NDArray[np.float64]", label_logits(self.model, self.head, image).double().cpu().numpy())

    @torch.inference_mode()
    def boxes(self, batch: ImageBatch, image: ImageMemory) -> list[list[PredictedBox]]:
        """The boxes of each image, best first.

        Raises:
            BackboneError: If the model was not fine-tuned for boxes.
        """
        if not isinstance(self.head, BoxHead | RegionHead):
            raise BackboneError(
                "only a model fine-tuned for boxes finds them: fine-tune a backbone (make finetune-localization) "
                "and name the folder model/ that this leaves"
            )
        return boxes_of(self.backbone, self.head, batch, image)

    def places(self, batch: ImageBatch, image: ImageMemory) -> Places:
        """Where in the image each prompt attends to most: the point, and the region under it.

        Raises:
            BackboneError: If the model is no bare backbone, or one that does not say where it looks.
        """
        self._require_backbone("places")
        if not isinstance(image, ImageMemory):
            raise BackboneError(f"{type(self.model).__name__} has no places of findings: GK-MVLP's backbones have them")
        side = self.architecture.image_size
        frames = [Letterbox(*row.tolist()) for row in batch["letterbox"]]
        area_BSS = torch.from_numpy(np.stack([image_area(frame, side) for frame in frames])).to(self.device)
        peak_BE2 = attention_peaks(image.grounded.patch_attention, image.features.grid, side, area_BSS)
        attention_BER = image.grounded.region_attention
        region_BE = regions_at(peak_BE2 / side, batch["region_box"], batch["region_mask"], attention_BER)
        attended_BE = attention_BER.argmax(-1).where(batch["region_mask"].any(1, keepdim=True), -1)
        peaks = peak_BE2.cpu().numpy().astype(np.float32)
        point_BE2 = np.stack([_in_image(frame, peak_E2) for frame, peak_E2 in zip(frames, peaks, strict=True)])
        return Places(point_BE2, region_BE.cpu().numpy(), attended_BE.cpu().numpy())

    @torch.inference_mode()
    def answers(self, image: ImageMemory, questions: str | Sequence[str]) -> tuple[list[str], list[float]]:
        """One answer and its score for each image and its question (see ``tasks.parts.answering.best_answers``).

        Args:
            image: B images.
            questions: B questions; a bare string is asked about every image.

        Raises:
            BackboneError: If the model was not fine-tuned for questions.
        """
        if not isinstance(self.head, AnswerHead):
            raise BackboneError(
                "only a model fine-tuned for questions answers them: fine-tune a backbone (make finetune-vqa) "
                "and name the folder model/ that this leaves"
            )
        return best_answers(self.backbone, self.head, *self._read_questions(image, questions))

    def _read_questions(
        self, image: ImageMemory, questions: str | Sequence[str]
    ) -> tuple[Sequence[str], Tensor, Tensor]:
        """B questions, and what they read of the images: see ``question_memory``."""
        texts = [questions] * len(image.features.pooled) if isinstance(questions, str) else as_texts(questions)
        return texts, *question_memory(self.backbone, texts, image.memory)

    @torch.inference_mode()
    def answer_scores(self, image: ImageMemory, questions: str | Sequence[str]) -> NDArray[np.float64] | None:
        """Score of each known answer in nats, (B, K); None of a model that writes its answers freely.

        Args:
            image: B images.
            questions: As of ``answers``.
        """
        if not isinstance(self.head, AnswerHead) or self.head.mode == "generate":
            return None
        score_BK = answer_scores(self.backbone, self.head, *self._read_questions(image, questions))
        return cast("NDArray[np.float64]", score_BK.double().cpu().numpy())

    def probable_answers(
        self, image: ImageMemory, questions: str | Sequence[str]
    ) -> list[tuple[str, float, float | None]]:
        """Answer, score (see ``answers``) and probability of each image and its question.

        The probability is that among the known answers, by the temperature of the calibration or 1; None of a model
        that writes its answers freely.
        """
        if (score_BK := self.answer_scores(image, questions)) is None:
            return [(answer, score, None) for answer, score in zip(*self.answers(image, questions), strict=True)]
        known = cast(AnswerHead, self.head).answers
        probability_B = answer_probability(score_BK, self.temperature)
        best_B = score_BK.argmax(1)
        return [
            (known[best], float(score_K[best]), float(probability))
            for best, score_K, probability in zip(best_B, score_BK, probability_B, strict=True)
        ]

    @torch.inference_mode()
    def category_scores(self, image: ImageMemory, texts: str | Sequence[str]) -> NDArray[np.float64]:
        """Score of each class in nats, (B, L).

        Args:
            image: B images.
            texts: B texts; a bare string is read with every image.

        Raises:
            BackboneError: If the model was not fine-tuned for classes of images with texts.
        """
        if not isinstance(self.head, CategoryHead):
            raise BackboneError(
                "only a model fine-tuned for classes reads an image with its text: fine-tune a backbone "
                "(make finetune-image-text) and name the folder model/ that this leaves"
            )
        _, state_BTD, mask_BT = self._read_questions(image, texts)
        return cast("NDArray[np.float64]", self.head(state_BTD, mask_BT).double().cpu().numpy())

    def choice_scores(self, image: ImageMemory, texts: Sequence[str]) -> NDArray[np.float64] | None:
        """Score of each of ``choices`` for B images with their texts, (B, K); None of a model without choices."""
        read = self.category_scores if isinstance(self.head, CategoryHead) else self.answer_scores
        return read(image, texts)

    def categories(self, image: ImageMemory, texts: str | Sequence[str]) -> list[dict[str, float]]:
        """Class -> its probability by the temperature of the calibration or 1, likeliest first, of each image.

        Args:
            image: As of ``category_scores``.
            texts: Likewise.

        Raises:
            BackboneError: Likewise.
        """
        probability_BL = answer_probabilities(self.category_scores(image, texts), self.temperature)
        found = [dict(zip(self.choices, row_L.tolist(), strict=True)) for row_L in probability_BL]
        return [dict(sorted(one.items(), key=lambda item: -item[1])) for one in found]

    @torch.inference_mode()
    def reports(self, image: ImageMemory) -> tuple[list[str], list[float]]:
        """A report of each image and its log-likelihood; what is drawn by chance is drawn alike in every call.

        Raises:
            BackboneError: If the model was not fine-tuned for reports.
        """
        if not isinstance(self.head, DecodingConfig):
            raise BackboneError(
                "only a model fine-tuned for reports writes them: fine-tune a backbone (make finetune-report) "
                "and name the folder model/ that this leaves"
            )
        chance = torch.Generator(self.device).manual_seed(0)
        present_BE = self.model.entity_probabilities(image.grounded)
        made = self.model, self.backbone.tokenizer
        return generate_texts(*made, image.memory, decoding=self.head, generator=chance, present_BE=present_BE)

    @torch.inference_mode()
    def embed_texts(self, texts: str | Sequence[str]) -> Tensor:
        """Unit vectors of texts, (N, D) on the model's device; a bare string is one text."""
        self._require_backbone("vectors")
        if not (texts := as_texts(texts)):
            return torch.zeros(0, self.architecture.projection_dim, device=self.device)
        return self.model.embed_text(self.backbone.read_texts(texts, self.device))

    def similarities(self, image_ND: Tensor, prompts: str | Sequence[Prompt]) -> NDArray[np.float32]:
        """Similarity of images to prompts (N, number of prompts); of a pair, that to the first minus the second."""
        pairs = [_pair(prompt) for prompt in ([prompts] if isinstance(prompts, str) else prompts)]
        score = image_ND @ self.embed_texts([first for first, _ in pairs]).T
        against = [index for index, (_, second) in enumerate(pairs) if second is not None]
        seconds = [str(pairs[index][1]) for index in against]
        score[:, against] -= image_ND @ self.embed_texts(seconds).T
        return cast("NDArray[np.float32]", score.cpu().numpy())

    @torch.inference_mode()
    def embed_images(self, image: ImageMemory) -> Tensor:
        """Unit vectors of images, (N, D) on the model's device."""
        self._require_backbone("vectors")
        return self.model.embed_image(image.features)

    def out_of_scope(self, question: str) -> str | None:
        """What to say of a question about what the model was not trained on; None where nothing is to be said."""
        if not (reason := self._scope.outside(question)):
            return None
        return f"{question!r} lies outside: this model never learned of {', '.join(reason)}; its answer means nothing"

    def in_scope(self, question: str) -> bool | None:
        """Whether the model was trained on what a question asks about; None where its folder does not tell."""
        return self._scope.holds(question)

    @property
    def _scope(self) -> Scope:
        head = self.head
        return Scope(self.entities, head.answers, head.asked, head.words) if isinstance(head, AnswerHead) else Scope()

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
        accept, is_list = accepted(accept), isinstance(image, list | tuple)
        images: list[Any] = list(cast("Sequence[Any]", image)) if is_list else [image]
        notes: list[list[str]] = [[] for _ in images]
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
        predictions = [replace(one.judged(verdict), notes=tuple(told)) for one, verdict, told in said]
        return predictions if is_list else predictions[0]

    def predictions(
        self,
        batch: ImageBatch,
        memory: ImageMemory,
        shown: Sequence[Pixels],
        question: str | None = None,
        at: str | None = None,
        text: str | None = None,
        found: Found = _UNASKED,
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
        outputs = self._said(batch, memory, question, at, text, found)
        frames = [Letterbox(*row.tolist()) for row in batch["letterbox"]]
        regions = self.boxes_of_regions(batch)
        return [
            Prediction(
                **{"notice": self.notice, **one},
                region_boxes=boxes,
                pixels_HW=pixels,
                frame=frame,
                side=self.architecture.image_size,
            )
            for one, boxes, pixels, frame in zip(outputs, regions, shown, frames, strict=True)
        ]

    def boxes_of_regions(self, batch: ImageBatch) -> list[dict[str, tuple[float, float, float, float]]]:
        """Boxes of the regions of each image, in its pixels; what lies outside it is left out."""
        found = []
        frames = [Letterbox(*row.tolist()) for row in batch["letterbox"]]
        box_BR4 = batch["region_box"].cpu().numpy() * self.architecture.image_size
        for frame, box_R4, has_R in zip(frames, box_BR4, batch["region_mask"].cpu().numpy(), strict=True):
            inside_R4, is_inside_R = original_boxes(frame, box_R4)
            rows = zip(REGIONS, inside_R4.tolist(), has_R & is_inside_R, strict=True)
            found.append({name: tuple(box) for name, box, is_there in rows if is_there})
        return found

    read = predict  # its name before; kept for one release

    def _said(
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
            refusal = self.out_of_scope(question)
            shared = {
                "is_in_scope": self.in_scope(question),
                "notice": " ".join(filter(None, (self.notice, refusal))) or None,
            }
            return [
                {"answer": answer, "answer_probability": probability, **shared}
                for answer, _, probability in self.probable_answers(memory, question)
            ]
        if isinstance(self.head, AnswerHead):
            raise BackboneError('this model answers questions: ask one, as in question="Is there an effusion?"')
        if isinstance(self.head, CategoryHead):
            raise BackboneError('this model reads an image with its text: name the text, as in text="A caption."')
        if isinstance(self.head, DecodingConfig):
            return [{"report": report} for report in self.reports(memory)[0]]
        if isinstance(self.head, BoxHead | RegionHead):
            boxes_B = self.boxes(batch, memory) if found.boxes is None else found.boxes
            return [{"boxes": boxes} for boxes in boxes_B]
        if isinstance(self.head, LabelHead):
            reader = self.reader("labels", at)
            score_BL = self.label_scores(memory) if found.score_BN is None else found.score_BN
            return [_findings(reader.ranked(self.head.labels, score_L)) for score_L in score_BL]
        reader = self.reader("entities", at)
        score_BE = self.entity_scores(memory) if found.score_BN is None else found.score_BN
        if isinstance(memory, ImageMemory):
            places = self.places(batch, memory) if found.places is None else found.places
            return self._grounded(batch, memory, reader, score_BE, places)
        return [_findings(reader.ranked(self.entities, score_E)) for score_E in score_BE]

    def _grounded(
        self, batch: ImageBatch, memory: ImageMemory, reader: Reader, score_BE: NDArray[np.float64], places: Places
    ) -> list[dict[str, Any]]:
        """Findings of a backbone, likeliest first, each with point, region, box and map."""
        map_BEhw = memory.grounded.patch_attention.unflatten(-1, memory.features.grid).float().cpu().numpy()
        results = []
        for b, score_E in enumerate(score_BE):
            readings = reader.ranked(self.entities, score_E)
            row = {name: self.entities.index(name) for name in readings}
            points = {name: tuple(places.point_BE2[b, e].tolist()) for name, e in row.items()}
            maps = {name: map_BEhw[b, e] for name, e in row.items()}
            regions = {name: region_name(places.region_BE[b, e]) for name, e in row.items()}
            frame = Letterbox(*batch["letterbox"][b].tolist())
            boxes = [self._hot_box(name, reading, maps[name], frame) for name, reading in readings.items()]
            results.append(
                {**_findings(readings), "points": points, "regions": regions, "boxes": boxes, "attention": maps}
            )
        return results

    def _hot_box(self, name: str, reading: Reading, map_hw: NDArray[np.float32], frame: Letterbox) -> PredictedBox:
        box_14, _ = original_boxes(frame, hot_box(map_hw, self.architecture.image_size, frame))
        x1, y1, x2, y2 = box_14[0].tolist()
        threshold = LIKELY if reading.threshold is None else reading.threshold
        is_likely = counts(reading.probability, reading.is_likely)
        return PredictedBox(name, reading.probability, x1, y1, x2, y2, is_likely, threshold)

    def embed(self, images: Radiograph | Sequence[Radiograph] = (), texts: str | Sequence[str] = ()) -> Embeddings:
        """Unit vectors of images and texts in one space; one image or text alone is a list of one."""
        shown = list(images) if isinstance(images, list | tuple) else [cast("Radiograph", images)]
        vectors = [
            self.embed_images(self.encode_images(self.batch([self.item(image)]))).cpu().numpy() for image in shown
        ]
        empty = np.zeros((0, self.architecture.projection_dim), np.float32)
        return Embeddings(np.concatenate([empty, *vectors]), self.embed_texts(texts).cpu().numpy())

    def zero_shot(self, image: Radiograph, prompts: str | Sequence[Prompt]) -> dict[Prompt, float]:
        """Similarity of one radiograph to each prompt, in [-1, 1].

        Args:
            image: The radiograph.
            prompts: Sentences, or one; a pair (present, absent) gives the difference of both similarities, in [-2, 2].
        """
        prompts = [prompts] if isinstance(prompts, str) else prompts
        vector_1D = self.embed_images(self.encode_images(self.batch([self.item(image)])))
        return dict(zip(prompts, self.similarities(vector_1D, prompts)[0].tolist(), strict=True))

    def _require_backbone(self, what: str) -> None:
        if self.head is not None:
            raise BackboneError(
                f"a model fine-tuned for {heads.knowledge_of(self.head)} has no {what}: name the backbone it came from"
            )


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


def _pair(prompt: Prompt) -> tuple[str, str | None]:
    """A prompt and what it is held against.

    Raises:
        TypeError: If it is neither a text nor two of them.
        UsageError: If one of them is empty: a model has a similarity to nothing as well.
    """
    texts = (prompt,) if isinstance(prompt, str) else prompt
    if isinstance(texts, tuple) and [type(text) for text in texts] in ([str], [str, str]):
        if not all(text.strip() for text in texts):
            raise UsageError(f"a prompt is empty in {prompt!r}: a sentence, or two of them, were expected")
        return texts[0], texts[1] if len(texts) > 1 else None
    raise TypeError(f"a prompt is a text or a pair (present, absent) of texts, got {prompt!r}")


def _findings(readings: dict[str, Reading]) -> dict[str, Any]:
    """Fields of a prediction that hold what was found."""
    return {"findings": {name: reading.probability for name, reading in readings.items()}, "readings": readings}


def _in_image(frame: Letterbox, point_N2: NDArray[np.float32]) -> NDArray[np.float32]:
    """Points (N, 2) in pixels of the frame as points in pixels of the image, at most at its edge."""
    image_N2 = frame.to_original(np.tile(point_N2, 2))[:, :2]
    return cast("NDArray[np.float32]", image_N2.clip(0, np.array([frame.width, frame.height], np.float32)))


def region_name(index: int) -> str:
    """Name of a region; "" for -1."""
    return REGIONS[index] if index >= 0 else ""


def view_of(image: str | Path | bytes) -> str:
    """Projection that a DICOM file names (``PA``, ``AP``, ``LL`` ...) in one spelling, "" where nothing names one."""
    try:
        source = image if isinstance(image, bytes) else Path(image)
        start = source[:132] if isinstance(source, bytes) else _first(source)
        if not is_dicom(start):
            return ""
        from gkmvlp.data_modules.pipeline.dicom_header import open_dicom
        from gkmvlp.data_modules.pipeline.dicom_view import view_position

        with reader_settings:
            named = view_position(open_dicom(source, stop_before_pixels=True))
        standard = standard_view(named)
        return named if standard is None else standard
    except Exception:  # missing or broken: the image reader says which
        return ""


def _first(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(132)
