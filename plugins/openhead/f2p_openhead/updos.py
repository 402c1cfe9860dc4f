"""Updos: ponytails and buns.

Positions and lengths are decimetres, face coordinates, unless stated otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .ribbons import Strands
from .scalp import Scalp, number, unit

__all__ = ["updos"]

Array = NDArray[np.float32]


def _tail(rng: np.random.Generator) -> Strands:
    """Ponytail from the crown over the subject's left shoulder."""
    count, steps = 80, 14
    s = np.linspace(0, 1, steps)[None]
    a, b = rng.normal(0, 1, (2, count, 1)).clip(-1.6, 1.6)
    # Narrow at the tie, wide below it, narrow at the end.
    full = 0.5 + 1.9 * s - 1.7 * s**2
    x = 0.05 + 0.80 * s**0.6 + 0.085 * a * full + 0.05 * np.sin(6.5 * s + 0.25 * a)
    y = 0.72 + 0.24 * np.sin(np.pi * np.minimum(s * 1.8, 1)) - 2.5 * s**1.5 + 0.05 * b
    z = -1.25 + 0.45 * s + 0.09 * b * full
    lines = np.stack([x, y, z], -1).astype(np.float32)
    width = 0.11 * np.minimum(0.6 + s, 1) * (1 - 0.7 * np.clip(s - 0.7, 0, 1) / 0.3)
    near = np.clip(b + a * 0.5, -1.5, 1.5) / 1.5
    shade = (0.86 + 0.12 * near) * (1 + 0.08 * (rng.random((count, 1)) - 0.5)) + 0 * s
    outside = unit(np.stack([0.8 * a + 0 * s, 0.2 + 0 * x, 1.0 + 0 * x], -1))
    cover = np.broadcast_to(np.clip((1 - s) * 4, 0, 1), (count, steps))
    return Strands(
        lines,
        np.broadcast_to(width, (count, steps)).astype(np.float32),
        shade.astype(np.float32),
        rng.normal(0, 0.25, count).astype(np.float32),
        cover.astype(np.float32),
        outside,
    )


def _bun(centre: Array, radius: float, rng: np.random.Generator) -> Strands:
    """Ball of hair wound around one axis, with radius ``radius`` around ``centre`` (3,)."""
    count, steps = 110, 12
    s = np.linspace(0, 1, steps)[None, :, None]
    axis = unit(np.array((0.25, 1.0, 0.35)) + rng.normal(0, 0.28, (count, 3)))
    start = unit(np.cross(axis, rng.normal(0, 1, (count, 3))))
    third = np.cross(axis, start)
    angle = s * 2.6
    rise = rng.uniform(-0.85, 0.85, (count, 1, 1))
    ring = (start[:, None] * np.cos(angle) + third[:, None] * np.sin(angle)) * np.sqrt(
        1 - rise**2
    ) + axis[:, None] * (rise + 0.15 * (s - 0.5))
    layer = rng.uniform(0.9, 1.0, (count, 1, 1))
    lines = centre + ring * radius * np.array((1.0, 0.85, 1.0)) * layer
    flat = s[..., 0]
    width = 0.115 * np.sin(np.pi * (0.1 + 0.8 * flat)) * np.ones((count, 1))
    shade = (0.55 + 0.42 * (layer[..., 0] - 0.9) / 0.1) * (0.9 + 0.1 * np.sin(np.pi * flat))
    # Darker near the head.
    shade = shade * (0.8 + 0.2 * np.clip(ring[..., 1] + 0.6, 0, 1))
    cover = np.clip(np.minimum(flat, 1 - flat) * 6, 0, 1) * np.ones((count, 1))
    return Strands(
        lines.astype(np.float32),
        width.astype(np.float32),
        shade.astype(np.float32),
        rng.normal(0, 0.2, count).astype(np.float32),
        cover.astype(np.float32),
        unit(ring),
    )


def updos(style: Mapping[str, Any], scalp: Scalp, rng: np.random.Generator) -> list[Strands]:
    """Strands of the style's ``ponytail`` or ``bun``; an empty list if it has none."""
    if style.get("ponytail"):
        return [_tail(rng)]
    if style.get("bun") is None:
        return []
    height = float(style["bun"])
    if height > 0:
        top = float(scalp.points[:, 1].max())
        centre = np.array((0.0, top + 0.10, -0.62), np.float32)
        return [_bun(centre, number(style, "bun_size", 0.27), rng)]
    centre = np.array((0.60, height - 0.12, -1.0), np.float32)
    return [_bun(centre, number(style, "bun_size", 0.25), rng)]
