"""Hair as ribbons: strands grow from the scalp, follow their style's comb, and fall.

Places and lengths are in decimetres, face coordinates, unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .head import Head

__all__ = ["Hair", "grow", "hairline"]

Array = NDArray[np.float32]
Index = NDArray[np.int32]

SEGMENTS = 8
# The skull as an ellipsoid in face coordinates (decimetres): what strands slide over.
SKULL_CENTRE = np.array((0.0, 0.21, -0.62))
SKULL_RADII = np.array((0.72, 0.855, 0.90))


@dataclass(frozen=True)
class Hair:
    """A style at rest.

    ``points`` (N, 3) decimetres; ``tangents`` and ``normals`` (N, 3), unit; ``coords`` (N, 3) =
    across the ribbon [-1, 1], along it [0, 1], a random number per strand; ``triangles`` (M, 3)
    into the points; ``anchor`` (N,) the head's vertex that each point follows.
    """

    points: Array
    tangents: Array
    normals: Array
    coords: Array
    triangles: Index
    anchor: Index


def hairline(points: Array) -> Array:
    """Height of skin points above the hairline, (N,) decimetres: positive on the scalp."""
    around = np.degrees(np.arctan2(np.abs(points[:, 0]), points[:, 2] - SKULL_CENTRE[2]))
    angles = [0, 18, 33, 45, 55, 66, 76, 84, 95, 110, 125, 150, 180]
    heights = [0.60, 0.59, 0.52, 0.40, 0.26, 0.16, -0.05, -0.02, 0.12, 0.02, -0.30, -0.52, -0.58]
    return np.asarray(points[:, 1] - np.interp(around, angles, heights), np.float32)


def _roots(
    style: Mapping[str, Any],
    head: Head,
    rest: Array,
    normals: Array,
    count: int,
    rng: np.random.Generator,
) -> tuple[Array, Array, Index]:
    """Points evenly over the scalp: places (S, 3), normals (S, 3) and a skin vertex beside (S,)."""
    rows, tri = head.skin.rows, head.skin.triangles
    points = rest[rows]
    a, b, c = (points[tri[:, k]] for k in range(3))
    middle = (a + b + c) / 3
    scalp = (hairline(middle) > -0.01) & (middle[:, 1] > -0.75) & ~_is_ear(middle)
    # Hair leaves the parting, or the brow's hairline when combed back: roots are densest where
    # strands begin.
    back, part = float(style.get("back", 0.0)), float(style.get("part", 0.0)) * 0.5
    begin = (
        4.0
        * max(1 - back, 0.0)
        * np.exp(-(((middle[:, 0] - part) / 0.14) ** 2))
        * (middle[:, 1] > 0.5)
    )
    begin += 3.0 * back * np.exp(-((hairline(middle) / 0.15) ** 2)) * (middle[:, 2] > -0.6)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) * scalp * (1 + begin)
    # Stratified along the triangles' order in space, so that strands spread evenly.
    order = np.lexsort((middle[:, 0], np.round(middle[:, 1] * 8)))
    cumulative = np.cumsum(area[order]) / area.sum()
    picks = order[
        np.searchsorted(cumulative, (np.arange(count) + rng.random(count)) / count).clip(
            0, len(order) - 1
        )
    ]
    u, v = rng.random((2, count))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    place = a[picks] + (b - a)[picks] * u[:, None] + (c - a)[picks] * v[:, None]
    corner = tri[picks, 0]
    return place.astype(np.float32), normals[corner], rows[corner]


def _is_ear(points: Array) -> NDArray[np.bool_]:
    return (
        (np.abs(points[:, 0]) > 0.60)
        & (points[:, 1] < 0.06)
        & (points[:, 2] > -0.95)
        & (points[:, 2] < -0.45)
    )


def _outside(p: Array, lift: Array) -> Array:
    """Push points out of the skull grown by ``lift``."""
    radii = SKULL_RADII[None] + lift[:, None]
    q = (p - SKULL_CENTRE) / radii
    r = np.linalg.norm(q, axis=1, keepdims=True)
    inside = (r < 1) & (p[:, 1:2] > SKULL_CENTRE[1] - 0.75)
    return np.asarray(
        np.where(inside, SKULL_CENTRE + q / np.maximum(r, 1e-6) * radii, p), np.float32
    )


def _unit(v: Array) -> Array:
    return np.asarray(v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9), np.float32)


def _walk(
    style: Mapping[str, Any], p0: Array, n0: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Centre lines (S, SEGMENTS + 1, 3) and each strand's width factor (S,)."""
    count = len(p0)
    length = np.full(count, float(style.get("length", 1.0))) * rng.uniform(0.88, 1.06, count)
    back, part = float(style.get("back", 0.0)), float(style.get("part", 0.0)) * 0.5
    puff, wave = float(style.get("puff", 0.0)), float(style.get("wave", 0.0))
    volume = float(style.get("volume", 0.1))
    lift = (volume * rng.uniform(0.25, 1.0, count) + 0.012).astype(np.float32)
    fringe = float(style.get("fringe", 0.0))
    side = np.where(p0[:, 0] + rng.normal(0, 0.03, count) > part, 1.0, -1.0)
    front = np.clip(1 - np.abs(np.arctan2(p0[:, 0], p0[:, 2] - SKULL_CENTRE[2])) / 0.72, 0, 1) * (
        p0[:, 2] > -0.42
    )
    is_fringe = rng.random(count) < np.clip(front * 2.2, 0, 1) * min(fringe * 1.6, 1.0)
    curtain = float(style.get("curtain", 0.0))
    if style.get("taper"):
        # Short styles get shorter towards the nape and the sides.
        length *= 1 - float(style["taper"]) * np.clip((0.3 - p0[:, 1]) / 0.8, 0, 1)
    reach = 0.26 + 0.10 * fringe * (1 - curtain) + 0.35 * curtain
    length = np.where(
        is_fringe,
        np.minimum(length, (p0[:, 1] - 0.60 + reach + 0.1).clip(0.15))
        * rng.uniform(0.85, 1.0, count),
        length,
    )
    comb = np.zeros((count, 3), np.float32)
    sweep = float(style.get("side", 0.0))
    comb[:, 0] = side * (1 - back) * 1.0 + sweep
    comb[:, 1] = -0.35 * (1 - back)
    comb[:, 2] = -1.2 * back - 0.25 * (1 - back)
    forward = np.stack(
        [side * (0.15 + 1.1 * curtain) + 0.5 * sweep, np.full(count, -1.0), np.full(count, 0.6)], 1
    )
    comb = np.where(is_fringe[:, None], forward, comb).astype(np.float32)
    step = (length / SEGMENTS)[:, None].astype(np.float32)
    phase = rng.random(count) * 2 * np.pi
    p = _outside(p0 + n0 * 0.015, lift * 0.3)
    line = [p]
    for k in range(SEGMENTS):
        outward = _unit((p - SKULL_CENTRE) / SKULL_RADII**2)
        fall = np.clip((0.35 - p[:, 1:2]) / 0.45, 0, 1) * (1 - 0.75 * back * (p[:, 1:2] > -0.35))
        direction = _unit(comb) * (1 - fall) + np.array((0, -1, 0)) * fall
        direction = direction - outward * (direction * outward).sum(1, keepdims=True) * (
            p[:, 1:2] > -0.2
        )
        direction = _unit(direction) + n0 * (0.9 if k == 0 else 0.0) * min(volume * 3, 0.6)
        direction = (1 - puff) * _unit(direction) + puff * (n0 + np.array((0, 0.15, 0)))
        p = p + _unit(direction) * step
        p = _outside(p, lift * min(1.0, 0.5 + 0.2 * k))
        line.append(p)
    lines = np.stack(line, 1)
    if wave:
        along = np.arange(SEGMENTS + 1)[None] / SEGMENTS * length[:, None]
        turn = 2 * np.pi * float(style.get("frequency", 4.0)) * along / 2 + phase[:, None] * 0.35
        grow_in = np.clip(along / 0.3, 0, 1)
        sideways = _unit(np.cross(_unit(lines[:, -1] - lines[:, 0]), n0))[:, None]
        lines = (
            lines
            + (np.sin(turn) * grow_in * wave)[..., None] * sideways
            + (np.cos(turn) * grow_in * wave * 0.6)[..., None] * n0[:, None]
        )
    return lines.astype(np.float32), np.where(is_fringe, 0.8, 1.0).astype(np.float32)


