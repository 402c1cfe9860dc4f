"""Beards: the areas of the face where they grow, and hairs longer than stubble.

Areas are defined on the base mesh, before any rig deforms it, so they are the same skin on every
head. Positions and lengths are decimetres, face coordinates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .head import Head
from .ribbons import Hair, Strands, assemble
from .scalp import Scalp, is_ear, number, smoothstep, spread, unit

__all__ = ["AREAS", "area_weights", "coverage", "grow_beard"]

Array = NDArray[np.float32]

AREAS = ("jaw", "chin", "moustache", "circle")
SEGMENTS = 4
NAPE = -0.8  # z; no beard grows farther back


def area_weights(head: Head) -> Array:
    """Weights (V, 4) in [0, 1] of the head's vertices in each of AREAS."""
    eyes = np.concatenate([head.left_eye, head.right_eye])
    p = head.rest - head.rest[eyes].mean(0)
    x, y, z = np.abs(p[:, 0]), p[:, 1], p[:, 2]
    # Limits on the cheek and on the neck, as heights by depth.
    cheek = np.interp(
        z,
        [-0.5, -0.38, -0.33, -0.25, -0.1, 0.1, 0.2],
        [0.16, 0.12, -0.1, -0.38, -0.52, -0.64, -0.7],
    )
    neck = np.interp(z, [-0.5, -0.35, -0.2, 0.1], [-0.80, -0.98, -1.10, -1.16])
    jaw = smoothstep(cheek - y, -0.07, 0.06) * smoothstep(y - neck, -0.06, 0.06)
    jaw *= smoothstep(z + 0.06 * smoothstep(-y, 0.3, 0.6), -0.52, -0.44) * ~is_ear(p)
    mouth = np.sqrt((x / 0.34) ** 2 + ((y + 0.665) / 0.125) ** 2)
    jaw *= smoothstep(mouth, 0.85, 1.2)
    front = smoothstep(z, -0.1, 0.05)
    chin = (
        smoothstep(-y, 0.79, 0.86)
        * smoothstep(-x, -0.27, -0.15)
        * smoothstep(y, -1.2, -1.1)
        * front
    )
    chin = np.maximum(
        chin,
        smoothstep(-y, 0.745, 0.79) * smoothstep(-x, -0.09, -0.03) * smoothstep(y, -0.95, -0.85),
    )
    middle = -0.535 - 1.25 * np.maximum(x - 0.08, 0) ** 2 * 1.4
    lip = smoothstep(-np.abs(y - middle), -0.085, -0.035) * smoothstep(-x, -0.36, -0.27)
    lip *= smoothstep(z, 0.0, 0.08)
    ring = (
        smoothstep(-np.abs(x - 0.30), -0.10, -0.03)
        * smoothstep(-y, 0.58, 0.64)
        * smoothstep(y, -0.98, -0.9)
    )
    ring = np.maximum(ring, chin) * front
    return np.stack([jaw, chin, lip, ring], 1).astype(np.float32)


def coverage(style: Mapping[str, Any], where: Array) -> Array:
    """Density (N,) in [0, 1] of a style at points with these area weights (N, 4)."""
    amount = np.array([float(style.get(k, 0.0)) for k in AREAS], np.float32)
    return np.asarray((where * amount).max(1), np.float32)


