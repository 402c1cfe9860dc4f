"""The scalp: hairline, root positions, the surface under the hair, and weights that move hair.

Positions and lengths are decimetres, face coordinates, unless stated otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .head import Head

__all__ = [
    "SKULL_CENTRE",
    "Scalp",
    "hairline",
    "is_ear",
    "number",
    "outward",
    "roots",
    "smoothstep",
    "unit",
]

Array = NDArray[np.float32]
Index = NDArray[np.int32]

# The skull as an ellipsoid: its smooth normals give hair smooth highlights.
SKULL_CENTRE = np.array((0.0, 0.21, -0.62), np.float32)
SKULL_RADII = np.array((0.72, 0.855, 0.90), np.float32)
RINGS, SECTORS = 60, 96
CONTROLS = 160


def number(style: Mapping[str, Any], key: str, default: float = 0.0) -> float:
    """Number of a style's key."""
    return float(style.get(key, default))


def smoothstep(x: NDArray[Any], low: float, high: float) -> Array:
    """Smooth step from 0 at ``low`` to 1 at ``high``, as in GLSL; any shape."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def unit(v: NDArray[Any]) -> Array:
    """Normalise vectors (..., 3) to length 1."""
    return np.asarray(v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9), np.float32)


def outward(p: NDArray[Any]) -> Array:
    """Unit normals (..., 3) of the ellipsoid through points (..., 3)."""
    return unit((p - SKULL_CENTRE) / SKULL_RADII**2)


def hairline(points: NDArray[Any], recede: float = 0.0) -> Array:
    """Height (N,) of skin points (N, 3) above the hairline, decimetres: positive on the scalp.

    ``recede`` raises the line over the temples by this length, and by about half of it in the
    middle.
    """
    around = np.degrees(np.arctan2(np.abs(points[:, 0]), points[:, 2] - SKULL_CENTRE[2]))
    angles = [0, 18, 33, 45, 55, 66, 76, 84, 95, 110, 125, 150, 180]
    heights = [0.56, 0.55, 0.47, 0.34, 0.21, 0.12, -0.05, -0.02, 0.12, 0.02, -0.30, -0.52, -0.58]
    line = np.interp(around, angles, heights)
    if recede:
        line = line + recede * np.interp(around, [0, 12, 28, 46, 62], [0.45, 0.55, 1.0, 0.8, 0])
    return np.asarray(points[:, 1] - line, np.float32)


def is_ear(points: NDArray[Any]) -> NDArray[np.bool_]:
    """Mask (N,) of points (N, 3) of the resting head that belong to the ears."""
    x, y, z = points.T
    return np.asarray((np.abs(x) > 0.60) & (y < 0.06) & (z > -0.95) & (z < -0.45))


class Scalp:
    """The scalp of the resting head ``rest`` (V, 3); ``normals`` (N, 3) are those of the skin."""

    def __init__(self, head: Head, rest: Array, normals: Array) -> None:
        self.rows = head.skin.rows
        self.points, self.normals, self.triangles = rest[self.rows], normals, head.skin.triangles
        bust = (np.abs(self.points[:, 0]) < 1.0) & (self.points[:, 1] > -1.45)
        self._bare = _reach(self.points, self.triangles, bust & ~is_ear(self.points))
        self._eared = _reach(self.points, self.triangles, bust, smooth=7)
        near = np.flatnonzero(bust)
        self.controls = near[spread(self.points[near], CONTROLS, np.random.default_rng(7))]
        # A control point moves by the mean of the skin around it, so hair moves smoothly.
        near = near[spread(self.points[near], 900, np.random.default_rng(8))]
        gap = _square(self.points[near], self.points[self.controls])
        weight = np.exp(-gap / (2 * 0.13**2)).astype(np.float32)
        self._mean = np.ascontiguousarray((weight / weight.sum(0)).astype(np.float32))
        self._near = self.rows[near]

    def radius(self, p: Array, ears: bool = False) -> Array:
        """Distance (N,) from the skull's centre to the skin, in the directions of points (N, 3)."""
        q = p - SKULL_CENTRE
        r = np.maximum(np.linalg.norm(q, axis=1), 1e-6)
        y = np.arccos(np.clip(q[:, 1] / r, -1, 1)) / np.pi * RINGS - 0.5
        x = (np.arctan2(q[:, 0], q[:, 2]) / (2 * np.pi) % 1) * SECTORS - 0.5
        table = self._eared if ears else self._bare
        y = np.clip(y, 0, RINGS - 1.001)
        i, j = np.floor(y).astype(int), np.floor(x).astype(int)
        fy, fx = y - i, x - j
        a, b = table[i, j % SECTORS], table[i, (j + 1) % SECTORS]
        c, d = table[i + 1, j % SECTORS], table[i + 1, (j + 1) % SECTORS]
        return np.asarray((a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy)

    def follow_weights(self, points: Array) -> Array:
        """Weights (N, CONTROLS) of the control points for hair points (N, 3).

        The farther a point is from the skin, the wider is its kernel.
        """
        gap = _square(points, self.points[self.controls])
        reach = 0.16 + 0.5 * np.sqrt(gap.min(1, keepdims=True))
        weight = np.exp(-(gap - gap.min(1, keepdims=True)) / (2 * reach**2))
        return np.asarray(weight / weight.sum(1, keepdims=True), np.float32)

    def control_motion(self, displacement: Array) -> Array:
        """Displacements (CONTROLS, 3) of the control points, from those of the head (V, 3)."""
        motion = (displacement[self._near].T @ self._mean).T
        return np.ascontiguousarray(motion, np.float32)


def _square(a: Array, b: Array) -> Array:
    gap = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return np.asarray(np.maximum(gap, 0))


def spread(points: Array, count: int, rng: np.random.Generator) -> Index:
    """Farthest-point sampling: indices of ``count`` of the points (N, 3)."""
    chosen = np.empty(min(count, len(points)), np.int32)
    chosen[0] = rng.integers(len(points))
    gap = np.full(len(points), np.inf, np.float32)
    for k in range(1, len(chosen)):
        gap = np.minimum(gap, ((points - points[chosen[k - 1]]) ** 2).sum(1))
        chosen[k] = int(np.argmax(gap))
    return chosen


def _samples(points: Array, triangles: Index, share: int) -> Array:
    """Sample points on all triangles, ``share`` steps along an edge."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    out = [
        a * (i / share) + b * (j / share) + c * ((share - i - j) / share)
        for i in range(share + 1)
        for j in range(share + 1 - i)
    ]
    return np.concatenate(out)


def _reach(points: Array, triangles: Index, use: NDArray[np.bool_], smooth: int = 2) -> Array:
    """Table (RINGS, SECTORS) of the distance from the skull's centre to the skin, by direction."""
    q = _samples(points, triangles[use[triangles].all(1)], 5) - SKULL_CENTRE
    r = np.linalg.norm(q, axis=1)
    i = np.clip(np.arccos(q[:, 1] / r) / np.pi * RINGS, 0, RINGS - 1).astype(int)
    j = (np.arctan2(q[:, 0], q[:, 2]) / (2 * np.pi) % 1 * SECTORS).astype(int) % SECTORS
    table = np.zeros((RINGS, SECTORS))
    np.maximum.at(table, (i, j), r)
    for _ in range(RINGS):
        around = np.stack([np.roll(table, s, 1) for s in (-1, 1)])
        around = np.maximum(around.max(0), np.concatenate([table[:1], table[:-1]]))
        table = np.where(table == 0, around, table)
    soft = table
    for _ in range(smooth):
        soft = (np.roll(soft, 1, 1) + 2 * soft + np.roll(soft, -1, 1)) / 4
        padded = np.concatenate([soft[:1], soft, soft[-1:]])
        soft = (padded[:-2] + 2 * soft + padded[2:]) / 4
    return np.asarray(np.maximum(soft, table * 0.985) if smooth < 3 else soft * 1.015, np.float32)


def roots(
    scalp: Scalp, style: Mapping[str, Any], count: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Distribute ``count`` roots over the scalp.

    They are denser along the parting, or at the hairline of hair that is combed back.

    Returns:
        Positions (S, 3) and normals (S, 3).
    """
    a, b, c = (scalp.points[scalp.triangles[:, k]] for k in range(3))
    middle = (a + b + c) / 3
    line = hairline(middle, number(style, "recede"))
    above = number(style, "above", -0.75)
    grows = (line > 0.0) & (middle[:, 1] > above) & ~is_ear(middle)
    back, part = number(style, "back"), number(style, "part") * 0.5
    begin = 2.0 * max(1 - back, 0.0) * np.exp(-(((middle[:, 0] - part) / 0.16) ** 2))
    begin *= (middle[:, 1] > 0.5) & (middle[:, 2] > -0.9)
    begin += 2.2 * max(back, 0.75) * np.exp(-((line / 0.15) ** 2)) * (middle[:, 2] > -0.7)
    bald = number(style, "bald")
    if bald:
        grows &= crown_distance(middle) > bald
    # The portrait hardly shows the back of the head: the hull is enough there.
    rear = np.where(middle[:, 2] < -0.95, 0.55, 1.0)
    rear = np.where((middle[:, 2] < -1.05) & (np.abs(middle[:, 0]) < 0.5), 0.12, rear)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) * grows * (1 + begin) * rear
    cumulative = np.cumsum(area) / area.sum()
    tries = count * 7
    picks = np.searchsorted(cumulative, (np.arange(tries) + rng.random(tries)) / tries)
    picks = picks.clip(0, len(cumulative) - 1)
    u, v = rng.random((2, tries))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    place = a[picks] + (b - a)[picks] * u[:, None] + (c - a)[picks] * v[:, None]
    # Scaled by density, so that farthest-point sampling keeps dense areas dense.
    crowd = np.sqrt(1 + begin[picks])[:, None] * np.sqrt(rear[picks])[:, None]
    chosen = spread((place * crowd).astype(np.float32), count, rng)
    return place[chosen].astype(np.float32), scalp.normals[scalp.triangles[picks[chosen], 0]]


def crown_distance(points: NDArray[Any]) -> Array:
    """Distance (N,) of resting skin (N, 3) from the centre of a bald crown, decimetres.

    The front counts as near, so the bald area reaches from the forehead over the top.
    """
    x, y, z = points.T
    top = np.sqrt(
        (x / 1.0) ** 2 + (np.minimum(z + 0.75, 0) / 1.0) ** 2 + (y - 1.0).clip(-2, 0) ** 2
    )
    return np.asarray(top, np.float32)
