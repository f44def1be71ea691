"""Pre-training of ARL: masked language, masked image, image-text matching, and alignment with entities.

The entities of a text are linked once for all objectives, and the knowledge graph is encoded once a step.
B batch, E findings of the config, N entities of the graph (the findings first, then the regions), C size of the shared
space, T tokens, R regions, P patches.
"""

from typing import cast

import pandas as pd
import torch
from lightning import LightningDataModule
from torch import Tensor

from gkmvlp.anatomy import REGIONS
from gkmvlp.batch import StudyBatch
from gkmvlp.checkpoints.systems import TextReader, linking_reader
from gkmvlp.entities import ENTITY_INDEX
from gkmvlp.knowledge.chosen_linker import DICTIONARY
from gkmvlp.losses.align import entity_alignment_loss
from gkmvlp.losses.itm import false_negatives
from gkmvlp.losses.itm_pairs import sample_pairs
from gkmvlp.losses.masked_image import masked_image_loss, place_weight, random_patch_mask
from gkmvlp.losses.masked_language import (
    mask_tokens,
    masked_entities,
    masked_language_loss,
    masking_units,
    whole_entity_mask,
)
from gkmvlp.losses.statements import statement_matching
from gkmvlp.models.arl import Arl, ArlText
from gkmvlp.models.config import ArlArchitecture
from gkmvlp.models.linked_text import LinkedTokens
from gkmvlp.models.memory import Memory
from gkmvlp.models.regions import coverage
from gkmvlp.models.vision import ImageFeatures
from gkmvlp.tasks.base import text_keys
from gkmvlp.tasks.objective_task import ObjectiveTask
from gkmvlp.tasks.parts.entity_predictions import entity_rows
from gkmvlp.tasks.parts.objectives import ArlObjectives
from gkmvlp.tasks.parts.optimization import OptimizerConfig


