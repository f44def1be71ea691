"""What is read: an upload or a phantom, with the grey values that each model takes. H x W pixels of the original."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from gkmvlp.data_modules.pipeline.images import read_shown
from gkmvlp.data_modules.pipeline.intensity import Intensity, Pixels
from gkmvlp.phantom.generate import draw_phantom
from gkmvlp.zoo.inference.inputs import view_of
from gkmvlp.zoo.inference.preprocess import as_file

PHANTOM_SEED, PHANTOM_SIZE = 2026, 512
# numbers of phantoms of that seed: no finding; pneumothorax, effusion and more; a pacemaker; a consolidation
PHANTOMS = (0, 1, 2, 3)


@dataclass(frozen=True)
class OpenImage:
    """A radiograph that could be read.

    Attributes:
        name: What its owner called it; shown, never used as a path.
        source: The bytes of its file, or its pixels.
        pixels: Intensity -> its pixels (H, W) as a model of that intensity reads them.
        view: Projection that a DICOM names, or "".
        planted: What was planted in a phantom; None of other images.
        notes: What was not taken as the file says.
    """

    name: str
    source: bytes | Pixels
    pixels: dict[Intensity, Pixels]
    view: str = ""
    planted: list[str] | None = None
    notes: list[str] = field(default_factory=list)


def open_upload(data: bytes, name: str, intensities: Iterable[Intensity], accept: Collection[str] = ()) -> OpenImage:
    """The radiograph in a file's bytes.

    Args:
        data: The file, within the limits (see ``limits.require_image``).
        name: What an error and the page call it.
        intensities: Those of the models.
        accept: What is read although it is no frontal radiograph.

    Raises:
        ImageError: If it cannot be read, or is no frontal radiograph.
    """
    notes: list[str] = []
    pixels = read_shown(data, set(intensities), name, accept, notes)
    return OpenImage(name, data, pixels, view_of(data), notes=notes)


def open_phantom(number: int, intensities: Iterable[Intensity]) -> OpenImage:
    """A phantom, drawn anew."""
    phantom = draw_phantom(PHANTOM_SEED, number, PHANTOM_SIZE)
    name = f"phantom {number + 1}"
    source = as_file(phantom.image_HW)
    pixels = read_shown(source, set(intensities), name)
    planted = [" ".join(filter(None, (one.side, one.entity))) for one in phantom.findings]
    return OpenImage(name, phantom.image_HW, pixels, phantom.view, list(dict.fromkeys(planted)))
