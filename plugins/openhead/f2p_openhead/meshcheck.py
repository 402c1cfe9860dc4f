"""Measures of a posed head that is whole: holes, skin inside an eyeball, hair inside the face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import lids
from .head import Head, VertexNormals
from .skin_binding import barycentric

__all__ = ["HairPenetration", "SkinHoles", "eyeball_depth", "resolve_lids"]

Array = NDArray[np.float32]
Index = NDArray[np.int64]

BUST = -1.3  # below this height there are clothes
BEHIND = 0.06  # skin so far behind a fold, in decimetres, is its lining and no hole
SQUARE_MM = 1e4  # in a square decimetre


def resolve_lids(base: Array, head: Head, points: Array) -> None:
    """Lay lids on the eyeballs, in place, as the engine does before it draws."""
    for rows in (head.left_eye, head.right_eye):
        opening = lids.find_opening(head, base, base[rows])
        opening.resolve_penetration(points, *lids.eyeball_sphere(points[rows]))


def eyeball_depth(base: Array, head: Head, points: Array) -> float:
    """How deep skin is in an eyeball that lies outside it at rest, decimetres."""
    deepest = 0.0
    for rows in (head.left_eye, head.right_eye):
        centre, radius = lids.eyeball_sphere(base[rows])
        arm = base[head.skin.rows] - centre
        reach = np.linalg.norm(arm, axis=1)
        # Seen from the front: behind, skin ends within the eye's hollow.
        seen = (reach > radius) & (reach < 1.6 * radius) & (arm[:, 2] > 0.3 * radius)
        centre, radius = lids.eyeball_sphere(points[rows])
        inside = radius - np.linalg.norm(points[head.skin.rows[seen]] - centre, axis=1)
        deepest = max(deepest, float(inside.max()))
    return deepest


class SkinHoles:
    """Holes in the skin: ``SkinHoles(base, head)(points)`` gives their area, square millimetres.

    A triangle is turned over where its normal points away from the camera and from where it pointed
    at rest: it is not drawn. Under other skin, or with skin close behind it, it is a fold. Else it
    is a hole.
    """

    def __init__(self, base: Array, head: Head) -> None:
        self._rows, self._triangles = head.skin.rows, head.skin.triangles
        skin = base[self._rows]
        self._rest = self._normals(skin)
        # The inside of the mouth and what clothes hide are not seen.
        height = skin[self._triangles][..., 1].mean(1)
        mouth = head.region_weights[self._rows][self._triangles][..., 1].max(1) > 0.5
        self._seen = (self._rest[:, 2] > 0) & (height > BUST) & ~mouth

    def _normals(self, skin: Array) -> Array:
        a, b, c = (skin[self._triangles[:, k]] for k in range(3))
        return np.asarray(np.cross(b - a, c - a), np.float32)

    def __call__(self, points: Array) -> float:
        skin = points[self._rows]
        normals = self._normals(skin)
        over = (normals * self._rest).sum(1) < 0
        turned = np.flatnonzero(over & (normals[:, 2] <= 0) & self._seen)
        if not len(turned):
            return 0.0
        front = np.flatnonzero(normals[:, 2] > 0)
        corners = skin[self._triangles[front]].astype(np.float64)
        low, high = corners.min(1), corners.max(1)
        area = 0.0
        for t in turned:
            place = skin[self._triangles[t]].mean(0)
            around = (low[:, :2] <= place[:2]).all(1) & (high[:, :2] >= place[:2]).all(1)
            if not _skin_near(corners[around & (front != t)], place):
                area += float(np.linalg.norm(normals[t])) / 2 * SQUARE_MM
        return area


def _skin_near(corners: NDArray[np.float64], place: Array) -> bool:
    """Whether any of the triangles (N, 3, 3) is before a place (3,) or close behind it."""
    weights = barycentric(corners, place[:2])
    z = (weights * corners[..., 2]).sum(1)
    return bool(((weights.min(1) >= 0) & (z > place[2] - BEHIND)).any())


class HairPenetration:
    """Share of hair that lies in the face: ``HairPenetration(head)(skin points, hair points, depth)``."""

    STEP = 4  # of the face's vertices one in so many is near enough to measure from
    REACH = 0.3  # decimetres; what is farther from the face is hair of the back of the head

    def __init__(self, head: Head) -> None:
        self._head = head
        self._normals = VertexNormals(head.skin.triangles, len(head.skin.rows))
        # Only the face itself: the linings of mouth and sockets lie behind it.
        self._probe = np.flatnonzero(head.region_weights[head.skin.rows, 0] > 0.5)[:: self.STEP]

    def __call__(self, points: Array, hair: Array, depth: float) -> float:
        """``points`` (V, 3) of the posed head, ``hair`` (N, 3); the share in [0, 1] of hair that is
        deeper than ``depth`` decimetres under the skin of the face."""
        skin = points[self._head.skin.rows]
        normals = self._normals(skin)
        probe = self._probe
        # |a - b|^2 without a table of differences.
        squares = (skin[probe] ** 2).sum(1)[None] - 2 * hair @ skin[probe].T
        nearest = probe[np.argmin(squares, axis=1)]
        away = hair - skin[nearest]
        under = -(away * normals[nearest]).sum(1)
        inside = (under > depth) & ((away**2).sum(1) < self.REACH**2)
        return float(inside.mean()) if len(hair) else 0.0
