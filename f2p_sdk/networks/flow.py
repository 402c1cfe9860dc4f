"""The flow of the compact imitator: from where in the painted picture each pixel is taken.

What is known of it is set, what is not is learned. Known, where an engine has told how its sliders
move the face (:mod:`f2p_sdk.motion`): a displacement of the painted picture that is the sum of what
each slider adds, one straight line for each half of its range. It says where a painted point goes;
the sampling needs the inverse, from where a pixel comes, which a few fixed-point iterations find on
the coarse grid (displacements are small and smooth). Learned: a displacement that is linear in the
vector, for engines that tell nothing, and a small correction from the painter's features.
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from .lowrank import LowRank, halves

__all__ = ["Flow", "centres", "resized", "warp"]

_REACH = 0.05  # unit of what is learned, in halves of the picture's side: 6.4 pixels of 256
_ITERATIONS = 4


class Flow(nn.Module):
    """Displacements for ``grid_sample``, (B, 2, side, side), in halves of the picture's side.

    Args:
        dimension: D, length of the vector.
        sliders: how many of its numbers, the first, are sliders.
        channels: of the painter's features that the correction is made from.
        side: of the coarse grid.
        rank: of the known displacement, which is kept as a product of two thin matrices; 0 if
            nothing is known, and a linear displacement is learned.
        front: side of the grid of what moves the layer in front; 0 without such a layer.
    """

    def __init__(
        self, dimension: int, sliders: int, channels: int, side: int, rank: int, front: int = 0
    ) -> None:
        super().__init__()
        self.sliders, self.side, self.rank, self.front = sliders, side, rank, front
        self.correct = nn.Conv2d(channels, 4 if front else 2, 3, padding=1)
        nn.init.zeros_(self.correct.weight)
        if self.correct.bias is not None:
            nn.init.zeros_(self.correct.bias)
        self.linear = None if rank else nn.Linear(dimension, 2 * side * side, bias=False)
        if self.linear is not None:
            nn.init.normal_(self.linear.weight, std=1e-3)  # at rest, but for the symmetry
        self.motion = LowRank(2 * sliders, rank, (2, side, side), trained=False) if rank else None
        shape = (2, front, front)
        self.ahead = LowRank(2 * sliders, rank, shape, trained=False) if rank and front else None

    def set_motion(self, fields: npt.NDArray[Any], ahead: npt.NDArray[Any] | None = None) -> None:
        """Set the known displacement: (2 P, 2, side, side), high ends first (``Motion.fields``).

        ``ahead`` is that of the layer in front, (2 P, 2, front, front). ValueError for another
        shape, or where the flow has no rank for it.
        """
        if self.motion is None:
            raise ValueError("the flow was built without a rank for what an engine tells")
        self.motion.set(fields)
        if self.ahead is not None and ahead is not None:
            self.ahead.set(ahead)

    def forward(self, vector: Tensor, x: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Displacements of the face and of the layer in front, (B, 2, side, side) each.

        Args:
            vector: (B, D) in [0, 1].
            x: the same normalised.
            features: the painter's, (B, C, H, H).
        """
        learned: Tensor = self.correct(functional.silu(features))
        learned = _REACH * resized(learned, self.side).to(vector.dtype)
        offset = learned[:, :2]
        if self.linear is not None:
            offset = offset + _REACH * self.linear(x).view(-1, 2, self.side, self.side)
        if self.motion is None:
            return offset, offset + learned[:, 2:] if self.front else offset
        known = _inverse(self._known(vector))
        if self.ahead is None:
            return known + offset, known + learned[:, 2:] if self.front else known + offset
        ahead = _inverse(self.ahead(halves(vector, self.sliders)))
        return known + offset, resized(ahead, self.side) + learned[:, 2:]

    def undo(self, pictures: Tensor, vector: Tensor) -> Tensor:
        """Pictures (B, C, H, H) of the engine with the known displacement taken back.

        A point of the face that holds still is looked for where the engine has moved it.
        """
        return pictures if self.motion is None else warp(pictures, self._known(vector))

    def _known(self, vector: Tensor) -> Tensor:
        """Where the points of the painted picture go, (B, 2, side, side)."""
        assert self.motion is not None
        moved: Tensor = self.motion(halves(vector, self.sliders))
        return moved


def _inverse(moved: Tensor) -> Tensor:
    """For displacements d of points p, the e with p + e + d(p + e) = p, (B, 2, side, side)."""
    cells = centres(moved.shape[-1]).to(moved).expand(len(moved), -1, -1, -1)
    back = cells
    for _ in range(_ITERATIONS):
        taken = functional.grid_sample(
            moved, back, mode="bilinear", padding_mode="border", align_corners=False
        )
        back = cells - taken.permute(0, 2, 3, 1)
    return (back - cells).permute(0, 3, 1, 2)


def warp(pictures: Tensor, offset: Tensor) -> Tensor:
    """Sample pictures (B, C, S, S) where ``offset`` (B, 2, G, G), in half sides, points to."""
    side = pictures.shape[-1]
    grid = centres(side).to(offset) + resized(offset, side).permute(0, 2, 3, 1)
    return functional.grid_sample(
        pictures.to(grid.dtype).contiguous(),  # autocast may have made it bfloat16
        grid,
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )


def centres(side: int) -> Tensor:
    """The centres of a grid's cells for ``grid_sample``, (1, side, side, 2), x before y."""
    return functional.affine_grid(torch.eye(2, 3)[None], [1, 1, side, side], align_corners=False)


def resized(field: Tensor, side: int) -> Tensor:
    """(B, C, H, W) bilinearly to (B, C, side, side); itself where it is of that size."""
    if field.shape[-1] == side and field.shape[-2] == side:
        return field
    return functional.interpolate(field, size=(side, side), mode="bilinear", align_corners=False)
