"""Visual question answering: the question reads the image, the report decoder writes or ranks the answer.

B questions on N images, M memory tokens, D width.
"""

from collections import Counter
from typing import Any, cast

import pandas as pd
import torch
from lightning import LightningDataModule
from torch import Tensor, nn
from torch.nn import functional as F

from gkmvlp.batch import QuestionBatch
from gkmvlp.checkpoints import heads
from gkmvlp.checkpoints.backbone import Backbone
from gkmvlp.errors import ConfigError, require_choice
from gkmvlp.models.config import Architecture, ArlArchitecture, BaseArchitecture, TextPooling
from gkmvlp.models.heads.answer_head import AnswerHead, AnswerMode, answer_logits
from gkmvlp.models.lora import Adaptation
from gkmvlp.models.memory import Memory
from gkmvlp.models.protocol import check_decoder
from gkmvlp.tasks.base import training_texts
from gkmvlp.tasks.fine_tuning import GREY, FineTuning
from gkmvlp.tasks.parts.answering import best_answers, question_memory
from gkmvlp.tasks.parts.optimization import OptimizerConfig
from gkmvlp.tasks.parts.scope import entities_named, things


def freeze_statistics(model: nn.Module) -> None:
    """Makes batch norms use the statistics that they have, in training too; their factors go on learning."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()  # Lightning leaves modes as they are


class VisualQuestionAnswering(FineTuning):
    """Answers questions about radiographs, and leaves ``model/``, which ``gkmvlp predict`` reads, in the run's folder.

    Args:
        architecture: What to build from scratch, or what the backbone must be; ``null`` takes the backbone's own.
        backbone: Folder of a backbone; ``null`` starts from scratch.
        optimizer: How weights move.
        scratch_lr: Peak learning rate where ``backbone`` is null; without it that of ``optimizer``. Each start
            gets the rate that validation chose for it (``gkmvlp experiment learning-rate``).
        freeze_image_branch: Only the text model is trained: a step takes about half the time, and fewer questions
            suffice. From scratch this has no effect.
        cache_image_memory: Compute what language reads of an image once: for small models, with
            ``freeze_image_branch`` and without augmentation. Regions are those of the first look.
        answer_mode: ``rank`` scores the training answers by the decoder, ``generate`` lets it write, ``classify`` is a
            linear layer over the training answers.
        answer_pooling: What that layer reads: the state of the question's ``first`` token, or the ``mean`` of all.
        num_candidates: How many answers ``rank`` scores in full for a question.
        freeze_batch_norm: Keep the statistics of batch norms as the weights brought them: a batch of questions shows
            few different images. Without weights this has no effect.
        question_only: Baseline: the image is replaced by uniform grey.
        adapter: ``lora`` trains small matrices beside the backbone's layers instead of these; or its options.
        seed: Names the run in its predictions; ``seed_everything`` decides what is drawn.
    """

    monitor = ("val/accuracy", "max")
    architecture_class = BaseArchitecture

    def __init__(
        self,
        architecture: Architecture | ArlArchitecture | None = None,
        backbone: str | None = None,
        optimizer: OptimizerConfig = OptimizerConfig(),  # noqa: B008 - jsonargparse reads defaults of dataclasses
        scratch_lr: float | None = None,
        freeze_image_branch: bool = False,
        cache_image_memory: bool = False,
        answer_mode: AnswerMode = "rank",
        answer_pooling: TextPooling = "first",
        num_candidates: int = 64,
        freeze_batch_norm: bool = False,
        question_only: bool = False,
        adapter: Adaptation = None,
        seed: int = 0,
    ) -> None:
        require_choice("model.init_args", AnswerMode, answer_mode=answer_mode)
        require_choice("model.init_args", TextPooling, answer_pooling=answer_pooling)
        super().__init__(
            architecture, backbone, optimizer, scratch_lr, freeze_image_branch, seed, cache_image_memory, adapter
        )
        self.answer_mode: AnswerMode = answer_mode
        self.answer_pooling: TextPooling = answer_pooling
        self.num_candidates, self.question_only = num_candidates, question_only
        self.freeze_batch_norm = freeze_batch_norm
        self.answers: list[str] = []
        self.asked: list[str] = []
        self.words: list[str] = []

    @property
    def model_name(self) -> str:  # noqa: D102
        return "baseline:question_only" if self.question_only else super().model_name

    def prepare(self, datamodule: LightningDataModule) -> None:
        """Loads the backbone and takes the answers of the training questions as vocabulary."""
        if self.backbone is not None:
            return
        super().prepare(datamodule)
        if self.answer_mode != "classify":
            check_decoder(self.model, f"answer_mode={self.answer_mode}: set answer_mode=classify")
        has_weights = self.backbone_ref is not None or self.architecture.vision.weights is not None
        if self.freeze_batch_norm and has_weights:
            freeze_statistics(self.model)
        self.answers = datamodule.answers()  # type: ignore[attr-defined]
        texts = training_texts(datamodule)
        self.asked, self.words = entities_named(texts), things(texts)
        self.answer_index = {answer: index for index, answer in enumerate(self.answers)}
        if self.answer_mode == "classify":
            self.classifier = nn.Linear(self.architecture.text.hidden_size, len(self.answers))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:  # noqa: D102
        super().on_save_checkpoint(checkpoint)
        checkpoint["answers"] = self.answers

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Compares vocabularies.

        Raises:
            ConfigError: If the checkpoint was trained on another data set's answers.
        """
        theirs = checkpoint["answers"]
        if theirs != self.answers:
            raise ConfigError(
                f"the checkpoint's answer vocabulary has {len(theirs)} answers, that of the data {len(self.answers)}, "
                f"{len(set(theirs) & set(self.answers))} in common: use the data set and split it was trained on"
            )
        super().on_load_checkpoint(checkpoint)

    def read_questions(self, batch: QuestionBatch) -> tuple[Tensor, Tensor]:
        """What the decoder or the classifier reads: the question's states after reading the image.

        Returns:
            Memory (B, M, D), the first row being the question's first token, and mask (B, M) bool; M is 1 where a
            classifier reads that row alone.
        """
        memory, row_B = self.encode_images_unique(batch)
        first_only = self.answer_mode == "classify" and self.answer_pooling == "first"
        return question_memory(cast(Backbone, self.backbone), batch["question"], memory, row_B, first_only)

    def encode_images_unique(self, batch: QuestionBatch) -> tuple[Memory, Tensor]:
        """Memory of the N different images, and the image of each question (B,)."""
        ids = batch["image_id"] if not self.question_only else [""] * len(batch["question"])
        place = {image_id: row for row, image_id in enumerate(dict.fromkeys(ids))}
        first = torch.tensor([ids.index(image_id) for image_id in place], device=self.device)
        images: Any = {key: batch[key][first] for key in ("image", "region_box", "region_mask")}  # type: ignore[literal-required]
        if self.question_only:  # one grey image stands for all
            images["image"] = torch.full_like(images["image"], GREY)
        memory = self.encode_images_cached(images, list(place)).memory
        return memory, torch.tensor([place[image_id] for image_id in ids], device=self.device)

    def training_step(self, batch: QuestionBatch, batch_idx: int) -> Tensor:  # noqa: D102
        memory_BMD, mask_BM = self.read_questions(batch)
        if self.answer_mode == "classify":
            target_B = torch.tensor([self.answer_index[answer] for answer in batch["answer"]], device=self.device)
            logits_BK = answer_logits(self.classifier, memory_BMD, mask_BM, self.answer_pooling)
            loss = F.cross_entropy(logits_BK, target_B)
        else:
            loss = self.text_loss(batch["answer"], memory_BMD, mask_BM, label_smoothing=0.0)
        self.log("train/loss", loss, batch_size=len(batch["answer"]))
        return loss

    def predicted(self, batch: QuestionBatch) -> list[str]:
        """One answer a question, normalised."""
        backbone, read = cast(Backbone, self.backbone), self.read_questions(batch)
        return best_answers(backbone, self.answer_head(), batch["question"], *read)[0]

    def answer_head(self) -> AnswerHead:
        """How this task finds an answer."""
        classifier = getattr(self, "classifier", None)
        return AnswerHead(
            self.answer_mode, self.answers, self.num_candidates, classifier, self.asked, self.words, self.answer_pooling
        )

    def validation_step(self, batch: QuestionBatch, batch_idx: int) -> None:  # noqa: D102
        answers = batch["answer"]
        right = sum(guess == answer for guess, answer in zip(self.predicted(batch), answers, strict=True))
        # a number: GPUs have no mean of tensors that lie in main memory
        self.log("val/accuracy", right / len(answers), batch_size=len(answers), sync_dist=True, on_epoch=True)

    def on_test_epoch_start(self) -> None:
        """Collects the baseline's answers: the most frequent training answer to open and to closed questions."""
        self.predictions = []
        rows = self.trainer.datamodule.rows("train")  # type: ignore[attr-defined]
        counts: dict[str, Counter[str]] = {"open": Counter(), "closed": Counter()}
        for row in rows:
            counts[row.fields["answer_type"] or "open"][row.fields["answer"]] += 1
        overall = sum(counts.values(), Counter())
        self.majority = {kind: (count or overall).most_common(1)[0][0] for kind, count in counts.items()}

    def test_step(self, batch: QuestionBatch, batch_idx: int) -> None:  # noqa: D102
        for b, guess in enumerate(self.predicted(batch)):
            row: dict[str, Any] = {key: batch[key][b] for key in ("sample_id", "patient_id", "question", "answer_type")}  # type: ignore[literal-required]
            row |= {"chest": bool(batch["chest"][b]), "target": batch["answer"][b]}
            row["in_vocabulary"] = batch["answer"][b] in self.answer_index
            majority = self.majority[batch["answer_type"][b] or "open"]
            self.predictions.append({**row, "model": self.model_name, "seed": self.seed, "prediction": guess})
            self.predictions.append({**row, "model": "baseline:majority", "seed": self.seed, "prediction": majority})

    def on_test_epoch_end(self) -> None:  # noqa: D102
        # without it ``answers()`` is what a DataModule of one's own has to give: those of training
        vocabulary = getattr(self.trainer.datamodule, "vocabulary_source", "train")  # type: ignore[attr-defined]
        signature = {"head": self.answer_mode, "vocab": vocabulary}
        self.save_predictions("vqa", pd.DataFrame(self.predictions), signature=signature)

    def on_fit_end(self) -> None:
        """Leaves the model of the best epoch; the baseline without an image leaves none."""
        best = None if self.question_only else self.best_backbone(task="vqa", backbone=self.backbone_ref)
        if best is not None:
            heads.save(best, self.answer_head(), self.run_dir / "model")
