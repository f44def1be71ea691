"""FSDP2: each process keeps its part of weights, gradients and moments; a layer is gathered where it is computed."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import torch.distributed as dist
from lightning import LightningModule
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import nn
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method

SHARDED = "sharded"  # key of a checkpoint
STEPS = ("training_step", "validation_step", "test_step")  # what Lightning calls in the place of forward
LAYER_METHODS = ("project",)  # what models call of a layer beside its forward
_LISTS = (nn.ModuleList, nn.Sequential)


def is_sharded(module: nn.Module) -> bool:
    """Whether ``shard`` took a module apart."""
    return isinstance(module, FSDPModule)


def shard(task: LightningModule, encoders: list[nn.Module], strategy: ModelParallelStrategy) -> None:
    """Spreads a task over the processes of a strategy, in place; all take the values of the first.

    What lies outside the layers of the encoders is whole for as long as a step runs, so that a step may read it by any
    method. A layer is whole inside its ``forward`` and ``LAYER_METHODS`` alone.

    Args:
        task: What is trained. Parameters without a dimension, which cannot be cut, get one.
        encoders: Its networks of many layers.
        strategy: Lightning's, after its processes have met.
    """
    for name, parameter in list(task.named_parameters(recurse=False)):
        if parameter.ndim == 0:
            setattr(task, name, nn.Parameter(parameter.detach()[None], parameter.requires_grad))
    if strategy._layer_sync is not None:  # Lightning applies it under other strategies alone
        strategy._layer_sync.apply(task)
    task.to(strategy.root_device)
    for tensor in chain(task.parameters(), task.buffers()):
        tensor.data = tensor.data.contiguous()  # FSDP2 cuts no weights of convolutions that lie channels last
        dist.broadcast(tensor.data, 0)
    options: dict[str, Any] = {"mesh": strategy.device_mesh["data_parallel"]}
    for layer in chain.from_iterable(layers(encoder) for encoder in encoders):
        fully_shard(layer, **options)
        for method in LAYER_METHODS:
            if hasattr(layer, method):
                register_fsdp_forward_method(layer, method)
    fully_shard(task, **options)
    for step in STEPS:
        register_fsdp_forward_method(task, step)


def layers(encoder: nn.Module) -> Iterator[nn.Module]:
    """The members of an encoder's lists of modules, lists in lists taken apart; plain ones, as a norm, are none."""
    lists = [child for child in encoder.children() if isinstance(child, _LISTS)]
    for members in lists:  # which grows
        for member in members:
            if isinstance(member, _LISTS):
                lists.append(member)
            elif any(True for _ in member.children()) and any(True for _ in member.parameters()):
                yield member
