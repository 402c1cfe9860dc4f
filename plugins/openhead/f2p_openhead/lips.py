"""Where the lips meet: one must not pass through the other.

Sliders add up, so several together can push one lip into the other. Here the posed head is put
right: where they would cross, both give way by half.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .head import Head, VertexNormals

__all__ = ["Lips", "lip_crossing"]

Array = NDArray[np.float32]
Index = NDArray[np.int64]

# Lips of the base mesh, from between its eyes: their corners lie within so much of the middle,
# their seam near this height, and they reach so far up and down from it.
LIPS_HALF, LIPS_Y, LIPS_REACH = 0.30, -0.68, 0.17
PARTNERS = 0.025  # lip vertices nearer than this across the seam belong together
SPREAD = 0.045  # how far the lip goes along where the seam is pushed


class Lips:
    """Keeps a rig's lips apart.

    ``base`` (V, 3) is the resting head. Calling it with posed points (V, 3) changes them in place.
    """

    def __init__(self, base: Array, head: Head) -> None:
        # Looked for on the base mesh, which is the same under every rig.
        mesh = head.rest - head.rest[np.concatenate([head.left_eye, head.right_eye])].mean(0)
        self.upper, self.lower, self.pairs = _seam(mesh, head)
        lips, over = _lips(mesh, head)
        self._lips, self._over = lips, over
        # How much of a push at each pair reaches each vertex of the lips, (L, pairs).
        middle = (base[self.upper[self.pairs[:, 0]]] + base[self.lower[self.pairs[:, 1]]]) / 2
        apart = np.linalg.norm(base[lips][:, None] - middle[None], axis=2)
        self._reach = np.exp(-((apart / SPREAD) ** 2)).astype(np.float32)
        # A rig may rest with its lips pressed together: no more than so.
        self._pressed = np.zeros(len(self.pairs), np.float32)
        self._pressed = np.maximum(self._crossing(base), 0)

    def __call__(self, points: Array) -> Array:
        crossing = np.maximum(self._crossing(points), 0)
        if crossing.max(initial=0) > 0:
            push = (self._reach * crossing).max(1) / 2
            points[self._lips, 1] += np.where(self._over, push, -push)
        return points

    def _crossing(self, points: Array) -> Array:
        upper, lower = self.upper[self.pairs[:, 0]], self.lower[self.pairs[:, 1]]
        return np.asarray(points[lower, 1] - points[upper, 1] - self._pressed, np.float32)


def lip_crossing(lips: Lips, points: Array) -> float:
    """How far the upper lip is below the lower, decimetres; below 0 it is above."""
    return float(lips._crossing(points).max(initial=-np.inf))


def _mouth(mesh: Array, head: Head) -> tuple[Index, Array]:
    """Skin vertices of lips and seam, and their normals."""
    rows = head.skin.rows
    skin = mesh[rows]
    normals = VertexNormals(head.skin.triangles, len(rows))(skin)
    x, y, z = skin.T
    # The hollow of the mouth lies behind.
    near = (np.abs(x) < LIPS_HALF) & (np.abs(y - LIPS_Y) < LIPS_REACH) & (z > 0.2 - 1.3 * x * x)
    return np.asarray(rows[near], np.int64), normals[near]


def _seam(mesh: Array, head: Head) -> tuple[Index, Index, NDArray[np.int64]]:
    """Vertices of the upper and the lower lip where they meet, and pairs (P, 2) of them."""
    rows, normals = _mouth(mesh, head)
    x, y = mesh[rows, 0], mesh[rows, 1]
    inside = np.abs(x) < 0.22
    upper = rows[inside & (normals[:, 1] < -0.55) & (y > LIPS_Y - 0.035) & (y < LIPS_Y + 0.045)]
    lower = rows[inside & (normals[:, 1] > 0.4) & (y > LIPS_Y - 0.055) & (y < LIPS_Y + 0.025)]
    apart = np.linalg.norm(mesh[upper][:, None] - mesh[lower][None], axis=2)
    above = mesh[upper, 1][:, None] > mesh[lower, 1][None]
    return upper, lower, np.argwhere((apart < PARTNERS) & above)


def _lips(mesh: Array, head: Head) -> tuple[Index, NDArray[np.bool_]]:
    """Vertices that a push at the seam moves, and which of them are of the upper lip."""
    rows, _ = _mouth(mesh, head)
    upper, lower, _ = _seam(mesh, head)
    x, y = mesh[rows, 0], mesh[rows, 1]
    # The seam's height along x: between the lips' nearest meeting vertices.
    order = np.argsort(np.abs(mesh[upper, 0][None] - x[:, None]), axis=1)[:, :3]
    above = mesh[upper, 1][order].min(1)
    order = np.argsort(np.abs(mesh[lower, 0][None] - x[:, None]), axis=1)[:, :3]
    below = mesh[lower, 1][order].max(1)
    over = y > (above + below) / 2
    over |= np.isin(rows, upper)
    over &= ~np.isin(rows, lower)
    return rows, over
