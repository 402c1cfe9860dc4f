"""The pass ``landmarks``: the 68 standard landmarks and the 5 of the alignment, on the posed head.

Indices start at 0. The usual figure (300 Faces in-the-Wild) counts from 1, from the left of the
picture, which is the subject's right.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from . import brows, facemap
from .head import Head, VertexNormals
from .lids import find_opening
from .lips import Lips
from .paint_coordinates import brow_places
from .rig import Rig
from .skin_binding import SkinBinding

__all__ = ["ALIGNMENT", "Landmarks"]

Array = NDArray[np.float32]
Index = NDArray[np.int32]

# dlib's five points: outer and inner corner of the left eye, of the right eye, base of the nose.
ALIGNMENT = (45, 42, 36, 39, 33)
BROW = np.linspace(0.04, 0.97, 5)  # along a brow, from its inner end


class Landmarks:
    """Landmarks of one rig, located once on its resting head and moved with the posed skin.

    ``brow_sheet`` is the atlas of the rig's brow styles.
    """

    def __init__(self, rig: Rig, head: Head, brow_sheet: NDArray[np.uint8]) -> None:
        self._head = head
        base = rig.base
        skin = base[head.skin.rows]
        self._binding = SkinBinding(skin, head.skin.triangles)
        self._jaw = _jaw(head, base)
        self._nose = _nose(skin)
        self._lids = [
            _lid_points(find_opening(head, base, base[rows]).rim, base)
            for rows in (head.left_eye, head.right_eye)
        ]
        lips = rig.lips or Lips(base, head)
        self._inner = _seam_points(base, lips)
        self._outer = _outline(head, base)
        self._heights = {
            name: _brow_heights(brow_sheet, k)
            for k, name in enumerate(rig.choices["eyebrow_style"])
        }

    def __call__(self, points: Array, material: Mapping[str, float], brow_style: str) -> Array:
        """Landmarks (73, 3) in decimetres, face coordinates, of a posed head ``points`` (V, 3)."""
        skin = points[self._head.skin.rows]
        brow = brow_places(material, BROW, self._heights[brow_style])
        left = self._binding.posed(skin, brow)
        right = self._binding.posed(skin, brow * np.array((-1, 1), np.float32))
        eyes = [points[rows] for rows in self._lids]
        usual = np.concatenate(
            [
                points[self._jaw],
                right[::-1],
                left,
                self._binding.posed(skin, self._nose),
                # Each eye starts at the picture's left and runs over the upper lid.
                eyes[1][[0, 1, 2, 3, 4, 5]],
                eyes[0][[3, 2, 1, 0, 5, 4]],
                self._binding.posed(skin, self._outer),
                points[self._inner],
            ]
        )
        return np.concatenate([usual, usual[list(ALIGNMENT)]]).astype(np.float32)


def _jaw(head: Head, base: Array) -> Index:
    """17 rows along the outline of the face, from the subject's right ear over the chin."""
    normals = VertexNormals(head.skin.triangles, len(head.skin.rows))(base[head.skin.rows])
    # Skin that faces down or back is under the jaw.
    rows = head.skin.rows[(head.region_weights[head.skin.rows, 0] > 0.5) & (normals[:, 2] > 0.12)]
    x, y = base[rows, 0], base[rows, 1] + 0.25
    angle, reach = np.arctan2(x, -y), np.hypot(x, y)  # 0 at the chin
    out = []
    for goal in np.linspace(-1.83, 1.83, 17):
        near = np.flatnonzero(np.abs(angle - goal) < 0.07)
        score = reach[near] - 0.8 * np.abs(angle[near] - goal)
        out.append(rows[near[np.argmax(score)]])
    return np.array(out, np.int32)


