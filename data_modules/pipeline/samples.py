"""One row of a data set, and where its region boxes come from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gkmvlp.anatomy import REGIONS, atlas_from_names, fitted_atlas, shipped_atlas
from gkmvlp.data_modules.pipeline.lung_fields import lung_boxes
from gkmvlp.data_modules.pipeline.transforms import Float, Mask, Pixels, jitter_boxes
from gkmvlp.errors import DataError
from gkmvlp.geometry import UPRIGHT, Letterbox, Turn

BoxSource = Literal["mixed", "atlas", "fitted", "dataset", "detected"]
Counts = dict[str, dict[str, int]]  # a split, or a part of the tables -> what is counted -> its number
Detected = tuple[Float, Mask]  # boxes (29, 4) in pixels of the original image, and which of them hold
_R = len(REGIONS)


@dataclass(frozen=True, slots=True)
class Sample:
    """One row of a data set.

    Attributes:
        sample_id: Unique id that follows the row to the prediction file.
        patient_id: Id of what is split and resampled together.
        image: Path of the image file, or its bytes. Boxes and size are those of the picture as it is stored, until
            ``turned`` sets them upright with it.
        view: ``PA``, ``AP``, another projection (the atlas then has no boxes for it), or "" where unknown (read as PA).
        split: ``train``, ``validate`` or ``test``.
        box_R4: Region boxes (29, 4) float32 xyxy in pixels of the original image, or None where there are none.
        mask_R: (29,) bool, True where the region has a box; None with ``box_R4``.
        size: Width and height of the image in which the boxes were measured; the file may be a smaller copy.
        finding_K4: Boxes of findings (K, 4) float32 xyxy in pixels of the original image, zeros where there are fewer
            than K, which is the same in all rows of a data set; None where the data set has none.
        fields: What else the batch holds, as ``gkmvlp.batch`` names it.
        sex: ``F`` or ``M`` of the patient, "" where unknown; no model sees it, figures by group do.
        age: Years of the patient when the image was taken, or None where unknown.
        source: Corpus or hospital that the row came from, "" where all come from one.
    """

    sample_id: str
    patient_id: str
    image: str | bytes
    view: str
    split: str
    box_R4: Float | None = None
    mask_R: Mask | None = None
    size: tuple[float, float] | None = None
    finding_K4: Float | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    sex: str = ""
    age: float | None = None
    source: str = ""

    @property
    def image_key(self) -> str:
        """What names the image: rows of questions share it."""
        return str(self.fields.get("image_id", self.sample_id))

    def turned(self, turn: Turn, width: float, height: float) -> "Sample":
        """The row with the boxes and the size of the upright picture.

        Where the row says in how large a picture they were measured, and that one stands upright, they stay.

        Args:
            turn: How the stored picture is set upright.
            width: Width of the stored picture in pixels.
            height: Its height.
        """
        if turn == UPRIGHT or (turn.exchanges_axes and self._is_upright(width, height)):
            return self
        measured = self.size or (width, height)
        return replace(
            self,
            box_R4=None if self.box_R4 is None else turn.boxes(self.box_R4, *measured),
            finding_K4=None if self.finding_K4 is None else turn.boxes(self.finding_K4, *measured),
            size=None if self.size is None else turn.size(*measured),
        )

    def _is_upright(self, width: float, height: float) -> bool:
        """Whether boxes were measured after the quarter turn: that picture is high where the stored one is wide."""
        return self.size is not None and (self.size[0] - self.size[1]) * (width - height) < 0


@dataclass(frozen=True)
class RegionPolicy:
    """Where region boxes come from.

    Attributes:
        source: ``atlas``; ``fitted``, the atlas moved to each image's lungs; ``dataset`` (no box where the data set has
            none); ``mixed``: half and half a training image, the atlas in evaluation; ``detected``.
        atlas: View -> boxes (29, 4) as fractions of the image's letterboxed square.
        jitter: Standard deviation of the steps of edges in training, as a fraction of the box; a data set's own stay.
        dropout: Share of regions dropped in training.
        detected: Image -> what a detector found.
        lungs: Hash of pixels -> boxes (2, 4) of the lungs there, or None, as far as looked for (``fitted``).
    """

    source: BoxSource
    atlas: Mapping[str, Float]
    jitter: float = 0.05
    dropout: float = 0.1
    detected: Mapping[str, Detected] = field(default_factory=dict)
    lungs: dict[int, Float | None] = field(default_factory=dict)

    @property
    def uses_atlas(self) -> bool:
        """Whether the atlas gives the boxes of evaluation, moved or not: rows of a view then all have them or none."""
        return self.source in ("atlas", "fitted", "mixed")

    def boxes(
        self, sample: Sample, frame: Letterbox, rng: np.random.Generator | None, image_SS: Pixels | None = None
    ) -> tuple[Float, Mask]:
        """Region boxes of a sample in pixels of the original image.

        Args:
            sample: The row.
            frame: Its frame, from the original image.
            rng: Source of chance in training, None in evaluation.
            image_SS: Its pixels in that frame, for ``fitted``; None leaves the atlas where it is.

        Returns:
            Boxes (29, 4) xyxy and mask (29,).
        """
        use_own = self.source == "dataset" or (self.source == "mixed" and rng is not None and rng.random() < 0.5)
        if use_own and sample.box_R4 is not None and sample.mask_R is not None:
            box_R4, mask_R = sample.box_R4, sample.mask_R
        else:
            box_R4, mask_R = self._estimated(sample, frame, image_SS)
            box_R4 = box_R4 if rng is None or not mask_R.any() else jitter_boxes(box_R4, rng, self.jitter)
        return box_R4, mask_R if rng is None else mask_R & (rng.random(_R) >= self.dropout)

    def _estimated(self, sample: Sample, frame: Letterbox, image_SS: Pixels | None) -> tuple[Float, Mask]:
        """Boxes (29, 4) and mask (29,) that nobody drew: detected, of the atlas, or none."""
        if self.source == "detected":
            return self.detected[sample.image_key]
        if self.source == "dataset" or sample.view not in ("PA", "AP", ""):
            return np.zeros((_R, 4), np.float32), np.zeros(_R, bool)
        unit = Letterbox.fit(int(frame.width), int(frame.height), 1, "pad")
        box_R4 = unit.to_original(self.atlas[sample.view or "PA"])
        if self.source == "fitted" and image_SS is not None:
            box_R4 = self._fitted(box_R4, frame, image_SS)
        return box_R4, np.ones(_R, bool)

    def _fitted(self, box_R4: Float, frame: Letterbox, image_SS: Pixels) -> Float:
        """Boxes of the atlas on this image's lungs; as they are where no lungs are found."""
        key = hash(image_SS.tobytes())
        if key not in self.lungs:
            self.lungs[key] = lung_boxes(image_SS)
        if (lung_24 := self.lungs[key]) is None:
            return box_R4
        side = np.float32(len(image_SS))
        return frame.to_original(fitted_atlas(frame.to_square(box_R4) / side, lung_24) * side)


def read_atlas(path: str | None) -> dict[str, Float]:
    """View -> mean boxes (29, 4) as fractions of the letterboxed square; the shipped atlas where no file is named.

    Raises:
        DataError: If the file is missing or holds other shapes.
    """
    if path is None:
        return shipped_atlas()
    try:
        return atlas_from_names(json.loads(Path(path).read_text())["boxes"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no atlas ({error}): write one with gkmvlp data atlas --out {path}") from error
