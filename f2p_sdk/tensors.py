"""Pictures as tensors: conversion from and to arrays, Gaussian blur, cell means."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from .images import Picture

__all__ = ["blur", "cell_means", "to_array", "to_tensor"]


def to_tensor(picture: NDArray[Any]) -> Tensor:
    """uint8 (H, W, 3) to float32 (1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255


def to_array(picture: Tensor) -> Picture:
    """(3, H, W) or (1, 3, H, W) in [0, 1] to uint8 (H, W, 3)."""
    flat = picture.detach().reshape(3, *picture.shape[-2:])
    array = (flat * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous()
    return np.asarray(array.numpy())


def blur(pictures: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (B, C, H, W), with repeated edge pixels; sigma in pixels."""
    reach = max(1, round(3 * sigma))
    x = torch.arange(-reach, reach + 1, dtype=pictures.dtype)
    kernel = torch.exp(-0.5 * (x / sigma) ** 2)
    channels = pictures.shape[1]
    kernel = (kernel / kernel.sum()).repeat(channels, 1)
    padded = functional.pad(pictures, (reach,) * 4, mode="replicate")
    across = functional.conv2d(padded, kernel[:, None, None], groups=channels)
    return functional.conv2d(across, kernel[:, None, :, None], groups=channels)


def cell_means(pictures: Tensor, grid: int) -> Tensor:
    """Mean of each cell: (B, C, S, S) to (B, C, grid, grid); interpolated if S is below grid."""
    if pictures.shape[-1] < grid:
        return functional.interpolate(pictures, (grid, grid), mode="bilinear")
    return functional.adaptive_avg_pool2d(pictures, grid)