def _knot(style: Mapping[str, Any], rng: np.random.Generator) -> Array | None:
    """Centre lines of a ponytail or a bun, or None."""
    s = np.linspace(0, 1, SEGMENTS + 1)[None]
    if style.get("tail"):
        count = 110
        a, b = rng.normal(0, 1, (2, count, 1))
        x = 0.05 + 0.78 * s**0.6 * 1.0 + 0.07 * a * (0.4 + s) + 0.05 * np.sin(5 * s + a)
        y = 0.72 + 0.22 * np.sin(np.pi * np.minimum(s * 1.8, 1)) - 2.5 * s**1.5 + 0.05 * b
        z = -1.25 + 0.45 * s + 0.09 * b * (0.4 + s)
        return np.stack([x, y, z + 0 * x], -1).astype(np.float32)
    if style.get("bun") is not None:
        high = float(style["bun"])
        centre = np.array((0.0, 1.10, -0.55)) if high > 0 else np.array((0.62, high - 0.12, -0.95))
        radius = 0.27 if high > 0 else 0.26
        count = 150
        axis = _unit(rng.normal(0, 1, (count, 3)).astype(np.float32))
        start = _unit(np.cross(axis, rng.normal(0, 1, (count, 3))).astype(np.float32))
        third = np.cross(axis, start)
        angle = (s * 2.4)[..., None]
        ring = start[:, None] * np.cos(angle) + third[:, None] * np.sin(angle)
        return np.asarray(
            centre
            + ring * radius * np.array((1.0, 0.85, 1.0)) * rng.uniform(0.85, 1.0, (count, 1, 1)),
            np.float32,
        )
    return None


