"""What a pre-training costs: parameters, floating-point operations a pair, hours; left as ``cost.json`` of the run."""

import json
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch.utils.flop_counter import FlopCounterMode

from gkmvlp.app.running.operations import operation_counter

FILE = "cost.json"


@dataclass(frozen=True)
class Cost:
    """What a fit cost.

    Attributes:
        parameters: Of the whole task.
        gflop_per_pair: Forward and backward, the mean over all steps, in 10^9 operations of products and convolutions.
        hours: Wall-clock time of the fit, validation included.
    """

    parameters: int
    gflop_per_pair: float
    hours: float

    @classmethod
    def read(cls, folder: Path) -> "Cost":
        """That of the run in a folder."""
        return cls(**json.loads((folder / FILE).read_text(encoding="utf-8")))


class StepCost(Callback):
    """Counts the operations of the first step of each kind: the objectives that are due tell one kind from another.

    Nothing more is computed for it: these steps are steps of the fit.
    """

    def __init__(self) -> None:
        self._start = 0.0
        self._pairs: Counter[frozenset[str]] = Counter()  # kind of step -> pairs that were read by such
        self._gflop: dict[frozenset[str], float] = {}  # kind of step -> operations a pair
        self._kind: frozenset[str] = frozenset()  # of the step that runs
        self._counter: FlopCounterMode | None = None
        self._counting = ExitStack()  # what ends the counting

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._start = time.monotonic()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Count a step of a new kind."""
        objectives: Any = pl_module.objectives  # of an ObjectiveTask
        self._kind = frozenset(objectives.due(pl_module.global_step))
        if self._kind not in self._gflop:
            self._counter = self._counting.enter_context(operation_counter())

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note what the step took."""
        pairs = len(batch["text"])
        if self._counter is not None:
            self._counting.close()
            self._gflop[self._kind] = self._counter.get_total_flops() / 1e9 / pairs
            self._counter = None
        self._pairs[self._kind] += pairs

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file."""
        mean = sum(count * self._gflop[kind] for kind, count in self._pairs.items()) / max(self._pairs.total(), 1)
        parameters = sum(parameter.numel() for parameter in pl_module.parameters())
        cost = Cost(parameters, mean, (time.monotonic() - self._start) / 3600)
        if trainer.is_global_zero:
            (Path(trainer.default_root_dir) / FILE).write_text(json.dumps(asdict(cost), indent=1))
