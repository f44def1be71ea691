"""Adapters as files, in peft's layout: ``adapter_config.json`` and ``adapter_model.safetensors``.

A model's folder that holds them has no other tensors than those, its head's, and what a task adds; the rest lies with
its base. To read it needs no peft: A and B are merged into the base's layers. O outputs, I inputs, K rank.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gkmvlp.checkpoints.weights import digest, read_tensors, write_tensors
from gkmvlp.errors import BackboneError
from gkmvlp.models.lora import NAME, LoraConfig

CONFIG_FILE, TENSOR_FILE = "adapter_config.json", "adapter_model.safetensors"
KEY, KIND = "adapter", "lora"  # in config.json
_PREFIX = "base_model.model."  # peft's, before each name
_DIGITS = 12  # of a digest that an error shows


@dataclass(frozen=True)
class Adapter:
    """The adapter in a model that is being trained.

    Attributes:
        config: How it was made.
        layers: Names of the adapted layers.
        base: Folder of, or reference to, the backbone below it.
        base_digest: That of the backbone's tensors (see ``digest``).
    """

    config: LoraConfig
    layers: tuple[str, ...]
    base: str
    base_digest: str

    @property
    def described(self) -> dict[str, str]:
        """What ``config.json`` says of it."""
        return {"kind": KIND, "base": self.base, "base_sha256": self.base_digest}


def parts(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The tensors of a model with an adapter: those of the model below it by their own names, and the adapter's."""
    own = {name.replace(f".{NAME}", ""): tensor for name, tensor in state.items() if ".lora_" in name}
    below = {name.replace(".base_layer.", "."): tensor for name, tensor in state.items() if ".lora_" not in name}
    return below, own


def write_adapter(folder: Path, adapter: Adapter, state: Mapping[str, Tensor], base: Mapping[str, Tensor]) -> None:
    """Writes the tensors of a model with an adapter.

    Args:
        folder: Where.
        adapter: Which.
        state: All tensors of the model.
        base: Those of its base: what is the same there is not written.
    """
    below, own = parts(state)
    write_tensors({_PREFIX + name: tensor for name, tensor in own.items()}, folder / TENSOR_FILE)
    moved = {n: t for n, t in below.items() if n not in base or not torch.equal(t, base[n].to(t.dtype))}
    if moved:  # such as the vectors of prompts that were kept when the image side was frozen
        write_tensors(moved, folder / "model.safetensors")
    config = adapter.config
    content = {
        "peft_type": "LORA",
        "task_type": None,
        "base_model_name_or_path": adapter.base,
        "r": config.rank,
        "lora_alpha": config.alpha,
        "lora_dropout": config.dropout,
        "target_modules": list(adapter.layers),
        "bias": "none",
        "inference_mode": True,
    }
    (folder / CONFIG_FILE).write_text(json.dumps(content, indent=1))


def described(path: Path, config: Mapping[str, Any]) -> dict[str, str] | None:
    """What a model's ``config.json`` says of its adapter; None where it has none.

    Raises:
        BackboneError: If it names no base with a digest, or a kind of adapter that is not known here.
    """
    content = config.get(KEY)
    if content is None:
        return None
    keys = ("kind", "base", "base_sha256")
    is_whole = isinstance(content, dict) and all(isinstance(content.get(key), str) for key in keys)
    if not is_whole or content["kind"] != KIND:
        raise BackboneError(f"{path}: adapter {content!r}: kind {KIND!r}, base and base_sha256 expected; fetch it anew")
    return content


def check_base(folder: Path, described: Mapping[str, str], base: Mapping[str, Tensor]) -> None:
    """Compares the tensors of a base with those that an adapter was trained over.

    Raises:
        BackboneError: If they are others.
    """
    wanted, found = described["base_sha256"], digest(base)
    if found != wanted:
        raise BackboneError(
            f"{folder}: an adapter over {described['base']} with tensors {wanted[:_DIGITS]}, those there are "
            f"{found[:_DIGITS]}: name that base by adapter.base in its config.json, or fine-tune anew"
        )


def merged(folder: Path, base: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a base with an adapter's folder merged into them.

    Raises:
        BackboneError: If a file is missing or broken, or names layers that the base does not have.
    """
    state = dict(base)
    if (folder / "model.safetensors").is_file():
        state |= read_tensors(folder / "model.safetensors")
    own = {name.removeprefix(_PREFIX): tensor for name, tensor in read_tensors(folder / TENSOR_FILE).items()}
    try:
        content: Any = json.loads((folder / CONFIG_FILE).read_text())
        scale = content["lora_alpha"] / content["r"]
        for name in content["target_modules"]:
            change_OI = product(own.pop(f"{name}.lora_A.weight"), own.pop(f"{name}.lora_B.weight"))
            weight = state[f"{name}.weight"].float()
            state[f"{name}.weight"] = weight + scale * change_OI.view_as(weight)
        if own:
            raise KeyError(next(iter(own)))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ZeroDivisionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BackboneError(f"{folder}: no readable adapter for its base ({reason}); fetch it anew") from error
    return state


def product(down: Tensor, up: Tensor) -> Tensor:
    """B A of a layer, (O, I) with the places of a convolution's kernel beside its inputs.

    Args:
        down: A, (K, I), of a convolution (K, I, height, width).
        up: B, (O, K), of a convolution (O, K, 1, 1).
    """
    return up.float().flatten(1) @ down.float().flatten(1)
