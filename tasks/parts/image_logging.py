"""Pictures of what a model looks at, for TensorBoard.

E entities, h x w grid.
"""

from typing import Any, cast

import numpy as np
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gkmvlp.batch import ImageBatch, QuestionBatch
from gkmvlp.tasks.base import Task
from gkmvlp.tasks.parts.drawing import draw_map, draw_regions, panels
from gkmvlp.tasks.parts.sharding import is_sharded
from gkmvlp.tasks.vqa import VisualQuestionAnswering


def attention_maps(task: Task, batch: ImageBatch) -> NDArray[np.float32]:
    """Attention of each prompt over the patches of each image, (B, E, h, w)."""
    image = task.encode_images(batch)
    maps = image.grounded.patch_attention.unflatten(-1, image.features.grid)
    return cast("NDArray[np.float32]", maps.float().cpu().numpy())


class Pictures(Callback):
    """After each validation: the first radiograph with its regions, what prompts attend to, or its questions.

    None in a sharded fit (FSDP2): one process alone has no whole model to draw with.

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
        if batch_idx or trainer.sanity_checking or not isinstance(logger, TensorBoardLogger) or is_sharded(pl_module):
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
        axes[0].imshow(image_SS, cmap="gray", vmin=0, vmax=1)
        draw_regions(axes[0], batch["region_box"][0].float().cpu().numpy() * len(image_SS))
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
