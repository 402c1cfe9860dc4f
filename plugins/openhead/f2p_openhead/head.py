"""The head as meshes: the drawn vertices, their triangles, normals and baked occlusion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .assets import BaseMesh, load_base, load_mask

__all__ = [
    "MOUTH_PARTS",
    "Head",
    "MouthMesh",
    "Part",
    "VertexNormals",
    "ambient_occlusion",
    "build_head",
    "unit_sphere",
]

Array = NDArray[np.float32]
Index = NDArray[np.int32]

# Height of the base mesh's eyes, and how far below them the bust is cut, decimetres.
EYE_HEIGHT = 7.285
BUST_DEPTH = 1.95


@dataclass(frozen=True)
class Part:
    """One drawn mesh: ``rows`` (N,) of ``Head.ids`` and ``triangles`` (M, 3) of ``rows``."""

    rows: Index
    triangles: Index


MOUTH_PARTS = ("upper-teeth", "lower-teeth", "tongue")


@dataclass(frozen=True)
class MouthMesh:
    """Teeth and tongue of the base mesh.

    Attributes:
        ids: (N,) base mesh vertices.
        rest: (N, 3) their positions, decimetres.
        part: (N,) index into MOUTH_PARTS.
        triangles: (M, 3) of these rows.
        anchors: (A,) rows of ``Head`` around them: the inside of lips and cheeks.
    """

    ids: Index
    rest: Array
    part: Index
    triangles: Index
    anchors: Index


@dataclass(frozen=True)
class Head:
    """The drawn part of the base mesh.

    Attributes:
        ids: (V,) base mesh vertices in use.
        rest: (V, 3) their positions in the base mesh, decimetres.
        uv: (V, 2) texture coordinates of skin and lashes, for baking.
        left_eye, right_eye: (E,) rows of the subject's eyeballs.
        region_weights: (V, 2) in [0, 1], weight in the face (without ears and neck) and in the
            inside of the mouth.
    """

    ids: Index
    rest: Array
    uv: Array
    skin: Part
    lashes: Part
    left_eye: Index
    right_eye: Index
    region_weights: Array
    mouth: MouthMesh


def _triangles(quads: Index) -> Index:
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)


def build_head(mesh: BaseMesh | None = None) -> Head:
    """Select bust, lashes, eyes and mouth of the base mesh (loaded if None).

    Raises:
        AssetError: the head data are missing.
    """
    mesh = mesh or load_base()
    body, body_uv = mesh.groups["body"]
    high = (mesh.vertices[body][:, :, 1] > EYE_HEIGHT - BUST_DEPTH).all(1)
    # Without the arms, which reach above the cut in the rest pose.
    near = (np.abs(mesh.vertices[body][:, :, 0]) < 2.4).all(1)
    quads, quad_uv = body[high & near], body_uv[high & near]
    lash_quads, lash_uv = (
        np.concatenate([mesh.groups[f"helper-{s}-eyelashes-{n}"][k] for s in "lr" for n in (1, 2)])
        for k in (0, 1)
    )
    eyes = {s: np.unique(mesh.groups[f"helper-{s}-eye"][0]) for s in "lr"}
    ids = np.unique(
        np.concatenate([quads.ravel(), lash_quads.ravel(), eyes["l"], eyes["r"]])
    ).astype(np.int32)
    lookup = np.full(len(mesh.vertices), -1, np.int32)
    lookup[ids] = np.arange(len(ids), dtype=np.int32)
    uv = np.zeros((len(ids), 2), np.float32)
    uv[lookup[quads.ravel()]] = mesh.uvs[quad_uv.ravel()]
    uv[lookup[lash_quads.ravel()]] = mesh.uvs[lash_uv.ravel()]

    def part(q: Index) -> Part:
        rows = np.unique(lookup[q.ravel()])
        back = np.full(len(ids), -1, np.int32)
        back[rows] = np.arange(len(rows), dtype=np.int32)
        return Part(rows.astype(np.int32), _triangles(back[lookup[q]]))

    regions = np.stack([_mask(mesh, name)[ids] for name in ("face", "inside-mouth")], 1)
    # The inside of lips and cheeks, without the throat.
    front = mesh.vertices[ids, 2] > 1.15
    anchors = np.flatnonzero((regions[:, 1] > 0.5) & front).astype(np.int32)
    return Head(
        ids,
        mesh.vertices[ids],
        uv,
        part(quads),
        part(lash_quads),
        lookup[eyes["l"]],
        lookup[eyes["r"]],
        regions,
        _mouth_mesh(mesh, anchors),
    )


def _mask(mesh: BaseMesh, name: str) -> Array:
    """Sample a mask texture at every vertex of the base mesh: (19158,) in [0, 1]."""
    quads, quad_uv = mesh.groups["body"]
    picture = load_mask(name)
    height, width = picture.shape
    uv = mesh.uvs[quad_uv.ravel()]
    x = np.clip((uv[:, 0] * width).astype(int), 0, width - 1)
    y = np.clip(((1 - uv[:, 1]) * height).astype(int), 0, height - 1)
    out = np.zeros(len(mesh.vertices), np.float32)
    np.maximum.at(out, quads.ravel(), picture[y, x])
    return out


def _mouth_mesh(mesh: BaseMesh, anchors: Index) -> MouthMesh:
    quads = [mesh.groups[f"helper-{name}"][0] for name in MOUTH_PARTS]
    ids = np.unique(np.concatenate([q.ravel() for q in quads])).astype(np.int32)
    part = np.zeros(len(ids), np.int32)
    for k, q in enumerate(quads):
        part[np.searchsorted(ids, np.unique(q))] = k
    triangles = _triangles(np.searchsorted(ids, np.concatenate(quads)).astype(np.int32))
    return MouthMesh(ids, mesh.vertices[ids], part, triangles, anchors)


class VertexNormals:
    """Area-weighted unit normals of a fixed topology: ``VertexNormals(triangles, count)(points)``.

    ``triangles`` (M, 3) are rows of ``count`` points; points (count, 3) -> normals (count, 3).
    """

    def __init__(self, triangles: Index, count: int) -> None:
        self.triangles = triangles
        self._corners = [np.ascontiguousarray(triangles[:, k]) for k in range(3)]
        flat = triangles.ravel()
        order = np.argsort(flat, kind="stable")
        sizes = np.bincount(flat, minlength=count)
        start = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        self._face = (order // 3).astype(np.int32)
        self._start = np.minimum(start, len(self._face) - 1)
        self._empty = sizes == 0

    def __call__(self, points: Array) -> Array:
        # Coordinate planes are three times as fast as (N, 3) points here.
        flat = np.ascontiguousarray(points.T)
        a, b, c = (flat.take(corner, 1) for corner in self._corners)
        u, v = b - a, c - a
        face = np.stack([u[k] * v[m] - u[m] * v[k] for k, m in ((1, 2), (2, 0), (0, 1))])
        normals = np.add.reduceat(face.take(self._face, 1), self._start, axis=1)
        normals[:, self._empty] = np.array((0, 0, 1), normals.dtype)[:, None]
        length = np.sqrt((normals * normals).sum(0))
        return np.ascontiguousarray((normals / np.maximum(length, 1e-12)).T, np.float32)


def unit_sphere(rings: int = 20, sectors: int = 28) -> tuple[Array, Index]:
    """Unit sphere with its pole on +z: points (N, 3) and triangles (M, 3)."""
    theta = np.linspace(0, np.pi, rings + 1)[:, None]
    phi = np.linspace(0, 2 * np.pi, sectors, endpoint=False)[None]
    points = np.stack(
        [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta) + 0 * phi], -1
    ).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(rings), np.arange(sectors), indexing="ij")
    a, b = i * sectors + j, i * sectors + (j + 1) % sectors
    quads = np.stack([a, a + sectors, b + sectors, b], -1).reshape(-1, 4)
    return points.astype(np.float32), _triangles(quads.astype(np.int32))


def ambient_occlusion(points: Array, normals: Array, triangles: Index, reach: float = 0.6) -> Array:
    """Visibility of the sky (V,) in [0, 1]: disks at the vertices occlude each other.

    After M. Bunnell, Dynamic Ambient Occlusion and Indirect Lighting, GPU Gems 2, 2005.

    Args:
        points, normals: (V, 3).
        triangles: (M, 3).
        reach: largest distance of an occluder, in the unit of the points.
    """
    a, b, c = (points[triangles[:, k]] for k in range(3))
    face = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    area = np.zeros(len(points), np.float32)
    for k in range(3):
        np.add.at(area, triangles[:, k], face / 3)
    shade = np.zeros(len(points), np.float32)
    for start in range(0, len(points), 256):
        p, n = points[start : start + 256], normals[start : start + 256]
        d = points[None] - p[:, None]
        r2 = (d * d).sum(-1) + 1e-6
        r = np.sqrt(r2)
        receive = np.clip((d * n[:, None]).sum(-1) / r, 0, 1)
        emit = np.clip(-(d * normals[None]).sum(-1) / r, 0, 1)
        near = np.clip(1 - r / reach, 0, 1)
        shade[start : start + 256] = (area * receive * emit * near / (np.pi * r2 + area)).sum(1)
    return np.asarray(1 / (1 + 2.2 * shade), np.float32)
