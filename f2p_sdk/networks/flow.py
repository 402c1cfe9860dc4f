"""The flow of the compact imitator: from where in the painted picture each pixel is taken.

What is known of it is set, what is not is learned. Known, where an engine has told how its sliders
move the face (:mod:`f2p_sdk.motion`): a displacement of the painted picture that is the sum of what
each slider adds, one straight line for each half of its range. It says where a painted point goes;
the sampling needs the inverse, from where a pixel comes, which three fixed-point iterations find on
the coarse grid (displacements are small and smooth). Learned: a displacement that is linear in the
vector, for engines that tell nothing, and a small correction from the painter's features.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Flow", "centres", "resized"]

_REACH = 0.05  # unit of what is learned, in halves of the picture's side: 6.4 pixels of 256
_ITERATIONS = 3


class Flow(nn.Module):
    """Displacements for ``grid_sample``, (B, side, side, 2), in halves of the picture's side.

    Args:
        dimension: D, length of the vector.
        sliders: how many of its numbers, the first, are sliders.
        channels: of the painter's features that the correction is made from.
        side: of the coarse grid.
        rank: of the known displacement, which is kept as a product of two thin matrices; 0 if
            nothing is known.
        linear: whether a linear displacement is learned.
    """

    def __init__(
        self, dimension: int, sliders: int, channels: int, side: int, rank: int, linear: bool
    ) -> None:
        super().__init__()
        self.sliders, self.side, self.rank = sliders, side, rank
        self.correct = nn.Conv2d(channels, 2, 3, padding=1)
        nn.init.zeros_(self.correct.weight)
        if self.correct.bias is not None:
            nn.init.zeros_(self.correct.bias)
        self.linear = nn.Linear(dimension, 2 * side * side, bias=False) if linear else None
        if self.linear is not None:
            nn.init.normal_(self.linear.weight, std=1e-3)  # at rest, but for the symmetry
        if rank:
            self.register_buffer("motion_of", torch.zeros(2 * sliders, rank))
            self.register_buffer("motion_to", torch.zeros(rank, 2 * side * side))
        self.register_buffer("cells", centres(side), persistent=False)

    motion_of: Tensor
    motion_to: Tensor
    cells: Tensor

    def set_motion(self, fields: npt.NDArray[Any]) -> None:
        """Set the known displacement: (2 P, 2, side, side), high ends first (``Motion.fields``).

        Of its singular vectors the ``rank`` largest are kept. ValueError for another shape.
        """
        wanted = (2 * self.sliders, 2, self.side, self.side)
        if fields.shape != wanted or not self.rank:
            raise ValueError(f"the flow takes fields of {wanted}, got {fields.shape}")
        u, s, v = np.linalg.svd(fields.reshape(len(fields), -1), full_matrices=False)
        kept = min(self.rank, len(s))
        root = np.sqrt(s[:kept])  # both factors of one size: half precision suits them
        with torch.no_grad():
            self.motion_of[:, :kept] = torch.from_numpy(u[:, :kept] * root)
            self.motion_to[:kept] = torch.from_numpy(root[:, None] * v[:kept])

    def forward(self, vector: Tensor, x: Tensor, features: Tensor) -> Tensor:
        """Vectors (B, D) in [0, 1], the same normalised, the painter's features (B, C, H, H)."""
        learned: Tensor = self.correct(functional.silu(features))
        if learned.shape[-1] != self.side:
            learned = resized(learned, self.side)
        if self.linear is not None:
            learned = learned + self.linear(x).view(-1, 2, self.side, self.side)
        offset: Tensor = _REACH * learned.to(self.cells.dtype)
        if self.rank:
            offset = offset + self._inverse(self._known(vector))
        return offset.permute(0, 2, 3, 1)

    def undo(self, pictures: Tensor, vector: Tensor) -> Tensor:
        """Pictures (B, C, H, H) of the engine with the known displacement taken back.

        A point of the face that holds still is looked for where the engine has moved it.
        """
        if not self.rank:
            return pictures
        side = pictures.shape[-1]
        moved = resized(self._known(vector), side).permute(0, 2, 3, 1)
        return functional.grid_sample(
            pictures,
            centres(side).to(moved) + moved,
            mode="bilinear",
            padding_mode="border",
            align_corners=False,
        )

    def _known(self, vector: Tensor) -> Tensor:
        """Where the points of the painted picture go, (B, 2, side, side)."""
        aside = 2 * vector[:, : self.sliders] - 1
        halves = torch.cat([aside.clamp(min=0), (-aside).clamp(min=0)], dim=1)
        # thin times thin; out of autocast, whose bfloat16 would move pixels by a tenth
        with torch.autocast(vector.device.type, enabled=False):
            moved = halves.to(self.cells.dtype) @ self.motion_of @ self.motion_to
        return moved.view(-1, 2, self.side, self.side)

    def _inverse(self, moved: Tensor) -> Tensor:
        """For displacements d of points p, the e with p + e + d(p + e) = p, (B, 2, side, side)."""
        cells = self.cells.expand(len(moved), -1, -1, -1)
        back = cells
        for _ in range(_ITERATIONS):
            taken = functional.grid_sample(
                moved, back, mode="bilinear", padding_mode="border", align_corners=False
            )
            back = cells - taken.permute(0, 2, 3, 1)
        return (back - cells).permute(0, 3, 1, 2)


def centres(side: int) -> Tensor:
    """The centres of a grid's cells for ``grid_sample``, (1, side, side, 2), x before y."""
    return functional.affine_grid(torch.eye(2, 3)[None], [1, 1, side, side], align_corners=False)


def resized(field: Tensor, side: int) -> Tensor:
    """(B, C, H, W) bilinearly to (B, C, side, side)."""
    return functional.interpolate(field, size=(side, side), mode="bilinear", align_corners=False)
