"""Visual question answering: the question reads the image, the report decoder writes or ranks the answer.

B batch, T tokens, M memory tokens, C answers of the training vocabulary, D width.
"""

from collections import Counter
from typing import Any, Literal

import pandas as pd
import torch
from lightning import LightningDataModule
from torch import Tensor, nn
from torch.nn import functional as F

from gkmvlp.batch import QuestionBatch
from gkmvlp.errors import ConfigError
from gkmvlp.losses.lm import report_likelihood
from gkmvlp.metrics.answers import exact_v1
from gkmvlp.models.config import Architecture
from gkmvlp.tasks.answering import candidate_scores, greedy
from gkmvlp.tasks.base import Task
from gkmvlp.tasks.optimization import Optimization

Stage = Literal["train", "val", "test"]
Head = Literal["ranked", "free", "classifier"]
LONGEST = 16  # tokens of a free answer; the longest of VQA-RAD are shorter still in most vocabularies


class VisualQuestionAnswering(Task):
    """Answers questions about radiographs.

    Args:
        architecture: What to build from scratch, or what the backbone must be.
        backbone: Folder of a backbone; ``null`` starts from scratch.
        optimization: How weights move.
        head: ``ranked`` scores the training answers by the decoder, ``free`` lets it write, ``classifier`` is a
            linear layer over the training answers.
        candidates: How many answers ``ranked`` scores in full for a question.
        blind: Floor: the image is replaced by its mean.
        seed: Names the run in its predictions; ``seed_everything`` decides what is drawn.
    """

    monitor = ("val/accuracy", "max")

    def __init__(
        self,
        architecture: Architecture,
        backbone: str | None = None,
        optimization: Optimization = Optimization(),  # noqa: B008 - jsonargparse reads defaults of dataclasses
        head: Head = "ranked",
        candidates: int = 64,
        blind: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(architecture, backbone, optimization)
        self.head: Head = head
        self.candidates, self.blind, self.seed = candidates, blind, seed
        self.answers: list[str] = []

    @property
    def label(self) -> str:  # noqa: D102
        return "floor:question_only" if self.blind else super().label

    def prepare(self, datamodule: LightningDataModule) -> None:
        """Loads the backbone and takes the answers of the training questions as vocabulary."""
        if self.start is not None:
            return
        super().prepare(datamodule)
        self.answers = datamodule.answers()  # type: ignore[attr-defined]
        self.answer_index = {answer: index for index, answer in enumerate(self.answers)}
        if self.head == "classifier":
            self.classifier = nn.Linear(self.architecture.text.width, len(self.answers))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:  # noqa: D102
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

    def read_questions(self, batch: QuestionBatch) -> tuple[Tensor, Tensor]:
        """What the decoder reads: the question's states after reading the image, then the image memory.

        Returns:
            Memory (B, T + M, D), the first row being the question's first token, and mask (B, T + M) bool.
        """
        if self.blind:
            batch = {**batch, "image": batch["image"].mean((1, 2, 3), keepdim=True).expand_as(batch["image"])}
        image_BMD = self.look(batch).memory
        tokens = self.tokens(batch["question"])
        question_BTD = self.model.text(*tokens, "fusion", image_BMD)
        seen_BM = torch.ones(image_BMD.shape[:2], dtype=torch.bool, device=self.device)
        return torch.cat([question_BTD, image_BMD], dim=1), torch.cat([tokens.mask, seen_BM], dim=1)

    def training_step(self, batch: QuestionBatch, batch_idx: int) -> Tensor:  # noqa: D102
        memory_BMD, mask_BM = self.read_questions(batch)
        if self.head == "classifier":
            target_B = torch.tensor([self.answer_index[answer] for answer in batch["answer"]], device=self.device)
            loss = F.cross_entropy(self.classifier(memory_BMD[:, 0]).float(), target_B)
        else:
            tokens = self.tokens(batch["answer"], decode=True)
            logits_BTV = self.model.decode(tokens, memory_BMD, mask_BM)
            loss = report_likelihood(logits_BTV, tokens.ids, tokens.mask, label_smoothing=0.0)
        self.log("train/loss", loss, batch_size=len(batch["answer"]))
        return loss

    def predicted(self, batch: QuestionBatch) -> list[str]:
        """One answer a question, normalised."""
        memory_BMD, mask_BM = self.read_questions(batch)
        if self.head == "free":
            ends = self.tokenizer.bos_token_id, self.tokenizer.sep_token_id
            ids_BT = greedy(self.model, *ends, memory_BMD, mask_BM, LONGEST)
            return [exact_v1(text) for text in self.tokenizer.batch_decode(ids_BT, skip_special_tokens=True)]
        if self.head == "classifier":
            best_B = self.classifier(memory_BMD[:, 0]).argmax(-1)
        else:
            answers = self.tokens(self.answers, decode=True)
            best_B = candidate_scores(self.model, answers, memory_BMD, mask_BM, self.candidates).argmax(-1)
        return [self.answers[index] for index in best_B.tolist()]

    def validation_step(self, batch: QuestionBatch, batch_idx: int) -> None:  # noqa: D102
        pairs = zip(self.predicted(batch), batch["answer"], strict=True)
        right = torch.tensor([float(guess == answer) for guess, answer in pairs]).mean()
        self.log("val/accuracy", right, batch_size=len(batch["answer"]), sync_dist=True, on_epoch=True)

    def on_test_epoch_start(self) -> None:
        """Collects the floor's answers: the most frequent training answer to open and to closed questions."""
        self.rows = []
        rows = self.trainer.datamodule.rows("train")  # type: ignore[attr-defined]
        counts: dict[str, Counter[str]] = {"open": Counter(), "closed": Counter()}
        for row in rows:
            counts[row.fields["answer_type"] or "open"][row.fields["answer"]] += 1
        overall = sum(counts.values(), Counter())
        self.majority = {kind: (count or overall).most_common(1)[0][0] for kind, count in counts.items()}

    def test_step(self, batch: QuestionBatch, batch_idx: int) -> None:  # noqa: D102
        for b, guess in enumerate(self.predicted(batch)):
            row = {key: batch[key][b] for key in ("sample_id", "patient_id", "question", "answer_type")}  # type: ignore[literal-required]
            row |= {"chest": bool(batch["chest"][b]), "target": batch["answer"][b]}
            row["in_vocabulary"] = batch["answer"][b] in self.answer_index
            majority = self.majority[batch["answer_type"][b] or "open"]
            self.rows.append({**row, "model": self.label, "seed": self.seed, "prediction": guess})
            self.rows.append({**row, "model": "floor:majority", "seed": self.seed, "prediction": majority})

    def on_test_epoch_end(self) -> None:  # noqa: D102
        self.write("vqa", pd.DataFrame(self.rows), signature={"head": self.head, "vocab": "train"})
