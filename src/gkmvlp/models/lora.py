"""Low-rank adapters (LoRA, Hu et al. 2021, arXiv 2106.09685) in a model, put there by peft: the extra ``lora``.

A layer W becomes W + (alpha / rank) B A, of which A and B alone are trained. B starts at zero, so a fresh adapter
changes nothing.
"""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from timm.layers.conv2d_same import Conv2dSame
from torch import nn

from gkmvlp.errors import ConfigError, nearest

# of attention: queries and values (Hu et al., section 7.1), by the names of text, knowledge and fusion, and by timm's
ATTENTION = ("query", "value", "qkv")
NAME = "default"  # peft's word for the one adapter of a model


@dataclass
class LoraConfig:
    """How a backbone is adapted.

    Attributes:
        rank: Rows of A and columns of B.
        alpha: B A is scaled by alpha / rank.
        dropout: On what A reads, in training.
        target_modules: Ends of the names of linear layers and convolutions; ``null`` means queries and values of all
            attention. Layers that the task holds still are left out.
    """

    rank: int = 8
    alpha: int = 16
    dropout: float = 0.0
    target_modules: list[str] | None = None


AdaptationWord = Literal["lora"]  # LoRA with its defaults
Adaptation = AdaptationWord | LoraConfig | None  # None trains the layers themselves


def insert_lora(model: nn.Module, config: LoraConfig) -> tuple[str, ...]:
    """Puts adapters into a model and freezes everything else in it, statistics of batch norms too.

    Args:
        model: Changed in place: a layer keeps its weight under ``NAME.base_layer.weight``.
        config: How.

    Returns:
        Names of the layers that have an adapter.

    Raises:
        ConfigError: If peft is absent, a number does not fit, or no layer can be adapted.
    """
    if importlib.util.find_spec("peft") is None:
        raise ConfigError("adapter: lora needs peft: pip install 'gkmvlp[lora]'")
    if config.rank < 1 or config.alpha < 1 or not 0 <= config.dropout < 1:
        raise ConfigError(
            f"adapter: rank and alpha from 1 on and dropout in [0, 1) were expected, got rank {config.rank}, "
            f"alpha {config.alpha}, dropout {config.dropout}"
        )
    layers = adaptable(model, config.target_modules)
    import peft

    options = peft.LoraConfig(
        r=config.rank, lora_alpha=config.alpha, lora_dropout=config.dropout, target_modules=list(layers)
    )
    peft.inject_adapter_in_model(options, model, NAME)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()  # Lightning leaves modes as they are
    return layers


def adaptable(model: nn.Module, ends: Sequence[str] | None = None) -> tuple[str, ...]:
    """Names of the layers that get an adapter: those that are trained so far and end in one of the names.

    Args:
        model: The model.
        ends: Ends of names, whole between dots; None means those of ``ATTENTION``.

    Raises:
        ConfigError: If an end is that of no such layer, or there is none at all.
    """
    found = {end: [name for name, part in model.named_modules() if _fits(name, end)] for end in ends or ATTENTION}
    kinds = dict(model.named_modules())
    for end, names in found.items():
        if ends is not None and (reason := _unfit(end, [kinds[name] for name in names], kinds)):
            raise ConfigError(f"adapter: target_modules {end!r}: {reason}")
    trained = {name for names in found.values() for name in names if _is_trained(kinds[name])}
    if not trained:
        raise ConfigError(
            "adapter: no layer to adapt: the task holds all of them still; unfreeze it, or leave the adapter out"
        )
    return tuple(name for name in kinds if name in trained)


def _fits(name: str, end: str) -> bool:
    return f".{name}".endswith(f".{end}")


def _is_trained(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Linear | nn.Conv2d) and layer.weight.requires_grad


def _unfit(end: str, layers: Sequence[nn.Module], kinds: dict[str, nn.Module]) -> str | None:
    """What speaks against adapting the layers of an end; None where nothing does."""
    if not layers:
        near = nearest(end, {name.rpartition(".")[2] for name in kinds}, cutoff=0.5)
        return "no layer has a name that ends so" + (f"; did you mean {near}?" if near else "")
    for layer in layers:
        if not isinstance(layer, nn.Linear | nn.Conv2d):
            return f"linear layers and convolutions are adapted, not {type(layer).__name__}"
        if isinstance(layer, nn.Conv2d) and layer.groups > 1:
            return "depthwise convolutions are not adapted"
        if isinstance(layer, Conv2dSame) and max(layer.kernel_size) > 1:
            return "convolutions with TensorFlow's padding are adapted where they are 1 x 1"
    return None
