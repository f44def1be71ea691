"""Weights of an image encoder: timm's own by name, or a file in one of the layouts of ``foreign_weights``."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gkmvlp.checkpoints.foreign_weights import LAYOUTS, read_vision
from gkmvlp.checkpoints.weights import differences
from gkmvlp.errors import BackboneError, ConfigError
from gkmvlp.models.config import VisionConfig
from gkmvlp.models.vision import VisionEncoder, create_timm


def load_vision(encoder: VisionEncoder, config: VisionConfig, image_size: int) -> None:
    """Fills an image encoder with the weights that its config names; without any it stays as it is.

    timm reads them into a model of its own, since it sums colours to grey, moves positions to another size and picks
    stages only where it makes a model.

    Args:
        encoder: The encoder, made by the same config.
        config: Names the weights.
        image_size: Side S of the images in pixels.

    Raises:
        BackboneError: If there are none, or they do not fit.
    """
    if not config.weights:
        return
    layout, state = ("", {}) if config.weights == "pretrained" else read_vision(config)
    options: dict[str, Any] = {"pretrained": True}
    if layout:  # timm loads strictly only where the number of classes is the same
        options |= {"pretrained_cfg_overlay": {"state_dict": state, "num_classes": 0}}
    try:
        with torch.random.fork_rng(devices=[]):  # what is drawn in vain moves nothing that is drawn later
            filled = create_timm(config, image_size, **options)
    except ConfigError as error:
        reason: object = error
        if layout:
            reason = f"{_differ(config, image_size, state) or error}; read as {layout} (known: {', '.join(LAYOUTS)})"
        raise BackboneError(f"vision weights {config.weights} do not fit {config.name}: {reason}") from error
    encoder.model.load_state_dict(filled.state_dict(), strict=True)


def _differ(config: VisionConfig, image_size: int, state: Mapping[str, Tensor]) -> str:
    """What keeps tensors from filling the timm model: names, and shapes only if no name does, for timm fits some."""
    expected = create_timm(VisionConfig(config.name, timm_kwargs=config.timm_kwargs), image_size).state_dict()
    shaped_alike = {name: state.get(name, tensor) for name, tensor in expected.items()}
    return differences(state, shaped_alike) or differences(state, expected)
