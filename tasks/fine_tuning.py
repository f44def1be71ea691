"""What the tasks that fine-tune share: the rate of each start, and an image side that may be held still.

N images, M memory tokens, D width, E entities.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from lightning import LightningDataModule
from torch import Tensor

from gkmvlp.batch import ImageBatch
from gkmvlp.errors import ConfigError
from gkmvlp.models.config import Architecture
from gkmvlp.models.text import Memory
from gkmvlp.tasks.base import Task
from gkmvlp.tasks.parts.optimization import OptimizerConfig


class Seen(NamedTuple):
    """What language reads of images, and which entities the model takes them to show."""

    key: Tensor  # (N, M, D)
    value: Tensor  # (N, M, D)
    present: Tensor  # (N, E) probabilities

    @property
    def memory(self) -> Memory:
        """Keys and values."""
        return Memory(self.key, self.value)


class FineTuning(Task):
    """Base of the tasks that learn from a backbone or from scratch.

    Args:
        architecture: What to build from scratch, or what the backbone must be; ``null`` takes the backbone's own.
        backbone: Folder of a backbone; ``null`` starts from scratch.
        optimizer: How weights move.
        scratch_lr: Peak learning rate where ``backbone`` is null; without it that of ``optimizer``. Each start
            gets the rate that validation chose for it.
        freeze_image_branch: Keep the image side of the backbone as it is. Without a backbone there is nothing to keep.
        seed: Names the run in its predictions.
        cache_image_memory: Compute the memory of each image once, where its side is held still: a small model's fits.
    """

    def __init__(
        self,
        architecture: Architecture | None,
        backbone: str | None,
        optimizer: OptimizerConfig,
        scratch_lr: float | None,
        freeze_image_branch: bool,
        seed: int,
        cache_image_memory: bool = False,
    ) -> None:
        if backbone is None and scratch_lr is not None:
            optimizer = replace(optimizer, lr=scratch_lr)
        super().__init__(architecture, backbone, optimizer)
        self.is_frozen = freeze_image_branch and backbone is not None
        self.keeps = cache_image_memory and self.is_frozen
        self.seed = seed
        self.kept: dict[str, Seen] = {}

    def prepare(self, datamodule: LightningDataModule) -> None:
        """Loads the backbone, or builds a fresh one, and holds its image side still where that is asked for.

        Raises:
            ConfigError: If images change from one look to the next, but their memory is to be kept.
        """
        if self.start is not None:
            return
        if self.keeps and datamodule.augmentation:  # type: ignore[attr-defined]
            raise ConfigError(
                "cache_image_memory computes each image once: "
                "set data.init_args.augmentation_strength=0, or cache_image_memory=false"
            )
        super().prepare(datamodule)
        if self.is_frozen:
            self.model.freeze_image_side()

    def see(self, batch: ImageBatch) -> Seen:
        """Looks at the images of a batch."""
        image = self.look(batch)
        return Seen(*image.memory, self.model.entity_probabilities(image.grounded))

    def recall(self, batch: ImageBatch, ids: Sequence[str]) -> Seen:
        """What is seen in the images of a batch, now or at the first look.

        Args:
            batch: N images.
            ids: A name of each, by which what was seen is kept.
        """
        if not self.keeps:
            return self.see(batch)
        if missing := [row for row, name in enumerate(ids) if name not in self.kept]:
            some: ImageBatch = {**batch, **{key: batch[key][missing] for key in ("image", "region_box", "region_mask")}}  # type: ignore[typeddict-item, literal-required]
            with torch.no_grad():
                found = self.see(some)
            self.kept |= {ids[row]: Seen(*parts) for row, parts in zip(missing, zip(*found, strict=True), strict=True)}
        return Seen(*(torch.stack(parts) for parts in zip(*(self.kept[name] for name in ids), strict=True)))
