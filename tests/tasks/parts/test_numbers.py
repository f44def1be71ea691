"""Numbers of optimizers and objectives that cannot work are refused, and those at the edge are not."""

import pytest

from gkmvlp.errors import ConfigError
from gkmvlp.models.config import Architecture
from gkmvlp.tasks.parts.objectives import Objective
from gkmvlp.tasks.parts.optimization import OptimizerConfig

NAN = float("nan")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("lr", 0.0), ("lr", -1e-4), ("lr", NAN), ("weight_decay", -0.1), ("warmup_steps", -1), ("min_lr_ratio", 1.5),
        ("layer_decay", 2.0), ("layer_decay", NAN), ("head_lr_mult", -1.0), ("beta2", 1.0),
    ],
)  # fmt: skip
def test_an_optimizer_that_moves_no_weight_or_moves_them_apart(key: str, value: float):
    with pytest.raises(ConfigError, match=rf"optimizer\.{key} must be .*, got "):
        OptimizerConfig(**{key: value})


@pytest.mark.parametrize(
    ("key", "value"), [("weight", -1.0), ("weight", NAN), ("every_n_steps", 0), ("start_step", -1)]
)
def test_an_objective_that_rewards_the_wrong_or_never_comes_due(key: str, value: float):
    with pytest.raises(ConfigError, match=rf"objective\.{key} must be at least"):
        Objective(**{key: value})


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("text", "hidden_size", 0), ("text", "num_hidden_layers", -1), ("text", "dropout", 1.5),
        ("text", "max_length", 0),
        ("knowledge", "num_attention_heads", 0), ("knowledge", "entities", []), ("", "projection_dim", 0),
        ("", "memory_grid", 0), ("", "image_size", -32),
    ],
)  # fmt: skip
def test_an_architecture_of_which_no_network_can_be_built(part: str, key: str, value: object):
    values = {part: {key: value}} if part else {key: value}
    place = ".".join(filter(None, ("architecture", part, key)))
    with pytest.raises(ConfigError, match=rf"{place} (?:must be|is empty)"):
        Architecture.from_dict(values)


def test_numbers_at_the_edge_are_taken():
    OptimizerConfig(weight_decay=0, warmup_steps=0, min_lr_ratio=0, layer_decay=1, head_lr_mult=0, beta2=0)
    Objective(weight=0, every_n_steps=1, start_step=0)
