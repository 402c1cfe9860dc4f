"""Which triangle is seen in which pixel: rasterisation as graphics hardware does it, in torch.

A pixel shows what is at its middle; nothing is smoothed. No gradient goes through here: what moves
is dealt with by whoever knows how (:mod:`f2p_sdk.mesh.network`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Fragments", "nearest", "rasterise"]

_FLAT = 1e-6  # square pixels; a triangle this small is seen by no pixel


@dataclass(frozen=True)
class Fragments:
    """Places where a triangle lies over the middle of a pixel.

    Attributes:
        pixel: int64 (F,), picture * side * side + row * side + column.
        triangle: int64 (F,), rows of the triangles that were given.
        weights: float32 (F, 3), of the triangle's corners, perspective in them; they sum to 1.
        depth: float32 (F,), in the unit that was given.
    """

    pixel: Tensor
    triangle: Tensor
    weights: Tensor
    depth: Tensor

    def __getitem__(self, rows: Tensor) -> Fragments:
        return Fragments(
            self.pixel[rows], self.triangle[rows], self.weights[rows], self.depth[rows]
        )


def rasterise(
    points: Tensor, triangles: Tensor, picture: Tensor, single: Tensor, side: int
) -> Fragments:
    """All fragments of triangles in square pictures, hidden ones too.

    Args:
        points: float32 (V, 3), x and y in pixels of their picture, (0, 0) the middle of the
            top-left pixel, and depth > 0.
        triangles: int64 (M, 3) rows of ``points``.
        picture: int64 (M,), which picture each triangle is in.
        single: bool (M,), whether it is seen from its front alone: where its corners go
            counterclockwise in the picture.
        side: of the pictures, in pixels.
    """
    # most triangles lie beside the picture: all three corners beyond one of its edges
    edges = torch.stack(
        [points[:, 0] < 0, points[:, 0] > side - 1, points[:, 1] < 0, points[:, 1] > side - 1]
    )
    beyond = (edges * edges.new_tensor([[1], [2], [4], [8]], dtype=torch.uint8)).sum(
        dim=0, dtype=torch.uint8
    )
    codes = beyond.index_select(0, triangles.flatten()).view(-1, 3)
    near = (codes[:, 0] & codes[:, 1] & codes[:, 2] == 0).nonzero().flatten()
    close = triangles.index_select(0, near)
    corners = points.index_select(0, close.flatten()).view(-1, 3, points.shape[1])
    x, y = corners[..., 0], corners[..., 1]
    left, top = x.amin(1).ceil().clamp(min=0), y.amin(1).ceil().clamp(min=0)
    wide = (x.amax(1).floor().clamp(max=side - 1) - left + 1).clamp(min=0)
    high = (y.amax(1).floor().clamp(max=side - 1) - top + 1).clamp(min=0)
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    turned = single.index_select(0, near) & (area > 0)
    rows = ((wide * high > 0) & (area.abs() > _FLAT) & ~turned).nonzero().flatten()
    x, y, area, left, top = x[rows], y[rows], area[rows], left[rows], top[rows]
    wide, count = wide[rows].long(), (wide * high)[rows].long()
    # every pixel of every triangle's box
    box = torch.repeat_interleave(count)
    place = torch.arange(len(box), device=box.device) - (count.cumsum(0) - count)[box]
    width = wide[box]
    down = torch.div(place, width, rounding_mode="floor")
    across = place - down * width
    # weights of the second and third corner are linear over the box
    over = 1 / area
    start = (left - x[:, 0], top - y[:, 0])
    planes = torch.stack(
        [
            (y[:, 2] - y[:, 0]) * over,
            (x[:, 0] - x[:, 2]) * over,
            (y[:, 0] - y[:, 1]) * over,
            (x[:, 1] - x[:, 0]) * over,
        ],
        dim=1,
    )
    second = planes[:, 0] * start[0] + planes[:, 1] * start[1]
    third = planes[:, 2] * start[0] + planes[:, 3] * start[1]
    table = torch.cat([planes, second[:, None], third[:, None]], dim=1).index_select(0, box)
    second = table[:, 4] + table[:, 0] * across + table[:, 1] * down
    third = table[:, 5] + table[:, 2] * across + table[:, 3] * down
    inside = ((second >= 0) & (third >= 0) & (second + third <= 1)).nonzero().flatten()
    box, second, third = box[inside], second[inside], third[inside]
    column = left[box].long() + across[inside]
    row = top[box].long() + down[inside]
    triangle = near[rows][box]
    pixel = (picture.index_select(0, triangle) * side + row) * side + column
    flat = torch.stack([1 - second - third, second, third], dim=1)
    share = flat / corners[..., 2][rows].index_select(0, box)
    depth = 1 / share.sum(dim=1)
    return Fragments(pixel, triangle, share * depth[:, None], depth)


def nearest(pixel: Tensor, depth: Tensor, pixels: int) -> tuple[Tensor, Tensor]:
    """The nearest fragment of each pixel: rows (K,) of the fragments, one for a pixel at most, and
    the depth (``pixels``,) of what is seen, infinite where nothing is."""
    seen = torch.full((pixels,), torch.inf, dtype=depth.dtype, device=depth.device)
    seen.scatter_reduce_(0, pixel, depth, "amin")
    first = (depth <= seen[pixel]).nonzero().flatten()
    # of two at the same depth the last one counts, whichever thread comes to it first
    winner = torch.full((pixels,), -1, dtype=torch.int64, device=depth.device)
    winner.scatter_reduce_(0, pixel[first], first, "amax")
    return winner[winner >= 0], seen
