"""Where points of the face's surface stand in the picture: the bridge's pass ``surface``.

An imitator learns from them how sliders move what is seen. So points follow what is painted, too:
brows that slide over the skin, irises and pupils that grow on the eyeballs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .head import Head, VertexNormals
from .lids import ball
from .painted import brow_coordinates, brow_places, iris_places
from .rig import Rig
from .scalp import Scalp
from .skinmap import SkinMap

__all__ = ["SurfacePoints"]

Array = NDArray[np.float32]
Look = Mapping[str, float]

# Along and across a brow: its painted hairs lie within. Skin vertices there, and a little around,
# are left out.
ALONG, ACROSS = np.linspace(-0.04, 1.04, 12), np.linspace(-0.55, 0.55, 4)
AROUND = 0.08
# Points of an eye: its gaze; rings at the pupil's and the iris's edge and half way; on the white.
SECTORS = 16
WHITE = (0.62, 0.85)  # radians off the gaze
# Points of hair: a grid over the picture (columns, rows; x and y from, to), a little off the skin.
GRID, ACROSS_PICTURE, DOWN_PICTURE, OFF = (22, 22), (-1.2, 1.2), (-1.3, 1.25), 0.1


def _before(scalp: Scalp) -> Array:
    """Where hair may be seen, (N, 3): before the skin that is nearest in the picture."""
    x, y = np.meshgrid(np.linspace(*ACROSS_PICTURE, GRID[0]), np.linspace(*DOWN_PICTURE, GRID[1]))
    places = np.stack([x.ravel(), y.ravel()], 1)
    controls = scalp.points[scalp.controls]
    gap = ((places[:, None] - controls[None, :, :2]) ** 2).sum(-1)
    # Of the skin about as near as the nearest the front.
    near = gap <= (np.sqrt(gap.min(1, keepdims=True)) + 0.12) ** 2
    front = np.where(near, controls[None, :, 2], -np.inf).max(1)
    return np.column_stack([places, front + OFF]).astype(np.float32)


class SurfacePoints:
    """The same points for every character: skin that faces the camera, brows, eyes, hair.

    ``count`` is K, how many they are; ``hair`` (K,) is 1 for those that move as hair before the
    face does, whichever style, 0 for the others.
    """

    def __init__(self, rig: Rig, head: Head, scalp: Scalp) -> None:
        self._head, self._scalp, self._base = head, scalp, rig.base
        self._map = SkinMap(rig.base[head.skin.rows], head.skin.triangles)
        middle: dict[str, float | str] = {p.name: p.unscale(0.5) for p in rig.layout.continuous}
        along, across = np.meshgrid(ALONG, ACROSS)
        self._along, self._across = along.ravel(), across.ravel()
        look = rig.look(middle)
        self._rows = self._front(rig.base, look)
        points = rig.pose(middle)
        skin = points[head.skin.rows]
        self._seen = [~self._map.covers(skin, self._eye(points, look, k)) for k in range(2)]
        self._hair = _before(scalp)
        self._follow = scalp.follow(self._hair)
        face = len(self._rows) + 2 * len(self._along) + sum(int(s.sum()) for s in self._seen)
        self.count = face + len(self._hair)
        self.hair = np.repeat(np.array((0, 1), np.float32), (face, len(self._hair)))

    def __call__(self, points: Array, look: Look) -> Array:
        """The points (K, 3) of a head posed as ``points`` (V, 3), face coordinates, decimetres.

        Order: skin, the brow on the subject's left, the other, the left eye, the right one, hair.
        """
        skin = points[self._head.skin.rows]
        brow = brow_places(look, self._along, self._across)
        brows = [self._map.posed(skin, brow * np.array((m, 1), np.float32)) for m in (1, -1)]
        eyes = [self._eye(points, look, k)[self._seen[k]] for k in range(2)]
        hair = self._hair + self._follow @ self._scalp.motion(points - self._base)
        return np.concatenate([points[self._rows], *brows, *eyes, hair]).astype(np.float32)

    def _front(self, base: Array, look: Look) -> NDArray[np.int32]:
        """Rows of the skin vertices that are points: what turns away is hidden or slides away."""
        rows = self._head.skin.rows
        rest = base[rows]
        normals = VertexNormals(self._head.skin.triangles, len(rest))(rest)
        # The face and the front of neck and ears.
        seen = (normals[:, 2] > 0.1) & (np.abs(rest[:, 0]) < 0.8) & (rest[:, 2] > -0.9)
        along, across = brow_coordinates(look, np.stack([np.abs(rest[:, 0]), rest[:, 1]], 1))
        a, b = (ALONG[0] - AROUND, ALONG[-1] + AROUND), ACROSS[-1] + AROUND
        brow = (along > a[0]) & (along < a[1]) & (np.abs(across) < b)
        return np.asarray(rows[seen & ~brow], np.int32)

    def _eye(self, points: Array, look: Look, k: int) -> Array:
        """All points of eye ``k`` (0: the subject's left), (N, 3)."""
        outward = 1.0 - 2 * k
        rows = self._head.right_eye if k else self._head.left_eye
        centre, radius = ball(points[rows])
        turn = np.linspace(0, 2 * np.pi, SECTORS, endpoint=False)
        pupil = float(look["pupil_size"])
        rings = [0.0, *np.repeat((pupil, (1 + pupil) / 2, 1.0), SECTORS)]
        iris = iris_places(look, outward, np.array(rings), np.concatenate([[0], *[turn] * 3]))
        # The white does not move with the size of the iris.
        still = {**look, "iris_size": 1 / 1.02}
        white = iris_places(
            still, outward, np.repeat(WHITE, SECTORS), np.concatenate([turn] * len(WHITE))
        )
        return np.asarray(centre + np.concatenate([iris, white]) * radius, np.float32)
