"""Tensors of a pickle as safetensors; nothing but tensors is taken out of it, and no code is run."""

import os
import struct
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from gkmvlp.checkpoints.pickles import damage
from gkmvlp.checkpoints.weights import write_tensors
from gkmvlp.errors import ZooError

# what torch's own unpickler raises of a class, and of bytes that are no pickle
BROKEN = (UnpicklingError, RuntimeError, EOFError, ValueError, TypeError, LookupError, struct.error)
# where training programs keep the weights, beside optimizer and epoch
INSIDE = ("state_dict", "model_state_dict", "model")


def convert(file: Path, out: Path) -> int:
    """Write the tensors of a pickle by name; the number of tensors.

    Raises:
        ZooError: If the file is no pickle of tensors alone, or ``out`` exists or cannot be written.
    """
    if out.exists():
        raise ZooError(f"{out} exists: name another file by --out")
    state = _tensors(file)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        # tensors that share memory are written once each
        write_tensors({name: tensor.detach().clone().contiguous() for name, tensor in state.items()}, part)
        part.rename(out)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ZooError(f"{out} cannot be written ({error.strerror or error})") from error
    return len(state)


def _tensors(file: Path) -> dict[str, Tensor]:
    """Name -> tensor of a checkpoint; other content, such as an optimizer's, is left."""
    if file.is_file() and (told := damage(file, "fetch it anew")) is not None:
        raise ZooError(told)
    try:
        content: Any = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ZooError(f"{file}: {error.strerror or error}") from error
    except BROKEN as error:
        request = " ".join(str(error).split()).partition("Please file an issue")[0][:200]
        raise ZooError(f"{file}: refused, it is no pickle of tensors alone ({request})") from error
    content = next((content[name] for name in INSIDE if isinstance(content, Mapping) and name in content), content)
    state = {n: t for n, t in content.items() if isinstance(t, Tensor)} if isinstance(content, Mapping) else {}
    if not state or not all(isinstance(name, str) for name in state):
        raise ZooError(f"{file}: no tensors by name in it ({type(content).__name__})")
    return state
