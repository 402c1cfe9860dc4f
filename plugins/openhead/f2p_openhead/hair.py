"""Hair styles: strands grow from the scalp, are combed over the skull and fall.

Positions and lengths are decimetres, face coordinates, unless stated otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .hair_shape import clumps, finish, gather, loosen, wave
from .hair_volume import back_panel, curls, hull, neck_shadow, roll_height, side_factor
from .ribbons import Hair, Strands, assemble
from .scalp import SKULL_CENTRE, Scalp, hairline, number, outward, roots, smoothstep, unit
from .updos import updos

__all__ = ["Hair", "grow", "hairline"]

Array = NDArray[np.float32]

SEGMENTS = 11  # default number of segments of a strand
DOWN = np.array((0, -1, 0), np.float32)


class _Comb:
    """Comb directions of a style over the skull."""

    def __init__(self, style: Mapping[str, Any]) -> None:
        self.back, self.ahead = number(style, "back"), number(style, "forward")
        self.part, self.sweep = number(style, "part") * 0.5, number(style, "side")
        self.curtain = number(style, "curtain")

    def __call__(self, p: Array, side: Array, fringe: NDArray[np.bool_]) -> Array:
        """Unit directions (S, 3) at points (S, 3); ``side`` (S,) of the parting is -1 or 1."""
        # Away from the parting, which ends at the whorl of the crown.
        behind = np.minimum(p[:, 2] + 0.75, 0)
        away = np.stack([side * 1.0, np.full(len(p), -0.45), behind * 2.5 - 0.22], 1)
        # At the hairline hair goes back, not across the forehead.
        away[:, 2] -= 0.3 * smoothstep(p[:, 2], -0.25, 0.0)
        whorl = p - np.array((self.part * 0.4, 1.0, -0.95), np.float32)
        front = np.stack([whorl[:, 0] * 0.5, np.full(len(p), -0.25), np.abs(whorl[:, 2]) + 0.3], 1)
        temple = smoothstep(np.abs(p[:, 0]), 0.4, 0.62)[:, None]
        front = unit(front) * (1 - temple) + np.array((0, -1, 0.15)) * temple
        front = np.where(whorl[:, 2:] > 0, front, unit(whorl) + DOWN * 0.4)
        rear = np.stack([p[:, 0] * 0.25, np.full(len(p), -0.1), np.full(len(p), -1.2)], 1)
        out = unit(away) * max(1 - self.back - self.ahead, 0.0)
        out = out + self.ahead * unit(front) + self.back * unit(rear)
        out[:, 0] += self.sweep
        drop = np.stack(
            [
                side * 1.3 * self.curtain + p[:, 0] * 0.3 + 0.6 * self.sweep,
                np.full(len(p), -1.0),
                np.full(len(p), 0.5),
            ],
            1,
        )
        return unit(np.where(fringe[:, None], drop, out))


def _walk(
    style: Mapping[str, Any], scalp: Scalp, p0: Array, n0: Array, rng: np.random.Generator
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Trace the strands from roots ``p0`` (S, 3) with normals ``n0`` (S, 3).

    Returns:
        Centre lines (S, P, 3), the strand's layer (S,) in [0, 1] from inner to outer, and a mask
        (S,) of fringe strands.
    """
    count = len(p0)
    comb = _Comb(style)
    back, volume = comb.back, number(style, "volume", 0.1)
    layer = rng.random(count).astype(np.float32)
    length = np.full(count, number(style, "length", 1.0)) * (0.9 + 0.14 * layer)
    taper = number(style, "taper")
    length *= 1 - taper * np.clip((0.45 - p0[:, 1]) / 0.8, 0, 1)
    side = np.where(p0[:, 0] + rng.normal(0, 0.02, count) > comb.part, 1.0, -1.0)
    fringe = number(style, "fringe")
    wide = 0.74 if comb.curtain >= 0.5 else 0.84
    facing = 1 - np.abs(np.arctan2(p0[:, 0], p0[:, 2] - SKULL_CENTRE[2])) / wide
    ahead = np.clip(facing * 6, 0, 1) * smoothstep(p0[:, 2], -0.5, -0.35)
    is_fringe = rng.random(count) < ahead * min(fringe * 1.3, 1.0)
    reach = number(style, "fringe_length", 0.62 + 0.5 * comb.curtain)
    length = np.where(is_fringe, np.minimum(length, reach) * (0.92 + 0.16 * layer), length)
    quiff = (
        number(style, "quiff") * smoothstep(p0[:, 2], -0.75, 0.0) * smoothstep(p0[:, 1], 0.42, 0.7)
    )
    ears = length.max() > 0.75 and back < 0.5
    if not ears:
        # Short sideburns: longer ones stand off before the ears.
        sideburn = smoothstep(-p0[:, 1], -0.2, -0.06) * (p0[:, 2] > -0.65)
        length = length * (1 - 0.8 * sideburn)
    roll = number(style, "roll")
    segments = int(style.get("segments", SEGMENTS))
    step = (length / segments)[:, None].astype(np.float32)
    p = p0 + n0 * 0.01
    line = [p]
    for k in range(segments):
        s = (k + 1) / segments
        normal = outward(p)
        fall = smoothstep(-p[:, 1], -0.4, 0.05)[:, None]
        fall = fall * (1 - back * smoothstep(p[:, 1], -0.45, -0.1))[:, None]
        direction = comb(p, side, is_fringe) * (1 - fall) + DOWN * fall
        # Above the ears hair is tangential to the skull.
        tangential = smoothstep(p[:, 1], -0.35, 0.0)[:, None]
        along_normal = (direction * normal).sum(1, keepdims=True)
        direction = unit(direction - normal * along_normal * tangential)
        rise = quiff * max(1 - s * 1.1, 0.0)
        direction = unit(direction + (normal * 0.8 + np.array((0, 0.9, 0.1))) * rise[:, None] * 2)
        p = p + direction * step
        sides = side_factor(style, p) * (1 - taper * np.clip((0.45 - p[:, 1]) / 0.7, 0, 1))
        grown = np.sin(min(s * length.mean() / 0.35, 1.0) * np.pi / 2)
        lift = 0.012 + volume * sides * (0.5 + 0.5 * layer) * grown
        if roll:
            lift = lift + roll_height(roll, p) * (0.75 + 0.25 * layer) * min(1.0, 3 * s)
        lift = lift.astype(np.float32)
        q = p - SKULL_CENTRE
        r = np.linalg.norm(q, axis=1)
        surface = scalp.radius(p, ears) + lift
        free = fall[:, 0] * (1.2 if length.max() > 0.75 else 0.0)
        attached = np.clip(1 - free - quiff * 2, 0, 1)
        target = np.maximum(r, surface) * (1 - attached) + surface * attached
        p = (SKULL_CENTRE + q * (target / r)[:, None]).astype(np.float32)
        line.append(p)
    return np.stack(line, 1).astype(np.float32), layer, is_fringe


