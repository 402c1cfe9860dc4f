"""Patterns of light and colour by least squares: the linear part of an imitator in closed form.

Each picture is taken back to the face that holds still, by the motion that the engine has told;
there, in units of the sigmoid's argument, all pictures are regressed on all features at once. One
pass over the data and one system of D + P equations do what gradient descent would take hours for.

A coefficient that is within its standard error is noise: over a whole picture, the noise of a weak
slider's pattern is stronger than the pattern. So each is shrunk, block by block, by how far its
energy exceeds what noise alone would have (James and Stein's estimate).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from ..networks import CompactImitator
from .device import Device
from .pictures import Pictures

__all__ = ["fit_patterns", "shrink"]

_BATCH = 64
_CLAMP = 0.02  # a logit knows no bounds; black and white are cut here
_SAMPLE = 1024  # pictures that the noise is estimated from
_BLOCK = 4
_STRICT = 2.0  # times the energy that noise has


def fit_patterns(
    network: CompactImitator,
    pictures: Pictures,
    rows: npt.NDArray[np.int64],
    device: Device,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Set the network's basis from these rows of a dataset. The flow's motion is set before.

    ``progress`` is called with how many pictures are done.
    """
    basis = network.basis
    assert basis is not None
    count, pixels = basis.count, 3 * basis.side**2
    # float64 for the system, which is near singular: a slot's choices add up to a constant
    system = torch.zeros(count + 1, count + 1, dtype=torch.float64, device=device.name)
    right = torch.zeros(count + 1, pixels, device=device.name)
    with torch.no_grad():
        for start in range(0, len(rows), _BATCH):
            known, still = _still(network, pictures, rows[start : start + _BATCH], device)
            system += (known.T @ known).double()
            right += known.T @ still
            if progress is not None:
                progress(min(start + _BATCH, len(rows)))
        inverse = torch.linalg.pinv(system, hermitian=True, rtol=1e-7)
        solution = inverse.float() @ right  # (count + 1, pixels)
        left = torch.zeros(pixels, device=device.name)
        sample = rows[:: max(1, len(rows) // _SAMPLE)]
        for start in range(0, len(sample), _BATCH):
            known, still = _still(network, pictures, sample[start : start + _BATCH], device)
            left += (still - known @ solution).square().sum(dim=0)
        noise = inverse.diagonal().float()[:-1, None] * (left / len(sample))
        basis.set_patterns(shrink(solution[:-1], noise, basis.side), solution[-1])


def shrink(patterns: Tensor, noise: Tensor, side: int) -> Tensor:
    """Patterns (N, 3 * side * side) without what noise of that variance, as large, explains.

    Blocks of 4x4 cells, half overlapping, keep ``max(0, 1 - 2 noise / energy)`` of themselves.
    """
    block = min(_BLOCK, side)
    shape = (-1, 3, side, side)

    def pooled(values: Tensor) -> Tensor:
        mean = values.view(shape).mean(dim=1, keepdim=True)
        return functional.avg_pool2d(mean, block, max(1, block // 2), count_include_pad=False)

    share = 1 - _STRICT * pooled(noise.expand_as(patterns)) / (pooled(patterns.square()) + 1e-12)
    kept = functional.interpolate(
        share.clamp(min=0), size=(side, side), mode="bilinear", align_corners=False
    )
    return (patterns.view(shape) * kept).flatten(1)


def _still(
    network: CompactImitator, pictures: Pictures, rows: npt.NDArray[np.int64], device: Device
) -> tuple[Tensor, Tensor]:
    """Features and a 1, (B, N + 1); still pictures before the sigmoid, (B, 3 * side * side)."""
    assert network.basis is not None
    vector = torch.from_numpy(pictures.vectors[rows]).to(device.name)
    wanted = device.pictures(pictures.pictures[rows])
    small = functional.interpolate(wanted, size=(network.basis.side,) * 2, mode="area")
    still = network.still(small, vector).clamp(_CLAMP, 1 - _CLAMP)
    known = network.features(vector)
    return functional.pad(known, (0, 1), value=1.0), torch.logit(still).flatten(1)
