"""Weak scaling on one machine: processes of one core each train on batches of their own, beside one process alone.

The processes speak through gloo as DDP does on a cluster: gradients are averaged while they are computed, and the
vectors of image-text contrast gathered. B pairs a process, K numbers a row.
"""

import math
import os
import platform
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_gather
from torch.multiprocessing.spawn import spawn
from torch.nn.parallel import DistributedDataParallel

from gkmvlp.app.benchmarks.model import processor, total_loss
from gkmvlp.app.benchmarks.setup import Lengths, SingleProcessPretraining, architecture_of, build
from gkmvlp.batch import StudyBatch
from gkmvlp.errors import UsageError
from gkmvlp.hardware import best_precision, usable_cores
from gkmvlp.metrics.results.metric_result import VERSION, MetricResult, signature
from gkmvlp.tasks.parts.optimization import OptimizerConfig, build_optimizer

RANKS, ROUNDS = 2, 2


class RankedPretraining(SingleProcessPretraining):
    """Pre-training in one of several processes, without a Trainer."""

    def gather(self, x_BK: Tensor) -> Tensor:
        """All ranks' rows (N, K), with gradients where there can be any."""
        if x_BK.is_floating_point():
            return torch.cat(all_gather(x_BK))  # type: ignore[no-untyped-call]
        parts = [torch.empty_like(x_BK) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, x_BK.contiguous())
        return torch.cat(parts)


class Step(nn.Module):
    """The sum of the objectives as a module's forward pass, which is what DDP wraps."""

    def __init__(self, task: RankedPretraining) -> None:
        super().__init__()
        self.task = task

    def forward(self, studies: StudyBatch) -> Tensor:
        """The loss of a batch, a scalar."""
        return total_loss(self.task, studies)


@dataclass(frozen=True)
class Scaled:
    """Seconds of a step, the fastest of all that were timed."""

    config: str
    batch: int  # of each process
    lengths: Lengths
    precision: str
    alone: float  # one process
    together: float  # RANKS processes


def measure_scaling(config: str, batch: int, steps: int, lengths: Lengths = "full") -> Scaled:
    """Measures one process and several in turns, each with a core and a batch of its own.

    Args:
        config: ``base``, ``small``, or a pre-training config.
        batch: B.
        steps: How many steps are timed in each turn, after one that warms up.
        lengths: How long the texts are (see ``setup.lengths_of``).

    Raises:
        UsageError: If there are fewer cores than processes.
    """
    cores = usable_cores()[:RANKS]
    if len(cores) < RANKS or not hasattr(os, "sched_setaffinity"):
        here = f"{len(cores)} on {platform.system()}"
        raise UsageError(f"--what scaling needs {RANKS} cores on Linux, one a process; here is {here}: leave it out")
    fastest = {1: math.inf, RANKS: math.inf}
    for _ in range(ROUNDS):
        for world in fastest:
            fastest[world] = min(fastest[world], _seconds(world, cores, config, batch, steps, lengths))
    return Scaled(config, batch, lengths, best_precision("cpu"), fastest[1], fastest[RANKS])


def _seconds(world: int, cores: list[int], config: str, batch: int, steps: int, lengths: Lengths) -> float:
    """Seconds of a step of that many processes: that of the slowest, in the fastest step."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = (world, cores, config, batch, steps, lengths, folder)
        spawn(_run_rank, arguments, nprocs=world)  # type: ignore[no-untyped-call]
        return float((Path(folder) / "seconds").read_text())


def _run_rank(
    rank: int, world: int, cores: list[int], config: str, batch: int, steps: int, lengths: Lengths, folder: str
) -> None:
    """One process of the run; the first leaves the seconds in the folder."""
    os.sched_setaffinity(0, {cores[rank]})
    torch.set_num_threads(1)
    torch.manual_seed(rank)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=world)
    task, studies = build(architecture_of(config), batch, torch.device("cpu"), lengths, RankedPretraining)
    optimizer, _ = build_optimizer(task, OptimizerConfig(), 1000)
    step = DistributedDataParallel(Step(task), static_graph=True)
    fastest, mixed = math.inf, best_precision("cpu") == "bf16-mixed"
    for number in range(steps + 1):
        distributed.barrier()
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            loss = step(studies)
        loss.backward()
        optimizer.step()
        distributed.barrier()  # a step is done when the slowest is
        fastest = min(fastest, time.perf_counter() - start) if number else fastest
    if rank == 0:
        (Path(folder) / "seconds").write_text(str(fastest))
    distributed.destroy_process_group()


def scaling_figures(scaled: Scaled) -> list[MetricResult]:
    """Pairs a second of one process and of several, and the share of as many alone that they reach."""
    s = scaled

    def figure(name: str, value: float, note: str, label: str | None = None) -> MetricResult:
        how = signature(
            metric=name, version=VERSION, unit="step", config=s.config, batch=s.batch, lengths=s.lengths, ranks=RANKS,
            precision=s.precision, device=processor(),
        )  # fmt: skip
        return MetricResult("bench", name, value, how, label=label, model=f"variant:{s.config}", n=s.batch, note=note)

    return [
        figure("pairs_per_s", s.batch / s.alone, f"one process on one core, {s.precision}, {processor()}", "one core"),
        figure("pairs_per_s", RANKS * s.batch / s.together, "DDP over gloo, a core each", f"{RANKS} processes"),
        figure("weak_scaling", s.alone / s.together, f"seconds of a step alone / of {RANKS} processes, in turns"),
    ]
