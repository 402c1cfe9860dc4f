"""Surface binding: positions on the resting head in front view, mapped to the posed skin."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SkinBinding", "barycentric"]

Array = NDArray[np.float32]
Index = NDArray[np.int32]


def barycentric(corners: NDArray[Any], place: NDArray[Any]) -> NDArray[np.float64]:
    """Barycentric coordinates (M, 3) of ``place`` (2,) in triangles (M, 3, 2 or more), along z."""
    a, b, c = np.moveaxis(corners[..., :2].astype(np.float64), 1, 0)
    u, v, w = b - a, c - a, place - a
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    area = np.where(np.abs(area) < 1e-12, 1e-12, area)
    beta = (w[:, 0] * v[:, 1] - w[:, 1] * v[:, 0]) / area
    gamma = (u[:, 0] * w[:, 1] - u[:, 1] * w[:, 0]) / area
    return np.stack([1 - beta - gamma, beta, gamma], 1)


class SkinBinding:
    """Maps positions (x, y) on the resting skin ``rest`` (S, 3) to the posed skin.

    ``triangles`` (M, 3) are rows of the skin.
    """

    CELLS = 64  # grid cells per REACH
    REACH = 1.0  # decimetres from the middle that the grid covers

    def __init__(self, rest: Array, triangles: Index) -> None:
        self._rest, self._triangles = rest, triangles
        corners = rest[triangles]
        a, b, c = (corners[:, k] for k in range(3))
        facing = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0] > 1e-7
        self._front = np.flatnonzero(facing & (corners[..., 2].max(1) > -0.6)).astype(np.int32)
        self._low = corners[self._front, :, :2].min(1)
        self._high = corners[self._front, :, :2].max(1)
        self._cells: dict[tuple[int, int], Index] = {}

    def posed(self, skin: Array, places: Array) -> Array:
        """Positions (N, 3) on the posed skin (S, 3) of ``places`` (N, 2) on the resting head.

        A position beside the skin is extrapolated from the nearest triangle of its grid cell.
        """
        out = np.zeros((len(places), 3), np.float32)
        for k, place in enumerate(places):
            near = self._near(place)
            weights = barycentric(self._rest[self._triangles[near]], place)
            inside = weights.min(1)
            hit = np.flatnonzero(inside >= -1e-6)
            if len(hit):  # of several layers, as in a lid's fold, take the front one
                z = (weights[hit] * self._rest[self._triangles[near[hit]], 2]).sum(1)
                best = hit[np.argmax(z)]
            else:
                best = int(np.argmax(inside))
            out[k] = weights[best] @ skin[self._triangles[near[best]]]
        return out

    def _near(self, place: Array) -> Index:
        """Front-facing triangles that touch a position's grid cell, or the nearest filled cell."""
        x, y = (int(v) for v in np.clip(place / self.REACH * self.CELLS, -self.CELLS, self.CELLS))
        if (x, y) not in self._cells:
            centre = np.array((x, y), np.float32) * self.REACH / self.CELLS
            reach = 1.5 * self.REACH / self.CELLS
            near: Index = np.zeros(0, np.int32)
            while not len(near):
                touching = (self._low <= centre + reach) & (self._high >= centre - reach)
                near = self._front[touching.all(1)]
                reach *= 2
            self._cells[x, y] = near
        return self._cells[x, y]
