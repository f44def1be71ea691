"""Whether a file is what its suffix says, by its header alone: no tensor is read, and torch is not imported."""

from pathlib import Path

from safetensors import SafetensorError, safe_open

from gkmvlp.errors import ZooError


class NoTensors(ZooError):
    """The bytes that the entry means came, and are no tensors: no other source can help."""


def check_tensors(path: Path, address: str) -> None:
    """Remove a file whose header does not describe tensors that fill it.

    Args:
        path: What came.
        address: Where it came from.

    Raises:
        NoTensors: If it was removed.
    """
    try:
        with safe_open(path, framework="numpy"):
            return
    except SafetensorError as error:
        path.unlink()
        raise NoTensors(
            f"{address}: its hash is right, but it is no safetensors file (a pickle?); nothing kept; "
            "whoever published it can mend it: gkmvlp zoo convert"
        ) from error
