"""What the tasks that fine-tune share: the rate of each start, an image side that may be held still, and adapters.

N images, M memory tokens, D width, E entities.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from lightning import LightningDataModule
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor

from gkmvlp.batch import ImageBatch
from gkmvlp.checkpoints.adapters import Adapter
from gkmvlp.checkpoints.weights import digest
from gkmvlp.errors import ConfigError, require_choice
from gkmvlp.models.config import BaseArchitecture
from gkmvlp.models.lora import Adaptation, AdaptationWord, LoraConfig, insert_lora
from gkmvlp.models.memory import Memory
from gkmvlp.tasks.base import Task
from gkmvlp.tasks.parts.optimization import OptimizerConfig

GREY = 0.5  # the mean of equalised pixels: stands for the image in baselines that read none


class EncodedImages(NamedTuple):
    """Encoded images: the memory that the text model reads, and the entity probabilities."""

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
        scratch_lr: Peak learning rate where ``backbone`` is null; without it that of ``optimizer``. Validation chose
            each of the two.
        freeze_image_branch: Freeze the image branch of the backbone; without a backbone nothing is frozen.
        seed: Names the run in its predictions.
        cache_image_memory: Compute the memory of each image once, where the image branch is frozen; it is kept in RAM.
        adapter: ``lora``, or its options: small matrices beside the backbone's layers are trained in their place.

    Raises:
        ConfigError: If an adapter has no backbone to stand on.
    """

    def __init__(
        self,
        architecture: BaseArchitecture | None,
        backbone: str | None,
        optimizer: OptimizerConfig,
        scratch_lr: float | None,
        freeze_image_branch: bool,
        seed: int,
        cache_image_memory: bool = False,
        adapter: Adaptation = None,
    ) -> None:
        if backbone is None and scratch_lr is not None:
            optimizer = replace(optimizer, lr=scratch_lr)
        if isinstance(adapter, str):
            require_choice("model.init_args", AdaptationWord, adapter=adapter)
        if backbone is None and adapter is not None:
            raise ConfigError("adapter: it stands on a backbone: name one by model.init_args.backbone")
        super().__init__(architecture, backbone, optimizer)
        self.adapter = LoraConfig() if isinstance(adapter, str) else adapter
        self.is_frozen = freeze_image_branch and backbone is not None
        self.caches_memory = cache_image_memory and self.is_frozen
        self.seed = seed
        self.memory_cache: dict[str, EncodedImages] = {}

    @property
    def model_name(self) -> str:  # noqa: D102
        return super().model_name if self.adapter is None else "variant:lora"

    def prepare(self, datamodule: LightningDataModule) -> None:
        """Loads the backbone, or builds a fresh one; freezes its image branch, and adapts it, where that is asked for.

        Raises:
            ConfigError: If images are augmented, but their memory is to be cached.
        """
        if self.backbone is not None:
            return
        if self.caches_memory and datamodule.augmentation:  # type: ignore[attr-defined]
            raise ConfigError(
                "cache_image_memory computes each image once: "
                "set data.init_args.augmentation_strength=0, or cache_image_memory=false"
            )
        super().prepare(datamodule)
        base_digest = digest(self.model.state_dict()) if self.adapter is not None else ""
        if self.is_frozen:
            self.model.freeze_image_side()
        if self.adapter is not None:
            self._insert_adapter(self.adapter, base_digest)

    def _insert_adapter(self, config: LoraConfig, base_digest: str) -> None:
        """Adapts what the task has not frozen; ``base_digest`` is that of the backbone's tensors as they were read."""
        assert self.backbone is not None
        layers, base = insert_lora(self.model, config), str(self.backbone_ref)
        if "://" not in base:
            base = str(Path(base).absolute())  # whoever opens the adapter may stand elsewhere
        self.backbone.adapter = Adapter(config, layers, base, base_digest)

    def on_fit_start(self) -> None:
        """Says how many numbers are trained, and logs it."""
        super().on_fit_start()
        trained, total = self.parameter_counts()
        for logger in self.loggers:
            logger.log_hyperparams({"parameters_trained": trained, "parameters": total})
        if (note := self.training_note()) is not None:
            rank_zero_only(print)(note, flush=True)

    def parameter_counts(self) -> tuple[int, int]:
        """How many numbers are trained, those of the head among them, and how many there are."""
        sizes = [(parameter.numel(), parameter.requires_grad) for parameter in self.parameters()]
        return sum(size for size, is_trained in sizes if is_trained), sum(size for size, _ in sizes)

    def training_note(self) -> str | None:
        """The adapter and its share of all parameters; None without one."""
        if self.backbone is None or (adapter := self.backbone.adapter) is None:
            return None
        trained, total = self.parameter_counts()
        told = f"{self.model_name}: rank {adapter.config.rank} on {len(adapter.layers)} layers"
        return f"{told}, {trained:,} of {total:,} parameters trained ({trained / total:.2%})"

    def encode_images_now(self, batch: ImageBatch) -> EncodedImages:
        """Encodes the images of a batch."""
        image = self.encode_images(batch)
        return EncodedImages(*image.memory, self.model.present(image))

    def encode_images_cached(self, batch: ImageBatch, ids: Sequence[str]) -> EncodedImages:
        """The encoded images of a batch; with ``cache_image_memory`` each image is encoded once.

        Args:
            batch: N images.
            ids: A name of each image, its key in the cache.
        """
        if not self.caches_memory:
            return self.encode_images_now(batch)
        if missing := [row for row, name in enumerate(ids) if name not in self.memory_cache]:
            rows = {key: batch[key][missing] for key in ("image", "region_box", "region_mask")}  # type: ignore[literal-required]
            part: ImageBatch = {**batch, **rows}  # type: ignore[typeddict-item]
            with torch.no_grad():
                encoded = self.encode_images_now(part)
            self.memory_cache |= {
                ids[row]: EncodedImages(*parts) for row, parts in zip(missing, zip(*encoded, strict=True), strict=True)
            }
        return EncodedImages(
            *(torch.stack(parts) for parts in zip(*(self.memory_cache[name] for name in ids), strict=True))
        )
