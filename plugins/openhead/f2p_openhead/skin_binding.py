"""From places on the resting head, seen from the front, to the posed skin; what skin covers."""

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
    """Places (x, y) on the resting skin ``rest`` (S, 3), and where they go when it is posed.

    ``triangles`` (M, 3) into the skin.
    """

    CELLS = 64
    REACH = 1.0  # places are looked for within so many decimetres of the middle

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
        """Where places (N, 2) of the resting head are on the posed skin (S, 3): (N, 3).

        A place beside the skin goes with the nearest triangle of its neighbourhood.
        """
        out = np.zeros((len(places), 3), np.float32)
        for k, place in enumerate(places):
            near = self._near(place)
            weights = barycentric(self._rest[self._triangles[near]], place)
            inside = weights.min(1)
            hit = np.flatnonzero(inside >= -1e-6)
            if len(hit):  # of layers, such as a lid's fold, the one in front
                z = (weights[hit] * self._rest[self._triangles[near[hit]], 2]).sum(1)
                best = hit[np.argmax(z)]
            else:
                best = int(np.argmax(inside))
            out[k] = weights[best] @ skin[self._triangles[near[best]]]
        return out

    def _near(self, place: Array) -> Index:
        """Front triangles that touch the cell of a place, or the nearest cell that has any."""
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
