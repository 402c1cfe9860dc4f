"""Rasterisation of triangles in torch, by the rules of graphics hardware.

A pixel shows the surface at its centre; there is no smoothing. Nothing here is differentiable:
:mod:`f2p_sdk.mesh.network` adds the gradient of motion.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Fragments", "nearest", "rasterise"]

_MIN_AREA = 1e-6  # square pixels; a smaller triangle covers no pixel centre


@dataclass(frozen=True)
class Fragments:
    """Triangles over pixel centres."""

    pixel: Tensor  # int64 (F,), picture * side * side + row * side + column
    triangle: Tensor  # int64 (F,), rows of the given triangles
    weights: Tensor  # float32 (F, 3), perspective-correct weights of the corners; their sum is 1
    depth: Tensor  # float32 (F,), in the given unit

    def __getitem__(self, rows: Tensor) -> Fragments:
        return Fragments(
            self.pixel[rows], self.triangle[rows], self.weights[rows], self.depth[rows]
        )


def rasterise(
    points: Tensor, triangles: Tensor, picture: Tensor, one_sided: Tensor, side: int
) -> Fragments:
    """Return all fragments of triangles in square pictures, hidden ones too.

    Args:
        points: float32 (V, 3), x and y in pixels of their picture, (0, 0) the centre of the
            top-left pixel, and depth > 0.
        triangles: int64 (M, 3) rows of ``points``.
        picture: int64 (M,), the picture of each triangle.
        one_sided: bool (M,), whether only the front of the triangle is visible: the side on which
            its corners go counterclockwise in the picture.
        side: of the pictures, in pixels.
    """
    # most triangles lie outside of a crop: all three corners beyond the same edge
    edges = torch.stack(
        [points[:, 0] < 0, points[:, 0] > side - 1, points[:, 1] < 0, points[:, 1] > side - 1]
    )
    outcode = (edges * edges.new_tensor([[1], [2], [4], [8]], dtype=torch.uint8)).sum(
        dim=0, dtype=torch.uint8
    )
    codes = outcode.index_select(0, triangles.flatten()).view(-1, 3)
    near = (codes[:, 0] & codes[:, 1] & codes[:, 2] == 0).nonzero().flatten()
    close = triangles.index_select(0, near)
    corners = points.index_select(0, close.flatten()).view(-1, 3, points.shape[1])
    x, y = corners[..., 0], corners[..., 1]
    left, top = x.amin(1).ceil().clamp(min=0), y.amin(1).ceil().clamp(min=0)
    width = (x.amax(1).floor().clamp(max=side - 1) - left + 1).clamp(min=0)
    height = (y.amax(1).floor().clamp(max=side - 1) - top + 1).clamp(min=0)
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    hidden = one_sided.index_select(0, near) & (area > 0)
    rows = ((width * height > 0) & (area.abs() > _MIN_AREA) & ~hidden).nonzero().flatten()
    x, y, area, left, top = x[rows], y[rows], area[rows], left[rows], top[rows]
    width, count = width[rows].long(), (width * height)[rows].long()
    # every pixel of every triangle's bounding box
    box = torch.repeat_interleave(count)
    place = torch.arange(len(box), device=box.device) - (count.cumsum(0) - count)[box]
    box_width = width[box]
    down = torch.div(place, box_width, rounding_mode="floor")
    across = place - down * box_width
    # the weights of the second and third corner are linear over the box
    scale = 1 / area
    start = (left - x[:, 0], top - y[:, 0])
    planes = torch.stack(
        [
            (y[:, 2] - y[:, 0]) * scale,
            (x[:, 0] - x[:, 2]) * scale,
            (y[:, 0] - y[:, 1]) * scale,
            (x[:, 1] - x[:, 0]) * scale,
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
    """Find the nearest fragment of each pixel.

    Returns:
        Rows (K,) of the fragments, at most one per pixel; and the depth (``pixels``,) of the
        nearest, infinite without a fragment.
    """
    front = torch.full((pixels,), torch.inf, dtype=depth.dtype, device=depth.device)
    front.scatter_reduce_(0, pixel, depth, "amin")
    first = (depth <= front[pixel]).nonzero().flatten()
    # at equal depth the last fragment wins, whatever the order of threads
    winner = torch.full((pixels,), -1, dtype=torch.int64, device=depth.device)
    winner.scatter_reduce_(0, pixel[first], first, "amax")
    return winner[winner >= 0], front
