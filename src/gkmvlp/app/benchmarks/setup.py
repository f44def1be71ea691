"""What ``gkmvlp bench`` measures: the pre-training task without a Trainer, and made-up pairs.

B pairs, E entities, R regions.
"""

from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor

from gkmvlp.anatomy import REGIONS, atlas
from gkmvlp.app.running.configs import architecture_in, by_name
from gkmvlp.batch import StudyBatch
from gkmvlp.checkpoints.backbone import Backbone
from gkmvlp.checkpoints.systems import PROMPT_TOKENS
from gkmvlp.entities import ENTITIES, entity
from gkmvlp.errors import UsageError
from gkmvlp.models.config import Architecture
from gkmvlp.models.gk_mvlp import GkMvlp
from gkmvlp.models.tokenizer import tokenize, train_tokenizer
from gkmvlp.phantom.writing.grammar import sentences
from gkmvlp.tasks.pretraining import GkMvlpPretraining

NOTHING = "no model.init_args.architecture to measure; name a pre-training config"
NAMED = {"small": "pretrain-phantom"}


class SingleProcessPretraining(GkMvlpPretraining):
    """Pre-training without a Trainer: one process, nothing logged."""

    def gather(self, x_BK: Tensor) -> Tensor:
        """All ranks' rows are this one's."""
        return x_BK

    def log(self, *_: Any, **__: Any) -> None:
        """Nowhere to log to."""


def architecture_of(config: str) -> Architecture:
    """``base`` (ViT-B/16 and BERT-base, the defaults), ``small``, or that of a pre-training config; weights fresh.

    Raises:
        UsageError: If the config holds no architecture.
    """
    if config == "base":
        return Architecture()
    file = by_name(NAMED.get(config, config))
    try:
        values = architecture_in(str(file))
    except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
        raise UsageError(f"{file}: {NOTHING}") from error
    if not values:
        raise UsageError(f"{file}: {NOTHING}")
    architecture = Architecture.from_dict(values)
    architecture.vision.weights = architecture.text.weights = architecture.text.tokenizer = None
    return architecture


def build(architecture: Architecture, batch: int, device: torch.device) -> tuple[SingleProcessPretraining, StudyBatch]:
    """The task and a batch of made-up pairs whose texts fill all tokens.

    The tokenizer is trained on phantom reports, which hold few words; the embedding has its full size all the same.
    """
    reports = [text for text, _ in sentences(0, 40 * batch)]
    names = architecture.knowledge.entities
    tokenizer = train_tokenizer([*reports, *(entity(name).prompt for name in names)], architecture.text.vocab_size)
    prompts = tokenize(tokenizer, [entity(name).prompt for name in names], PROMPT_TOKENS)
    task = SingleProcessPretraining(architecture)
    task.backbone = Backbone(GkMvlp(architecture, architecture.text.vocab_size, prompts), tokenizer)
    task.model, task.tokenizer = task.backbone.model, tokenizer
    side, count = architecture.image_size, len(REGIONS)
    status_BE = np.random.default_rng(0).integers(-2, 2, (batch, len(ENTITIES)), np.int8)
    studies: StudyBatch = {
        "sample_id": [str(b) for b in range(batch)], "patient_id": [str(b) for b in range(batch)],
        "study_id": [str(b) for b in range(batch)],
        "text": [" ".join(reports[40 * b : 40 * b + 40]) for b in range(batch)],
        "image": torch.rand(batch, 1, side, side, device=device), "letterbox": torch.zeros(batch, 6, device=device),
        "region_box": torch.from_numpy(atlas()).expand(batch, -1, -1).to(device),
        "region_mask": torch.ones(batch, count, dtype=torch.bool, device=device),
        "status": torch.from_numpy(status_BE).to(device),
        "place": torch.zeros(batch, len(ENTITIES), count, dtype=torch.bool, device=device),
    }  # fmt: skip
    return task.to(device).train(), studies
