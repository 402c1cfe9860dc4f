"""Meshes of what is drawn: the bridge's passes ``vertices``, ``attributes`` and ``triangles``.

With them an imitator knows the position of every surface point, and has to learn only its
appearance. Teeth and tongue are left out, because the standard portrait does not show them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .camera import Camera
from .face import Face
from .hair_surfaces import HairSurface, HairSurfaces
from .lids import eyeball_sphere
from .paint_coordinates import brow_coordinates, gaze
from .rig import Rig

__all__ = ["COLUMNS", "Meshes"]

Array = NDArray[np.float32]
Index = NDArray[np.int32]

# Part numbers: the first column of ``attributes``.
SKIN, LEFT_EYE, RIGHT_EYE, LASHES, HAIR, BEARD = range(6)
COLUMNS = 14  # of ``attributes``
# Divisors that put a brow and an iris, with a margin, into [-1, 1].
BROW, IRIS = 0.6, 1.6
LASH_SCALE = np.array((1500.0, 1.0, 1.0), np.float32)  # brings lash coordinates to about one
EDGE_SLOPE = 2.8  # slope of a ribbon's coverage at its edges, as in hair.vert
VIEWER = np.array((0.0, 0.0, 9.0), np.float32)


class Meshes:
    """The drawn surfaces of one rig's characters as one vertex list.

    First skin, eyes and lashes, the same for every character; then hair and beard, whose vertices
    and triangles depend only on the selected choices.
    """

    def __init__(self, rig: Rig, face: Face, hair_surfaces: HairSurfaces) -> None:
        self._face, self._hair = face, hair_surfaces
        slots = [slot.name for slot in rig.layout.discrete]
        self._owners = {
            part: float(slots.index(slot) + 1) if slot in slots else 0.0
            for part, slot in ((HAIR, "hairstyle"), (BEARD, "beard"))
        }
        self._skin = rig.base[face.head.skin.rows]
        skin = face.columns
        self._fixed = np.concatenate(
            [
                _table(SKIN, 0, 0, 0, skin["rest"], skin["baked"], skin["regions"], skin["beard"]),
                _table(LEFT_EYE, 0, 0, 0, face.sphere),
                _table(RIGHT_EYE, 0, 0, 0, face.sphere),
                _table(LASHES, 0, 1, 0, face.lash_coordinates / LASH_SCALE),
            ]
        )
        counts = (len(self._skin), len(face.sphere), len(face.sphere), len(face.lash_coordinates))
        starts = np.cumsum((0, *counts))
        parts = (
            face.head.skin.triangles,
            face.sphere_triangles,
            face.sphere_triangles,
            face.head.lashes.triangles,
        )
        self._triangles = np.concatenate([t + s for t, s in zip(parts, starts, strict=False)])

    def vertices(
        self, points: Array, material: Mapping[str, float], camera: Camera, size: tuple[int, int]
    ) -> Array:
        """Vertices (N, 5): x, y and depth in pixels, and coordinates of the painted brow or iris.

        Args:
            points: (V, 3) the posed head as drawn, before its rotation.
            material: material values of the character.
            size: (width, height) of the picture, pixels.
        """
        head = self._face.head
        skin = points[head.skin.rows]
        rest = np.stack([np.abs(self._skin[:, 0]), self._skin[:, 1]], 1)
        along, across = brow_coordinates(material, rest)
        rows = [np.column_stack([skin, (along - 0.5) / BROW, across])]
        for eye, outward in ((head.left_eye, 1.0), (head.right_eye, -1.0)):
            centre, radius = eyeball_sphere(points[eye])
            rows.append(
                np.column_stack(
                    [centre + self._face.sphere * radius, self._iris(material, outward)]
                )
            )
        lashes = points[head.lashes.rows]
        rows.append(np.column_stack([lashes, np.zeros((len(lashes), 2))]))
        for _, surface in self._hair_parts():
            rows.append(np.column_stack([surface.points, np.zeros((len(surface.points), 2))]))
        table = np.concatenate(rows).astype(np.float32)
        pixels = camera.project(table[:, :3], size)
        depth = camera.depth(table[:, :3]) * size[0] / camera.span
        return np.column_stack([pixels, depth, table[:, 3:]]).astype(np.float32)

    def attributes(self) -> Array:
        """Attributes (N, COLUMNS) of the vertices.

        Columns: part; number of the discrete parameter that selects it (0 for none); kind of
        coverage (0 opaque, 1 by texture, 2 ribbon); coverage; then values that identify the surface
        point.
        """
        rows = [self._fixed]
        for part, surface in self._hair_parts():
            hair = surface.hair
            view = VIEWER - hair.points
            facing = np.abs((hair.normals * view).sum(1)) / np.linalg.norm(view, axis=1)
            cover = hair.strand[:, 3] * np.minimum(facing * 3.5 + 0.1, 1) * EDGE_SLOPE
            numbers = (hair.strand[:, :3], hair.tangents, hair.normals)
            rows.append(_table(part, self._owners[part], 2, cover, *numbers))
        return np.concatenate(rows)

    def triangles(self) -> Index:
        """Triangles (M, 3) of vertex rows; back faces of eyes and skin are not drawn."""
        rows, count = [self._triangles], len(self._fixed)
        for _, surface in self._hair_parts():
            rows.append(surface.hair.triangles + count)
            count += len(surface.points)
        return np.concatenate(rows).astype(np.int32)

    def _hair_parts(self) -> list[tuple[int, HairSurface]]:
        """Part number and surface of the hair and the beard that are shown now."""
        parts = ((HAIR, self._hair.hair), (BEARD, self._hair.beard))
        return [(part, surface) for part, surface in parts if surface is not None]

    def _iris(self, material: Mapping[str, float], outward: float) -> Array:
        """Coordinates (E, 2) of the eyeball's vertices around the centre of the iris."""
        forward = gaze(outward)
        unit = self._face.sphere
        radius = np.arccos(np.clip(unit @ forward, -1, 1)) / material["iris_size"] / 1.02
        flat = unit[:, :2] - forward[:2] * unit[:, 2:]
        away = np.maximum(np.linalg.norm(flat, axis=1), 1e-6)
        return np.asarray(flat * (radius / away / IRIS)[:, None], np.float32)


def _table(part: int, owner: float, covers: int, cover: Array | float, *numbers: Array) -> Array:
    """Rows of ``attributes``: (N, COLUMNS)."""
    values = np.concatenate(numbers, 1)
    out = np.zeros((len(values), COLUMNS), np.float32)
    out[:, :3] = part, owner, covers
    out[:, 3] = cover
    out[:, 4 : 4 + values.shape[1]] = values[:, : COLUMNS - 4]
    return out
