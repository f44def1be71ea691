"""The smallest task and DataModule that the command line can run."""

import json
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule
from torch import Tensor
from torch.utils.data import DataLoader

from gkmvlp.data_modules.pipeline.ledger import describe_membership
from gkmvlp.errors import BackboneError, DataError


class ToyTask(LightningModule):
    monitor = ("val/loss", "min")

    def __init__(self, width: int = 2, backbone: str | None = None) -> None:
        super().__init__()
        if backbone == "other":
            raise BackboneError("backbone other holds a ResNet, the config names a ViT: take --model.init_args.x")
        if width < 1:
            raise ValueError(f"width must be at least 1, got {width}")
        self.layer = torch.nn.Linear(2, width)
        self.rows = 0

    def prepare(self, datamodule: LightningDataModule) -> None:
        self.rows = datamodule.rows

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        assert self.rows, "prepare was not called"
        return self.layer(batch).square().mean()

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.log("val/loss", self.layer(batch).square().mean(), batch_size=len(batch))

    def test_step(self, batch: Tensor, batch_idx: int) -> None:
        self.log("test/loss", self.layer(batch).square().mean(), batch_size=len(batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class SlowTask(ToyTask):
    """Leaves a file in the run's folder once a step was made, and takes its time."""

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        time.sleep(0.02)
        if batch_idx:
            (Path(self.trainer.default_root_dir) / "stepping").touch()
        return super().training_step(batch, batch_idx)


class StoppedBefore(SlowTask):
    """Its second process is told to end before the first step."""

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        if self.trainer.sanity_checking and self.trainer.local_rank == 1:
            signal.raise_signal(signal.SIGTERM)
        super().validation_step(batch, batch_idx)


class Rows(torch.utils.data.Dataset):
    def __init__(self, rows: int, broken: int | None) -> None:
        self.rows, self.broken = rows, broken

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, row: int) -> Tensor:
        if row == self.broken:
            raise DataError(f"row {row} is cut short: remove it or set on_unreadable: drop")
        return torch.full((2,), float(row % 4))  # larger ones make the fit diverge


class ToyData(LightningDataModule):
    def __init__(
        self,
        root: str = "toy",
        rows: int = 4,
        broken: int | None = None,
        workers: int = 0,
        dataset_name: str | None = None,
    ) -> None:
        super().__init__()
        self.root, self.rows, self.broken, self.workers = root, rows, broken, workers

    def setup(self, stage: str) -> None:
        if self.root == "slow":
            Path("reading").touch()
            time.sleep(30)
        if self.root == "missing":
            raise DataError("no folder missing: set data.init_args.root")

    def loader(self, broken: int | None = None) -> DataLoader[Tensor]:
        return DataLoader(Rows(self.rows, broken), batch_size=2, num_workers=self.workers)

    def train_dataloader(self) -> DataLoader[Tensor]:
        return self.loader(self.broken)

    def val_dataloader(self) -> DataLoader[Tensor]:
        return self.loader()

    def test_dataloader(self) -> DataLoader[Tensor]:
        return self.loader()

    def manifest(self) -> dict[str, Any]:
        return describe_membership({"train": [(str(row), str(row)) for row in range(self.rows)]})

    def write_manifest(self, path: Path) -> None:
        path.write_text(json.dumps(self.manifest()))

    def summary_lines(self) -> list[str]:
        return [f"rows: {self.rows} read, 0 dropped"]


class OtherData(ToyData):
    """A DataModule of one's own that takes the same options."""


def given_by(words: Iterable[str]) -> dict[str, str]:
    """Key -> value of the options ``--key=value`` of a command."""
    return dict(word.removeprefix("--").split("=", 1) for word in words if "=" in word)
