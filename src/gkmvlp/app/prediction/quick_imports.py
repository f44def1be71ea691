"""Importing torchvision and timm without torch's compiler, which takes longer to import than torch itself.

Both bring it along for marks that only ``torch.compile`` reads, and a prediction compiles nothing.
"""

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch

_UTILS = "torch._dynamo.utils"


@contextmanager
def without_compiler() -> Iterator[None]:
    """What is imported within imports ``torch._dynamo`` when it is called, not before.

    Nothing is left behind: a later ``torch.compile`` finds the real compiler.
    """
    if "torch._dynamo" in sys.modules:
        yield
        return
    stand_in, disable = ModuleType(_UTILS), torch.compiler.disable
    vars(stand_in)["is_compile_supported"] = _is_compile_supported
    sys.modules[_UTILS] = stand_in
    torch.compiler.disable = _later(disable)  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.compiler.disable = disable
        if sys.modules.get(_UTILS) is stand_in:
            del sys.modules[_UTILS]


def _is_compile_supported(device: str) -> bool:
    from torch._dynamo.utils import is_compile_supported

    return bool(is_compile_supported(device))


def _later(disable: Callable[..., Any]) -> Callable[..., Any]:
    """``torch.compiler.disable`` that marks a function when it is first called."""

    def marked(fn: Callable[..., Any] | None = None, recursive: bool = True, *, reason: str | None = None) -> Any:
        if fn is None:
            return functools.partial(marked, recursive=recursive, reason=reason)

        @functools.wraps(fn)
        def call(*args: Any, **options: Any) -> Any:
            return disable(fn, recursive, reason=reason)(*args, **options)

        return call

    return marked
