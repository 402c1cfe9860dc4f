"""What is known of an engine's meshes, on disk and off it."""

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

__all__ = ["FILE", "OPAQUE", "PAINTED", "RIBBON", "Mesh", "Piece", "Ways", "halved", "products"]

FILE = "mesh.npz"  # beside the shards of a dataset
OPAQUE, PAINTED, RIBBON = range(3)
"""How a vertex's surface covers what is behind it: all of it; by what is painted; as a ribbon."""

Array = npt.NDArray[np.float32]
Index = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Piece:
    """A part of the surface whose triangles are the same for all who have it.

    Attributes:
        slot, choice: place of the choice in the layout that it belongs to; -1 for the body, which
            everybody has.
        rest: float32 (N, 5): X, Y, W and the place in what is painted, of the middle character. A
            vertex stands at (X / W, Y / W) in the coordinates of torch's ``grid_sample``: the
            picture is [-1, 1] by [-1, 1], x to the right, y down.
        attributes: float32 (N, A): part, how it covers, how much, and numbers that tell the
            points of a part apart, the first two of them texture coordinates.
        triangles: int32 (M, 3) rows of these vertices.
        tied: int32 (N,), which of its K knots each vertex moves with; empty for the body.
        follow, mix: float32 (K, F) and (F, C), F of the piece's own: with which weights the knots
            move with the slot's guides; empty for the body.
    """

    slot: int
    choice: int
    rest: Array
    attributes: Array
    triangles: Index
    tied: Index
    follow: Array
    mix: Array


@dataclass(frozen=True)
class Ways:
    """How sliders change K numbers of each of the body's N vertices.

    Attributes:
        half, vertex: int32 (E,), which half of which slider changes which vertex: halves are
            numbered 0 to P - 1 for high ends, P to 2 P - 1 for low ends.
        change: float32 (E, K), by how much, at its end. What is not listed does not change at all:
            a pixel far away must not change because of rounding.
        together: int32 (Q, 2), pairs of sliders (one twice: its square).
        bends: float32 (Q, R), how far :func:`products` of two sliders go each of R ways.
        basis: float32 (R, N, K), these ways.
    """

    half: Index
    vertex: Index
    change: Array
    together: Index
    bends: Array
    basis: Array

    def __call__(self, sides: npt.NDArray[Any]) -> Array:
        """Sliders from -1 to 1, (B, P), to changes (B, N, K)."""
        out = np.tensordot(products(sides, self.together) @ self.bends, self.basis, 1)
        far = halved(sides)
        for b in range(len(out)):
            np.add.at(out[b], self.vertex, far[b, self.half, None] * self.change)
        return np.asarray(out, np.float32)

    def only(self, vertices: npt.NDArray[np.bool_]) -> Ways:
        """The same of these vertices alone."""
        new = np.cumsum(vertices) - 1
        kept = vertices[self.vertex]
        return replace(
            self,
            half=self.half[kept],
            vertex=new[self.vertex[kept]].astype(np.int32),
            change=self.change[kept],
            basis=self.basis[:, vertices],
        )


