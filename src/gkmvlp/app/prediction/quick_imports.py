"""Importing torchvision and timm without what no prediction needs of theirs.

Both bring along torch's compiler, which takes longer to import than torch, for marks that only ``torch.compile`` reads;
timm brings wandb along where it is installed, for the log of its own training script.
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
def quick_imports() -> Iterator[None]:
    """What is imported within imports ``torch._dynamo`` when it is called, not before, and does without wandb.

    A later ``torch.compile`` finds the real compiler, a later ``import wandb`` the real package.
    """
    if "torch._dynamo" in sys.modules:
        yield
        return
    stand_in, disable = ModuleType(_UTILS), torch.compiler.disable
    vars(stand_in)["is_compile_supported"] = _is_compile_supported
    sys.modules[_UTILS] = stand_in
    torch.compiler.disable = _later(disable)  # type: ignore[assignment]
    hides_wandb = "wandb" not in sys.modules
    if hides_wandb:
        sys.modules["wandb"] = None  # type: ignore[assignment]  # an ImportError, which timm expects
    try:
        yield
    finally:
        if hides_wandb:
            del sys.modules["wandb"]
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
