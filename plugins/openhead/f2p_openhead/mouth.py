"""Teeth and tongue, visible when the lips part. They follow the jaw, not the shape of the lips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from panda3d.core import NodePath

from .head import Head, MouthMesh, VertexNormals
from .surface import Surface, set_shaders

__all__ = ["Mouth"]

Array = NDArray[np.float32]
Index = NDArray[np.int32]

SETBACK = 0.03  # decimetres that teeth are behind their position in the base mesh
# Widths of teeth from the middle to the back, decimetres, by index into MOUTH_PARTS.
TEETH = {
    0: (0.085, 0.067, 0.076, 0.07, 0.07, 0.10, 0.10),
    1: (0.054, 0.06, 0.068, 0.07, 0.07, 0.11),
}
COLUMNS, ROWS = 96, 6


def _arch(mesh: MouthMesh, part: int) -> tuple[Array, Array]:
    """One row of teeth as a curved band along the base mesh's: points (N, 3), coordinates (N, 4).

    Coordinates: tooth number from the middle (integer at its near edge), height from its tip (0) to
    the gum (1), index into MOUTH_PARTS, depth (0 at the front to 1).
    """
    shell = mesh.rest[mesh.part == part].astype(np.float64)
    low, high = shell.min(0), shell.max(0)
    front = shell[np.abs(shell[:, 0]) < 0.01]
    # Not the bounds: molars are longer than the front teeth.
    tip = front[:, 1].min() if part == 0 else front[:, 1].max()
    root = high[1] if part == 0 else low[1]
    angle = np.linspace(-np.pi / 2, np.pi / 2, COLUMNS)
    depth = front[:, 2].max() - low[2]
    x, z = high[0] * np.sin(angle), low[2] + depth * np.cos(angle)
    steps = np.hypot(np.diff(x), np.diff(z))
    along = np.concatenate([[0], np.cumsum(steps)])
    along = np.abs(along - along[-1] / 2)
    tooth = np.interp(
        along, np.concatenate([[0], np.cumsum(TEETH[part])]), range(len(TEETH[part]) + 1)
    )
    up = np.linspace(0, 1, ROWS)[:, None]
    lean = 1 + 0.06 * (up - 1)
    points = np.stack([x * lean, tip + (root - tip) * up + 0 * x, low[2] + (z - low[2]) * lean], -1)
    back = (1 - np.cos(angle)) + 0 * up
    coords = np.stack([tooth + 0 * up, up + 0 * x, np.full_like(back, part), back], -1)
    return points.reshape(-1, 3).astype(np.float32), coords.reshape(-1, 4).astype(np.float32)


def _band(start: int) -> Index:
    i, j = np.meshgrid(np.arange(ROWS - 1), np.arange(COLUMNS - 1), indexing="ij")
    a = start + i * COLUMNS + j
    quads = np.stack([a, a + 1, a + COLUMNS + 1, a + COLUMNS], -1).reshape(-1, 4)
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)


class Mouth:
    """Teeth and tongue of one head.

    Sliders deform the lips, not the teeth: teeth are translated, and scaled along each axis, as the
    mean of the lips and cheeks around them.
    """

    def __init__(self, root: NodePath, head: Head, material_names: Sequence[str]) -> None:
        mesh = head.mouth
        self._anchors = mesh.anchors
        around = head.rest[self._anchors]
        self._centre = around.mean(0)
        self._arm = around - self._centre
        near = (around[:, 2] > 1.44) & (np.abs(around[:, 0]) < 0.2)
        middle = float(np.median(around[near, 1]))
        self._upper, self._lower = near & (around[:, 1] > middle), near & (around[:, 1] <= middle)
        self._lips = near
        self._rest, coords, triangles = self._build(mesh)
        self._normals = VertexNormals(triangles, len(self._rest))
        self._surface = Surface("mouth", triangles, {"inside": coords}, {"vertex": 3, "normal": 3})
        self.node = self._surface.node
        self.node.setTwoSided(True)
        self.node.reparentTo(root)
        set_shaders(self.node, "mouth.vert", "mouth.frag", material_names)

    def _build(self, mesh: MouthMesh) -> tuple[Array, Array, Index]:
        """Points (N, 3) at rest, coordinates (N, 4) and triangles of both arches and the tongue."""
        tongue = mesh.part == 2
        points, coords, triangles = zip(
            *((*_arch(mesh, part), _band(part * ROWS * COLUMNS)) for part in (0, 1)), strict=True
        )
        rows = np.flatnonzero(tongue)
        lookup = np.full(len(mesh.ids), -1, np.int64)
        lookup[rows] = np.arange(len(rows)) + 2 * ROWS * COLUMNS
        faces = lookup[mesh.triangles[tongue[mesh.triangles].all(1)]].astype(np.int32)
        place = mesh.rest[rows]
        back = (place[:, 2].max() - place[:, 2]) / 0.8
        own = np.stack([place[:, 0], place[:, 1], np.full(len(rows), 2.0), back], 1)
        # Expressions displace the base mesh's teeth; a linear map transfers this to the arches.
        self._maps = []
        for part in (0, 1):
            data = np.flatnonzero(mesh.part == part)
            solve = np.linalg.pinv(_homogeneous(mesh.rest[data]))
            self._maps.append((data, _homogeneous(points[part]) @ solve))
        self._tongue = rows
        rest = np.concatenate([*points, place])
        return (
            rest.astype(np.float32),
            np.concatenate([*coords, own]).astype(np.float32),
            np.concatenate([*triangles, faces]),
        )

    def pose(self, neutral: Array, moved: Array | None, head: Array) -> None:
        """Move teeth and tongue to the posed head.

        Args:
            neutral: (V, 3) the head without expression.
            moved: (N, 3) displacement of the base mesh's teeth and tongue by the expression, or
                None.
            head: (V, 3) the head as drawn. Its lip gap sets how much light enters.
        """
        points = self.place(neutral, moved)
        self._surface.write(points, self._normals(points))
        rise = (head - neutral)[self._anchors, 1]
        gap = np.percentile(rise[self._upper], 90) - np.percentile(rise[self._lower], 10)
        self.node.setShaderInput("gap", max(float(gap), 0.0))

    def place(self, neutral: Array, moved: Array | None) -> Array:
        """Positions (N, 3) of teeth and tongue; see :meth:`pose`."""
        around = neutral[self._anchors]
        centre = around.mean(0)
        grown = np.clip(((around - centre) * self._arm).sum(0) / (self._arm**2).sum(0), 0.8, 1.25)
        points = (self._rest - self._centre) * grown + centre
        # Move the teeth back with lips that sliders push back.
        rest = self._arm[self._lips, 2] * grown[2] + centre[2]
        points[:, 2] += min(0.0, float(np.percentile(around[self._lips, 2] - rest, 10))) - SETBACK
        if moved is not None:
            parts = [weights @ moved[data] for data, weights in self._maps]
            points = points + np.concatenate([*parts, moved[self._tongue]])
        return np.asarray(points, np.float32)


def _homogeneous(points: Array) -> NDArray[np.float64]:
    return np.concatenate([points, np.ones((len(points), 1))], 1).astype(np.float64)
