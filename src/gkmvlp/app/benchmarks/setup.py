"""What ``gkmvlp bench`` measures: the pre-training task without a Trainer, and made-up pairs.

B pairs, E entities, R regions.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import yaml
from torch import Tensor
from transformers import PreTrainedTokenizerFast
from typing_extensions import TypeVar

from gkmvlp import tasks
from gkmvlp.anatomy import REGIONS, atlas
from gkmvlp.app.running.configs import architecture_in, by_name
from gkmvlp.batch import StudyBatch
from gkmvlp.checkpoints.backbone import Backbone
from gkmvlp.checkpoints.bert_weights import take_bert_sizes
from gkmvlp.checkpoints.systems import PROMPT_TOKENS
from gkmvlp.entities import ENTITIES, entity
from gkmvlp.errors import UsageError
from gkmvlp.models.config import Architecture, BaseArchitecture, TextConfig
from gkmvlp.models.gk_mvlp import GkMvlp
from gkmvlp.models.tokenizer import tokenize, train_tokenizer
from gkmvlp.phantom.writing.grammar import sentences
from gkmvlp.tasks.base import Task
from gkmvlp.tasks.pretraining import GkMvlpPretraining

NOTHING = "no model.init_args.architecture to measure; name a pre-training config"
NAMED = {"small": "pretrain-phantom"}
Lengths = Literal["full", "corpus"]
SENTENCES = 40  # reports that make one text, cut where it is long enough
Made = TypeVar("Made", bound=BaseArchitecture)
# Word pieces of a report of IU X-Ray (findings and impression, 3,307 images; the vocabulary of BERT, uncased; [CLS] and
# [SEP] counted): share of the corpus -> the length that so many reports do not exceed, 72 on average with straight
# lines between them.
QUANTILES = {0.0: 19, 0.1: 38, 0.2: 47, 0.3: 54, 0.4: 59, 0.5: 65, 0.6: 72, 0.7: 79, 0.8: 91, 0.9: 113, 0.95: 134,
             0.99: 178, 1.0: 336}  # fmt: skip


class SingleProcessPretraining(GkMvlpPretraining):
    """Pre-training without a Trainer: one process, nothing logged."""

    def gather(self, x_BK: Tensor) -> Tensor:
        """All ranks' rows are this one's."""
        return x_BK

    def log(self, *_: Any, **__: Any) -> None:
        """Nowhere to log to."""


Recipe = TypeVar("Recipe", bound=SingleProcessPretraining, default=SingleProcessPretraining)


def architecture_of(config: str) -> Architecture:
    """``base`` (the sizes of pretrain-mimic), ``small``, or that of a pre-training config; weights fresh.

    Raises:
        UsageError: If the config holds no architecture.
        BackboneError: If it is that of another system, or there is no such BERT here.
    """
    base = Architecture(text=TextConfig(fusion_layer=6))  # with the defaults' BERT: no hub is asked for its sizes
    return base if config == "base" else architecture_as(Architecture, config)


def architecture_as(system: type[Made], config: str) -> Made:
    """The architecture of a pre-training config, weights fresh.

    The sizes of a BERT that the config names are read from it, as the training does, before its weights are left out.

    Args:
        system: Of which system it must be.
        config: Name in the zoo, or a file.

    Raises:
        UsageError: If the config holds no architecture.
        BackboneError: If it is that of another system, or there is no such BERT here.
    """
    file = by_name(NAMED.get(config, config))
    with _told(file):
        values = architecture_in(str(file))
    if not values:
        raise UsageError(f"{file}: {NOTHING}")
    architecture = system.from_dict(values)
    take_bert_sizes(architecture.text)
    architecture.vision.weights = architecture.text.weights = architecture.text.tokenizer = None
    return architecture


def task_class(config: str) -> type[Task]:
    """The task that a config is for.

    Raises:
        UsageError: If it names none.
    """
    file = by_name(NAMED.get(config, config))
    with _told(file):
        name = yaml.safe_load(file.read_text(encoding="utf-8"))["model"]["class_path"]
        found: type[Task] = getattr(tasks, name.rpartition(".")[2])
    return found


@contextmanager
def _told(file: Path) -> Iterator[None]:
    """Whatever a config lacks is one line."""
    try:
        yield
    except (OSError, LookupError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise UsageError(f"{file}: {NOTHING}") from error


def lengths_of(lengths: Lengths, batch: int, longest: int) -> list[int]:
    """Tokens of each text of a batch, [CLS] and [SEP] counted.

    Args:
        lengths: ``full``: all are the longest. ``corpus``: as in IU X-Ray, the B quantiles (b + 0.5) / B, on straight
            lines between those of ``QUANTILES``, the longest cut; every batch then has the spread of the whole corpus.
        batch: B.
        longest: The architecture's ``max_length``.
    """
    if lengths == "full":
        return [longest] * batch
    quantile_B = (np.arange(batch) + 0.5) / batch
    length_B = np.interp(quantile_B, list(QUANTILES), list(QUANTILES.values()))
    return [min(round(length), longest) for length in length_B.tolist()]


def cut(tokenizer: PreTrainedTokenizerFast, text: str, tokens: int) -> str:
    """The beginning of a text that makes that many tokens; its last word may be cut between two of its pieces.

    WordPiece takes the longest piece that fits, from the left: the beginning of a word keeps the pieces that it had.
    """
    encoded = tokenizer(text, truncation=True, max_length=tokens, return_offsets_mapping=True)
    return text[: encoded["offset_mapping"][-2][1]]


def build(
    architecture: Architecture,
    batch: int,
    device: torch.device,
    lengths: Lengths = "full",
    recipe: type[Recipe] = SingleProcessPretraining,  # type: ignore[assignment]
) -> tuple[Recipe, StudyBatch]:
    """The task and a batch of made-up pairs.

    The tokenizer is trained on phantom reports, which hold few words; the embedding has its full size all the same.

    Args:
        architecture: What is measured.
        batch: B.
        device: Where.
        lengths: How long the texts are (see ``lengths_of``).
        recipe: The task.
    """
    reports = [text for text, _ in sentences(0, SENTENCES * batch)]
    names = architecture.knowledge.entities
    tokenizer = train_tokenizer([*reports, *(entity(name).prompt for name in names)], architecture.text.vocab_size)
    prompts = tokenize(tokenizer, [entity(name).prompt for name in names], PROMPT_TOKENS)
    task = recipe(architecture)
    equip(task, GkMvlp(architecture, architecture.text.vocab_size, prompts), tokenizer)
    texts = cut_texts(tokenizer, reports, lengths_of(lengths, batch, architecture.text.max_length))
    return task.to(device).train(), made_up_pairs(texts, architecture.image_size, device)


def equip(task: Task[Any, Any], model: Any, tokenizer: PreTrainedTokenizerFast) -> None:
    """Gives a task the network of its system, weights fresh, in place of a backbone that it would load."""
    task.backbone = Backbone(model, tokenizer)
    task.model, task.tokenizer = task.backbone.model, tokenizer


def cut_texts(tokenizer: PreTrainedTokenizerFast, reports: list[str], lengths: list[int]) -> list[str]:
    """Texts of B lengths in tokens, each from ``SENTENCES`` reports of its own."""
    starts = range(0, SENTENCES * len(lengths), SENTENCES)
    joined = (" ".join(reports[start : start + SENTENCES]) for start in starts)
    return [cut(tokenizer, text, length) for text, length in zip(joined, lengths, strict=True)]


def made_up_pairs(texts: list[str], side: int, device: torch.device) -> StudyBatch:
    """A batch of these texts with images of noise, statuses at random and average boxes.

    Args:
        texts: B texts.
        side: S of the images.
        device: Where.
    """
    batch, count = len(texts), len(REGIONS)
    status_BE = np.random.default_rng(0).integers(-2, 2, (batch, len(ENTITIES)), np.int8)
    return {
        "sample_id": [str(b) for b in range(batch)], "patient_id": [str(b) for b in range(batch)],
        "study_id": [str(b) for b in range(batch)],
        "text": texts,
        "image": torch.rand(batch, 1, side, side, device=device), "letterbox": torch.zeros(batch, 6, device=device),
        "region_box": torch.from_numpy(atlas()).expand(batch, -1, -1).to(device),
        "region_mask": torch.ones(batch, count, dtype=torch.bool, device=device),
        "status": torch.from_numpy(status_BE).to(device),
        "place": torch.zeros(batch, len(ENTITIES), count, dtype=torch.bool, device=device),
    }  # fmt: skip
