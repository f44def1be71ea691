"""The objectives of pre-training as a config states them: weights, when they are computed, choices in them."""

from dataclasses import dataclass, field, fields
from typing import Literal

from gkmvlp.errors import require_between

OBJECTIVES = ("itc", "itm", "lm", "ecls", "position", "statement", "sentence")


@dataclass
class Objective:
    """One objective.

    Attributes:
        weight: Its factor in the sum; 0 switches it off.
        every_n_steps: It is computed at every k-th step only, unscaled: on average it then weighs 1/k.
        start_step: First step of training that computes it, where it builds on what another must have learned.
    """

    weight: float = 1.0
    every_n_steps: int = 1
    start_step: int = 0

    def __post_init__(self) -> None:
        """Refuses what never comes due, or rewards the wrong.

        Raises:
            ConfigError: If a number is too small.
        """
        require_between("objective", 0, weight=self.weight, start_step=self.start_step)
        require_between("objective", 1, every_n_steps=self.every_n_steps)

    def is_due(self, step: int) -> bool:
        """Whether a step of training computes it."""
        return self.weight > 0 and step >= self.start_step and step % self.every_n_steps == 0


class BaseObjectives:
    """The objectives of a pre-training: the fields of a dataclass that are an ``Objective``."""

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, in order."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]
        return tuple(name for name, value in values.items() if isinstance(value, Objective))

    def due(self, step: int) -> set[str]:
        """Names of those that a step of training computes."""
        return {name for name in self.names if getattr(self, name).is_due(step)}

    @property
    def always_due(self) -> bool:
        """Whether one of them is computed at every step of training, from the first."""
        found: list[Objective] = [getattr(self, name) for name in self.names]
        return any(one.is_due(0) and one.is_due(1) for one in found)


@dataclass
class Objectives(BaseObjectives):
    """The objectives and what is a choice in them.

    Attributes:
        itc: Image-text contrast.
        itm: Image-text matching.
        lm: Language modelling of the report.
        ecls: Entity classification.
        position: Attention of present entities against the regions that the report names; off unless weighted.
        statement: Matching of the image with short sentences on one entity; off unless weighted.
        sentence: Contrast of the image with two sentences on each entity, that it is there and that it is not; off
            unless weighted.
        itm_negatives: Whether ITM's wrong pairs are drawn by ITC's similarities (``hard``, Li et al. 2021) or all alike
            (``uniform``), which is learned sooner.
        unmentioned: Whether silence of the report means ``absent`` or is ignored by ECLS and by sentences.
        pos_weight: Factor on the ECLS loss of present entities, against rarity.
        label_smoothing: Of language modelling.
        init_temperature: Of ITC at the start; it is learned.
        status_dropout: Share of statuses hidden in the ``report`` mode of knowledge.
        sentence_dropout: Chance of each sentence of a report to be left out of what ITC and ITM read in training.
        prompts_every_n_steps: The text encoder learns from the knowledge prompts at every n-th step only. They are
            encoded at every step; going back through them costs twice as much again.
    """

    itc: Objective = field(default_factory=Objective)
    itm: Objective = field(default_factory=Objective)
    lm: Objective = field(default_factory=Objective)
    ecls: Objective = field(default_factory=Objective)
    position: Objective = field(default_factory=lambda: Objective(weight=0.0))
    statement: Objective = field(default_factory=lambda: Objective(weight=0.0))
    sentence: Objective = field(default_factory=lambda: Objective(weight=0.0))
    itm_negatives: Literal["hard", "uniform"] = "hard"
    unmentioned: Literal["absent", "ignore"] = "absent"
    pos_weight: float = 1.0
    label_smoothing: float = 0.1
    init_temperature: float = 0.07
    status_dropout: float = 0.5
    sentence_dropout: float = 0.0
    prompts_every_n_steps: int = 1


@dataclass
class ArlObjectives(BaseObjectives):
    """The objectives of ARL and what is a choice in them.

    Attributes:
        mlm: Masked language with whole entities.
        mim: Masked image.
        itm: Image-text matching.
        align: Entities that image and text speak of.
        mask_share: Share of a text's tokens that MLM predicts.
        patch_share: Share of an image's patches that MIM predicts.
        masked_patches: Which they are: ``random`` ones, as in the published code, or by ``knowledge``: those in regions
            that the text names, or where a finding that it states as present can show, are drawn more often.
        positive_share: Weight of named entities in the alignment; the others have the rest.
        image_entities: What an image is aligned with: entities ``named`` in its text, as published, or, of findings,
            only those that the report states as ``present``.
    """

    mlm: Objective = field(default_factory=Objective)
    mim: Objective = field(default_factory=Objective)
    itm: Objective = field(default_factory=lambda: Objective(weight=0.1))
    align: Objective = field(default_factory=Objective)
    mask_share: float = 0.15
    patch_share: float = 0.75
    masked_patches: Literal["random", "knowledge"] = "random"
    positive_share: float = 0.5
    image_entities: Literal["named", "present"] = "named"
