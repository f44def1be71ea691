"""The DataModule of all data sets: options, preparation, and repeatable loaders over checked rows and their images."""

from collections.abc import Sequence
from typing import Any

import torch
from lightning import LightningDataModule
from torch.utils.data import DataLoader, DistributedSampler

from gkmvlp.data_modules.pipeline.accept import accepted
from gkmvlp.data_modules.pipeline.augmentation import Augmentation
from gkmvlp.data_modules.pipeline.dataset import EpochSampler, SampleDataset, batches_seen, next_epoch
from gkmvlp.data_modules.pipeline.detected_regions import read_regions
from gkmvlp.data_modules.pipeline.images import Accept, Intensity
from gkmvlp.data_modules.pipeline.quiet import one_opencv_thread_a_worker
from gkmvlp.data_modules.pipeline.samples import BoxSource, RegionPolicy, read_atlas
from gkmvlp.data_modules.pipeline.transforms import refuse_flip
from gkmvlp.data_modules.row_images import OnUnreadable, RowImages
from gkmvlp.errors import ConfigError, DataError, require_between, require_choice
from gkmvlp.geometry import ResizeMode
from gkmvlp.notices import is_phantom

_STAGE_SPLIT = {"fit": "train", "validate": "validate", "test": "test", "predict": "test"}


