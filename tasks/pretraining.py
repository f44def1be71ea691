"""Pre-training of GK-MVLP: image-text contrast, image-text matching, language modelling, entity classification.

B batch, E entities, T tokens, M memory tokens.
"""

import math
from typing import cast

import pandas as pd
import torch
from torch import Tensor, nn

from gkmvlp.batch import StudyBatch
from gkmvlp.entities import ENTITY_INDEX, entity
from gkmvlp.errors import ConfigError
from gkmvlp.losses.ecls import entity_classification
from gkmvlp.losses.itc import image_text_contrast
from gkmvlp.losses.itm import false_negatives, hard_negatives, image_text_matching
from gkmvlp.losses.position import position_loss
from gkmvlp.losses.statements import draw_statements, statement_matching
from gkmvlp.models.config import Architecture
from gkmvlp.models.gk_mvlp import ImageMemory
from gkmvlp.models.memory import Memory, ProjectedMemory
from gkmvlp.models.text import TextStates
from gkmvlp.report.dropout import drop_sentences
from gkmvlp.tasks.base import text_keys
from gkmvlp.tasks.objective_task import ObjectiveTask
from gkmvlp.tasks.parts.entity_predictions import (
    ABSENT,
    PRESENT,
    attention_peaks,
    entity_rows,
    zero_shot_scores,
    zero_shot_texts,
)
from gkmvlp.tasks.parts.objectives import Objectives
from gkmvlp.tasks.parts.optimization import OptimizerConfig

WORDINGS = (PRESENT, "{name}", "{name} is present.", "Is there {name}?")  # of statements
ENTITY_SENTENCES = (  # that an entity is there, and that it is not; the first pair is that of the zero-shot figures
    (PRESENT, ABSENT),
    ("{name}.", "No {name}."),
    ("{name} is present.", "{name} is not present."),
    ("{name} is seen.", "No {name} is seen."),
    ("Findings of {name}.", "No evidence of {name}."),
)


