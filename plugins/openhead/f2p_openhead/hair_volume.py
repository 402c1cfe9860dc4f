"""Volume of hair below and between the strands: a hull over the scalp, curls on it, a back panel.

Positions and lengths are decimetres, face coordinates, unless stated otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .ribbons import Strands
from .scalp import (
    SKULL_CENTRE,
    Scalp,
    crown_distance,
    hairline,
    is_ear,
    number,
    outward,
    roots,
    smoothstep,
    unit,
)

__all__ = ["back_panel", "curls", "hull", "neck_shadow", "roll_height", "side_factor"]

Array = NDArray[np.float32]
Index = NDArray[np.int32]


def neck_shadow(p: Array) -> Array:
    """Light (...,) in [0, 1] that reaches points (..., 3): low behind the neck, not beside it."""
    low = smoothstep(-p[..., 1], 0.0, 0.5) * (1 - 0.6 * smoothstep(np.abs(p[..., 0]), 0.5, 0.8))
    return np.asarray(
        1 - low * (1 - (0.42 + 0.58 * smoothstep(p[..., 2], -1.0, -0.35))), np.float32
    )


def roll_height(roll: float, p: Array) -> Array:
    """Additional height (N,) of swept hair at points (N, 3): ``roll`` on top, less at the crown."""
    top = smoothstep(p[:, 1], 0.45, 0.7) * (1 - 0.85 * smoothstep(np.abs(p[:, 0]), 0.3, 0.62))
    return np.asarray(roll * top * smoothstep(p[:, 2], -1.2, -0.3), np.float32)


def side_factor(style: Mapping[str, Any], p: Array) -> Array:
    """Factor (N,) of the volume at points (N, 3): ``sides`` at the sides, 1 on top."""
    low = number(style, "sides", 0.8)
    return np.asarray(low + (1 - low) * smoothstep(p[:, 1], 0.2, 0.9), np.float32)


def _height(style: Mapping[str, Any], points: Array) -> Array:
    """Relative height (N,) of the hull over scalp points (N, 3): 0 at the hairline, 1 inside."""
    line = hairline(points, number(style, "recede"))
    rim = np.where(points[:, 2] > -0.6, 0.22, 0.4)
    grown = np.sqrt(np.clip(line / rim, 0, 1))
    above = style.get("above")
    if above is not None:
        grown = grown * smoothstep(points[:, 1], float(above), float(above) + 0.2)
    bald = number(style, "bald")
    if bald:
        grown = grown * smoothstep(crown_distance(points), bald - 0.05, bald + 0.2)
    taper = number(style, "taper")
    grown = grown * (1 - taper * np.clip((0.45 - points[:, 1]) / 0.8, 0, 1))
    return np.asarray(np.where(is_ear(points), 0, grown), np.float32)


def hull(style: Mapping[str, Any], scalp: Scalp) -> tuple[Array, Array, Array, Array, Index] | None:
    """Build the hull below the strands; None if its height is 0.

    Returns:
        Points (N, 3), tangents (N, 3), normals (N, 3), ``Hair.strand`` columns (N, 4), triangles
        (M, 3).
    """
    lift = number(style, "hull_height", 0.36 * number(style, "volume", 0.1))
    if lift <= 0:
        return None
    points = scalp.points
    line = hairline(points, number(style, "recede"))
    line = np.where(is_ear(points), -1, line)
    height = _height(style, points)
    use = (line[scalp.triangles] > -0.06).any(1) & (height[scalp.triangles] > 0).any(1)
    tri = scalp.triangles[use]
    used = np.unique(tri)
    back = np.full(len(points), -1, np.int32)
    back[used] = np.arange(len(used), dtype=np.int32)
    p, grown = points[used], height[used]
    normal = outward(p)
    if style.get("curls"):
        lift *= 0.84  # the curls add the rest
    # The hull stays below the strands, which start at the skin.
    height = lift * grown * (side_factor(style, p) if "sides" in style else 1.0)
    rolled = roll_height(0.62 * number(style, "roll"), p) * grown**2
    place = p + normal * (0.012 + height + rolled)[:, None]
    # Tangents: away from the parting, or back.
    part = number(style, "part") * 0.5
    combed = number(style, "back")
    run = np.stack([np.tanh((p[:, 0] - part) / 0.12), np.full(len(p), -0.5), p[:, 2] * 0 - 0.2], 1)
    run = run * (1 - combed) + np.array((0, -0.1, -1.2)) * combed
    if number(style, "forward") > 0.5:
        run = np.stack([p[:, 0] * 0.5, np.full(len(p), -0.3), np.ones(len(p))], 1)
    if style.get("curls"):
        run = np.array((0, 1, 0)) + 0 * p  # the same as those of the curls
    tangent = unit(run - normal * (run * normal).sum(1, keepdims=True))
    cover = (
        smoothstep(grown, 0.05, 0.5)
        * smoothstep(line[used], -0.03, 0.08)
        * number(style, "hull_cover", 1.0)
    )
    dark = number(style, "hull_shade", 0.84 if style.get("curls") else 0.82)
    seam = np.exp(-(((p[:, 0] - part) / 0.05) ** 2)) * (p[:, 1] > 0.5) * (1 - combed)
    shade = (dark * (1 - 0.2 * seam) * neck_shadow(p)).astype(np.float32)
    strand = np.stack([np.zeros(len(p)), np.full(len(p), 0.5), shade, cover], 1)
    return place, tangent, normal, strand.astype(np.float32), back[tri].astype(np.int32)


def back_panel(style: Mapping[str, Any], scalp: Scalp) -> list[Strands]:
    """Wide, dark strips behind the neck of long hair: they close the gaps between strands."""
    length, low = number(style, "length"), number(style, "cut", -9.0)
    if length < 1.2 or style.get("back", 0.0) > 0.5 or low > -0.35:
        return []
    count, steps = 26, 6
    low = max(low + 0.06, 0.7 - length)
    turn = np.radians(np.linspace(-94, 94, count))[:, None]
    s = np.linspace(0, 1, steps)[None]
    y = 0.05 + (low - 0.05) * s + 0 * turn
    # From one ear around the back of the head to the other.
    start = np.stack([np.sin(turn), 0 * turn - 0.2, -np.cos(turn)], -1) + SKULL_CENTRE
    reach = scalp.radius(start.reshape(-1, 3).astype(np.float32)).reshape(count, 1)
    x = np.sin(turn) * np.minimum(reach, 0.80) * (1.0 + 0 * s)
    z = SKULL_CENTRE[2] - np.cos(turn) * reach * (1.0 - 0.1 * s)
    lines = np.stack([x, y, z], -1).astype(np.float32)
    s = s + 0 * turn
    return [
        Strands(
            lines,
            np.full((count, steps), 0.26, np.float32),
            (0.72 * neck_shadow(lines)).astype(np.float32),
            np.zeros(count, np.float32),
            (np.minimum(8 * s, 1) * (1 - smoothstep(s, 0.9, 1.0))).astype(np.float32),
        )
    ]


def curls(style: Mapping[str, Any], scalp: Scalp, rng: np.random.Generator) -> list[Strands]:
    """Short arcs in the outer part of the hull: ``curls`` of them, with radius ``curl_radius``."""
    count = int(style.get("curls", 0))
    if not count:
        return []
    size, height = number(style, "curl_radius", 0.07), number(style, "hull_height", 0.2)
    p0, _ = roots(scalp, {**style, "part": 0.0, "back": 0.4}, count, rng)
    depth = rng.random(count).astype(np.float32) ** 0.6
    normal = outward(p0)
    lift = 0.01 + height * _height(style, p0) * (0.8 + 0.28 * depth)
    lift = lift - size * 0.5 * (1 - depth)
    middle = p0 + normal * lift[:, None]
    loose = unit(rng.normal(0, 1, (count, 3)).astype(np.float32))
    one = unit(np.cross(normal, loose))
    # The arc's plane is between tangential and perpendicular to the hull.
    lean = rng.uniform(-0.9, 0.9, (count, 1))
    two = unit(np.cross(normal, one) * np.cos(lean) + normal * np.sin(lean))
    steps = 8
    angle = np.linspace(0, 1, steps)[None] * rng.uniform(3.2, 5.0, (count, 1))
    radius = size * rng.uniform(0.7, 1.25, (count, 1)) * (1 - 0.25 * np.linspace(0, 1, steps)[None])
    lines = (
        middle[:, None]
        + one[:, None] * (np.cos(angle) * radius)[..., None]
        + two[:, None] * (np.sin(angle) * radius)[..., None]
    ).astype(np.float32)
    s = np.linspace(0, 1, steps)[None]
    width = (
        number(style, "curl_width", 0.06) * np.sin(np.pi * (0.12 + 0.76 * s)) * np.ones((count, 1))
    )
    # Parts that stand out of the hull are brighter.
    out = ((lines - middle[:, None]) * normal[:, None]).sum(-1) / size
    shade = (0.84 + 0.14 * depth)[:, None] * (1 + 0.1 * out)
    shade = shade * (1 + 0.07 * (rng.random((count, 1)) - 0.5))
    cover = np.minimum(np.minimum(s * 3, (1 - s) * 3), 0.7) * np.ones((count, 1))
    smooth = unit(0.9 * normal[:, None] + 0.22 * (lines - middle[:, None]) / size)
    # Vertical tangents give one soft highlight around the head instead of many small ones.
    up = np.array((0, 1, 0), np.float32)
    fall = unit(up - normal * normal[:, 1:2])[:, None] + 0 * lines
    return [
        Strands(
            lines,
            width.astype(np.float32),
            shade.astype(np.float32),
            rng.normal(0, 0.5, count).astype(np.float32),
            cover.astype(np.float32),
            smooth,
            fall.astype(np.float32),
        )
    ]
