"""Where a network runs, and in which precision."""

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
    """A torch device and whether bfloat16 is the faster precision on it."""

    name: str
    half: bool

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """bfloat16 autocast where it is faster, nothing elsewhere."""
        if not self.half:
            return contextlib.nullcontext()
        return torch.autocast(self.name.split(":")[0], dtype=torch.bfloat16)

    def pictures(self, pictures: npt.NDArray[np.uint8] | Tensor) -> Tensor:
        """uint8 (B, H, W, 3), wherever they are, to float32 (B, 3, H, W) in [0, 1], channels last,
        on the device."""
        # moved as bytes, a quarter of the traffic; permuting is a view, and is channels last
        if not isinstance(pictures, Tensor):
            pictures = torch.from_numpy(np.ascontiguousarray(pictures))
        there = pictures.to(self.name)
        return there.permute(0, 3, 1, 2).float().div_(255)

    def describe(self) -> str:
        """For the card: ``cpu (x86_64, 2 threads, float32)``."""
        precision = "bfloat16" if self.half else "float32"
        if self.name.startswith("cuda"):
            return f"{self.name} ({torch.cuda.get_device_name(self.name)}, {precision})"
        return f"{self.name} ({platform.machine()}, {torch.get_num_threads()} threads, {precision})"


def pick_device(name: str = "auto") -> Device:
    """``auto`` is CUDA where there is some, else the CPU. UsageError for what torch does not have.

    bfloat16 pays on CUDA and on CPUs with AMX; with AVX512-bf16 alone it is slower than float32.
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
    # Numbers too small to be told from nothing cost a CPU eight times the time of a step.
    torch.set_flush_denormal(True)
    amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    return Device(name, name == "cpu" and bool(amx()))
