"""What the tasks that fine-tune share: the rate of each start, and an image side that may be held still."""

from dataclasses import replace

from lightning import LightningDataModule

from gkmvlp.models.config import Architecture
from gkmvlp.tasks.base import Task
from gkmvlp.tasks.optimization import Optimization


class FineTuning(Task):
    """Base of the tasks that learn from a backbone or from scratch.

    Args:
        architecture: What to build from scratch, or what the backbone must be; ``null`` takes the backbone's own.
        backbone: Folder of a backbone; ``null`` starts from scratch.
        optimization: How weights move.
        scratch_rate: Peak learning rate where ``backbone`` is null; without it that of ``optimization``. Each start
            gets the rate that validation chose for it.
        is_frozen: Keep the image side of the backbone as it is. Without a backbone there is nothing to keep.
        seed: Names the run in its predictions.
    """

    def __init__(
        self,
        architecture: Architecture | None,
        backbone: str | None,
        optimization: Optimization,
        scratch_rate: float | None,
        is_frozen: bool,
        seed: int,
    ) -> None:
        if backbone is None and scratch_rate is not None:
            optimization = replace(optimization, rate=scratch_rate)
        super().__init__(architecture, backbone, optimization)
        self.is_frozen = is_frozen and backbone is not None
        self.seed = seed

    def prepare(self, datamodule: LightningDataModule) -> None:
        """Loads the backbone, or builds a fresh one, and holds its image side still where that is asked for."""
        if self.start is not None:
            return
        super().prepare(datamodule)
        if self.is_frozen:
            self.model.freeze_image_side()
