"""The mesh model of a layout's characters, in memory and on disk."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from ..errors import DatasetError
from ..files import atomic_write
from ..parameters import Layout

__all__ = ["FILE", "OPAQUE", "PAINTED", "RIBBON", "Blendshapes", "Mesh", "Piece"]

FILE = "mesh.npz"  # beside the shards of a dataset
OPAQUE, PAINTED, RIBBON = range(3)
"""Opacity mode of a vertex's surface: opaque; painted (opacity is learned); ribbon of hair."""

Array = npt.NDArray[np.float32]
Index = npt.NDArray[np.int32]

# Names in the file, in the order of the fields. The file keeps its names.
_PIECE_KEYS = ("rest", "attributes", "triangles", "tied", "follow", "mix")
_BLENDSHAPE_KEYS = ("half", "vertex", "change", "together", "bends", "basis")


@dataclass(frozen=True)
class Piece:
    """A part of the surface with a fixed topology: the body, or what one choice adds.

    Attributes:
        slot, choice: the choice in the layout that adds the piece; -1 for the body.
        rest: float32 (N, 5): X, Y, W and the paint coordinates, of the middle character. A vertex
            stands at (X / W, Y / W) in the coordinates of torch's ``grid_sample``: the picture is
            [-1, 1] by [-1, 1], x to the right, y down.
        attributes: float32 (N, A): part, opacity mode, ribbon opacity, then numbers that identify
            points of a part; the first two of them are texture coordinates.
        triangles: int32 (M, 3), rows of these vertices.
        clusters: int32 (N,), the vertex cluster of each vertex, of K; empty for the body.
        cluster_factors, guide_factors: float32 (K, F) and (F, C). Their product holds the weights
            with which the clusters follow the slot's guide points; empty for the body.
    """

    slot: int
    choice: int
    rest: Array
    attributes: Array
    triangles: Index
    clusters: Index
    cluster_factors: Array
    guide_factors: Array

    def pruned(self, vertices: npt.NDArray[np.bool_], faces: npt.NDArray[np.bool_]) -> Piece:
        """The piece with only these vertices (N,) and triangles (M,)."""
        new = np.cumsum(vertices) - 1
        used = self.clusters[vertices[: len(self.clusters)]]
        kept, clusters = np.unique(used, return_inverse=True)
        return replace(
            self,
            rest=self.rest[vertices],
            attributes=self.attributes[vertices],
            triangles=new[self.triangles[faces]].astype(np.int32),
            clusters=clusters.astype(np.int32),
            cluster_factors=self.cluster_factors[kept],
        )


@dataclass(frozen=True)
class Blendshapes:
    """Displacements of K numbers of each of the body's N vertices by P sliders.

    Attributes:
        half, vertex: int32 (E,), the slider half and the vertex of each entry. Halves are numbered
            0 to P - 1 for the high ends, P to 2 P - 1 for the low ends.
        change: float32 (E, K), the displacement at the end of the half. A vertex without an entry
            does not move at all: rounding must not change a pixel far away.
        pairs: int32 (Q, 2), pairs of sliders; the same slider twice is its square.
        coefficients: float32 (Q, R), the weights of the R corrective blendshapes per pair, times
            the product of the two sliders from -1 to 1.
        correctives: float32 (R, N, K), the corrective blendshapes.
    """

    half: Index
    vertex: Index
    change: Array
    pairs: Index
    coefficients: Array
    correctives: Array

    def pruned(self, vertices: npt.NDArray[np.bool_]) -> Blendshapes:
        """The blendshapes of only these vertices (N,)."""
        new = np.cumsum(vertices) - 1
        kept = vertices[self.vertex]
        return replace(
            self,
            half=self.half[kept],
            vertex=new[self.vertex[kept]].astype(np.int32),
            change=self.change[kept],
            correctives=self.correctives[:, vertices],
        )