def _strands(
    style: Mapping[str, Any], scalp: Scalp, count: int, rng: np.random.Generator
) -> Strands:
    """Strands of a style with widths, shading and coverage."""
    p0, n0 = roots(scalp, style, count, rng)
    lines, layer, fringe = _walk(style, scalp, p0, n0, rng)
    # Strands that fall to different sides are never in one clump.
    clump, count = clumps(style, p0, fringe, np.sign(lines[:, -1, 0]))
    lines = gather(style, lines, clump, count, fringe)
    lines = wave(style, lines, clump, count, rng)
    lines = loosen(style, lines, clump, fringe, rng)
    lines = finish(style, lines, layer, fringe, rng)
    strands, steps = lines.shape[:2]
    taper = number(style, "taper")
    s = np.linspace(0, 1, steps, dtype=np.float32)[None]
    # Thin at the root and the tip; a blunt cut keeps most of the width.
    thin = number(style, "thin", 0.75 if style.get("cut") is None or taper > 0 else 0.4)
    profile = np.minimum(0.6 + 3 * s, 1) * (1 - thin * smoothstep(s, 0.6, 1.0))
    width = number(style, "width", 0.12) * profile * rng.uniform(0.8, 1.2, (strands, 1))
    # ``roots`` puts fewer strands at the back; wider ones give the same coverage.
    width = width * (1 + 0.5 * smoothstep(-p0[:, 2], 0.8, 1.0))[:, None]
    shade = 1 + 0.10 * (rng.random(count)[clump] - 0.5) + 0.05 * (rng.random(strands) - 0.5)
    deep = 0.74 + 0.26 * layer
    shade = (shade * deep)[:, None] * (0.78 + 0.22 * smoothstep(s, 0.0, 0.3)) * neck_shadow(lines)
    blunt = 0.78 if thin > 0.5 else 0.9
    # Low coverage at the root gives a soft hairline.
    cover = np.minimum(0.15 + 6 * s, 1) * (1 - smoothstep(s, blunt, 1.0))
    return Strands(
        lines,
        width.astype(np.float32),
        shade.astype(np.float32),
        np.asarray(rng.normal(0, 0.2, strands), np.float32),
        np.broadcast_to(cover, (strands, steps)).astype(np.float32),
        _normals(lines),
    )


def _normals(lines: Array) -> Array:
    """Normals (S, P, 3) of lines: those of the skull; below the ears those of a cylinder."""
    x, y, z = np.moveaxis(lines - SKULL_CENTRE, -1, 0)
    around = unit(np.stack([x / 0.72**2, 0.1 + 0 * y, z / 0.9**2 + 0.5], -1))
    hanging = smoothstep(-lines[..., 1], -0.1, 0.3)[..., None]
    return unit(outward(lines) * (1 - hanging) + around * hanging)


def grow(style: Mapping[str, Any], scalp: Scalp, seed: int) -> Hair | None:
    """Build the hair of a style; its keys are in docs/reference/rig.md.

    Args:
        style: the choice's table in the rig.
        scalp: of the resting head.
        seed: of the random numbers; the same seed gives the same hair.

    Returns:
        The hair at rest; None for a shaved head.
    """
    rng = np.random.default_rng(seed)
    strands: list[Strands] = []
    count = int(style.get("strands", 420))
    if count:
        strands.append(_strands(style, scalp, count, rng))
    strands += curls(style, scalp, rng) + updos(style, scalp, rng) + back_panel(style, scalp)
    under = hull(style, scalp)
    if not strands and under is None:
        return None
    return assemble(scalp, strands, under)
