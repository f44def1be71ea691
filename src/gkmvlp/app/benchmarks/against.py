"""A step of ours beside BLIP's own, in turns in one run: the same batch, image size and lengths of texts."""

from dataclasses import dataclass
from pathlib import Path

import torch

from gkmvlp.app.benchmarks.blip import blip_losses, build_blip
from gkmvlp.app.benchmarks.model import fastest_in_turns, machine_name, whole_step
from gkmvlp.app.benchmarks.setup import Lengths, architecture_of, build, lengths_of
from gkmvlp.hardware import best_precision
from gkmvlp.tasks.parts.optimization import OptimizerConfig, build_optimizer


@dataclass(frozen=True)
class Turns:
    """Seconds of steps that were taken in turns, the fastest of each: other work on the machine only adds."""

    batch: int
    lengths: Lengths
    tokens: int  # that BLIP pads to
    precision: str
    device: str
    ours: float
    blip: float  # in our precision
    blip_float32: float  # as published


def measure_against(folder: Path, config: str, batch: int, steps: int, lengths: Lengths) -> Turns:
    """Measures whole steps in turns on the processor, after one of each that warms up.

    Args:
        folder: Checkout of BLIP.
        config: ``base``, or a pre-training config.
        batch: B.
        steps: How many steps of each are timed.
        lengths: How long the texts are (see ``setup.lengths_of``).
    """
    device, precision = torch.device("cpu"), best_precision("cpu")
    architecture = architecture_of(config)
    longest = architecture.text.max_length
    blip = build_blip(folder, batch, lengths_of(lengths, batch, longest), longest, architecture.image_size)
    task, studies = build(architecture, batch, device, lengths)
    optimizer, _ = build_optimizer(task, OptimizerConfig(), 1000)
    trained = [parameter for parameter in blip.parameters() if parameter.requires_grad]
    other = torch.optim.AdamW(trained, lr=3e-4, weight_decay=0.05)  # as BLIP's pretrain.py

    def ours(enabled: bool) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            whole_step(task, studies, optimizer)

    def theirs(enabled: bool) -> None:
        other.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            loss = blip_losses(blip, batch, architecture.image_size)
        loss.backward()
        other.step()

    mixed = precision == "bf16-mixed"
    turns = {"ours": lambda: ours(mixed), "blip": lambda: theirs(mixed), "blip_float32": lambda: theirs(False)}
    fastest = fastest_in_turns(turns, steps, device)
    return Turns(batch, lengths, longest, precision, machine_name(device), **fastest)
