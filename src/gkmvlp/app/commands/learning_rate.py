"""Choose the learning rates of a config that fine-tunes, on validation data."""

from gkmvlp.app.experiments.learning_rate import add_arguments, run

__all__ = ["add_arguments", "run"]