@dataclass(frozen=True)
class Mesh:
    """The meshes of all characters of a layout.

    Attributes:
        layout_hash: of the layout.
        depth_scale: length of one unit of W in units of X, for normals.
        body: the piece that every character has.
        pieces: the pieces that choices add.
        guides: float32 (S, 2 P, C, 3): for each slot with pieces, in the layout's order, the
            displacement of C guide points at the end of each slider half.
        positions, paint: blendshapes of the body's X, Y, W, and of its paint coordinates.
    """

    layout_hash: str
    depth_scale: float
    body: Piece
    pieces: tuple[Piece, ...]
    guides: Array
    positions: Blendshapes
    paint: Blendshapes

    def save(self, path: Path) -> Path:
        """Write an ``.npz`` file, atomically."""
        arrays: dict[str, Any] = {"guides": self.guides}
        for name, shapes in (("places", self.positions), ("paint", self.paint)):
            values = zip(_BLENDSHAPE_KEYS, vars(shapes).values(), strict=True)
            arrays |= {f"{name}.{key}": value for key, value in values}
        for i, piece in enumerate((self.body, *self.pieces)):
            slot, choice, *rest = vars(piece).values()
            arrays |= {f"{i}.{k}": v for k, v in zip(_PIECE_KEYS, rest, strict=True)}
            arrays[f"{i}.where"] = np.array((slot, choice))
        buffer = io.BytesIO()
        count = 1 + len(self.pieces)
        np.savez(buffer, layout=self.layout_hash, deep=self.depth_scale, count=count, **arrays)
        return atomic_write(path, buffer.getvalue(), error=DatasetError)

    @classmethod
    def load(cls, path: Path, layout: Layout) -> Mesh:
        """Read a file that :meth:`save` wrote.

        Raises:
            DatasetError: the file is damaged, or of another layout.
        """
        try:
            # from bytes: numpy leaves the file open if it is no archive
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as data:
                pieces = [
                    Piece(
                        int(data[f"{i}.where"][0]),
                        int(data[f"{i}.where"][1]),
                        *(data[f"{i}.{key}"] for key in _PIECE_KEYS),
                    )
                    for i in range(int(data["count"]))
                ]
                found = cls(
                    str(data["layout"]),
                    float(data["deep"]),
                    pieces[0],
                    tuple(pieces[1:]),
                    data["guides"],
                    *(
                        Blendshapes(*(data[f"{name}.{key}"] for key in _BLENDSHAPE_KEYS))
                        for name in ("places", "paint")
                    ),
                )
        except (OSError, ValueError, KeyError, EOFError, TypeError, IndexError, BadZipFile) as e:
            raise DatasetError(
                f"{path}: cannot be read: {e}", remedy="delete it and run f2p capture again"
            ) from None
        if found.layout_hash != layout.hash:
            raise DatasetError(
                f"{path}: is of layout {found.layout_hash}, the layout of {layout.name} is "
                f"{layout.hash}",
                remedy="delete it and run f2p capture again",
            )
        return found

    def pruned(self, visible: Sequence[npt.NDArray[np.bool_]]) -> Mesh:
        """The mesh without triangles that are never visible.

        ``visible``: flags (M,) for the triangles of the body, then of each piece. The body also
        keeps the neighbours of its visible triangles, for its normals.
        """
        body = self.body
        near = _used(body, visible[0])
        faces: npt.NDArray[np.bool_] = np.any(near[body.triangles], axis=1)
        kept = _used(body, faces)
        return replace(
            self,
            body=body.pruned(kept, faces),
            pieces=tuple(
                piece.pruned(_used(piece, flags), flags)
                for piece, flags in zip(self.pieces, visible[1:], strict=True)
            ),
            positions=self.positions.pruned(kept),
            paint=self.paint.pruned(kept),
        )


def _used(piece: Piece, faces: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Flags (N,) of the vertices of these triangles."""
    used = np.zeros(len(piece.rest), bool)
    used[piece.triangles[faces]] = True
    return used
