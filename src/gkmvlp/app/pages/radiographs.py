"""Radiographs on pages: how they are read, where prompts look.

S side, h x w grid of the patches, K boxes.
"""

import base64
import io
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Plot
from numpy.typing import NDArray
from PIL import Image

from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.pipeline.images import ACCEPT, read_image
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.pipeline.transforms import letterbox
from gkmvlp.entities import of_label
from gkmvlp.errors import DataError
from gkmvlp.geometry import Letterbox
from gkmvlp.tasks.parts.drawing import draw_boxes, draw_map, panels
from gkmvlp.zoo.inference.predictor import Predictor

Pixels = NDArray[np.float32]
SIDE, THUMBNAIL = 256, 160


class RadiographSource:
    """The radiographs of a data set.

    Args:
        source: Its DataModule; the tables are read, no image is.

    Raises:
        DataError: If its files are not there.
    """

    def __init__(self, source: DataModule) -> None:
        source.check()
        self.name, self._upright = source.name, source.upright
        self.samples = {sample.sample_id: sample for sample in source.samples}
        self.test = source.rows("test")
        self.labels: tuple[str, ...] = tuple(getattr(source, "labels", ()))
        self.intensity = source.intensity

    def sample(self, sample_id: str) -> Sample:
        """A row, with the boxes of the upright picture.

        Raises:
            DataError: If the data has it no more.
        """
        if sample_id not in self.samples:
            raise DataError(f"{self.name}: no {sample_id}, which the predictions name: the data is not that of the run")
        return self._upright([self.samples[sample_id]])[0]

    def __call__(self, sample_id: str) -> tuple[Pixels, Letterbox]:
        """A radiograph (S, S) in [0, 1], and its frame, which takes boxes of the predictions."""
        sample = self.sample(sample_id)
        pixels, frame = letterbox(read_image(sample.image, self.intensity, sample_id, ACCEPT), SIDE)
        return pixels.astype(np.float32) / np.float32(255), in_original(frame, sample)

    def thumbnail(self, sample_id: str, side: int = THUMBNAIL) -> str:
        """A small picture as HTML, ``side`` pixels wide and high."""
        image_SS, _ = self(sample_id)
        buffer = io.BytesIO()
        Image.fromarray((image_SS * 255).astype(np.uint8)).resize((side, side)).save(buffer, "JPEG")
        data = base64.b64encode(buffer.getvalue()).decode()
        return f'<img alt="radiograph" width="{side}" src="data:image/jpeg;base64,{data}">'


def in_original(frame: Letterbox, sample: Sample) -> Letterbox:
    """The frame for boxes in pixels of the original, of which the file may be a smaller copy."""
    return frame.measured_in(*sample.size) if sample.size else frame


def prompt_of(name: str, predictor: Predictor, prompts: Mapping[str, str]) -> str | None:
    """The entity whose prompt is read for an entity: its own, else its stand-in, else none.

    Args:
        name: The entity, or a label that is none.
        predictor: Whose prompts there are.
        prompts: Label of a data set to the entity that stands in for it, as ``Grounding`` takes it.
    """
    stand_ins = {found.name if (found := of_label(label)) else label: entity for label, entity in prompts.items()}
    return next((entity for entity in (name, stand_ins.get(name)) if entity in predictor.entities), None)


def prompt_map(predictor: Predictor, sample: Sample, entity: str) -> tuple[Pixels, Pixels, Letterbox]:
    """A radiograph (S, S) as the model reads it, the attention of a prompt (h, w), and the frame of its boxes."""
    batch = predictor.batch([predictor.item(sample.image, ACCEPT)])
    encoded = predictor.encode_images(batch)
    map_Ehw = encoded.grounded.patch_attention[0].unflatten(-1, encoded.features.grid).float().cpu().numpy()
    frame = in_original(Letterbox(*batch["letterbox"][0].tolist()), sample)
    return batch["image"][0, 0].cpu().numpy(), map_Ehw[predictor.entities.index(entity)], frame


def heat_maps(
    table: pd.DataFrame, gallery: RadiographSource, predictor: Predictor, prompts: Mapping[str, str], count: int = 8
) -> Plot:
    """For each finding its first trials under the attention of its prompt, the farthest miss first.

    Args:
        table: Predictions of grounding of one model and seed.
        gallery: Where the radiographs are.
        predictor: The backbone.
        prompts: Stand-ins (see ``prompt_of``).
        count: How many trials the findings share; each has at least one.
    """
    known = {name: prompt for name in table["entity"].unique() if (prompt := prompt_of(name, predictor, prompts))}
    trials = table[table["boxes"].map(len).gt(0) & table["entity"].isin(list(known))].groupby("entity", sort=False)
    first = trials.head(max(1, count // max(1, trials.ngroups)))
    first = first.assign(
        miss=[miss(row.x, row.y, row.boxes) for row in first.itertuples()], prompt=first["entity"].map(known)
    ).sort_values("miss", ascending=False, kind="stable")
    plot, axes = panels(len(first))
    for axis, row in zip(axes, first.itertuples(), strict=True):
        image_SS, map_hw, frame = prompt_map(predictor, gallery.sample(row.sample_id), row.prompt)
        draw_map(axis, image_SS, map_hw, f"{row.entity}: {'missed' if row.miss else 'met'}")
        draw_boxes(axis, frame.to_square(np.asarray(row.boxes, np.float32).reshape(-1, 4)), "lime")
    return plot


def miss(x: float, y: float, boxes: "list[float] | NDArray[np.float64]") -> float:
    """Distance of a point from the nearest of some boxes, in pixels of the original; 0 inside."""
    box_K4 = np.asarray(boxes, float).reshape(-1, 4)
    beside_K = np.maximum(0, np.maximum(box_K4[:, 0] - x, x - box_K4[:, 2]))
    above_K = np.maximum(0, np.maximum(box_K4[:, 1] - y, y - box_K4[:, 3]))
    return float(np.hypot(beside_K, above_K).min())
