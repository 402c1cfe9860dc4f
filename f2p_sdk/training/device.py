"""The device on which a network runs, and its precision."""

from __future__ import annotations

import contextlib
import platform
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import UsageError

__all__ = ["Device", "pick_device"]


@dataclass(frozen=True)
class Device:
    """A torch device, and whether bfloat16 is faster than float32 on it."""

    name: str
    half: bool

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Autocast to bfloat16 if it is faster, else nothing."""
        if not self.half:
            return contextlib.nullcontext()
        return torch.autocast(self.name.split(":")[0], dtype=torch.bfloat16)

    def pictures(self, pictures: npt.NDArray[np.uint8] | Tensor) -> Tensor:
        """uint8 (B, H, W, 3) to float32 (B, 3, H, W) in [0, 1], channels last, on the device."""
        # transferred as bytes, a quarter of the traffic; the permuted view is channels last
        if not isinstance(pictures, Tensor):
            pictures = torch.from_numpy(np.ascontiguousarray(pictures))
        return pictures.to(self.name).permute(0, 3, 1, 2).float().div_(255)

    def describe(self) -> str:
        """Text for the card: ``cpu (x86_64, 2 threads, float32)``."""
        precision = "bfloat16" if self.half else "float32"
        if self.name.startswith("cuda"):
            return f"{self.name} ({torch.cuda.get_device_name(self.name)}, {precision})"
        return f"{self.name} ({platform.machine()}, {torch.get_num_threads()} threads, {precision})"


def pick_device(name: str = "auto") -> Device:
    """The device of this name; ``auto`` is CUDA if available, else the CPU.

    bfloat16 is used on CUDA and on CPUs with AMX; with AVX512-bf16 alone it is slower than float32.

    Raises:
        UsageError: torch cannot use the device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as problem:
        raise UsageError(
            f"device {name!r} cannot be used: {str(problem).splitlines()[0]}", remedy="--device cpu"
        ) from None
    if name.startswith("cuda"):
        return Device(name, torch.cuda.is_bf16_supported())
    # Denormal numbers make a step on a CPU eight times as slow.
    torch.set_flush_denormal(True)
    amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    return Device(name, name == "cpu" and bool(amx()))
