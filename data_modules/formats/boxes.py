"""Boxes of findings as tables give them: x, y, width, height in pixels, whatever somebody made of them. N boxes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gkmvlp.data_modules.pipeline.ledger import Ledger
from gkmvlp.errors import DataError
from gkmvlp.geometry import valid_boxes

Float = NDArray[np.float32]
CORNERS = ["x1", "y1", "x2", "y2"]
_SLACK = 1.0  # pixels that rounding may put beyond the image
# From how many boxes on a table is judged, and which share of them has to reach out of their images.
_FEW, _SHARE = 4, 0.25


def require_pixels(box_N4: Float, size_N2: Float, source: object) -> None:
    """Checks that a table holds what it should: not fractions of the image, nor corners in place of width and height.

    Args:
        box_N4: x1, y1, x2, y2, of which x2 and y2 are x + width and y + height; NaN where there is no box.
        size_N2: Width and height of their images in pixels.
        source: What an error names.

    Raises:
        DataError: If they are fractions, or corners.
    """
    is_box_N = np.isfinite(box_N4).all(-1)
    box_N4, size_N2 = box_N4[is_box_N], size_N2[is_box_N]
    if len(box_N4) and (box_N4 <= 2).all() and (box_N4 > 0).any():
        told = "all boxes lie in one pixel, as fractions of the image do"
        raise DataError(f"{source}: {told}; x, y, width, height in pixels were expected")
    end_N2 = box_N4[:, 2:] - box_N4[:, :2]  # the last two cells, which are corners if they are not lengths
    is_out_N = (box_N4[:, 2:] > size_N2 + _SLACK).any(-1)
    if len(box_N4) >= _FEW and is_out_N.mean() >= _SHARE and ((end_N2 > box_N4[:, :2]) & (end_N2 <= size_N2)).all():
        told = f"{int(is_out_N.sum())} of {len(box_N4)} boxes reach out of their images, as corners x1, y1, x2, y2 do"
        raise DataError(f"{source}: {told}; x, y, width, height in pixels were expected")


def each_once(table: pd.DataFrame, name: str, ledger: Ledger) -> pd.DataFrame:
    """The rows of a table of boxes without those that say once more what a row above says.

    Args:
        table: A row a box.
        name: The column that names the image.
        ledger: Counts them.
    """
    is_repeated = table.duplicated()
    ledger.mask("row of a box stands twice (once is read)", table[name][is_repeated])
    return table[~is_repeated].reset_index(drop=True)


def clipped_boxes(
    box_N4: Float, width: float, height: float, names: Sequence[str], ledger: Ledger
) -> tuple[Float, NDArray[np.bool_]]:
    """Boxes (N, 4) of images of one size clipped to it, and which have an area (N,); the ledger counts changes.

    Args:
        box_N4: Corners in pixels.
        width: Width of the image.
        height: Height of the image.
        names: What the ledger calls the image of each box.
        ledger: Counts the boxes that are clipped, and those without area.
    """
    clipped_N4, is_valid_N = valid_boxes(box_N4, width, height)
    is_cut_N = is_valid_N & (np.abs(clipped_N4 - box_N4) > _SLACK).any(-1)
    told = {"box reaches out of the image (clipped)": is_cut_N, "box without area in the image": ~is_valid_N}
    for reason, is_told_N in told.items():
        ledger.mask(reason, [name for name, is_told in zip(names, is_told_N, strict=True) if is_told])
    return clipped_N4, is_valid_N
