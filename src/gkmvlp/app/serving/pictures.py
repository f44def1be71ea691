"""Pictures as data URIs: the radiograph, heat maps, thumbnails. H x W pixels, h x w grid of patches."""

import base64
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from gkmvlp.geometry import Letterbox
from gkmvlp.zoo.inference.prediction import Pixels, Prediction

LONGEST = 1400  # pixels of the longer side that the page shows
HEAT, THUMBNAIL = 160, 128  # likewise of heat maps, which are smooth, and of neighbours


def radiograph_uri(pixels_HW: Pixels) -> str:
    """A radiograph, made smaller where it is large."""
    return _jpeg(_at_most(pixels_HW, LONGEST), 88)


def thumbnail(pixels_HW: Pixels) -> bytes:
    """A small JPEG of a radiograph."""
    return _encoded(_at_most(pixels_HW, THUMBNAIL), 80)


def heat_uri(attention: tuple[tuple[float, ...], ...], frame: Letterbox, side: int) -> str:
    """Where a prompt looks, in the colours of ``Prediction.draw``, over the radiograph alone.

    Args:
        attention: Over the patches (h, w).
        frame: Where the radiograph lies in the square that the patches cover.
        side: Side of that square in pixels.
    """
    scale = HEAT / max(frame.width, frame.height)
    small = frame.measured_in(max(round(frame.width * scale), 1), max(round(frame.height * scale), 1))
    shown = Prediction(attention={"": np.array(attention, np.float32)}, frame=small, side=side)
    colours = cv2.applyColorMap((255 * shown.heat_map("")).astype(np.uint8), cv2.COLORMAP_INFERNO)
    return _jpeg(np.asarray(colours, np.uint8), 85)


def data_uri(jpeg: bytes) -> str:
    """The bytes of a JPEG as an address that needs no file."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def _at_most(pixels_HW: Pixels, longest: int) -> Pixels:
    height, width = pixels_HW.shape
    scale = longest / max(height, width)
    if scale >= 1:
        return pixels_HW
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    return cast(Pixels, cv2.resize(pixels_HW, size, interpolation=cv2.INTER_AREA))


def _jpeg(picture: NDArray[np.uint8], quality: int) -> str:
    return data_uri(_encoded(picture, quality))


def _encoded(picture: NDArray[np.uint8], quality: int) -> bytes:
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(data)
