"""Pictures of ``gkmvlp predict``: the radiograph at its own resolution, what was said of it, and who said it.

H x W pixels of the original image, h x w grid.
"""

import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from gkmvlp.app.prediction.images import MARK
from gkmvlp.batch import ImageBatch
from gkmvlp.geometry import Letterbox
from gkmvlp.models.gk_mvlp import ImageMemory
from gkmvlp.notices import NOT_CLINICAL
from gkmvlp.tasks.parts.drawing import draw_boxes, draw_regions, panels
from gkmvlp.zoo.inference.prediction import Pixels, Prediction
from gkmvlp.zoo.inference.predictor import Predictor

SHOWN = 7  # entities or prompts of a picture
WIDEST = 4096  # pixels across; up to there a radiograph is drawn pixel for pixel


def draw(
    file: Path,
    task: str,
    predictor: Predictor,
    batch: ImageBatch,
    image: ImageMemory,
    b: int,
    rows: list[dict[str, Any]],
    pixels_HW: Pixels,
) -> None:
    """Writes one picture, with ``MARK`` inside.

    Args:
        file: Where; a PNG.
        task: What was asked for.
        predictor: The model.
        batch: The images.
        image: Their memory.
        b: Which of them.
        rows: What was said of it, likeliest first.
        pixels_HW: Its pixels.
    """
    frame, side = Letterbox(*batch["letterbox"][b].tolist()), predictor.architecture.image_size
    grounded = task == "grounding"
    count = {"grounding": 1 + SHOWN, "localization": 1}.get(task, 2)
    size = 2.6 if grounded else 5.0 if count == 1 else 4.0
    figure, axes = panels(count, size=size)
    for axis in axes[: count if grounded else 1]:
        axis.imshow(pixels_HW, cmap="gray", vmin=0, vmax=255)
    if grounded:
        draw_regions(axes[0], frame.to_original(batch["region_box"][b].cpu().numpy() * side))
        map_Ehw = image.grounded.patch_attention[b].unflatten(-1, image.features.grid).float().cpu().numpy()
        shown = Prediction(attention=dict(zip(predictor.entities, map_Ehw, strict=True)), frame=frame, side=side)
        for axis, row in zip(axes[1:], rows, strict=False):
            axis.imshow(shown.heat_map(row["entity"]), cmap="inferno", alpha=0.45)
            axis.set_title(f"{row['entity']} {row['probability']:.2f}", fontsize=7)
    elif task == "localization":
        draw_found(axes[0], [row for row in rows if row["is_likely"]])
    else:
        lines = [line for row in rows[:SHOWN] for line in textwrap.wrap(_line(row), 48)]
        axes[1].text(0, 1, "\n".join(lines), va="top", fontsize=9, transform=axes[1].transAxes)
    figure.suptitle(Path(batch["sample_id"][b]).name, fontsize=8)
    figure.supxlabel("\n".join(filter(None, (predictor.notice, NOT_CLINICAL))), fontsize=7)
    pixels = min(max(pixels_HW.shape), WIDEST // min(count, 4))
    figure.savefig(file, dpi=max(130, pixels / size), facecolor="white", metadata=MARK)


def draw_found(axis: Any, rows: list[dict[str, Any]]) -> None:
    """Boxes that are given in pixels of the original image, and the threshold that they reach."""
    axis.set_title("" if rows else "no box above the threshold", fontsize=8)
    for row in rows:
        box_4 = np.array([row[side] for side in ("x1", "y1", "x2", "y2")], np.float32)
        draw_boxes(axis, box_4[None], "tab:orange")
        caption = f"{row['entity']} {row['score']:.2f} (from {row['threshold']:.2f})"
        axis.text(*box_4[:2], caption, fontsize=7, color="tab:orange", va="bottom")


def _line(row: dict[str, Any]) -> str:
    """One row in words."""
    if "prediction" in row:
        return " ".join(filter(None, (row.get("question"), row["prediction"])))
    if "prompt" in row:
        return f"{row['score']:+.3f}  {row['prompt']}"
    return f"{row['probability']:.2f}  {row.get('entity') or row['category']}"
