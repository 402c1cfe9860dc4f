"""Contact of the lips: moves posed lips apart where they would penetrate each other.

Several sliders together can push one lip into the other. Each lip then moves back by half of the
penetration.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .head import Head, VertexNormals

__all__ = ["Lips", "lip_crossing"]

Array = NDArray[np.float32]
Index = NDArray[np.int64]

# Lips of the base mesh, decimetres from the middle of its eyes: half width, height of the seam,
# and half height.
LIPS_HALF, LIPS_Y, LIPS_REACH = 0.30, -0.68, 0.17
PAIR_DISTANCE = 0.025  # largest distance of two paired vertices across the seam
FALLOFF = 0.045  # distance over which a push at the seam decays along the lip


class Lips:
    """Contact resolver of a rig's lips; ``base`` (V, 3) is the resting head.

    Calling it with posed points (V, 3) changes them in place and returns them.

    Attributes:
        upper, lower: rows of ``Head`` along the seam.
        pairs: (P, 2) indices into ``upper`` and ``lower`` of vertices that face each other.
    """

    def __init__(self, base: Array, head: Head) -> None:
        # Search on the base mesh, which is the same for every rig.
        mesh = head.rest - head.rest[np.concatenate([head.left_eye, head.right_eye])].mean(0)
        self.upper, self.lower, self.pairs = _seam(mesh, head)
        lips, over = _lips(mesh, head)
        self._lips, self._over = lips, over
        # Weight (L, P) of a push at each pair for each vertex of the lips.
        middle = (base[self.upper[self.pairs[:, 0]]] + base[self.lower[self.pairs[:, 1]]]) / 2
        apart = np.linalg.norm(base[lips][:, None] - middle[None], axis=2)
        self._weights = np.exp(-((apart / FALLOFF) ** 2)).astype(np.float32)
        # A rig's resting lips may penetrate: this much is allowed.
        self._allowed = np.zeros(len(self.pairs), np.float32)
        self._allowed = np.maximum(self._crossing(base), 0)

    def __call__(self, points: Array) -> Array:
        crossing = np.maximum(self._crossing(points), 0)
        if crossing.max(initial=0) > 0:
            push = (self._weights * crossing).max(1) / 2
            points[self._lips, 1] += np.where(self._over, push, -push)
        return points

    def _crossing(self, points: Array) -> Array:
        upper, lower = self.upper[self.pairs[:, 0]], self.lower[self.pairs[:, 1]]
        return np.asarray(points[lower, 1] - points[upper, 1] - self._allowed, np.float32)


def lip_crossing(lips: Lips, points: Array) -> float:
    """Largest penetration of the lips in decimetres; negative if they do not touch."""
    return float(lips._crossing(points).max(initial=-np.inf))


def _mouth(mesh: Array, head: Head) -> tuple[Index, Array]:
    """Skin vertices of lips and seam, and their normals."""
    rows = head.skin.rows
    skin = mesh[rows]
    normals = VertexNormals(head.skin.triangles, len(rows))(skin)
    x, y, z = skin.T
    # The last condition excludes the inside of the mouth.
    near = (np.abs(x) < LIPS_HALF) & (np.abs(y - LIPS_Y) < LIPS_REACH) & (z > 0.2 - 1.3 * x * x)
    return np.asarray(rows[near], np.int64), normals[near]


def _seam(mesh: Array, head: Head) -> tuple[Index, Index, NDArray[np.int64]]:
    """Vertices of the upper and the lower lip along the seam, and pairs (P, 2) of them."""
    rows, normals = _mouth(mesh, head)
    x, y = mesh[rows, 0], mesh[rows, 1]
    inside = np.abs(x) < 0.22
    upper = rows[inside & (normals[:, 1] < -0.55) & (y > LIPS_Y - 0.035) & (y < LIPS_Y + 0.045)]
    lower = rows[inside & (normals[:, 1] > 0.4) & (y > LIPS_Y - 0.055) & (y < LIPS_Y + 0.025)]
    apart = np.linalg.norm(mesh[upper][:, None] - mesh[lower][None], axis=2)
    above = mesh[upper, 1][:, None] > mesh[lower, 1][None]
    return upper, lower, np.argwhere((apart < PAIR_DISTANCE) & above)


def _lips(mesh: Array, head: Head) -> tuple[Index, NDArray[np.bool_]]:
    """Vertices that a push at the seam moves, and a mask of those on the upper lip."""
    rows, _ = _mouth(mesh, head)
    upper, lower, _ = _seam(mesh, head)
    x, y = mesh[rows, 0], mesh[rows, 1]
    # Height of the seam at each x, between the nearest seam vertices of both lips.
    order = np.argsort(np.abs(mesh[upper, 0][None] - x[:, None]), axis=1)[:, :3]
    above = mesh[upper, 1][order].min(1)
    order = np.argsort(np.abs(mesh[lower, 0][None] - x[:, None]), axis=1)[:, :3]
    below = mesh[lower, 1][order].max(1)
    over = y > (above + below) / 2
    over |= np.isin(rows, upper)
    over &= ~np.isin(rows, lower)
    return rows, over
