"""The images of a data set's rows: read or taken from a cache, and what cannot be read left out and counted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Literal

from lightning.pytorch.utilities import rank_zero_only

from gkmvlp.data_modules.pipeline.cache import ImageCache
from gkmvlp.data_modules.pipeline.cache_store import CacheStore, cache_folder
from gkmvlp.data_modules.pipeline.cached_images import CachedImages
from gkmvlp.data_modules.pipeline.images import Accept, ImageError, Intensity, read_image, read_square
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.pipeline.shards import CachePlan, CacheSource, Encoding, ShardedImages
from gkmvlp.data_modules.pipeline.transforms import FittedImage, Pixels
from gkmvlp.data_modules.pipeline.turned_rows import upright_rows
from gkmvlp.data_modules.rows import CheckedRows
from gkmvlp.errors import DataError
from gkmvlp.geometry import ResizeMode

OnUnreadable = Literal["error", "drop"]


class RowImages(CheckedRows):
    """Images of checked rows, as a model reads them."""

    # options of the DataModule
    image_size: int
    resize_mode: ResizeMode
    intensity: Intensity
    accept: frozenset[Accept]
    on_unreadable: OnUnreadable
    num_workers: int

    def __init__(self) -> None:
        super().__init__()
        self._cache: CachedImages | None = None

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

    def upright(self, samples: Sequence[Sample]) -> list[Sample]:
        """Rows with the boxes of the upright pictures, for what needs boxes without pixels: it reads headers.

        A ``dataset`` turns the boxes of an item by the turn of the picture that it has read.
        """
        return upright_rows(samples, self.num_workers)

    def image_ids(self) -> Iterator[tuple[str | bytes, str]]:
        """Image and id of each row."""
        return zip(self.samples.values("image"), self.samples.values("sample_id"), strict=True)

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


def _name(image: str | bytes, sample_id: str) -> str:
    """What an error calls the image of a row, where that has no path."""
    return f"image of {sample_id}" if isinstance(image, bytes) else ""
