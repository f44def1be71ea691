"""AdamW with parameter groups, layer-wise decay, and a warm-up followed by a cosine."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from gkmvlp.errors import ConfigError, require_between


@dataclass
class OptimizerConfig:
    """How weights move.

    Attributes:
        lr: Peak learning rate.
        weight_decay: Of matrices; biases, norms and embeddings of size one dimension are not decayed.
        warmup_steps: Steps of linear warm-up from 0.
        min_lr_ratio: Learning rate at the last step, as a share of the peak.
        layer_decay: Factor on the rate for each layer further from the output; 1 treats all alike.
        head_lr_mult: Factor on the rate of parameters that are not of the backbone.
        beta2: Second momentum coefficient.
    """

    lr: float = 1e-4
    weight_decay: float = 0.05
    warmup_steps: int = 500
    min_lr_ratio: float = 0.01
    layer_decay: float = 1.0
    head_lr_mult: float = 1.0
    beta2: float = 0.98

    def __post_init__(self) -> None:
        """Refuses what moves no weight, or moves them apart.

        Raises:
            ConfigError: If a number is outside the range in which it works.
        """
        if not self.lr > 0:
            raise ConfigError(f"optimizer.lr must be above 0, got {self.lr}")
        steps, decay, head = self.warmup_steps, self.weight_decay, self.head_lr_mult
        require_between("optimizer", 0, warmup_steps=steps, weight_decay=decay, head_lr_mult=head)
        require_between("optimizer", 0, 1, min_lr_ratio=self.min_lr_ratio, layer_decay=self.layer_decay)
        require_between("optimizer", 0, 0.99999, beta2=self.beta2)


_LAYER = re.compile(r"\b(?:vision\.model\.(?:blocks|layers|stages|layer)|text\.layers)[._]?(\d+)")
_TOP = re.compile(r"\bvision\.model\.(?:conv_head|bn2|norm|head_norm|norm_head)\b")  # behind the last block
_STEM = re.compile(r"\bvision\.model\.|\btext\.(?:word|position|segment|norm)\b")


def layer_index(name: str) -> int | None:
    """Layer of an encoder that a parameter belongs to, 0 for stems and embeddings, None above the encoders."""
    if match := _LAYER.search(name):
        return int(match.group(1)) + 1
    if _TOP.search(name):
        return None
    return 0 if _STEM.search(name) else None


def encoder(name: str) -> str:
    """Which encoder a parameter lies in: image and text are counted apart, as they differ in depth."""
    return "vision" if "vision." in name else "text"


def parameter_groups(named: Iterable[tuple[str, nn.Parameter]], options: OptimizerConfig) -> list[dict[str, object]]:
    """Groups of equal rate and decay.

    Args:
        named: Names and parameters; frozen ones are left out.
        options: ``layer_decay`` gives the d-th layer of an encoder, counted from its output, the rate
            ``rate * layer_decay ** d``.
    """
    chosen = [(name, parameter) for name, parameter in named if parameter.requires_grad]
    top: dict[str, int] = {}
    for name, _ in chosen:
        if (layer := layer_index(name)) is not None:
            top[encoder(name)] = max(top.get(encoder(name), 0), layer + 1)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in chosen:
        layer = layer_index(name)
        factor = options.layer_decay ** (top[encoder(name)] - layer) if layer is not None else 1.0
        factor *= 1.0 if name.startswith("model.") else options.head_lr_mult
        decay = options.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((factor, decay), []).append(parameter)
    return [
        {"params": parameters, "lr": options.lr * factor, "weight_decay": decay}
        for (factor, decay), parameters in groups.items()
    ]


def warmup_cosine(step: int, total: int, warmup_steps: int, min_lr_ratio: float) -> float:
    """Factor on the rate: linear from 0 to 1 over ``warmup_steps`` steps, then half a cosine down to ``min_lr_ratio``.

    Args:
        step: Steps done.
        total: Steps of the whole run.
        warmup_steps: Steps of warm-up; at most half of all.
        min_lr_ratio: Factor at the end, in [0, 1].
    """
    warmup_steps = min(warmup_steps, total // 2)
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = min(1.0, (step - warmup_steps) / max(1, total - warmup_steps))
    return min_lr_ratio + (1 - min_lr_ratio) * (1 + math.cos(math.pi * progress)) / 2


def build_optimizer(module: nn.Module, options: OptimizerConfig, total: int) -> tuple[AdamW, LambdaLR]:
    """Optimizer and schedule of a module for ``total`` steps."""
    groups = parameter_groups(module.named_parameters(), options)
    fused = all(parameter.device.type in ("cuda", "cpu") for parameter in module.parameters())
    optimizer = AdamW(groups, lr=options.lr, betas=(0.9, options.beta2), fused=fused or None)
    # a fused step could undo a scaler's factor itself, for which Lightning forbids clipping in every mixed precision
    # (bfloat16, which has no scaler, too); without the offer the factor is undone first, then gradients are clipped
    optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined]
    # no lambda: loaders that spawn their workers pickle the trainer along
    factor = partial(warmup_cosine, total=total, warmup_steps=options.warmup_steps, min_lr_ratio=options.min_lr_ratio)
    return optimizer, LambdaLR(optimizer, factor)
