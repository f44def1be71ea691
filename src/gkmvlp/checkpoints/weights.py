"""Tensors of a file: safetensors only, and compared with a model by name and shape before they are taken.

The format has no checksum. What is written here holds the CRC-32 of its tensors in its header, and is compared with it
when it is read: a disk, a copy or a download that changed a bit would change answers without a word. It guards against
accidents, not against people, and is read at twice the speed of a SHA-256 and on all cores.
"""

import json
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save, save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from gkmvlp.errors import BackboneError

CHECKSUM = "crc32"  # key of a file's header
PICKLES = (b"PK\x03\x04", b"\x80", b"\x1f\x8b")  # torch's zip, a bare pickle, one that is packed
SHOWN = 3  # tensors named of each kind of difference
# what initialisation spends its time on; timm draws by methods, torch by functions that it may not take apart
DRAWS = {Tensor.normal_, Tensor.uniform_, Tensor.erfinv_, nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_}


class SkipInit(TorchFunctionMode):
    """Modules that are built inside draw no random weights: for ``load_exact`` to bring all, as they are in the file.

    Everything else is as ever, so that what no file holds, such as indices and masks, has its values.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Gives the tensor back as it came where it would be drawn."""
        kwargs = kwargs or {}
        if func in DRAWS:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors by name.

    Raises:
        BackboneError: If the file is no safetensors file, or not as it was written; of a pickle, however it is called,
            how to convert it.
    """
    try:
        state = load_file(path)
        with safe_open(path, framework="pt") as file:
            expected = (file.metadata() or {}).get(CHECKSUM)
    except (OSError, SafetensorError) as error:
        if path.is_file() and is_pickle(path):
            remedy = f"gkmvlp zoo convert {path} --out NEW.safetensors"
            raise BackboneError(f"{path} is a pickle, which can run code; it was not opened: {remedy}") from error
        raise BackboneError(f"{path} is no whole safetensors file ({error}): fetch it anew") from error
    if expected is not None and checksum(state) != expected:
        raise BackboneError(f"{path} is damaged (its tensors are not those that were written): fetch or train it anew")
    return state


def write_tensors(state: Mapping[str, Tensor], path: Path) -> None:
    """Writes a file that ``read_tensors`` can check; the same tensors give the same bytes."""
    save_file(dict(state), path, _header(state))
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        header = _ordered(file.read(length))
        file.seek(8)
        file.write(header)


def tensor_bytes(state: Mapping[str, Tensor]) -> bytes:
    """The content of a file that ``read_tensors`` can check; the same tensors give the same bytes."""
    content = save(dict(state), _header(state))
    end = 8 + int.from_bytes(content[:8], "little")
    return content[:8] + _ordered(content[8:end]) + content[end:]


def _header(state: Mapping[str, Tensor]) -> dict[str, str]:
    return {"format": "pt", CHECKSUM: checksum(state)}


def _ordered(header: bytes) -> bytes:
    """A header of as many bytes, with its metadata in order: safetensors writes them in any."""
    content = json.loads(header)
    content["__metadata__"] = dict(sorted(content["__metadata__"].items()))
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode().ljust(len(header))


def checksum(state: Mapping[str, Tensor]) -> str:
    """CRC-32 of names, types, shapes and bytes of tensors, 8 hexadecimal digits."""
    names = sorted(state)
    with ThreadPoolExecutor() as pool:
        parts = pool.map(lambda name: _crc(state[name]), names)
        lines = [f"{n} {state[n].dtype} {tuple(state[n].shape)} {crc}" for n, crc in zip(names, parts, strict=True)]
    return f"{zlib.crc32(chr(10).join(lines).encode()):08x}"


def _crc(tensor: Tensor) -> int:
    return zlib.crc32(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)


def digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, shapes and numbers of tensors, whatever precision they are written in."""
    total = sha256()
    for name, tensor in sorted(state.items()):
        wide = tensor.detach().cpu()
        wide = (wide.float() if wide.is_floating_point() else wide).contiguous()
        total.update(f"{name} {tuple(wide.shape)}\n".encode())
        total.update(wide.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def cpu_state_dict(module: nn.Module) -> dict[str, Tensor]:
    """Tensors of a module as a file holds them: without gradient, in main memory, in one piece."""
    return {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}


def is_pickle(path: Path) -> bool:
    """Whether a file starts as pickles and what ``torch.save`` writes do."""
    with path.open("rb") as stream:
        return stream.read(4).startswith(PICKLES)


def load_exact(model: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Put tensors into a model that has exactly those.

    Raises:
        BackboneError: If tensors are missing, extra or of another shape; a table in one line.
    """
    if told := differences(state, model.state_dict()):
        raise BackboneError(f"{path} does not fit its config.json: {told}")
    model.load_state_dict(state, strict=True)


def differences(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str:
    """What differs between the tensors of a file and those of a model; "" where nothing does."""
    missing = [f"{name} {_shape(tensor)}" for name, tensor in expected.items() if name not in state]
    extra = [f"{name} {_shape(tensor)}" for name, tensor in state.items() if name not in expected]
    other = [
        f"{name} {_shape(state[name])} where {_shape(tensor)} is expected"
        for name, tensor in expected.items()
        if name in state and state[name].shape != tensor.shape
    ]
    kinds = {"missing": missing, "extra": extra, "of another shape": other}
    return "; ".join(_row(kind, names) for kind, names in kinds.items() if names)


def _row(kind: str, names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{len(names)} {kind}: {', '.join(names[:SHOWN])}{more}"


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"
