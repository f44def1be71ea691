"""The Dataset that turns rows into items, and the sampler that makes every epoch repeatable."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch.utils.data import Dataset, DistributedSampler

from gkmvlp.data_modules.pipeline.sample_table import SampleTable
from gkmvlp.data_modules.pipeline.samples import RegionPolicy, Sample
from gkmvlp.data_modules.pipeline.transforms import FittedImage, Pixels, to_fractions

if TYPE_CHECKING:  # reading one image needs neither
    from lightning import Trainer

    from gkmvlp.data_modules.pipeline.augmentation import Augmentation


class SampleDataset(Dataset[dict[str, Any]]):
    """Rows as items of an ``ImageBatch`` with the rows' own fields.

    An item is asked for by index, or in training by (index, epoch): chance depends on (seed, epoch, index) alone, so
    that neither the number of workers nor a resumed run changes what an epoch shows.

    Args:
        samples: The rows; they are kept as a ``SampleTable``, which workers share.
        read: Sample -> its image; boxes follow its turn.
        regions: Where region boxes come from.
        seed: Seed of all chance.
        augmentation: Movements of training images, or None.
        is_training: Whether regions are drawn, jittered and dropped.
    """

    def __init__(
        self,
        samples: Iterable[Sample],
        read: Callable[[Sample], FittedImage],
        regions: RegionPolicy,
        seed: int = 0,
        augmentation: "Augmentation | None" = None,
        is_training: bool = False,
    ) -> None:
        self.samples = SampleTable.of(samples)
        self.read = read
        self.regions = regions
        self.seed = seed
        self.augmentation = augmentation
        self.is_training = is_training
        # rows on one image share its augmentation: the image is then made ready and encoded once for all of them
        first: dict[Any, int] = {}
        images = enumerate(self.samples.values("image_id"))
        twins = (index if image is None else first.setdefault(image, index) for index, image in images)
        self.twin_N = np.fromiter(twins, np.int64, len(self.samples))
        self._last: tuple[tuple[int, int], dict[str, torch.Tensor]] | None = None

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: int | tuple[int, int]) -> dict[str, Any]:
        """One item: the fields of ``ImageBatch`` without their batch axis; ``image`` (1, S, S)."""
        index, epoch = key if isinstance(key, tuple) else (key, 0)
        sample, shown = self.samples[index], (int(self.twin_N[index]), epoch)
        if self._last is None or self._last[0] != shown:
            self._last = shown, self._show(sample, *shown)
        return {"sample_id": sample.sample_id, "patient_id": sample.patient_id, **self._last[1], **sample.fields}

    def _show(self, sample: Sample, twin: int, epoch: int) -> dict[str, torch.Tensor]:
        """What rows on one image share: pixels, frame and boxes, as they are in this epoch."""
        rng = np.random.default_rng((self.seed, epoch, twin)) if self.is_training else None
        image_SS, frame, turn = self.read(sample)
        sample = sample.turned(turn, *turn.size(frame.width, frame.height))
        frame = frame if sample.size is None else frame.measured_in(*sample.size)
        box_R4, mask_R = self.regions.boxes(sample, frame, rng, image_SS)
        finding_K4 = np.zeros((0, 4), np.float32) if sample.finding_K4 is None else sample.finding_K4
        box_N4 = frame.to_square(np.concatenate([box_R4, finding_K4]))
        if rng is not None and self.augmentation is not None:
            image_SS, box_N4 = self.augmentation(image_SS, box_N4, int(rng.integers(2**31)))
        regions = len(mask_R)
        box_R4, mask_R = to_fractions(box_N4[:regions], mask_R, len(image_SS))
        shown = {
            "image": to_tensor(image_SS),
            "letterbox": torch.tensor(frame, dtype=torch.float32),
            "region_box": torch.from_numpy(box_R4),
            "region_mask": torch.from_numpy(mask_R),
        }
        if sample.finding_K4 is not None:
            box_K4, mask_K = to_fractions(box_N4[regions:], np.ones(len(finding_K4), bool), len(image_SS))
            shown |= {"finding_box": torch.from_numpy(box_K4), "finding_mask": torch.from_numpy(mask_K)}
        return shown


def to_tensor(image_SS: Pixels) -> torch.Tensor:
    """Pixels (S, S) uint8 as what models read: (1, S, S) float32 in [0, 1]."""
    return torch.from_numpy(image_SS)[None].float().div_(255)


class EpochSampler(DistributedSampler[Any]):
    """Shuffles by (seed, epoch), keeps rows on one image together, and hands the epoch on with each index.

    Workers that live on through epochs hold their own copy of the Dataset and never learn of a new epoch otherwise.
    A ``DistributedSampler`` by type, so that Lightning tells it the epoch and does not wrap it.

    Attributes:
        skipped: Rows that the next epoch leaves out at its start: a run that was stopped inside it has seen them.
    """

    skipped = 0

    def __iter__(self) -> Iterator[tuple[int, int]]:  # type: ignore[override]
        """Pairs of index and epoch."""
        order_N = np.fromiter(super().__iter__(), np.int64)
        twin_N = cast(SampleDataset, self.dataset).twin_N[order_N]
        _, first_T, image_N = np.unique(twin_N, return_index=True, return_inverse=True)
        order_N = order_N[np.argsort(first_T[image_N], kind="stable")]  # an image where its first row stands
        start, self.skipped = self.skipped, 0
        return ((int(index), self.epoch) for index in order_N[start:])


def next_epoch(trainer: "Trainer") -> int:
    """The epoch that a fit runs first: 0, or the one after the checkpoint that it resumes from.

    A checkpoint written during the validation that follows the last batch counts that epoch as begun, not as done.
    """
    epoch: Any = trainer.fit_loop.epoch_progress.current
    is_past_last_batch = trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
    return epoch.processed + int(is_past_last_batch and epoch.processed < epoch.ready)


def batches_seen(trainer: "Trainer") -> int:
    """Batches of its first epoch that a fit has behind it: 0, unless it resumes from a checkpoint inside an epoch."""
    epoch: Any = trainer.fit_loop.epoch_progress.current
    batch: Any = trainer.fit_loop.epoch_loop.batch_progress
    is_inside = epoch.processed < epoch.ready and not batch.is_last_batch
    return int(batch.current.processed) if is_inside else 0
