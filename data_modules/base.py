"""What all DataModules share: checked rows, region boxes, cached images, repeatable loaders and the manifest."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from lightning import LightningDataModule
from lightning.pytorch.utilities import rank_zero_only
from torch.utils.data import DataLoader, DistributedSampler

from gkmvlp.data_modules.pipeline.accept import accepted
from gkmvlp.data_modules.pipeline.augmentation import Augmentation
from gkmvlp.data_modules.pipeline.cache import ImageCache
from gkmvlp.data_modules.pipeline.cache_store import CacheStore, cache_folder
from gkmvlp.data_modules.pipeline.cached_images import CachedImages
from gkmvlp.data_modules.pipeline.dataset import EpochSampler, SampleDataset, batches_seen, next_epoch
from gkmvlp.data_modules.pipeline.detected_regions import read_regions, require_boxes
from gkmvlp.data_modules.pipeline.images import Accept, ImageError, Intensity, read_image, read_square
from gkmvlp.data_modules.pipeline.ledger import Ledger, describe_membership, write_json
from gkmvlp.data_modules.pipeline.quiet import one_opencv_thread_a_worker
from gkmvlp.data_modules.pipeline.row_checks import require_ids, with_standard_views
from gkmvlp.data_modules.pipeline.sample_table import SampleTable
from gkmvlp.data_modules.pipeline.samples import BoxSource, Counts, RegionPolicy, Sample, read_atlas
from gkmvlp.data_modules.pipeline.shards import CachePlan, CacheSource, Encoding, ShardedImages
from gkmvlp.data_modules.pipeline.splits import SPLITS, in_fraction, require_disjoint
from gkmvlp.data_modules.pipeline.transforms import FittedImage, Pixels, refuse_flip
from gkmvlp.data_modules.pipeline.turned_rows import upright_rows
from gkmvlp.errors import ConfigError, DataError, require_between
from gkmvlp.geometry import ResizeMode
from gkmvlp.notices import is_phantom

_STAGE_SPLIT = {"fit": "train", "validate": "validate", "test": "test", "predict": "test"}


class DataModule(LightningDataModule):
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
    data_name: ClassVar[str] = ""
    location_key: ClassVar[str] = "root"  # the argument that says where the data lies
    landmarks: ClassVar[tuple[str, ...]] = ()  # patterns of paths or names that tell the data set
    credentialed: bool = False  # of the data set; phantoms in its layout are not
    patient_space: ClassVar[str] = ""  # who numbered the patients: ids of different owners are not compared
    has_captions: ClassVar[bool] = False  # texts of figures, which are compared between splits; reports are not

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
        on_unreadable: Literal["error", "drop"] = "error",
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
        if not 0 < train_fraction <= 1:
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
        self.ledger = Ledger()
        self._table = SampleTable.of(())
        self.split_source = self.name
        self.table_counts: Counts = {}  # what the tables hold, before anything is left out
        self.published_counts: Counts = {}  # the same as published; empty where the data are a part, or a look-alike
        self._cache: CachedImages | None = None
        self._is_ready = False

    @property
    def samples(self) -> SampleTable:
        """All rows; whatever rows are set are kept as such a table."""
        return self._table

    @samples.setter
    def samples(self, samples: Iterable[Sample]) -> None:
        self._table = SampleTable.of(samples)

    @classmethod
    def recognises(cls, place: Path) -> bool:
        """Whether a folder, or a folder in it, or a file looks like this data set, by its ``landmarks``."""
        if place.is_file():
            return any(place.match(pattern) for pattern in cls.landmarks)
        patterns = (depth + pattern for pattern in cls.landmarks for depth in ("", "*/"))
        return any(next(place.glob(pattern), None) is not None for pattern in patterns)

    @abstractmethod
    def read_samples(self) -> Iterable[Sample]:
        """All rows of the data set with their split; what is left out goes to ``self.ledger``.

        They are read once, from first to last: a large data set yields them, so that they never all are in memory.
        """

    @abstractmethod
    def texts(self) -> list[str]:
        """All training texts, from which a fresh tokenizer is trained."""

    @property
    @abstractmethod
    def split_label(self) -> str:
        """Name of the split, without its hash."""

    @property
    def is_patient_disjoint(self) -> bool:
        """Whether no patient may be in two splits: always, unless a leaky split is asked for by name."""
        return not self.split_label.startswith("legacy-")

    @property
    def boxes(self) -> str:
        """What evaluation rows read: ``atlas``, ``dataset`` or ``detected``."""
        return "atlas" if self.regions.source == "mixed" else self.regions.source

    @property
    def split_name(self) -> str:
        """``<name>@<first 12 hex digits of the manifest's hash>``."""
        return f"{self.split_label}@{self.manifest()['hash'][:12]}"

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

    def file_locations(self) -> dict[str, str]:
        """Where each part of the data lies, for ``gkmvlp data check``; "" where an optional part is missing."""
        return {"files": self.split_source}

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
            raise DataError(
                f"{self.name}: no {wanted} rows are left ({self._counts()}); "
                f"{'; '.join(self.ledger.lines()) or 'choose another split'}"
            )

    def check(self) -> None:
        """Reads and checks the tables without opening an image.

        The rows have their boxes as the tables do, in the picture as it is stored; see ``upright``.
        """
        if self.samples:
            return
        self.ledger = Ledger()
        rows = with_standard_views(self.read_samples(), self.ledger, self.regions.uses_atlas)
        samples = SampleTable.of(rows)
        require_ids(samples, self.split_source)
        if self.is_patient_disjoint:
            require_disjoint({split: samples.split(split).values("patient_id") for split in SPLITS}, self.split_source)
        people = zip(samples.values("split"), samples.values("patient_id"), strict=True)
        samples = samples.where([name != "train" or in_fraction(one, self.train_fraction) for name, one in people])
        if not samples:
            told = "; ".join(self.ledger.lines()) or f"the tables are empty ({self.split_source})"
            raise DataError(f"{self.name}: nothing is left; {told}; name a root or options that keep rows")
        require_boxes(samples, self.regions, self.name)
        self.samples = samples

    def rows(self, split: str) -> SampleTable:
        """Rows of ``train``, ``validate`` or ``test``."""
        return self.samples.split(split)

    def known_groups(self, split: str | None) -> dict[str, list[Any]]:
        """What is known of the group of each row: ``sample_id``, ``sex``, ``age`` in years, ``view`` and ``source``.

        None stands where it is not known; a column of nothing else is left out. Figures by group read it, no model.

        Args:
            split: Of these rows; None is all.
        """
        rows = self.samples if split is None else self.rows(split)
        columns = {name: [value or None for value in rows.values(name)] for name in ("sex", "view", "source")}
        columns["age"] = list(rows.values("age"))
        known = {name: values for name, values in columns.items() if any(value is not None for value in values)}
        return {"sample_id": list(rows.values("sample_id")), **known}

    def upright(self, samples: Sequence[Sample]) -> list[Sample]:
        """Rows with the boxes of the upright pictures, for what needs boxes without pixels: it reads headers.

        A ``dataset`` turns the boxes of an item by the turn of the picture that it has read.
        """
        return upright_rows(samples, self.num_workers)

    def dataset(self, split: str) -> SampleDataset:
        """The rows of a split as items; training rows are augmented."""
        is_training = split == "train"
        augmentation = self.augmentation if is_training else None
        return SampleDataset(self.rows(split), self.read, self.regions, self.seed, augmentation, is_training)

    def read(self, sample: Sample) -> FittedImage:
        """A row's image as a model reads it."""
        if self._cache is not None and sample.image in self._cache:
            return self._cache[sample.image]
        name = _name(sample.image, sample.sample_id)
        return read_square(sample.image, self.image_size, self.resize_mode, self.intensity, name, self.accept)

    def decode(self, sample: Sample, notes: list[str] | None = None, intensity: Intensity | None = None) -> Pixels:
        """Pixels (H, W) uint8 of a row's whole image, as ``on_unreadable`` and ``gkmvlp data check`` look at it.

        ``read`` takes and refuses the same files, and may decode a part of a large JPG alone.

        Args:
            sample: The row.
            notes: Gets a line for each thing that was not taken as the file says.
            intensity: How grey values are shown; None: as a run reads them.

        Raises:
            ImageError: If it cannot be read, or is not let in.
        """
        return read_image(
            sample.image, intensity or self.intensity, _name(sample.image, sample.sample_id), self.accept, notes
        )

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

    def manifest(self) -> dict[str, Any]:
        """What is in which split and what was left out; ``hash`` is the SHA-256 of the membership alone."""
        members: dict[str, list[tuple[str, str]]] = {
            split: list(zip(rows.values("sample_id"), rows.values("patient_id"), strict=True))
            for split, rows in ((split, self.rows(split)) for split in SPLITS)
        }
        return {"data": self.name, "split": self.split_label, **describe_membership(members), **self.ledger.as_dict()}

    def write_manifest(self, path: str | Path) -> None:
        """Writes the manifest as JSON, whole or not at all."""
        write_json(path, self.manifest())

    def summary_lines(self) -> list[str]:
        """Lines for the end of a run: rows by split, then what was dropped or changed and why."""
        return [f"{self.name} {self.split_name}: {self._counts()}", *self.ledger_lines()]

    def ledger_lines(self) -> list[str]:
        """What was dropped or changed and why, one line a reason, and the warnings."""
        return self.ledger.lines()

    def _counts(self) -> str:
        return ", ".join(f"{split} {len(self.rows(split)):,}" for split in SPLITS)

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

    def _open_cache(self, cache_dir: str) -> None:
        """Opens the shards that lie there, else fills or maps a cache; unreadable images are an error or left out."""
        folder, store = cache_folder(cache_dir), CacheStore.of(cache_dir)
        plan = None if folder is None else CachePlan.read(folder)
        sources = self.cache_sources()
        images = [source.image for source in sources]
        if plan is None and store is not None:
            raise DataError(
                f"{cache_dir} is no cache of shards: write one by gkmvlp data cache --cache-dir={cache_dir}"
            )
        if plan is None or folder is None:
            self._cache = ImageCache(
                images, self.image_size, self.resize_mode, self.intensity, folder, self.num_workers, self.accept
            )
        else:
            plan.require_same(self.cache_plan(sources, plan.encoding, plan.images_per_shard), cache_dir)
            self._cache = ShardedImages(folder, plan, images, store)
            told = f"{plan.encoding}, {plan.image_size} px, manifest {plan.manifest[:12]}"
            rank_zero_only(print)(
                f"{self.name}: {plan.images:,} images from the cache {cache_dir} ({told})", flush=True
            )
        self.leave_out(self._cache.bad, self._cache.notes)

    def cache_sources(self) -> list[CacheSource]:
        """Each image once, with the id of the first row that shows it; after ``check``."""
        first: dict[str | bytes, str] = {}
        for image, name in self.image_ids():
            first.setdefault(image, name)
        return [CacheSource(image, name, _name(image, name)) for image, name in first.items()]

    def image_ids(self) -> Iterator[tuple[str | bytes, str]]:
        """Image and id of each row."""
        return zip(self.samples.values("image"), self.samples.values("sample_id"), strict=True)

    def cache_plan(self, sources: Sequence[CacheSource], encoding: Encoding, images_per_shard: int) -> CachePlan:
        """What a cache of these images holds; after ``check``, before unreadable images are left out.

        Args:
            sources: From ``cache_sources``.
            encoding: ``jpeg`` or ``raw``.
            images_per_shard: Images of a shard.
        """
        names = [source.name for source in sources]
        return CachePlan(
            self.manifest()["hash"], sha256("\n".join(names).encode()).hexdigest(), len(names), self.image_size,
            self.resize_mode, self.intensity, sorted(self.accept), encoding, images_per_shard,
        )  # fmt: skip

    def read_once(
        self, look: Callable[[str, Pixels], None] | None = None
    ) -> tuple[dict[str | bytes, ImageError], dict[str | bytes, list[str]]]:
        """Reads every image once as a run does: the error of those that cannot be read, notes on those that can.

        Args:
            look: Is shown the pixels (H, W) of each image that can be read, as the file holds them (``voi``) whatever
                a run makes of them, with the id of its first row.
        """
        bad: dict[str | bytes, ImageError] = {}
        remarks: dict[str | bytes, list[str]] = {}
        place = {image: number for number, image in reversed(list(enumerate(self.samples.values("image"))))}
        for image, number in place.items():
            notes: list[str] = []
            try:
                image_HW = self.decode(self.samples[number], notes, "voi")
            except ImageError as error:
                bad[image] = error
            else:
                remarks |= {image: notes} if notes else {}
                if look is not None:
                    look(self.samples[number].sample_id, image_HW)
        return bad, remarks

    def leave_out(self, bad: Mapping[str | bytes, ImageError], notes: Mapping[str | bytes, list[str]]) -> None:
        """Leaves rows of unreadable images out and counts them, or stops: see ``on_unreadable``.

        Args:
            bad: Source -> error, of the images that cannot be read.
            notes: Source -> what was not taken as the file says.

        Raises:
            ImageError: If they are errors.
        """
        errors = self.errors(bad)
        if errors and self.on_unreadable == "error":
            images = {image for image, name in self.image_ids() if name in errors}
            more = f" (and {len(images) - 1} more)" if len(images) > 1 else ""
            raise ImageError(f"{next(iter(errors.values()))}{more}; or set on_unreadable: drop")
        for reason in sorted({error.reason for error in errors.values()}):
            self.ledger.drop(reason, [name for name, error in errors.items() if error.reason == reason])
        if errors:
            self.samples = self.samples.where([name not in errors for name in self.samples.values("sample_id")])
        self.count_notes(notes)

    def errors(self, bad: Mapping[str | bytes, ImageError]) -> dict[str, ImageError]:
        """Sample id -> why a run cannot read this row, for the rows that it cannot.

        Args:
            bad: Source -> error, of the images that cannot be read.
        """
        return {name: bad[image] for image, name in self.image_ids() if image in bad} if bad else {}

    def count_notes(self, notes: Mapping[str | bytes, list[str]]) -> None:
        """Counts in the ledger what was not taken as a file says; source -> notes on it."""
        for note in sorted({note for lines in notes.values() for note in lines}):
            self.ledger.mask(note, [name for image, name in self.image_ids() if note in notes.get(image, ())])


def _name(image: str | bytes, sample_id: str) -> str:
    """What an error calls the image of a row, where that has no path."""
    return f"image of {sample_id}" if isinstance(image, bytes) else ""
