"""Depthwise convolutions that stay in float32 on processors.

Under bfloat16 autocast the backward of a depthwise convolution is several times slower on a CPU than in float32, as
no kernel of its own stands behind it; of EfficientNet-Lite0 it was 70 % of a step. The other convolutions gain by
bfloat16 and keep it.
"""

from typing import Any

import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn


class _Float32OnCpu:
    """Mixin of a convolution: on a processor under autocast it computes in float32, and gives float32."""

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C, h, w)."""
        convolution: Any = super()
        if image_BCHW.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return convolution.forward(image_BCHW)
        with torch.autocast("cpu", enabled=False):
            return convolution.forward(image_BCHW.float())


class DepthwiseConv2d(_Float32OnCpu, nn.Conv2d):
    """A depthwise ``nn.Conv2d``."""


class DepthwiseConv2dSame(_Float32OnCpu, Conv2dSame):
    """A depthwise convolution with TensorFlow's padding."""


FLOAT32_ON_CPU: dict[type[nn.Conv2d], type[nn.Conv2d]] = {
    nn.Conv2d: DepthwiseConv2d,
    Conv2dSame: DepthwiseConv2dSame,
}


def depthwise_in_float32(model: nn.Module) -> None:
    """Makes the depthwise convolutions of a model compute in float32 on processors; weights and names stay.

    Args:
        model: Changed in place.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
            module.__class__ = FLOAT32_ON_CPU.get(type(module), type(module))
