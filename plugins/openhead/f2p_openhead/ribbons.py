"""Hair geometry: strands as ribbons, joined with the hull to one mesh.

Positions and lengths are decimetres, face coordinates, unless stated otherwise.
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

    Attributes:
        points: (N, 3) decimetres.
        tangents, normals: (N, 3).
        strand: (N, 4): across the ribbon [-1, 1], along it [0, 1], brightness (about 1), coverage
            [0, 1].
        triangles: (M, 3) into the points.
        centre: (N,) the row of ``weights`` of each point; both edges of a ribbon share one.
        weights: (C, K), from ``Scalp.follow_weights``.
    """

    points: Array
    tangents: Array
    normals: Array
    strand: Array
    triangles: Index
    centre: Index
    weights: Array

    def deformed(self, motion: Array) -> Array:
        """Points (N, 3) on a head whose control points moved by ``motion`` (K, 3)."""
        return np.asarray(self.points + (self.weights @ motion).take(self.centre, 0), np.float32)


@dataclass(frozen=True)
class Strands:
    """Strands as centre lines, each drawn as a ribbon.

    Attributes:
        lines: (S, P, 3) centre lines.
        width, shade: (S, P) width and brightness.
        twist: (S,) rotation about the line, radians.
        cover: (S, P) coverage in [0, 1].
        normals: (S, P, 3); None for those of the skull.
        sheen: (S, P, 3) tangents for the highlight; None for those of the lines.
    """

    lines: Array
    width: Array
    shade: Array
    twist: Array
    cover: Array
    normals: Array | None = None
    sheen: Array | None = None


def _ribbons(strands: Strands) -> tuple[Array, Array, Array, Array, Index]:
    # Nearest first, so that the depth test skips the fragments behind.
    order = np.argsort(-strands.lines[..., 2].mean(1), kind="stable")
    lines = strands.lines[order]
    count, steps = lines.shape[:2]
    tangent = unit(np.gradient(lines, axis=1).astype(np.float32))
    normal = outward(lines) if strands.normals is None else strands.normals[order]
    across = unit(np.cross(tangent, normal).astype(np.float32))
    out = unit(np.cross(across, tangent))
    twist = strands.twist[order][:, None, None]
    side = across * np.cos(twist) + out * np.sin(twist)
    half = side * strands.width[order][..., None] / 2
    points = np.stack([lines - half, lines + half], 2)
    # Normals of the two edges diverge, so that a ribbon is shaded like a cylinder.
    normals = np.stack([unit(normal - 0.5 * across), unit(normal + 0.5 * across)], 2)
    shape = (count, steps, 2)
    s = np.linspace(0, 1, steps, dtype=np.float32)
    strand = np.stack(
        [
            np.broadcast_to(np.array((-1, 1), np.float32), shape),
            np.broadcast_to(s[None, :, None], shape),
            np.broadcast_to(strands.shade[order][..., None], shape),
            np.broadcast_to(strands.cover[order][..., None], shape),
        ],
        -1,
    )
    index = np.arange(count * steps * 2).reshape(shape)
    a, b, c, d = index[:, :-1, 0], index[:, :-1, 1], index[:, 1:, 1], index[:, 1:, 0]
    triangles = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], 2).reshape(-1, 3)
    sheen = tangent if strands.sheen is None else strands.sheen[order]
    tangents = np.broadcast_to(sheen[:, :, None], (*shape, 3))
    return (
        points.reshape(-1, 3).astype(np.float32),
        tangents.reshape(-1, 3),
        normals.reshape(-1, 3),
        strand.reshape(-1, 4),
        triangles.astype(np.int32),
    )


def assemble(
    scalp: Scalp,
    strands: Sequence[Strands],
    hull: tuple[Array, Array, Array, Array, Index] | None = None,
    weights: Array | None = None,
) -> Hair:
    """Join strands and a hull to one mesh.

    Args:
        scalp: gives the weights of the centre points.
        strands: drawn as ribbons, in this order.
        hull: points, tangents, normals, strand and triangles, from ``hair_volume.hull``.
        weights: (C, K) of the centre points; None for those of the scalp.
    """
    parts = [_ribbons(k) for k in strands]
    rows: list[Array] = []
    centres: list[NDArray[np.int64]] = []
    count = 0
    for k, part in zip(strands, parts, strict=True):
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
