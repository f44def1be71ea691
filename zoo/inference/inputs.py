"""From radiographs to what a model encodes of them: items, batches, encoded images, and what the gate says.

B images.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils.data import default_collate

from gkmvlp.batch import ImageBatch
from gkmvlp.data_modules.pipeline.accept import is_dicom
from gkmvlp.data_modules.pipeline.dataset import SampleDataset
from gkmvlp.data_modules.pipeline.intensity import Pixels
from gkmvlp.data_modules.pipeline.quiet import reader_settings
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.pipeline.transforms import FittedImage
from gkmvlp.data_modules.pipeline.views import standard_view
from gkmvlp.geometry import Letterbox
from gkmvlp.models.gk_mvlp import ImageMemory
from gkmvlp.zoo.inference.gate import INTENSITY, GateMode, Verdict, admit, far_verdicts
from gkmvlp.zoo.inference.loaded_model import LoadedModel
from gkmvlp.zoo.inference.preprocess import Radiograph, name_of


def item(loaded: LoadedModel, image: Radiograph, accept: Collection[str] = ()) -> dict[str, Any]:
    """One image as evaluation reads it: size, fit and intensity of the model, regions from its atlas.

    Args:
        loaded: The model.
        image: What ``preprocess`` takes.
        accept: What is read although it is no frontal radiograph (see ``read_image``).

    Raises:
        ImageError: If it cannot be read, or is something else; it is named.
    """
    return item_of(loaded, image, loaded.preprocess.pixels(image, accept))


def item_of(loaded: LoadedModel, image: Radiograph, image_HW: Pixels) -> dict[str, Any]:
    """``item`` of an image whose pixels ``preprocess.pixels`` has read."""
    view = view_of(image) if isinstance(image, str | Path | bytes) else ""
    sample = Sample(name_of(image), "", "", view, "test")  # the pixels are given: no file is opened
    return SampleDataset([sample], lambda _: FittedImage(*loaded.preprocess.fit(image_HW)), loaded.regions)[0]


def admitted(
    loaded: LoadedModel,
    image: Radiograph,
    accept: Collection[str] = (),
    gate: GateMode = "warn",
    notes: list[str] | None = None,
) -> tuple[Pixels, Verdict | None]:
    """The pixels that the model reads, and what the gate says of the picture, which it sees as the file holds it.

    Args:
        loaded: The model.
        image: What ``preprocess`` takes.
        accept: What is read although it is no frontal radiograph.
        gate: As of ``predict``.
        notes: Gets a line for each thing that was not taken as the file says.

    Raises:
        ImageError: If it cannot be read, or is refused; it is named.
    """
    if gate == "off":
        return loaded.preprocess.pixels(image, accept, notes), None
    shown = loaded.preprocess.shown(image, accept, INTENSITY, notes=notes)
    return shown[loaded.preprocess.intensity], admit(shown[INTENSITY], name_of(image), gate, accept)


def batch(loaded: LoadedModel, items: Sequence[dict[str, Any]]) -> ImageBatch:
    """Items side by side on the model's device."""
    fields = default_collate(list(items))
    return cast(ImageBatch, {k: v.to(loaded.device) if isinstance(v, Tensor) else v for k, v in fields.items()})


@torch.inference_mode()
def encode_images(loaded: LoadedModel, batch: ImageBatch) -> ImageMemory:
    """The images of a batch as memory."""
    return loaded.model.encode_image(batch["image"], batch["region_box"], batch["region_mask"])


def far(loaded: LoadedModel, image: ImageMemory) -> list[Verdict | None]:
    """A verdict on each image far from what the model was trained on; None on others, or without a density.

    See ``gkmvlp calibrate --density``.
    """
    pooled_BD = image.features.pooled
    return [None] * len(pooled_BD) if loaded.density is None else far_verdicts(loaded.density, pooled_BD)


def frames_of(batch: ImageBatch) -> list[Letterbox]:
    """Where each image of a batch lies in its square frame."""
    return [Letterbox(*row.tolist()) for row in batch["letterbox"]]


def view_of(image: str | Path | bytes) -> str:
    """Projection that a DICOM file names (``PA``, ``AP``, ``LL`` ...) in one spelling, "" where nothing names one."""
    try:
        source = image if isinstance(image, bytes) else Path(image)
        start = source[:132] if isinstance(source, bytes) else _first(source)
        if not is_dicom(start):
            return ""
        from gkmvlp.data_modules.pipeline.dicom_header import open_dicom
        from gkmvlp.data_modules.pipeline.dicom_view import view_position

        with reader_settings:
            named = view_position(open_dicom(source, stop_before_pixels=True))
        standard = standard_view(named)
        return named if standard is None else standard
    except Exception:  # missing or broken: the image reader says which
        return ""


def _first(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(132)