class ArlPretraining(ObjectiveTask[Arl, ArlArchitecture]):
    """Pre-trains ARL and leaves ``backbone/`` in the run's folder.

    Args:
        architecture: What to build, or what the backbone must be; ``null`` takes the backbone's own.
        objectives: Their weights and choices.
        optimizer: How weights move.
        backbone: Folder of a backbone to go on from; ``null`` starts fresh.
        linker: What finds the concepts that a text names: the ``dictionary`` of the graph, ``scispacy``, or a file of
            links made before, as ``gkmvlp knowledge link`` and scispaCy's environment write them. Who reads texts with
            the backbone later links them by the dictionary.
        seed: Names the run in its predictions.

    Raises:
        ConfigError: If there are steps at which no objective is due.
    """

    objectives: ArlObjectives
    architecture_class = ArlArchitecture

    def __init__(
        self,
        architecture: ArlArchitecture | None = None,
        objectives: ArlObjectives = ArlObjectives(),  # noqa: B008 - jsonargparse reads defaults of dataclasses
        optimizer: OptimizerConfig = OptimizerConfig(),  # noqa: B008
        backbone: str | None = None,
        linker: str = DICTIONARY,
        seed: int = 0,
    ) -> None:
        super().__init__(architecture, objectives, optimizer, backbone, seed)
        self.linker = linker
        self.link: TextReader | None = None  # in place of the backbone's
        self.names = self.architecture.knowledge.entities
        self.columns = [ENTITY_INDEX[name] for name in self.names]

    def prepare(self, datamodule: LightningDataModule) -> None:
        """Builds or loads the backbone, and the linker that was asked for."""
        super().prepare(datamodule)
        if self.linker != DICTIONARY and self.link is None:
            self.link = linking_reader(self.architecture, self.tokenizer, self.linker)

    def read_texts(self, texts: list[str]) -> LinkedTokens:
        """Texts with the entities that they name, on the model's device."""
        if self.link is None:
            return cast(LinkedTokens, super().read_texts(texts))
        return LinkedTokens(*(tensor.to(self.device) for tensor in self.link(texts)))

    def losses(self, batch: StudyBatch, due: set[str]) -> dict[str, Tensor]:
        """The objectives that are due, unweighted.

        Args:
            batch: A batch.
            due: Names of objectives.
        """
        text = self.read_texts(batch["text"])
        entity_NC = self.model.encode_entities()
        losses = {}
        if due & {"mim", "itm", "align"}:
            states = self.model.begin(text, entity_NC)
        if due & {"mlm", "itm", "align"}:
            image = self.model.encode_image(batch["image"])
        if "mlm" in due:
            losses["mlm"] = self.masked_language(text, entity_NC, image.memory)
        if "mim" in due:
            losses["mim"] = self.masked_image(batch, text.named(len(entity_NC)), states)
        if "itm" in due:
            losses["itm"] = self.matching(batch, states, image.memory)
        if "align" in due:
            losses["align"] = self.alignment(batch, text, states, image.features, entity_NC)
        return losses

    def masked_language(self, text: LinkedTokens, entity_NC: Tensor, memory: Memory) -> Tensor:
        """MLM from text, image, and those entities of which no word is masked."""
        special = [self.tokenizer.cls_token_id, self.tokenizer.sep_token_id]
        real_BT = text.mask & ~torch.isin(text.ids, torch.tensor(special, device=text.ids.device))
        at_BT = whole_entity_mask(masking_units(text.span), real_BT, self.objectives.mask_share)
        masked = mask_tokens(text.ids, at_BT, self.tokenizer.mask_token_id, len(self.tokenizer))
        shown = text.without(masked_entities(text.span, at_BT))._replace(ids=masked.ids)
        state_BTD = self.model.fuse(self.model.begin(shown, entity_NC), memory)
        return masked_language_loss(self.model.text.vocabulary_logits(state_BTD[at_BT]), text.ids[at_BT])

    def masked_image(self, batch: StudyBatch, named_BN: Tensor, states: ArlText) -> Tensor:
        """MIM from the visible patches and the whole text."""
        image_B1SS, grid = batch["image"], self.model.vision.grid
        masked_BP = random_patch_mask(self.patch_weight(batch, named_BN), self.objectives.patch_share)
        image = self.model.encode_image(image_B1SS, masked_BP=masked_BP)
        pixels_BPC = self.model.decode_image(states, image, masked_BP)
        return masked_image_loss(pixels_BPC, image_B1SS, masked_BP, grid)

    def patch_weight(self, batch: StudyBatch, named_BN: Tensor) -> Tensor:
        """How likely each patch is drawn to be masked, (B, P), where texts name the entities ``named_BN``."""
        grid, box_BR4 = self.model.vision.grid, batch["region_box"]
        if self.objectives.masked_patches == "random":
            return box_BR4.new_ones(len(box_BR4), grid[0] * grid[1])
        findings = len(self.columns)
        present_BE = batch["status"][:, self.columns] == 1
        shown_BR = (present_BE[..., None] & self.model.region_prior().to(self.device)).any(1)
        region_BR = (named_BN[:, findings : findings + len(REGIONS)] | shown_BR) & batch["region_mask"]
        return place_weight(coverage(box_BR4, grid), region_BR)

    def matching(self, batch: StudyBatch, states: ArlText, memory: Memory) -> Tensor:
        """ITM of texts, half of them with an image that says something else."""
        wording_B = text_keys(batch["text"], self.device)
        pairs = sample_pairs(false_negatives(wording_B, batch["status"][:, self.columns]))
        return statement_matching(self.model.itm_logits(states, memory, pairs.image), pairs.is_true)

    def alignment(
        self, batch: StudyBatch, text: LinkedTokens, states: ArlText, features: ImageFeatures, entity_NC: Tensor
    ) -> Tensor:
        """Entities that the text names, by the text, by the image as a whole and by its patches.

        The two ways of the image are aligned each for itself: what reads the image's one vector finds entities in it.
        """
        named_BN = text.named(len(entity_NC))
        shown_BN = named_BN
        if self.objectives.image_entities == "present":
            present_BE = batch["status"][:, self.columns] == 1
            shown_BN = torch.cat([present_BE, named_BN[:, len(self.columns) :]], dim=1)
        share = self.objectives.positive_share
        whole_BN, patches_BN = self.model.image_log_odds(features, entity_NC)
        by_image = [entity_alignment_loss(logit_BN, shown_BN, share) for logit_BN in (whole_BN, patches_BN)]
        by_text = entity_alignment_loss(self.model.project_text(states) @ entity_NC.T, named_BN, share)
        return by_text + sum(by_image)

    def on_test_epoch_start(self) -> None:  # noqa: D102
        self.predictions, self.entity_NC = [], self.model.encode_entities()

    def test_step(self, batch: StudyBatch, batch_idx: int) -> None:
        """Entities of the image, against what the report states; and of the report, against what it names."""
        text = self.read_texts(batch["text"])
        by_text_BN = self.model.project_text(text) @ self.entity_NC.T
        scores = {
            "entity_classification": self.model.entity_log_odds(self.model.encode_image(batch["image"])).cpu(),
            "text_entities": by_text_BN[:, : len(self.columns)].float().cpu(),
            "named": text.named(len(self.entity_NC))[:, : len(self.columns)].cpu(),
        }
        self.predictions += entity_rows(batch, self.names, batch["status"][:, self.columns].cpu(), scores)

    def on_test_epoch_end(self) -> None:  # noqa: D102
        table = pd.DataFrame(self.predictions).assign(model=self.model_name, seed=self.seed)
        kept = table.drop(columns=["entity_classification", "text_entities", "named"])
        self.save_predictions("entity_classification", kept.assign(score=table["entity_classification"]))
        self.save_predictions("text_entities", kept.assign(score=table["text_entities"], target=table["named"]))
