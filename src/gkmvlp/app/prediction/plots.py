"""Pictures of ``gkmvlp predict``: the radiograph, what was said of it, and who said it.

h x w grid.
"""

import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from gkmvlp.batch import ImageBatch
from gkmvlp.geometry import Frame
from gkmvlp.models.gk_mvlp import ImageMemory
from gkmvlp.notices import NOT_CLINICAL
from gkmvlp.tasks.parts.drawing import Pixels, draw_boxes, draw_map, draw_regions, panels
from gkmvlp.zoo.inference.predictor import Reader

SHOWN = 7  # entities or prompts of a picture


def draw(
    file: Path, task: str, reader: Reader, batch: ImageBatch, image: ImageMemory, b: int, rows: list[dict[str, Any]]
) -> None:
    """Writes one picture.

    Args:
        file: Where.
        task: What was asked for.
        reader: The model.
        batch: The images.
        image: Their memory.
        b: Which of them.
        rows: What was said of it, likeliest first.
    """
    image_SS = batch["image"][b, 0].cpu().numpy()
    grounded = task == "grounding"
    count = {"grounding": 1 + SHOWN, "localization": 1}.get(task, 2)
    figure, axes = panels(count, size=2.6 if grounded else 5.0 if count == 1 else 4.0)
    if grounded:
        draw_regions(axes[0], image_SS, batch["region_box"][b].cpu().numpy())
        map_Ehw = image.grounded.patch_attention[b].unflatten(-1, image.features.grid).float().cpu().numpy()
        for axis, row in zip(axes[1:], rows, strict=False):
            map_hw = map_Ehw[reader.entities.index(row["entity"])]
            draw_map(axis, image_SS, map_hw, f"{row['entity']} {row['probability']:.2f}")
    elif task == "localization":
        draw_found(axes[0], image_SS, Frame(*batch["frame"][b].tolist()), [row for row in rows if row["is_likely"]])
    else:
        axes[0].imshow(image_SS, cmap="gray", vmin=0, vmax=1)
        lines = [line for row in rows[:SHOWN] for line in textwrap.wrap(_line(row), 48)]
        axes[1].text(0, 1, "\n".join(lines), va="top", fontsize=9, transform=axes[1].transAxes)
    figure.suptitle(Path(batch["sample_id"][b]).name, fontsize=8)
    figure.supxlabel("\n".join(filter(None, (reader.notice, NOT_CLINICAL))), fontsize=7)
    figure.savefig(file, dpi=130, facecolor="white")


def draw_found(axis: Any, image_SS: Pixels, frame: Frame, rows: list[dict[str, Any]]) -> None:
    """A radiograph with boxes that are given in pixels of the original image."""
    axis.imshow(image_SS, cmap="gray", vmin=0, vmax=1)
    axis.set_title("" if rows else "no box above the threshold", fontsize=8)
    for row in rows:
        box_4 = frame.forward(np.array([[row[side] for side in ("x1", "y1", "x2", "y2")]], np.float32))[0]
        draw_boxes(axis, box_4[None], "tab:orange")
        axis.text(*box_4[:2], f"{row['entity']} {row['score']:.2f}", fontsize=7, color="tab:orange", va="bottom")


def _line(row: dict[str, Any]) -> str:
    """One row in words."""
    if "prediction" in row:
        return " ".join(filter(None, (row.get("question"), row["prediction"])))
    if "prompt" in row:
        return f"{row['score']:+.3f}  {row['prompt']}"
    return f"{row['probability']:.2f}  {row['entity']}"
