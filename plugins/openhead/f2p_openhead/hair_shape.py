"""Shape of strands: clumps, waves, loose tips, the cut, and hair beside the face.

Positions and lengths are decimetres, face coordinates, unless stated otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .scalp import SKULL_CENTRE, number, outward, smoothstep, unit

__all__ = ["clumps", "finish", "gather", "loosen", "wave"]

Array = NDArray[np.float32]

FRINGE_END = 0.24  # default height of a fringe's end, above the brows


def _trim(lines: Array, stop: Array) -> Array:
    """Cut lines (S, P, 3) at the fraction ``stop`` (S,) of their steps; P stays the same."""
    steps = lines.shape[1] - 1
    at = np.linspace(0, 1, steps + 1)[None] * stop[:, None] * steps
    low = np.minimum(at.astype(int), steps - 1)
    share = (at - low)[..., None]
    row = np.arange(len(lines))[:, None]
    return np.asarray(lines[row, low] * (1 - share) + lines[row, low + 1] * share, np.float32)


def _cut(lines: Array, depth: Array) -> Array:
    """Cut each line (S, P, 3) where ``depth`` (S, P) is first above 0, between two points."""
    steps = lines.shape[1] - 1
    below = depth[:, 1:] > 0
    first = np.where(below.any(1), below.argmax(1), steps - 1)
    row = np.arange(len(lines))
    before, after = np.minimum(depth[row, first], 0), depth[row, first + 1]
    share = np.where(below.any(1), -before / np.maximum(after - before, 1e-6), 1.0)
    return _trim(lines, np.maximum(first + share, 0.6) / steps)


def clumps(
    style: Mapping[str, Any], p0: Array, fringe: NDArray[np.bool_], side: Array
) -> tuple[NDArray[np.int32], int]:
    """Return the clump (S,) of each strand and the number of clumps."""
    count = max(int(len(p0) * number(style, "clump_share", 0.2)), 6)
    where = np.concatenate([p0, fringe[:, None] * 2.0, side[:, None] * 1.0], 1)
    # Roots are in farthest-point order, so the first ones are well distributed centres.
    gap = ((where[:, None] - where[None, :count]) ** 2).sum(-1)
    return gap.argmin(1).astype(np.int32), count


def gather(
    style: Mapping[str, Any],
    lines: Array,
    clump: NDArray[np.int32],
    count: int,
    fringe: NDArray[np.bool_],
) -> Array:
    """Pull the strands of each clump together towards their tips."""
    members = np.bincount(clump, minlength=count)
    middle = np.zeros((count, *lines.shape[1:]), np.float32)
    np.add.at(middle, clump, lines)
    middle /= np.maximum(members, 1)[:, None, None]
    s = np.linspace(0, 1, lines.shape[1], dtype=np.float32)[None, :, None]
    pull = number(style, "clump", 0.45) * s**1.6
    pull = pull * np.where(fringe, 0.35, 1.0)[:, None, None]
    return np.asarray(lines + (middle[clump] - lines) * pull, np.float32)


def wave(
    style: Mapping[str, Any],
    lines: Array,
    clump: NDArray[np.int32],
    count: int,
    rng: np.random.Generator,
) -> Array:
    """Add waves to the strands, growing towards the tips; strands of a clump have one phase."""
    amplitude = number(style, "wave")
    if not amplitude:
        return lines
    piece = np.linalg.norm(np.diff(lines, axis=1), axis=2)
    along = np.concatenate([np.zeros((len(lines), 1)), np.cumsum(piece, 1)], 1)
    drift = 1.2 if number(style, "frequency", 4.0) < 5 else 2 * np.pi
    phase = (rng.random(count) * drift)[clump][:, None]
    turn = np.pi * number(style, "frequency", 4.0) * along + phase
    size = amplitude * np.clip(along / 0.35, 0, 1)
    tangent = unit(np.gradient(lines, axis=1).astype(np.float32))
    normal = outward(lines)
    sideways = unit(np.cross(tangent, normal))
    moved = lines + (np.sin(turn) * size)[..., None] * sideways
    # Waves on top of the head are flat, so that no gap to the hull opens.
    size = size * (0.7 - 0.45 * smoothstep(lines[..., 1], 0.2, 0.7))
    return np.asarray(moved + ((np.cos(turn) + 0.6) * size)[..., None] * normal, np.float32)


def _bend(style: Mapping[str, Any], lines: Array) -> Array:
    """Bend the tips of hanging hair outwards, or inwards if ``tip`` is negative."""
    s = np.linspace(0, 1, lines.shape[1], dtype=np.float32)[None]
    away = unit(lines * np.array((1, 0, 1)) - SKULL_CENTRE * np.array((0, 0, 1)))
    bend = number(style, "tip") * np.clip(s - 0.55, 0, 1) ** 2 * 2.2
    bend = bend * smoothstep(-lines[..., 1], -0.1, 0.1)
    return np.asarray(lines + away * bend[..., None], np.float32)


def loosen(
    style: Mapping[str, Any],
    lines: Array,
    clump: NDArray[np.int32],
    fringe: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Array:
    """Move the tips of each clump off the surface and to a side, by about ``loose``."""
    loose = number(style, "loose")
    if not loose:
        return lines
    count = len(lines)
    turn = rng.normal(0, 1, (clump.max() + 1, 3))[clump] + 0.5 * rng.normal(0, 1, (count, 3))
    s = np.linspace(0, 1, lines.shape[1], dtype=np.float32)[None, :, None]
    size = loose * s**2 * np.where(fringe, 0.3, 1.0)[:, None, None]
    size = size * (0.35 + 0.65 * smoothstep(lines[..., 1:2], 0.3, 0.7))
    normal = outward(lines)
    # Tips below the surface would be hidden.
    out = np.abs((turn[:, None] * normal).sum(-1, keepdims=True))
    along = turn[:, None] - normal * (turn[:, None] * normal).sum(-1, keepdims=True)
    return np.asarray(lines + size * (normal * out + 0.7 * along), np.float32)


def _beside_the_face(lines: Array, layer: Array) -> Array:
    """Move the inner strands of hanging hair forwards and inwards, so that they hide the ears."""
    x, y, z = np.moveaxis(lines, -1, 0)
    inner = (layer < 0.45)[:, None] * smoothstep(-y, -0.16, 0.06) * smoothstep(z, -0.85, -0.6)
    share = layer[:, None] / 0.45
    ahead = np.maximum(-0.40 + 0.10 * share - z, 0)
    width = 0.575 + 0.12 * share
    inwards = np.minimum(width - np.abs(x), 0)
    move = np.stack([np.sign(x) * inwards, 0 * y, ahead], -1)
    return np.asarray(lines + move * inner[..., None], np.float32)


def finish(
    style: Mapping[str, Any],
    lines: Array,
    layer: Array,
    fringe: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Array:
    """Cut at the style's height, bend the tips, and keep hair off the face."""
    if number(style, "length", 1.0) > 0.75 and number(style, "back") < 0.5:
        lines = _beside_the_face(lines, layer)
    flare = number(style, "flare")
    if flare:
        # Loose hair stands off beside the cheeks, and lies on the shoulders in front.
        hanging = smoothstep(-lines[..., 1], -0.25, 0.55)
        # Inner strands stay at the ears and the neck, so that no gap opens.
        hanging = hanging * np.float32(1.1) * rng.random((len(lines), 1), np.float32) ** 0.7
        beside = np.clip(lines[..., 0] / 0.5, -1, 1)
        apart = np.stack([beside, 0 * hanging, 0.6 * np.abs(beside)], -1)
        lines = np.asarray(lines + apart * (flare * hanging)[..., None], np.float32)
    level = style.get("cut")
    if level is not None:
        ragged = rng.normal(0, number(style, "ragged", 0.03), (len(lines), 1))
        depth = float(level) + ragged - lines[..., 1]
        lines = _cut(lines, np.where(fringe[:, None], -1.0, depth))
    if style.get("tip"):
        lines = _bend(style, lines)
    curtain = number(style, "curtain")
    end = number(style, "fringe_end", FRINGE_END)
    # The fringe is longer at the temples, where it meets the sides.
    uneven = np.abs(rng.normal(0, 0.012, (len(lines), 1)))
    brow = end + uneven - 0.12 * smoothstep(np.abs(lines[..., 0]), 0.40, 0.64)
    over = (np.abs(lines[..., 0]) < 0.62) & (lines[..., 2] > -0.2) & fringe[:, None]
    if curtain < 0.5:
        lines = _cut(lines, np.where(over, brow - lines[..., 1], -1.0))
    # Push strands in front of the face to the side, except a fringe above its end.
    x, y, z = np.moveaxis(lines, -1, 0)
    before = smoothstep(z, -0.35, -0.15)
    # Loose hair follows the hairline down to the temples.
    least = np.interp(y, (-0.3, 0.2, 0.28, 0.4, 0.5, 0.54), (0.6, 0.5, 0.46, 0.36, 0.2, 0))
    free = smoothstep(-y, -end - 0.1, -end + 0.04) * (curtain >= 0.5)
    push = np.maximum(least - np.abs(x), 0) * before * np.where(fringe[:, None], free, 1.0)
    lines = lines.copy()
    lines[..., 0] += np.where(x >= 0, 1, -1) * push
    return np.asarray(lines, np.float32)