class GkMvlpPretraining(ObjectiveTask):
    """Pre-trains GK-MVLP and leaves ``backbone/`` in the run's folder.

    Args:
        architecture: What to build, or what the backbone must be; ``null`` takes the backbone's own.
        objectives: Their weights and choices.
        optimizer: How weights move.
        backbone: Folder of a backbone to go on from; ``null`` starts fresh.
        gradient_checkpointing: Whether both encoders compute their layers anew for the gradient: a third more
            arithmetic, and far larger batches in the same memory.
        compile_backend: What ``torch.compile`` makes programs of both encoders' layers with, such as ``inductor``;
            ``null`` runs them as they are written.
        seed: Names the run in its predictions.

    Raises:
        ConfigError: If there are steps at which no objective is due, or no such backend.
    """

    objectives: Objectives

    def __init__(
        self,
        architecture: Architecture | None = None,
        objectives: Objectives = Objectives(),  # noqa: B008 - jsonargparse reads defaults of dataclasses
        optimizer: OptimizerConfig = OptimizerConfig(),  # noqa: B008
        backbone: str | None = None,
        gradient_checkpointing: bool = False,
        compile_backend: str | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(architecture, objectives, optimizer, backbone, seed)
        if compile_backend is not None and compile_backend not in (known := torch.compiler.list_backends(())):
            raise ConfigError(f"compile_backend: {' or '.join(known)} were expected, got {compile_backend!r}")
        self.gradient_checkpointing, self.compile_backend = gradient_checkpointing, compile_backend
        self.names = [entity(name).name for name in self.architecture.knowledge.entities]
        self.columns = [ENTITY_INDEX[name] for name in self.names]
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / objectives.init_temperature)))

    def on_fit_start(self) -> None:  # noqa: D102
        super().on_fit_start()
        if self.gradient_checkpointing:
            self.model.enable_gradient_checkpointing()
        if self.compile_backend is not None:
            self.model.compile_layers(self.compile_backend)

    def losses(self, batch: StudyBatch, due: set[str]) -> dict[str, Tensor]:
        """The objectives that are due, unweighted.

        Args:
            batch: A batch.
            due: Names of objectives.
        """
        status_BE = batch["status"][:, self.columns]
        image = self.encode_images(batch, status_BE=self.visible(status_BE), prompt_ED=self.prompts())
        once = len(due & {"statement", "itm", "lm"}) < 2
        memory = image.memory if once else self.model.text.project(image.memory)
        losses = {}
        if "ecls" in due:
            weight_E = torch.full((len(self.names),), self.objectives.pos_weight, device=self.device)
            losses["ecls"] = entity_classification(
                self.model.entity_logits(image.grounded),
                status_BE,
                unmentioned=self.objectives.unmentioned,
                weight_E=weight_E,
            )
        if "position" in due:
            # a stated region outside the prior, like the whole lung for an effusion, says less than those inside
            place_BER = batch["place"][:, self.columns] & self.model.prior_ER & batch["region_mask"][:, None]
            losses["position"] = position_loss(image.grounded.patch_attention, place_BER, image.coverage)
        if "statement" in due:
            losses["statement"] = self.statements(status_BE, memory)
        if "sentence" in due:
            losses["sentence"] = self.entity_sentences(status_BE, self.model.embed_image(image.features))
        if due & {"itc", "itm"}:
            losses |= self.pair_losses(batch, status_BE, image, memory, due)
        if "lm" in due:
            smoothing = self.objectives.label_smoothing
            losses["lm"] = self.text_loss(batch["text"], memory, label_smoothing=smoothing)
        return losses

    def prompts(self) -> Tensor:
        """The prompts' vectors, (E, D): the same for all images of a step, with gradients every n-th step."""
        learns = torch.is_grad_enabled() and self.global_step % self.objectives.prompts_every_n_steps == 0
        with torch.set_grad_enabled(learns):
            return self.model.encode_prompts()

    def visible(self, status_BE: Tensor) -> Tensor:
        """Statuses that the ``report`` mode of knowledge shows: all in evaluation, a random part in training."""
        if not self.training:
            return status_BE
        hidden_BE = torch.rand(status_BE.shape, device=status_BE.device) < self.objectives.status_dropout
        return status_BE.masked_fill(hidden_BE, -2)

    def statements(self, status_BE: Tensor, memory: Memory | ProjectedMemory) -> Tensor:
        """Matching of each image with a true and a false sentence on one entity."""
        image_N, entity_N, is_true_N = draw_statements(status_BE)
        counts = len(image_N) > 0
        if not counts:  # one is read all the same: ranks with other graphs than this would wait for one another
            image_N, entity_N, is_true_N = (tensor.new_zeros(1) for tensor in (image_N, entity_N, is_true_N))
        wording_N = torch.randint(len(WORDINGS), (len(image_N),)).tolist()
        sentences = [
            WORDINGS[wording].format(name=self.names[index])
            for wording, index in zip(wording_N, entity_N.tolist(), strict=True)
        ]
        return counts * statement_matching(self.model.itm_logits(self.tokens(sentences), memory, image_N), is_true_N)

    def entity_sentences(self, status_BE: Tensor, image_BD: Tensor) -> Tensor:
        """Contrast of each image with a sentence that says each entity is there, and one that says it is not."""
        wording = int(torch.randint(len(ENTITY_SENTENCES), ())) if self.training else 0
        present, absent = (
            self.model.embed_text(self.tokens([pattern.format(name=name) for name in self.names]))
            for pattern in ENTITY_SENTENCES[wording]
        )
        with torch.autocast(image_BD.device.type, enabled=False):  # as in ITC
            logits_BE2 = self.scale() * torch.stack([image_BD @ absent.T, image_BD @ present.T], dim=-1)
        return entity_classification(logits_BE2, status_BE, unmentioned=self.objectives.unmentioned)

    def scale(self) -> Tensor:
        """Factor on similarities, the inverse of the learned temperature; at most 1,000."""
        return self.log_scale.clamp(0, math.log(1000)).exp()

    def pair_losses(
        self,
        batch: StudyBatch,
        status_BE: Tensor,
        image: ImageMemory,
        memory: Memory | ProjectedMemory,
        due: set[str],
    ) -> dict[str, Tensor]:
        """ITC, and ITM on negatives drawn from its similarities."""
        share = self.objectives.sentence_dropout if self.training else 0.0
        states = self.model.begin(self.tokens([drop_sentences(text, share) for text in batch["text"]]))
        image_BD, text_BD = self.model.embed_image(image.features), self.model.embed_text(states)
        scale = self.scale()
        wording_B = text_keys(batch["text"], self.device)
        losses = {}
        if "itc" in due:
            study_B = text_keys(batch["study_id"], self.device)
            losses["itc"] = image_text_contrast(image_BD, text_BD, scale, study_B, wording_B, gather=self.gather)
        if "itm" in due:
            similarity_BB = (scale * image_BD @ text_BD.T).detach()
            if self.objectives.itm_negatives == "uniform":
                similarity_BB = torch.zeros_like(similarity_BB)
            losses["itm"] = self.matching(states, memory, similarity_BB, false_negatives(wording_B, status_BE))
        return losses

    def matching(
        self, states: TextStates, memory: Memory | ProjectedMemory, similarity_BB: Tensor, forbidden_BB: Tensor
    ) -> Tensor:
        """ITM of the pairs, of a wrong image for each text, and of a wrong text for each image.

        The three go on from the same states: only the layers that see the image are computed for each.
        """
        image_B, has_image_B = hard_negatives(similarity_BB.T, forbidden_BB)
        text_B, has_text_B = hard_negatives(similarity_BB, forbidden_BB)
        index_B = torch.arange(len(text_B), device=text_B.device)
        row_3B = torch.cat([index_B, image_B, index_B])
        logits = self.model.itm_logits(states.rows(torch.cat([index_B, index_B, text_B])), memory, row_3B)
        positive_B2, wrong_image_B2, wrong_text_B2 = logits.chunk(3)
        without = 1 - torch.cat([has_image_B, has_text_B]).float().mean()
        self.log("itm_without_negative", without, batch_size=len(index_B))
        return image_text_matching(positive_B2, wrong_image_B2, wrong_text_B2, has_image_B, has_text_B)

    def gather(self, x_BK: Tensor) -> Tensor:
        """All ranks' rows (N, K), with gradients."""
        gathered = cast(Tensor, self.all_gather(x_BK, sync_grads=True))
        return gathered.reshape(-1, x_BK.shape[-1])

    def on_test_epoch_start(self) -> None:  # noqa: D102
        self.predictions = []
        present, absent = zero_shot_texts(self.names)
        self.sentences = self.tokens(present), self.tokens(absent)

    def test_step(self, batch: StudyBatch, batch_idx: int) -> None:  # noqa: D102
        image = self.encode_images(batch)
        logits_BE2 = self.model.entity_logits(image.grounded).float()
        zero_shot_BE = zero_shot_scores(self.model, self.model.embed_image(image.features), *self.sentences)
        scores = {
            "entity_classification": (logits_BE2[..., 1] - logits_BE2[..., 0]).cpu(),
            "zero_shot": zero_shot_BE.float().cpu(),
        }
        side = self.architecture.image_size
        point_BE2 = attention_peaks(image.grounded.patch_attention, image.features.grid, side).cpu()
        status_BE = batch["status"][:, self.columns].cpu()
        self.predictions += entity_rows(batch, self.names, status_BE, scores, point_BE2)

    def on_test_epoch_end(self) -> None:  # noqa: D102
        table = pd.DataFrame(self.predictions).assign(model=self.model_name, seed=self.seed)
        for task in ("entity_classification", "zero_shot"):
            scored = table.assign(score=table[task]).drop(columns=["entity_classification", "zero_shot"])
            self.save_predictions(task, scored)
        without_boxes = table.assign(boxes=[[] for _ in range(len(table))])
        self.save_predictions("grounding", without_boxes, signature={"layers": "last"})