def grow_beard(
    style: Mapping[str, Any], head: Head, scalp: Scalp, seed: int
) -> tuple[Hair, NDArray[np.int32]] | None:
    """Grow the hairs of a style; its keys are in docs/reference/rig.md.

    Returns:
        The hairs, and the head's rows (K,) whose displacements they follow; None without hairs.
    """
    count = int(style.get("strands", 0))
    if not count:
        return None
    rng = np.random.default_rng(seed)
    weights = area_weights(head)[scalp.rows]
    thick = coverage(style, weights)
    a, b, c = (scalp.points[scalp.triangles[:, k]] for k in range(3))
    dense = thick[scalp.triangles].mean(1)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) * np.where(dense > 0.3, dense, 0)
    cumulative = np.cumsum(area) / area.sum()
    tries = count * 4
    picks = np.searchsorted(cumulative, (np.arange(tries) + rng.random(tries)) / tries).clip(
        0, len(cumulative) - 1
    )
    u, v = rng.random((2, tries))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    place = (a[picks] + (b - a)[picks] * u[:, None] + (c - a)[picks] * v[:, None]).astype(
        np.float32
    )
    chosen = spread(place, count, rng)
    root, first = place[chosen], scalp.triangles[picks[chosen], 0]
    grown = dense[picks[chosen]]
    normal = scalp.normals[first]
    strands = _hairs(style, root, normal, weights[first], grown, rng)
    # The chin's area also covers the nape, which has the same height and x.
    front = root[:, 2] > NAPE
    root = root[front]
    strands = Strands(
        strands.lines[front],
        strands.width[front],
        strands.shade[front],
        strands.twist[front],
        strands.cover[front],
        None if strands.normals is None else strands.normals[front],
    )
    # Each hair follows only the skin around its root, because the lips move apart.
    near = np.flatnonzero(thick > 0.02)
    gap = ((root[:, None] - scalp.points[near][None]) ** 2).sum(-1)
    weight = np.exp(-(gap - gap.min(1, keepdims=True)) / (2 * 0.045**2))
    weight = (weight / weight.sum(1, keepdims=True)).astype(np.float32)
    # The same order as in ``ribbons``: nearest first.
    order = np.argsort(-strands.lines[..., 2].mean(1), kind="stable")
    hair = assemble(scalp, [strands], weights=weight[order])
    # A hair moves as a whole: one row of weights for each.
    return replace(hair, centre=hair.centre // (SEGMENTS + 1)), scalp.rows[near]


def _hairs(
    style: Mapping[str, Any], root: Array, normal: Array, where: Array, grown: Array, rng: Any
) -> Strands:
    """Centre lines and shading of the hairs at ``root`` (S, 3) with skin ``normal`` (S, 3)."""
    count = len(root)
    lip = (where[:, 2] > where[:, [0, 1, 3]].max(1)) & (root[:, 1] > -0.75)
    # Only hairs at the chin have the full length.
    low = smoothstep(-root[:, 1], 0.72, 1.05)[:, None]
    full = number(style, "length", 0.12)
    length = np.minimum(full, 0.13) * (1 - low) + full * low
    length = np.where(lip[:, None], np.minimum(full, 0.1), length)
    length = length * rng.uniform(0.8, 1.1, (count, 1)) * (0.5 + 0.5 * grown[:, None])
    side = np.sign(root[:, :1]) * np.clip(np.abs(root[:, :1]) / 0.05, 0, 1)
    down = np.concatenate([-0.15 * root[:, :1], np.full((count, 1), -1.0), 0 * side + 0.12], 1)
    down = np.where(lip[:, None], np.concatenate([1.0 * side, 0 * side - 0.5, 0 * side], 1), down)
    p = root - normal * 0.004
    line = [p]
    for k in range(SEGMENTS):
        # Away from the skin at the root, along it at the tip; flatter on the upper lip.
        away = max(0.75 - 1.32 * k / SEGMENTS, 0.12) * np.where(lip[:, None], 0.5, 1.0)
        direction = unit(unit(down.astype(np.float32)) + normal * away)
        # Hairs of the chin converge below it.
        direction[:, 0] -= (root[:, 0] * 0.35 * k / SEGMENTS) * low[:, 0]
        p = (p + direction * length / SEGMENTS).astype(np.float32)
        line.append(p)
    lines = np.stack(line, 1).astype(np.float32)
    s = np.linspace(0, 1, SEGMENTS + 1, dtype=np.float32)[None]
    thickness = number(style, "width", 0.036) * (1 + 0.6 * low * min(full / 0.5, 1))
    width = thickness * (1 - 0.6 * smoothstep(s, 0.5, 1.0)) * rng.uniform(0.8, 1.2, (count, 1))
    shade = (0.84 + 0.12 * s) * (1 + 0.12 * (rng.random((count, 1)) - 0.5))
    # Darker under the chin.
    shade = shade * (1 - 0.25 * smoothstep(-normal[:, 1], 0.3, 0.9)[:, None])
    cover = np.minimum(0.15 + 2.5 * s, 0.7) * (1 - smoothstep(s, 0.4, 1.0))
    cover = cover * np.minimum(0.4 + grown, 1)[:, None]
    smooth = unit(normal[:, None] + 0.35 * np.array((0, 0, 1)) + 0 * lines)
    return Strands(
        lines,
        width.astype(np.float32),
        shade.astype(np.float32),
        rng.normal(0, 0.3, count).astype(np.float32),
        cover.astype(np.float32),
        smooth,
    )
