"""Measures of a posed head's defects: holes in the skin, skin in an eyeball, hair in the face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import lids
from .head import Head, VertexNormals
from .skin_binding import barycentric

__all__ = ["HairPenetration", "SkinHoles", "eyeball_depth", "resolve_lids"]

Array = NDArray[np.float32]
Index = NDArray[np.int64]

BUST = -1.3  # y, decimetres; clothes below
FOLD_DEPTH = 0.06  # decimetres; skin at most this far behind a back face belongs to a fold
SQUARE_MM = 1e4  # square millimetres in a square decimetre


def resolve_lids(base: Array, head: Head, points: Array) -> None:
    """Push lids out of the eyeballs, in place, as the engine does before it draws."""
    for rows in (head.left_eye, head.right_eye):
        opening = lids.find_opening(head, base, base[rows])
        opening.resolve_penetration(points, *lids.eyeball_sphere(points[rows]))


def eyeball_depth(base: Array, head: Head, points: Array) -> float:
    """Largest depth in an eyeball of skin that is outside it at rest, decimetres."""
    deepest = 0.0
    for rows in (head.left_eye, head.right_eye):
        centre, radius = lids.eyeball_sphere(base[rows])
        arm = base[head.skin.rows] - centre
        reach = np.linalg.norm(arm, axis=1)
        # Front half only: behind it, skin ends inside the eye socket.
        front = (reach > radius) & (reach < 1.6 * radius) & (arm[:, 2] > 0.3 * radius)
        centre, radius = lids.eyeball_sphere(points[rows])
        inside = radius - np.linalg.norm(points[head.skin.rows[front]] - centre, axis=1)
        deepest = max(deepest, float(inside.max()))
    return deepest


class SkinHoles:
    """Area of holes in the skin, square millimetres: ``SkinHoles(base, head)(points)``.

    A triangle is flipped if its normal points away from the camera and from its resting direction;
    it is not drawn then. It belongs to a fold if other skin is in front of it or close behind it;
    otherwise it is a hole.
    """

    def __init__(self, base: Array, head: Head) -> None:
        self._rows, self._triangles = head.skin.rows, head.skin.triangles
        skin = base[self._rows]
        self._rest = self._normals(skin)
        # Exclude the inside of the mouth and skin under clothes.
        height = skin[self._triangles][..., 1].mean(1)
        mouth = head.region_weights[self._rows][self._triangles][..., 1].max(1) > 0.5
        self._visible = (self._rest[:, 2] > 0) & (height > BUST) & ~mouth

    def _normals(self, skin: Array) -> Array:
        a, b, c = (skin[self._triangles[:, k]] for k in range(3))
        return np.asarray(np.cross(b - a, c - a), np.float32)

    def __call__(self, points: Array) -> float:
        skin = points[self._rows]
        normals = self._normals(skin)
        opposite = (normals * self._rest).sum(1) < 0
        flipped = np.flatnonzero(opposite & (normals[:, 2] <= 0) & self._visible)
        if not len(flipped):
            return 0.0
        front = np.flatnonzero(normals[:, 2] > 0)
        corners = skin[self._triangles[front]].astype(np.float64)
        low, high = corners.min(1), corners.max(1)
        area = 0.0
        for t in flipped:
            place = skin[self._triangles[t]].mean(0)
            around = (low[:, :2] <= place[:2]).all(1) & (high[:, :2] >= place[:2]).all(1)
            if not _skin_near(corners[around & (front != t)], place):
                area += float(np.linalg.norm(normals[t])) / 2 * SQUARE_MM
        return area


def _skin_near(corners: NDArray[np.float64], place: Array) -> bool:
    """Report whether a triangle (N, 3, 3) is in front of a point (3,) or close behind it."""
    weights = barycentric(corners, place[:2])
    z = (weights * corners[..., 2]).sum(1)
    return bool(((weights.min(1) >= 0) & (z > place[2] - FOLD_DEPTH)).any())


class HairPenetration:
    """Share of hair points inside the face: ``HairPenetration(head)(points, hair, depth)``."""

    STEP = 4  # every fourth vertex of the face is accurate enough
    REACH = 0.3  # decimetres; hair farther from the face belongs to the back of the head

    def __init__(self, head: Head) -> None:
        self._head = head
        self._normals = VertexNormals(head.skin.triangles, len(head.skin.rows))
        # Without the inside of the mouth and the eye sockets.
        self._probe = np.flatnonzero(head.region_weights[head.skin.rows, 0] > 0.5)[:: self.STEP]

    def __call__(self, points: Array, hair: Array, depth: float) -> float:
        """Share in [0, 1] of ``hair`` (N, 3) deeper than ``depth`` decimetres under the skin.

        ``points`` (V, 3) is the posed head.
        """
        skin = points[self._head.skin.rows]
        normals = self._normals(skin)
        probe = self._probe
        # |a - b|^2 up to a constant, without an (N, P, 3) array.
        squares = (skin[probe] ** 2).sum(1)[None] - 2 * hair @ skin[probe].T
        nearest = probe[np.argmin(squares, axis=1)]
        away = hair - skin[nearest]
        under = -(away * normals[nearest]).sum(1)
        inside = (under > depth) & ((away**2).sum(1) < self.REACH**2)
        return float(inside.mean()) if len(hair) else 0.0