class DataModule(RowImages, LightningDataModule):
    """Base of the DataModules; a subclass reads files into rows (``read_samples``) and says what its texts are.

    Args:
        batch_size: Rows a batch and device.
        global_batch_size: Rows a step of all devices together, in place of batch_size: each device takes its share.
        num_workers: Processes that load batches, and threads that fill the cache.
        image_size: Side of the square image in pixels.
        resize_mode: How an image is fitted to the square: pad keeps all of it, crop cuts the longer side, squash gives
            up the aspect.
        intensity: voi as the file asks, minmax stretched, equalized as the JPGs of MIMIC-CXR already are; must be
            that of the backbone.
        seed: Seed of shuffling, augmentation and region boxes.
        augmentation_strength: Strength of the augmentation of training images; 0 is none, 1 turns by up to 5 degrees.
        flip: Refused where true: left and right are labels.
        region_boxes: Where region boxes come from: atlas, fitted (the atlas on the lungs found in each image), dataset,
            detected, or mixed (in training half of the images each way, in evaluation the atlas).
        detected_regions_file: For region_boxes: detected, the Parquet file of "gkmvlp data regions".
        atlas_file: JSON of mean boxes from "gkmvlp data atlas"; the shipped atlas without it.
        region_dropout: Share of regions dropped from each training image.
        on_unreadable: An unreadable image stops the run (error), or all images are read once beforehand and the bad
            ones left out and counted (drop).
        accept: What is read although it is no frontal radiograph, else unreadable: lateral (by the DICOM's
            ViewPosition; views that a data set is asked for need no leave), modality (CT, MG ...), blank.
        cache_dir: Folder for decoded images and label tables, or its address in an object store (s3://); what
            "gkmvlp data cache" wrote there is read, and must be of these rows, this image size and so on. "ram" keeps
            decoded images in memory; none without it.
        train_fraction: Share of the training patients used; smaller shares lie inside larger ones.
        dataset_name: What figures call the data; the data set's own name without it. Phantoms: phantom-<data set>.
    """

    name: str  # Lightning's may be None

    def __init__(
        self,
        batch_size: int = 32,
        global_batch_size: int | None = None,
        num_workers: int = 2,
        image_size: int = 224,
        resize_mode: ResizeMode = "pad",
        intensity: Intensity = "equalized",
        seed: int = 0,
        augmentation_strength: float = 1.0,
        flip: bool = False,
        region_boxes: BoxSource = "mixed",
        atlas_file: str | None = None,
        detected_regions_file: str | None = None,
        region_dropout: float = 0.1,
        on_unreadable: OnUnreadable = "error",
        accept: Sequence[Accept] = (),
        cache_dir: str | None = None,
        train_fraction: float = 1.0,
        dataset_name: str | None = None,
    ) -> None:
        super().__init__()
        refuse_flip(flip)
        sizes = {"batch_size": batch_size, "global_batch_size": global_batch_size or 1, "image_size": image_size}
        require_between("data.init_args", 1, **sizes)
        require_between("data.init_args", 0, seed=seed)
        require_between("data.init_args", 0, num_workers=num_workers, augmentation_strength=augmentation_strength)
        require_choice("data.init_args", ResizeMode, resize_mode=resize_mode)
        require_choice("data.init_args", Intensity, intensity=intensity)
        require_choice("data.init_args", BoxSource, region_boxes=region_boxes)
        require_choice("data.init_args", OnUnreadable, on_unreadable=on_unreadable)
        if not isinstance(train_fraction, int | float) or not 0 < train_fraction <= 1:
            raise ConfigError(f"data.init_args.train_fraction must be above 0 and at most 1, got {train_fraction}")
        self.batch_size, self.global_batch_size, self.num_workers, self.seed = (
            batch_size, global_batch_size, num_workers, seed,
        )  # fmt: skip
        self.image_size, self.resize_mode, self.intensity = image_size, resize_mode, intensity
        self.on_unreadable, self.cache_dir, self.train_fraction = on_unreadable, cache_dir, train_fraction
        self.accept = accepted(accept)
        self.name = dataset_name or self.data_name
        self.credentialed = self.credentialed and not is_phantom(self.name)
        detected = read_regions(detected_regions_file) if detected_regions_file else {}
        self.regions = RegionPolicy(region_boxes, read_atlas(atlas_file), dropout=region_dropout, detected=detected)
        self.augmentation = Augmentation(strength=augmentation_strength) if augmentation_strength > 0 else None
        self.split_source = self.name
        self._is_ready = False

    def prepare_data(self) -> None:
        """Reads and checks everything, and fills the cache, in the first process before the others."""
        self._prepare()

    def setup(self, stage: str | None = None) -> None:
        """Reads and checks everything; a second call does nothing.

        Raises:
            DataError: If files are missing or contradict each other, or nothing is left.
        """
        self._prepare()
        wanted = _STAGE_SPLIT.get(stage or "")
        if wanted and not self.rows(wanted):
            reasons = [*([self.too_small_fraction] if wanted == "train" else []), *self.ledger.lines()]
            reasons = [reason for reason in reasons if reason]
            raise DataError(
                f"{self.name}: no {wanted} rows are left ({self._counts()}); "
                f"{'; '.join(reasons) or 'choose another split'}"
            )

    def _prepare(self) -> None:
        if self._is_ready:
            return
        _ = self.device_batch_size  # devices that cannot share a batch are told before anything is read
        self.check()
        if self.cache_dir is not None:
            self._open_cache(self.cache_dir)
        elif self.on_unreadable == "drop":
            self.leave_out(*self.read_once())
        self._is_ready = True

    def dataset(self, split: str) -> SampleDataset:
        """The rows of a split as items; training rows are augmented."""
        is_training = split == "train"
        augmentation = self.augmentation if is_training else None
        return SampleDataset(self.rows(split), self.read, self.regions, self.seed, augmentation, is_training)

    def train_dataloader(self) -> DataLoader[Any]:
        """Training batches: shuffled, augmented, equal for equal (seed, epoch) whatever the number of workers."""
        dataset = self.dataset("train")
        trainer, batch_size = self.trainer, self.device_batch_size
        world, rank = (trainer.world_size, trainer.global_rank) if trainer is not None else (1, 0)
        drop_last = len(dataset) >= batch_size * world
        sampler = self.sampler(dataset, world, rank, drop_last)
        # Lightning starts the first iterator, which fetches ahead, before it tells the sampler a resumed epoch.
        if trainer is not None:
            sampler.set_epoch(next_epoch(trainer))
            sampler.skipped = batches_seen(trainer) * batch_size
        return self._loader(dataset, sampler=sampler, drop_last=drop_last)

    def sampler(self, dataset: SampleDataset, world: int, rank: int, drop_last: bool) -> EpochSampler:
        """What draws the training rows of each epoch.

        Args:
            dataset: The rows.
            world: Number of ranks.
            rank: This rank.
            drop_last: Whether rows that not every rank could get are left out.
        """
        return EpochSampler(dataset, world, rank, shuffle=True, seed=self.seed, drop_last=drop_last)

    def val_dataloader(self) -> DataLoader[Any]:
        """Validation batches in the order of the rows."""
        return self._whole("validate")

    def test_dataloader(self) -> DataLoader[Any]:
        """Test batches in the order of the rows."""
        return self._whole("test")

    def _whole(self, split: str) -> DataLoader[Any]:
        """All rows of a split on every rank: what a rank writes, or chooses by them, then knows them all."""
        dataset = self.dataset(split)
        return self._loader(dataset, sampler=DistributedSampler(dataset, 1, 0, shuffle=False))  # others get wrapped

    def _loader(self, dataset: SampleDataset, **options: Any) -> DataLoader[Any]:
        return DataLoader(
            dataset,
            self.device_batch_size,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=one_opencv_thread_a_worker,
            **options,
        )

    @property
    def device_batch_size(self) -> int:
        """Rows a batch and device: ``batch_size``, or the device's share of ``global_batch_size``.

        Raises:
            ConfigError: If the devices of the run cannot share it evenly.
        """
        rows, devices = self.global_batch_size, self.trainer.world_size if self.trainer is not None else 1
        if rows is None:
            return self.batch_size
        if rows % devices:
            fitting = max(rows // devices, 1) * devices
            nearest = min((fitting, fitting + devices), key=lambda size: abs(size - rows))
            share = max(count for count in range(1, devices) if rows % count == 0)
            raise ConfigError(
                f"data.init_args.global_batch_size: {rows} rows cannot be shared by {devices} devices evenly; "
                f"the nearest that can is {nearest}, or take {share} devices"
            )
        return rows // devices
