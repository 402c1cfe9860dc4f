"""What each half of each slider does to a picture, kept as a product of two thin matrices.

Sliders move, light and tint a face place by place. What one does at the high end of its range is
not the reverse of what it does at the low end, so each half has a field of its own. Hundreds of
fields share most of what they are made of: a product of a small rank holds them all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

__all__ = ["LowRank", "halves"]


def halves(vector: Tensor, sliders: int) -> Tensor:
    """Vectors (B, D) in [0, 1] to how far each slider is up, then how far down: (B, 2 P) in [0, 1].

    ``sliders`` is P, how many of the D numbers, the first, are sliders.
    """
    aside = 2 * vector[:, :sliders] - 1
    return torch.cat([aside.clamp(min=0), (-aside).clamp(min=0)], dim=1)


class LowRank(nn.Module):
    """Fields of one shape, (C, H, W), one for each of ``count`` numbers; 0 before :meth:`set`.

    Args:
        count: how many fields.
        rank: of the product.
        shape: C, H, W.
        trained: whether gradient descent goes on where :meth:`set` ends.
    """

    def __init__(self, count: int, rank: int, shape: tuple[int, int, int], trained: bool) -> None:
        super().__init__()
        self.count, self.rank, self.shape = count, rank, shape
        self.of = nn.Parameter(torch.zeros(count, rank), requires_grad=trained)
        self.to_field = nn.Parameter(torch.zeros(rank, int(np.prod(shape))), requires_grad=trained)

    def set(self, fields: npt.NDArray[Any]) -> float:
        """Keep the ``rank`` largest singular vectors of fields (count, C, H, W).

        Fields count by the root of their size, or a weak slider would be the first to be lost.
        Returns the share of their (so weighted) energy that is kept. ValueError for another shape.
        """
        wanted = (self.count, *self.shape)
        if fields.shape != wanted or not self.rank:
            raise ValueError(f"needs fields of the shape {wanted}, got {fields.shape}")
        flat = fields.reshape(self.count, -1).astype(np.float32)
        size = np.sqrt(np.linalg.norm(flat, axis=1, keepdims=True)) + 1e-3
        u, s, v = np.linalg.svd(flat / size, full_matrices=False)
        kept = min(self.rank, len(s))
        root = np.sqrt(s[:kept])  # both factors of one size: half precision suits them
        with torch.no_grad():
            self.of.zero_()[:, :kept] = torch.from_numpy(size * u[:, :kept] * root)
            self.to_field.zero_()[:kept] = torch.from_numpy(root[:, None] * v[:kept])
        energy = float((s**2).sum())
        return float((s[:kept] ** 2).sum()) / energy if energy else 1.0

    def forward(self, amounts: Tensor) -> Tensor:
        """Amounts (B, count) of each field -> their sum (B, C, H, W)."""
        # thin times thin; out of autocast, whose bfloat16 would move pixels by a tenth
        with torch.autocast(amounts.device.type, enabled=False):
            flat = amounts.to(self.of.dtype) @ self.of @ self.to_field
        return flat.view(-1, *self.shape)
