"""What this machine computes fast."""

import os
from typing import Literal

import torch

from gkmvlp.errors import UsageError

Precision = Literal["bf16-mixed", "32-true"]


def best_precision(accelerator: str = "auto") -> Precision:
    """The precision that is fast here: bfloat16 only where the hardware multiplies it.

    Processors without AVX512-BF16 or AMX emulate bfloat16 and are several times slower in it than in float32; so are
    GPUs before Ampere.

    Args:
        accelerator: Lightning's name of what will be used; ``cpu`` leaves a GPU out of account.
    """
    if accelerator != "cpu" and torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    has_units = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16-mixed" if has_units else "32-true"


def usable_cores() -> list[int]:
    """Numbers of the processor's cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def runs_at_once() -> int:
    """How many small runs go side by side: one on a GPU, two on processors, whose cores share a small product badly."""
    return 1 if torch.cuda.is_available() or len(usable_cores()) < 2 else 2


def device_named(name: str | None) -> torch.device:
    """The device of that name; None takes a GPU where there is one.

    Raises:
        UsageError: If torch cannot use it.
    """
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"--device {name}: torch cannot use it here; use --device cpu") from error
    return device