def grow(
    style: Mapping[str, Any], head: Head, rest: Array, normals: Array, seed: int
) -> Hair | None:
    """Build one style on the resting head ``rest`` (V, 3); None for a shaved head.

    ``normals`` (N, 3) are the skin's at rest; the same ``seed`` gives the same hair. Style keys:
    strands, length, volume (decimetres), part (-1..1), fringe (0..1), curtain, side, back (0..1),
    wave (decimetres), frequency, puff (0..1), taper, width, tail, bun. One more, cap (how far the
    scalp is coloured), is the skin's.
    """
    count = int(style.get("strands", 520))
    if not count:
        return None
    rng = np.random.default_rng(seed)
    p0, n0, anchor = _roots(style, head, rest, normals, count, rng)
    lines, factor = _walk(style, p0, n0, rng)
    knot = _knot(style, rng)
    if knot is not None:
        crown = int(np.argmax(rest[head.skin.rows, 1]))
        lines = np.concatenate([lines, knot])
        factor = np.concatenate([factor, np.full(len(knot), 0.9, np.float32)])
        anchor = np.concatenate([anchor, np.full(len(knot), head.skin.rows[crown], np.int32)])
    # Nearest strands first: what they hide is then never shaded.
    order = np.argsort(-lines[..., 2].mean(1), kind="stable")
    lines, factor, anchor = lines[order], factor[order], anchor[order]
    strands = len(lines)
    tangent = _unit(np.gradient(lines, axis=1).astype(np.float32))
    outward = _unit((lines - SKULL_CENTRE) / SKULL_RADII**2)
    across = _unit(np.cross(tangent, outward).astype(np.float32))
    # A little twist per strand keeps the sheet of ribbons from looking like a helmet.
    twist = rng.normal(0, 0.35, (strands, 1, 1)).astype(np.float32)
    across = _unit(across * np.cos(twist) + outward * np.sin(twist))
    s = np.linspace(0, 1, SEGMENTS + 1, dtype=np.float32)
    width = (
        float(style.get("width", 0.095))
        * factor[:, None]
        * rng.uniform(0.7, 1.2, (strands, 1))
        * np.where(s < 0.75, 1, 1 - (s - 0.75) / 0.25 * 0.8)[None]
    )
    points = np.stack(
        [lines - across * width[..., None] / 2, lines + across * width[..., None] / 2], 2
    )
    shape = (strands, SEGMENTS + 1, 2)
    coords = np.stack(
        [
            np.broadcast_to(np.array((-1, 1), np.float32), shape),
            np.broadcast_to(s[None, :, None], shape),
            np.broadcast_to(rng.random((strands, 1, 1)).astype(np.float32), shape),
        ],
        -1,
    )
    index = np.arange(strands * (SEGMENTS + 1) * 2).reshape(shape)
    a, b, c, d = index[:, :-1, 0], index[:, :-1, 1], index[:, 1:, 1], index[:, 1:, 0]
    triangles = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], 2).reshape(-1, 3)

    def flat(v: Array) -> Array:
        return np.ascontiguousarray(np.broadcast_to(v, (*shape, 3)).reshape(-1, 3), np.float32)

    return Hair(
        flat(points),
        flat(tangent[:, :, None]),
        flat(_unit(outward + 0.0 * across)[:, :, None]),
        flat(coords),
        triangles.astype(np.int32),
        np.repeat(anchor, (SEGMENTS + 1) * 2).astype(np.int32),
    )
