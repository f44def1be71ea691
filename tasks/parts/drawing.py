"""Drawing radiographs with boxes and heat maps.

S side, N boxes, R regions, h x w grid.
"""

from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gkmvlp.anatomy import REGIONS
from gkmvlp.tasks.parts.heat_maps import enlarge

Pixels = NDArray[np.float32]
SHOWN_REGIONS = ("right lung", "left lung", "cardiac silhouette", "trachea", "aortic arch", "abdomen")


def panels(count: int, columns: int = 4, size: float = 2.6) -> tuple[Figure, list[Any]]:
    """A figure with ``count`` empty square panels, whose titles show a $ as it is; with none it says so."""
    if not count:
        figure = Figure(figsize=(size, size / 3))
        figure.text(0.5, 0.5, "nothing to show", ha="center", va="center", fontsize=8)
        return figure, []
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(size * columns, size * 1.12 * rows), layout="constrained")
    with matplotlib.rc_context({"text.parse_math": False}):
        axes = np.atleast_1d(figure.subplots(rows, columns)).ravel().tolist()
    for axis in axes:
        axis.set_axis_off()
    return figure, axes[:count]


def draw_boxes(axis: Any, box_N4: Pixels, colour: str, side: int = 1) -> None:
    """Outlines of boxes (N, 4) xyxy in units of the frame divided by ``side``."""
    for x1, y1, x2, y2 in box_N4 * side:
        axis.plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], color=colour, linewidth=0.9)


def draw_regions(axis: Any, box_R4: Pixels) -> None:
    """Outlines and names of a few regions over a radiograph, whose boxes (R, 4) xyxy are in pixels of it."""
    for name in SHOWN_REGIONS:
        box_4 = box_R4[REGIONS.index(name)]
        draw_boxes(axis, box_4[None], "tab:orange")
        axis.text(*box_4[:2], name, fontsize=4.5, color="tab:orange", va="top")


def draw_map(axis: Any, image_SS: Pixels, map_hw: Pixels, title: str) -> None:
    """A radiograph under a heat map, enlarged bicubically as the pointing game enlarges it."""
    side = len(image_SS)
    axis.imshow(image_SS, cmap="gray", vmin=0, vmax=1)
    axis.imshow(np.maximum(enlarge(map_hw, side), 0), cmap="inferno", alpha=0.45)
    axis.set_title(title, fontsize=7)
