"""Strands as ribbons, and the mass below them as a hull: what the renderer draws of a style.

Places and lengths are in decimetres, face coordinates, unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .scalp import Scalp, outward, unit

__all__ = ["Hair", "Strands", "assemble"]

Array = NDArray[np.float32]
Index = NDArray[np.int32]


@dataclass(frozen=True)
class Hair:
    """A style at rest.

    ``points`` (N, 3) decimetres; ``tangents`` and ``normals`` (N, 3); ``strand`` (N, 4) = across
    the lock [-1, 1], along it [0, 1], its brightness (about 1), how much it covers [0, 1];
    ``triangles`` (M, 3) into the points; ``centre`` (N,) the row of ``weights`` that each point
    moves with; ``weights`` (C, K) as ``Scalp.follow`` gives them.
    """

    points: Array
    tangents: Array
    normals: Array
    strand: Array
    triangles: Index
    centre: Index
    weights: Array

    def deformed(self, motion: Array) -> Array:
        """The points (N, 3) on a head whose control points moved by ``motion`` (K, 3)."""
        return np.asarray(self.points + (self.weights @ motion).take(self.centre, 0), np.float32)


@dataclass(frozen=True)
class Strands:
    """Centre lines (S, P, 3), widths (S, P), brightness (S, P) and twist about the line (S,).

    ``cover`` (S, P) in [0, 1]; ``normals`` (S, P, 3), those of the skull where None; ``sheen``
    (S, P, 3), the directions that give gloss, those of the lines where None.
    """

    lines: Array
    width: Array
    shade: Array
    twist: Array
    cover: Array
    normals: Array | None = None
    sheen: Array | None = None


def _ribbons(locks: Strands) -> tuple[Array, Array, Array, Array, Index]:
    # Nearest first: what they hide is then never shaded.
    order = np.argsort(-locks.lines[..., 2].mean(1), kind="stable")
    lines = locks.lines[order]
    strands, steps = lines.shape[:2]
    tangent = unit(np.gradient(lines, axis=1).astype(np.float32))
    normal = outward(lines) if locks.normals is None else locks.normals[order]
    across = unit(np.cross(tangent, normal).astype(np.float32))
    out = unit(np.cross(across, tangent))
    turn = locks.twist[order][:, None, None]
    side = across * np.cos(turn) + out * np.sin(turn)
    half = side * locks.width[order][..., None] / 2
    points = np.stack([lines - half, lines + half], 2)
    # A lock is round: its sides face away from each other.
    normals = np.stack([unit(normal - 0.5 * across), unit(normal + 0.5 * across)], 2)
    shape = (strands, steps, 2)
    s = np.linspace(0, 1, steps, dtype=np.float32)
    strand = np.stack(
        [
            np.broadcast_to(np.array((-1, 1), np.float32), shape),
            np.broadcast_to(s[None, :, None], shape),
            np.broadcast_to(locks.shade[order][..., None], shape),
            np.broadcast_to(locks.cover[order][..., None], shape),
        ],
        -1,
    )
    index = np.arange(strands * steps * 2).reshape(shape)
    a, b, c, d = index[:, :-1, 0], index[:, :-1, 1], index[:, 1:, 1], index[:, 1:, 0]
    triangles = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], 2).reshape(-1, 3)
    sheen = tangent if locks.sheen is None else locks.sheen[order]
    tangents = np.broadcast_to(sheen[:, :, None], (*shape, 3))
    return (
        points.reshape(-1, 3),
        tangents.reshape(-1, 3),
        normals.reshape(-1, 3),
        strand.reshape(-1, 4),
        triangles.astype(np.int32),
    )


def assemble(
    scalp: Scalp,
    locks: Sequence[Strands],
    hull: tuple[Array, Array, Array, Array, Index] | None = None,
    weights: Array | None = None,
) -> Hair:
    """Join ``locks`` and a ``hull`` (points, tangents, normals, strand, triangles) in one mesh.

    ``weights`` are those of the centres, the scalp's where None.
    """
    parts = [_ribbons(k) for k in locks]
    rows: list[Array] = []
    centres: list[Index] = []
    count = 0
    for k, part in zip(locks, parts, strict=True):
        points = part[0].reshape(*k.lines.shape[:2], 2, 3)
        rows.append(points.mean(2).reshape(-1, 3))
        centres.append(np.repeat(np.arange(len(rows[-1])), 2) + count)
        count += len(rows[-1])
    if hull is not None:
        parts.append(hull)
        rows.append(hull[0])
        centres.append(np.arange(len(hull[0])) + count)
    start = np.cumsum([0] + [len(p[0]) for p in parts])
    triangles = [p[4] + at for p, at in zip(parts, start[:-1], strict=True)]
    points, tangents, normals, strand = (
        np.concatenate([p[k] for p in parts]).astype(np.float32) for k in range(4)
    )
    return Hair(
        points,
        tangents,
        normals,
        strand,
        np.concatenate(triangles).astype(np.int32),
        np.concatenate(centres).astype(np.int32),
        scalp.follow_weights(np.concatenate(rows)) if weights is None else weights,
    )