@dataclass(frozen=True)
class Mesh:
    """All that a layout's characters are drawn from.

    Attributes:
        layout_hash: of the layout.
        deep: how deep one unit of W is, in units of X: for normals.
        body: what everybody has.
        pieces: what choices bring.
        guides: float32 (S, 2 P, C, 3): for each slot whose choices bring pieces, in the layout's
            order, how far each half of a slider moves each of C guides, at its end. Its pieces
            follow them.
        places, paint: what sliders do to the body's first three numbers, and to the other two.
    """

    layout_hash: str
    deep: float
    body: Piece
    pieces: tuple[Piece, ...]
    guides: Array
    places: Ways
    paint: Ways

    def save(self, path: Path) -> Path:
        """Write an ``.npz`` file, at once."""
        arrays: dict[str, Any] = {"guides": self.guides}
        for name in ("places", "paint"):
            arrays |= {f"{name}.{k}": getattr(getattr(self, name), k) for k in _WAYS}
        for i, piece in enumerate((self.body, *self.pieces)):
            arrays |= {f"{i}.{name}": getattr(piece, name) for name in _ARRAYS}
            arrays[f"{i}.where"] = np.array((piece.slot, piece.choice))
        buffer = io.BytesIO()
        count = 1 + len(self.pieces)
        np.savez(buffer, layout=self.layout_hash, deep=self.deep, count=count, **arrays)
        return atomic_write(path, buffer.getvalue(), error=DatasetError)

    @classmethod
    def load(cls, path: Path, layout: Layout) -> Mesh:
        """Read what :meth:`save` wrote; DatasetError if it is damaged or of another layout."""
        try:
            # from bytes: numpy leaves the file open where it is no archive
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as data:
                pieces = [
                    Piece(
                        int(data[f"{i}.where"][0]),
                        int(data[f"{i}.where"][1]),
                        **{name: data[f"{i}.{name}"] for name in _ARRAYS},
                    )
                    for i in range(int(data["count"]))
                ]
                found = cls(
                    str(data["layout"]),
                    float(data["deep"]),
                    pieces[0],
                    tuple(pieces[1:]),
                    data["guides"],
                    *(Ways(*(data[f"{k}.{n}"] for n in _WAYS)) for k in ("places", "paint")),
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

    def pruned(self, seen: Sequence[npt.NDArray[np.bool_]]) -> Mesh:
        """The mesh without the triangles that nobody sees.

        ``seen`` says of each triangle of the body, then of each piece, whether somebody does. The
        body keeps those around them, too, for its normals.
        """
        body, triangles = self.body, self.body.triangles
        beside = np.zeros(len(body.rest), bool)
        beside[triangles[seen[0]]] = True
        faces: npt.NDArray[np.bool_] = np.any(beside[triangles], axis=1)
        kept = np.zeros(len(body.rest), bool)
        kept[triangles[faces]] = True
        return replace(
            self,
            body=_only(body, kept, faces),
            pieces=tuple(
                _only(p, _used(len(p.rest), p.triangles[s]), s)
                for p, s in zip(self.pieces, seen[1:], strict=True)
            ),
            places=self.places.only(kept),
            paint=self.paint.only(kept),
        )


def _only(piece: Piece, vertices: npt.NDArray[np.bool_], faces: npt.NDArray[np.bool_]) -> Piece:
    new = np.cumsum(vertices) - 1
    knots, tied = np.unique(piece.tied[vertices[: len(piece.tied)]], return_inverse=True)
    return replace(
        piece,
        rest=piece.rest[vertices],
        attributes=piece.attributes[vertices],
        triangles=new[piece.triangles[faces]].astype(np.int32),
        tied=tied.astype(np.int32),
        follow=piece.follow[knots],
    )


def _used(count: int, triangles: Index) -> npt.NDArray[np.bool_]:
    used = np.zeros(count, bool)
    used[triangles] = True
    return used


_ARRAYS = ("rest", "attributes", "triangles", "tied", "follow", "mix")
_WAYS = ("half", "vertex", "change", "together", "bends", "basis")


def halved(sides: npt.NDArray[Any]) -> Array:
    """Sliders from -1 to 1, (N, P), to how far each is up, then how far down: (N, 2 P)."""
    halves = np.concatenate([np.maximum(sides, 0), np.maximum(-sides, 0)], axis=1)
    return np.asarray(halves, np.float32)


def products(sides: npt.NDArray[Any], pairs: Index) -> Array:
    """Products of sliders from -1 to 1, (N, P) -> (N, Q); of one with itself, what its square is
    beside two straight lines: 0 at the middle and at both ends."""
    one, other = sides[:, pairs[:, 0]], sides[:, pairs[:, 1]]
    alone = (pairs[:, 0] == pairs[:, 1]).astype(np.float32)
    return np.asarray(one * other - np.abs(one) * alone, np.float32)
