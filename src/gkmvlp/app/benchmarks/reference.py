"""A step of ours beside a reference recipe in turns: the same model and objectives, as this family is commonly trained.

The recipe is that of ALBEF and BLIP: momentum copies of both encoders give contrast its soft targets; every text layer
sees the image, so that no objective shares the layers of another; texts are padded to the longest that the model takes,
and padding is computed; float32. B pairs, T tokens, D embedding.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from gkmvlp.app.benchmarks.model import fastest_in_turns, machine_name, total_loss, whole_step
from gkmvlp.app.benchmarks.setup import Lengths, SingleProcessPretraining, architecture_of, build
from gkmvlp.app.running.operations import operation_counter
from gkmvlp.batch import StudyBatch
from gkmvlp.hardware import best_precision, device_named
from gkmvlp.metrics.results.metric_result import VERSION, MetricResult, signature
from gkmvlp.models.config import Architecture
from gkmvlp.models.gk_mvlp import GkMvlp, ImageMemory
from gkmvlp.models.memory import Memory, ProjectedMemory
from gkmvlp.models.tokenizer import Tokens
from gkmvlp.tasks.parts.optimization import OptimizerConfig, build_optimizer

MOMENTUM, SOFT = 0.995, 0.4  # of the copies, and the share of the targets that is theirs: ALBEF (Li et al. 2021)


class ReferencePretraining(SingleProcessPretraining):
    """Pre-training by the reference recipe."""

    copies: GkMvlp

    def keep_copies(self) -> None:
        """Makes the momentum copies; they are no part of what is trained."""
        copies = deepcopy(self.model).requires_grad_(False)
        object.__setattr__(self, "copies", copies)  # else its weights would be this task's

    def tokens(self, texts: list[str], decode: bool = False) -> Tokens:
        """Texts of the longest length, (B, T): what is padding is computed like the rest."""
        found = super().tokens(texts, decode)
        ids_BT = F.pad(found.ids, (0, self.architecture.text.max_length - found.ids.shape[1]))
        return Tokens(ids_BT, torch.ones_like(ids_BT, dtype=torch.bool))

    def losses(self, batch: StudyBatch, due: set[str]) -> dict[str, Tensor]:
        """The objectives after the copies have moved towards the weights."""
        with torch.no_grad():
            for copy, weight in zip(self.copies.parameters(), self.model.parameters(), strict=True):
                copy.lerp_(weight, 1 - MOMENTUM)
        return super().losses(batch, due)

    def pair_losses(
        self,
        batch: StudyBatch,
        status_BE: Tensor,
        image: ImageMemory,
        memory: Memory | ProjectedMemory,
        due: set[str],
    ) -> dict[str, Tensor]:
        """ITC with soft targets in one direction (another costs a small product more), and ITM."""
        losses = super().pair_losses(batch, status_BE, image, memory, due)
        with torch.no_grad():
            text_BD = self.copies.embed_text(self.tokens(batch["text"]))
            image_BD = self.copies.embed_image(self.copies.vision(batch["image"]))
            target_BB = (self.scale() * image_BD @ text_BD.T).softmax(-1)
        logits_BB = self.scale() * self.model.embed_image(image.features) @ text_BD.T
        soft = -(target_BB * logits_BB.log_softmax(-1)).sum(-1).mean()
        return losses | {"itc": (1 - SOFT) * losses["itc"] + SOFT * soft}


@dataclass(frozen=True)
class Beside:
    """What a step costs both ways; seconds are the fastest of steps in turns: other work on the machine only adds."""

    config: str
    batch: int
    image_size: int
    lengths: Lengths
    tokens: int  # that the recipe pads to
    precision: str  # of ours
    device: str
    ours: float
    reference: float
    gflop: float  # a step of the recipe


def reference_architecture(architecture: Architecture) -> Architecture:
    """The same sizes with the image read in every text layer."""
    return replace(architecture, text=replace(architecture.text, fusion_layer=0))


def measure_reference(config: str, batch: int, steps: int, name: str | None, lengths: Lengths) -> Beside:
    """Measures whole steps in turns, after one of each that warms up.

    Args:
        config: ``base``, ``small``, or a pre-training config.
        batch: B.
        steps: How many steps of each are timed.
        name: Device; None takes a GPU where there is one.
        lengths: How long the texts are (see ``setup.lengths_of``).
    """
    device, architecture = device_named(name), architecture_of(config)
    precision = best_precision(device.type)
    task, studies = build(architecture, batch, device, lengths)
    reference, _ = build(reference_architecture(architecture), batch, device, lengths, ReferencePretraining)
    reference.keep_copies()
    with operation_counter() as counter:
        total_loss(reference, studies).backward()  # type: ignore[no-untyped-call]

    def step_of(each: SingleProcessPretraining, enabled: bool) -> Callable[[], object]:
        optimizer, _ = build_optimizer(each, OptimizerConfig(), 1000)

        def step() -> None:
            with torch.autocast(device.type, torch.bfloat16, enabled=enabled):
                whole_step(each, studies, optimizer)

        return step

    turns = {"ours": step_of(task, precision == "bf16-mixed"), "reference": step_of(reference, False)}
    fastest = fastest_in_turns(turns, steps, device)
    return Beside(
        config, batch, architecture.image_size, lengths, architecture.text.max_length, precision,
        machine_name(device), gflop=counter.get_total_flops() / 1e9, **fastest,
    )  # fmt: skip


def reference_figures(beside: Beside) -> list[MetricResult]:
    """Operations and pairs a second of the recipe, ours in turns with it, and the ratio."""
    b = beside

    def figure(name: str, value: float, note: str, label: str) -> MetricResult:
        how = signature(
            metric=name, version=VERSION, unit="step", config=b.config, batch=b.batch, against="reference",
            image=b.image_size, lengths=b.lengths, tokens=b.tokens, precision=b.precision, device=b.device,
        )  # fmt: skip
        higher, model = name != "gflop_per_pair", f"variant:{b.config}"
        return MetricResult(
            "bench", name, value, how, label=label, model=model, n=b.batch, higher_is_better=higher, note=note
        )

    told = "momentum copies, fusion in all layers, padding computed, float32"
    return [
        figure("gflop_per_pair", b.gflop / b.batch, f"{told}; the copies' passes counted", "reference"),
        figure("pairs_per_s", b.batch / b.reference, f"{told}, on {b.device}", "reference"),
        figure("pairs_per_s", b.batch / b.ours, f"{b.precision}, in turns with it", "beside the reference"),
        figure("step_speed_ratio", b.reference / b.ours, "ours / the reference recipe", "reference"),
    ]
