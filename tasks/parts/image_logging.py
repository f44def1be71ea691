"""Pictures of what a model looks at, for TensorBoard and the result page.

S side, R regions, E entities, h x w grid.
"""

from typing import Any, cast

import matplotlib
import numpy as np
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch.nn import functional as F

from gkmvlp.anatomy import REGIONS
from gkmvlp.batch import ImageBatch, QuestionBatch
from gkmvlp.tasks.base import Task
from gkmvlp.tasks.vqa import VisualQuestionAnswering

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


def draw_regions(axis: Any, image_SS: Pixels, box_R4: Pixels) -> None:
    """A radiograph with a few of its regions named."""
    side = len(image_SS)
    axis.imshow(image_SS, cmap="gray", vmin=0, vmax=1)
    for name in SHOWN_REGIONS:
        box = box_R4[REGIONS.index(name)]
        draw_boxes(axis, box[None], "tab:orange", side)
        axis.text(box[0] * side + 1, box[1] * side + 1, name, fontsize=4.5, color="tab:orange", va="top")


def draw_map(axis: Any, image_SS: Pixels, map_hw: Pixels, title: str) -> None:
    """A radiograph under a heat map, enlarged bicubically as the pointing game enlarges it."""
    side = len(image_SS)
    large = F.interpolate(torch.from_numpy(map_hw)[None, None], (side, side), mode="bicubic", align_corners=False)
    axis.imshow(image_SS, cmap="gray", vmin=0, vmax=1)
    axis.imshow(large[0, 0].clamp_min(0).numpy(), cmap="inferno", alpha=0.45)
    axis.set_title(title, fontsize=7)


def attention_maps(task: Task, batch: ImageBatch) -> NDArray[np.float32]:
    """Attention of each prompt over the patches of each image, (B, E, h, w)."""
    image = task.look(batch)
    maps = image.grounded.patch_attention.unflatten(-1, image.features.grid)
    return cast("NDArray[np.float32]", maps.float().cpu().numpy())


class Pictures(Callback):
    """After each validation: the first radiograph with its regions, what prompts attend to, or its questions.

    Args:
        count: How many prompts or questions are shown.
    """

    def __init__(self, count: int = 7) -> None:
        self.count = count

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        """Draws the first batch, on rank 0, into TensorBoard."""
        logger = pl_module.logger
        if batch_idx or trainer.sanity_checking or not isinstance(logger, TensorBoardLogger):
            return
        assert isinstance(pl_module, Task)
        if isinstance(pl_module, VisualQuestionAnswering):
            figure = self.questions(pl_module, batch)
        else:
            figure = self.prompts(pl_module, batch)
        logger.experiment.add_figure("validation", figure, trainer.global_step)

    def prompts(self, task: Task, batch: ImageBatch) -> Figure:
        """One radiograph: its regions, then a heat map a prompt."""
        names = task.architecture.knowledge.entities[: self.count]
        first = {key: value[:1] for key, value in batch.items()}  # type: ignore[index]
        maps_Ehw = attention_maps(task, cast(ImageBatch, first))[0]
        image_SS = batch["image"][0, 0].float().cpu().numpy()
        figure, axes = panels(len(names) + 1)
        draw_regions(axes[0], image_SS, batch["region_box"][0].float().cpu().numpy())
        for axis, name, map_hw in zip(axes[1:], names, maps_Ehw, strict=False):
            draw_map(axis, image_SS, map_hw, name)
        return figure

    def questions(self, task: VisualQuestionAnswering, batch: QuestionBatch) -> Figure:
        """A radiograph a question, with the answer wanted and the answer given."""
        shown = cast(QuestionBatch, {key: value[: self.count] for key, value in batch.items()})  # type: ignore[index]
        figure, axes = panels(len(shown["question"]))
        for b, (axis, guess) in enumerate(zip(axes, task.predicted(shown), strict=True)):
            axis.imshow(shown["image"][b, 0].float().cpu().numpy(), cmap="gray", vmin=0, vmax=1)
            mark = "=" if guess == shown["answer"][b] else "not"
            axis.set_title(
                f"{shown['question'][b][:60]}\n{guess} ({mark} {shown['answer'][b]})", fontsize=5.5, wrap=True
            )
        return figure
