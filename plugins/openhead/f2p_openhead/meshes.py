"""What is drawn as numbers: the bridge's passes ``vertices``, ``attributes`` and ``triangles``.

From them an imitator knows where every point of the surface stands, and has to learn only how it
looks. Teeth and tongue are left out: the standard portrait shows none of them.
"""

from __future__ import annotations

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

# Parts, the first column of ``attributes``.
SKIN, LEFT_EYE, RIGHT_EYE, LASHES, HAIR, BEARD = range(6)
COLUMNS = 14  # of ``attributes``
# What is painted lies within [-1, 1]: a brow with a little around it, an iris with some white.
BROW, IRIS = 0.6, 1.6
HAIRS = np.array((1500.0, 1.0, 1.0), np.float32)  # along a lid: numbers should be about one
FULL = 2.8  # how steeply a lock's cover rises from its edges, as in hair.vert
VIEWER = np.array((0.0, 0.0, 9.0), np.float32)


class Meshes:
    """The drawn surfaces of one rig's characters, all vertices after one another.

    First skin, eyes and lashes, the same for every character; then the hair and the beard that are
    worn, whose vertices and triangles depend on the choice alone.
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
                _table(LASHES, 0, 1, 0, face.lash_coordinates / HAIRS),
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
        self, points: Array, material: dict[str, float], camera: Camera, size: tuple[int, int]
    ) -> Array:
        """(N, 5): x, y and depth in pixels, and the place in what is painted.

        ``points`` (V, 3) is the posed head as drawn, before it turns. What is painted is the brow,
        on skin, and the iris, on an eye: both move over what they are painted on.
        """
        head = self._face.head
        skin = points[head.skin.rows]
        places = np.stack([np.abs(self._skin[:, 0]), self._skin[:, 1]], 1)
        along, across = brow_coordinates(material, places)
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
        for _, worn, motion in self._worn():
            hair = worn.hair.deformed(motion)
            rows.append(np.column_stack([hair, np.zeros((len(hair), 2))]))
        table = np.concatenate(rows).astype(np.float32)
        spots = camera.project(table[:, :3], size)
        depth = camera.depth(table[:, :3]) * size[0] / camera.span
        return np.column_stack([spots, depth, table[:, 3:]]).astype(np.float32)

    def attributes(self) -> Array:
        """(N, COLUMNS): part, the slot whose choice it belongs to (0 for none), how it covers (0
        all, 1 by what is painted, 2 as a ribbon), how much, and numbers that tell its points apart.
        """
        rows = [self._fixed]
        for part, worn, _ in self._worn():
            hair = worn.hair
            view = VIEWER - hair.points
            facing = np.abs((hair.normals * view).sum(1)) / np.linalg.norm(view, axis=1)
            cover = hair.strand[:, 3] * np.minimum(facing * 3.5 + 0.1, 1) * FULL
            numbers = (hair.strand[:, :3], hair.tangents, hair.normals)
            rows.append(_table(part, self._owners[part], 2, cover, *numbers))
        return np.concatenate(rows)

    def triangles(self) -> Index:
        """(M, 3) rows of the vertices; those of eyes and skin that turn away are not drawn."""
        found, count = [self._triangles], len(self._fixed)
        for _, worn, _ in self._worn():
            found.append(worn.hair.triangles + count)
            count += len(worn.hair.points)
        return np.concatenate(found).astype(np.int32)

    def _worn(self) -> list[tuple[int, HairSurface, Array]]:
        """Part, style and motion of what is worn now."""
        hair, beard = self._hair.worn()
        found = []
        if hair is not None:
            found.append((HAIR, *hair))
        if beard is not None:
            found.append((BEARD, *beard))
        return found

    def _iris(self, material: dict[str, float], outward: float) -> Array:
        """Places (E, 2) of the eyeball's vertices around the middle of the iris."""
        forward = gaze(outward)
        unit = self._face.sphere
        radius = np.arccos(np.clip(unit @ forward, -1, 1)) / material["iris_size"] / 1.02
        flat = unit[:, :2] - forward[:2] * unit[:, 2:]
        away = np.maximum(np.linalg.norm(flat, axis=1), 1e-6)
        return np.asarray(flat * (radius / away / IRIS)[:, None], np.float32)


def _table(part: int, owner: float, covers: int, cover: Array | float, *numbers: Array) -> Array:
    """Rows of ``attributes``, (N, COLUMNS)."""
    told = np.concatenate(numbers, 1)
    out = np.zeros((len(told), COLUMNS), np.float32)
    out[:, :3] = part, owner, covers
    out[:, 3] = cover
    out[:, 4 : 4 + told.shape[1]] = told[:, : COLUMNS - 4]
    return out