def _nose(skin: Array) -> Array:
    """9 positions: down the bridge to the tip, then under the nose from the subject's right."""
    middle = skin[(np.abs(skin[:, 0]) < 0.02) & (skin[:, 1] > -0.6) & (skin[:, 1] < 0.1)]
    tip = middle[np.argmax(middle[:, 2])]
    bridge = np.linspace(-0.02, tip[1], 4)
    # Base of the nose: the profile vertex nearest to a fixed distance below the tip.
    below = middle[(middle[:, 1] < tip[1] - 0.03)]
    base = below[np.argmin(np.abs(below[:, 1] - (tip[1] - 0.115)))][1]
    across = np.array((-0.125, -0.065, 0.0, 0.065, 0.125))
    rise = 0.035 * (np.abs(across) / 0.125) ** 2
    places = [(0.0, y) for y in bridge] + list(zip(across, base + rise, strict=True))
    return np.array(places, np.float32)


def _lid_points(rim: Index, base: Array) -> Index:
    """6 rows of an eye's rim: outer corner, upper lid, inner corner, lower lid back."""
    x, y = np.abs(base[rim, 0]), base[rim, 1]
    inner, outer = x.min(), x.max()
    corner = (y[x.argmin()] + y[x.argmax()]) / 2
    out = [int(rim[x.argmax()])]
    places = ((1 / 3, 1), (2 / 3, 1), None, (2 / 3, -1), (1 / 3, -1))
    for place in places:
        if place is None:
            out.append(int(rim[x.argmin()]))
            continue
        share, side = place
        lid = np.flatnonzero((y - corner) * side > 0)
        out.append(int(rim[lid[np.argmin(np.abs(x[lid] - (outer + share * (inner - outer))))]]))
    return np.array(out, np.int32)


def _seam_points(base: Array, lips: Lips) -> Index:
    """8 rows of the line between the lips: corner, upper lip, other corner, lower lip back."""
    upper, lower = lips.upper, lips.lower
    half = float(np.abs(base[upper, 0]).max())

    def at(rows: NDArray[np.int64], x: float) -> int:
        return int(rows[np.argmin(np.abs(base[rows, 0] - x))])

    places = (-0.92, -0.33, 0.0, 0.33, 0.92)
    over = [at(upper, half * x) for x in places]
    under = [at(lower, half * x) for x in (0.33, 0.0, -0.33)]
    return np.array(over + under, np.int32)


def _outline(head: Head, base: Array) -> Array:
    """12 positions on the outer border of the lips, from the subject's right over the upper lip."""
    inside = facemap.bake(head, base)[0, ..., 0] > 127
    columns = np.flatnonzero(inside.any(0))
    ends = columns[[0, -1]]
    half, middle = (ends[1] - ends[0]) / 2, (ends[1] + ends[0]) / 2

    def place(x: float, row: float) -> tuple[float, float]:
        scale = 2 * facemap.HALF / facemap.SIZE
        return (x + 0.5) * scale - facemap.HALF, facemap.HALF - (row + 0.5) * scale

    def border(share: float, last: int) -> tuple[float, float]:
        x = round(middle + share * half)
        return place(x, np.flatnonzero(inside[:, x])[last])

    def corner(x: int) -> tuple[float, float]:
        return place(x, float(np.flatnonzero(inside[:, x]).mean()))

    upper = [border(s, 0) for s in (-0.60, -0.22, 0.0, 0.22, 0.60)]
    lower = [border(s, -1) for s in (0.62, 0.30, 0.0, -0.30, -0.62)]
    return np.array([corner(ends[0]), *upper, corner(ends[1]), *lower], np.float32)


def _brow_heights(sheet: NDArray[np.uint8], index: int) -> Array:
    """Mean position across the brow, (5,) in [-1, 1], of a style's hairs at BROW."""
    row, column = divmod(index, brows.COLUMNS)
    width, height = brows.TILE
    tile = sheet[row * height : (row + 1) * height, column * width : (column + 1) * width]
    across = 1 - (np.arange(height) + 0.5) / height * 2
    out = []
    for along in BROW:
        x = round((along + 0.1) / 1.2 * width)
        cover = tile[:, x - 8 : x + 9].astype(np.float64).sum(1)
        out.append(float((cover * across).sum() / max(cover.sum(), 1.0)))
    return np.array(out, np.float32)
