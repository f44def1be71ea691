"""The files of a released model: texts without local paths, tensors as few bytes as lose nothing."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from gkmvlp.checkpoints import adapters, checksums
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints.weights import CHECKSUM, is_pickle, read_tensors, write_tensors
from gkmvlp.errors import ZooError
from gkmvlp.local_paths import without_paths
from gkmvlp.zoo.entry import SUFFIXES, Entry


def copy_model(inner: Path, target: Path, backbone: Entry | None) -> None:
    """Copy the files of a model.

    Args:
        inner: Where the model is.
        target: Where it goes.
        backbone: What it was fine-tuned from, where that is in the zoo: tensors that are the same are not written.

    Raises:
        ZooError: If there is something that a model does not consist of, or it is an adapter over a folder.
    """
    base = backbones.tensors_of(backbone.reference) if backbone else {}
    for file in sorted(inner.iterdir()):
        if file.name == checksums.FILE:  # the entry of the zoo has better ones
            continue
        if not file.name.endswith(SUFFIXES) or file.is_dir():
            raise ZooError(f"{file}: no part of a model ({', '.join(SUFFIXES)}); weights: gkmvlp zoo convert")
        if file.suffix == ".safetensors":
            _check_tensors(file)
            shared = base if file.name == "model.safetensors" else {}
            write_tensors(compact(read_tensors(file), shared), target / file.name)
        elif file.suffix != ".json" or file.name == "tokenizer.json":  # that one holds words, and no path
            shutil.copyfile(file, target / file.name)
        else:
            content = without_paths(json.loads(file.read_text(encoding="utf-8")))
            if file.name in _NAMING_BASE:
                content = _NAMING_BASE[file.name](content, backbone)
            (target / file.name).write_text(json.dumps(content, indent=1), encoding="utf-8")


def rename_backbone(folder: Path, before: str | None, after: str | None) -> None:
    """Names the backbone that a released model stands on by its files of today; the tensors must be the same.

    Args:
        folder: Of the model; its texts are changed.
        before: Reference that they hold; None of a model that stands on none.
        after: Reference in its place.
    """
    if before is None or after is None or before == after:
        return
    for file in sorted(folder.iterdir()):
        if file.suffix in (".json", ".yaml"):
            file.write_text(file.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")


def _released(config: dict[str, Any], backbone: Entry | None) -> dict[str, Any]:
    """A model's ``config.json``: no folder of this machine in it, and where the tensors are that are not here.

    Raises:
        ZooError: If it is that of an adapter whose base is not in the zoo.
    """
    if adapters.KEY in config:
        if backbone is None:
            raise ZooError(
                "an adapter is published over a base of the zoo, this one stands on a folder of this machine: publish "
                "that first and fine-tune from it, or publish the model whole (docs/guide/adapters.md)"
            )
        return config | {
            "backbone": backbone.reference,
            adapters.KEY: config[adapters.KEY] | {"base": backbone.reference},
        }
    if backbone:
        return config | {"backbone": backbone.reference, "base": backbone.reference}
    return config | ({"backbone": None} if "backbone" in config else {})


def _released_adapter(content: dict[str, Any], backbone: Entry | None) -> dict[str, Any]:
    """Peft's ``adapter_config.json`` with the name of the base in the zoo."""
    return content | {"base_model_name_or_path": backbone.reference if backbone else None}


# what is written of the files that name a base
_NAMING_BASE = {"config.json": _released, adapters.CONFIG_FILE: _released_adapter}


def _check_tensors(file: Path) -> None:
    if is_pickle(file):
        raise ZooError(f"{file} is a pickle: gkmvlp zoo convert {file} --out NEW.safetensors")
    with safe_open(file, framework="pt") as opened:
        metadata = opened.metadata() or {}
    if more := sorted(set(metadata) - {"format", CHECKSUM}):
        raise ZooError(f"{file}: its header says more than its format ({', '.join(more)}); write it anew")


def rounded(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of the nearest numbers of half precision; numbers beyond its range stay, and so do the types."""
    return {name: _nearest(t) if t.is_floating_point() else t for name, t in state.items()}


def _nearest(tensor: Tensor) -> Tensor:
    half = tensor.half()
    return torch.where(half.isfinite(), half.to(tensor.dtype), tensor)


def compact(state: Mapping[str, Tensor], base: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors that a model does not share with what it started from, in half precision where that is exact.

    Args:
        state: All tensors of the model.
        base: Those of the backbone it was fine-tuned from; empty where it has none.
    """
    own = {name: t for name, t in state.items() if name not in base or not _equal(t, base[name].to(t.dtype))}
    return {name: t.half() if _is_exact(t) else t for name, t in own.items()}


def _is_exact(tensor: Tensor) -> bool:
    """Whether half precision holds every number of a tensor."""
    return tensor.is_floating_point() and _equal(tensor.half().to(tensor.dtype), tensor)


def _equal(first: Tensor, second: Tensor) -> bool:
    return first.shape == second.shape and torch.equal(first, second)
