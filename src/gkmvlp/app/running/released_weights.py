"""Tests a released model as it is: its tensors take the place of those that a fit would have left."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from gkmvlp.checkpoints.heads import format_of

CHECKED = ("answers", "labels")  # of a head; a task compares them with its own, as those of a checkpoint


class ReleasedWeights(Callback):
    """Fills the task with a released model before the first test batch.

    Args:
        reference: The model, as ``gkmvlp.load`` takes it.
    """

    def __init__(self, reference: str) -> None:
        self.reference = reference

    def on_test_start(self, trainer: Trainer, task: LightningModule) -> None:
        """Takes the tensors of backbone and head; a task has them under ``model`` and under its head's name.

        Raises:
            BackboneError: If the model has another tokenizer or other labels than the task.
            ConfigError: If it has other answers.
        """
        from gkmvlp.zoo.inference.loading import open_predictor  # a fit needs nothing of it

        released = open_predictor(self.reference, "cpu")
        names = {key: list(getattr(released.head, key)) for key in CHECKED if hasattr(released.head, key)}
        task.on_load_checkpoint({"tokenizer": released.backbone.tokenizer.get_vocab(), **names})
        backbone: Any = task.model  # Lightning knows of no module's children
        backbone.load_state_dict(released.model.state_dict())
        if (head := released.head) is not None and (tensors := format_of(head).module(head)) is not None:
            own = next(child for child in task.children() if type(child) is type(tensors))
            own.load_state_dict(tensors.state_dict())
