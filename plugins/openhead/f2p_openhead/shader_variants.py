"""Shader variants of the skin: each triangle is drawn by the smallest shader that it needs.

Every painted feature has a fixed position on the resting head. A software rasteriser executes every
line of a fragment shader for every pixel, so the skin's triangles are grouped by the features they
can show, and each group is drawn by a variant compiled with these features only. A feature is left
out only where it adds nothing, so pictures do not change.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
from numpy.typing import NDArray

from .brows import TILE
from .facemap import HALF
from .head import Head
from .lids import find_opening
from .paint_coordinates import brow_places
from .rig import Rig

__all__ = ["VARIANTS", "split_skin"]

Array = NDArray[np.float32]
Index = NDArray[np.int32]
Flags = NDArray[np.bool_]

# Macros of each variant. A triangle belongs to the first variant with all the features it needs.
# DRESSED draws cloth alone.
VARIANTS: tuple[frozenset[str], ...] = tuple(
    frozenset(f"PAINT_{part}" for part in parts.split())
    for parts in (
        "DRESSED",
        "BEARD",
        "SCALP",
        "CLOTH",
        "BEARD LAUGH",
        "BEARD LIPS MOUTH",
        "BEARD LIPS MOUTH LAUGH",
        "EYES",
        "EYES BROW",
        "BROW SCALP",
        "BEARD LIPS MOUTH LAUGH EYES BROW SCALP CLOTH",
    )
)
# Box of the laugh lines (distance from the middle, height), decimetres: below 1/255 outside.
LAUGH = ((0.10, -0.72), (0.54, -0.34))
BLEED = 0.08  # decimetres that a mask's mipmaps add in a small picture
HAIRLINE = -0.09  # lowest height over the hairline where the scalp is tinted, with its noise
CLOTH, DRESSED, MOUTH = -1.20, -1.27, 0.35  # as in skin.vert and skin.frag


def _ranges(rig: Rig) -> dict[str, tuple[float, float]]:
    """Lowest and highest possible value of each material parameter."""
    out = {name: (value, value) for name, value in rig.material_base.items()}
    for material in rig.slider_material.values():
        for name, ends in material.items():
            low, high = out.get(name, (0.0, 0.0))
            out[name] = (low + min(ends), high + max(ends))
    return out


def _touches(corners: Array, low: tuple[float, float], high: tuple[float, float]) -> Flags:
    """Mask (M,) of triangles (M, 3, 2) that may overlap a box of (distance from middle, height)."""
    across, height = np.abs(corners[..., 0]), corners[..., 1]
    # A triangle that crosses the middle has distance 0.
    nearest = np.where(np.ptp(np.sign(corners[..., 0]), axis=1) > 0, 0, across.min(1))
    return np.asarray(
        (nearest <= high[0])
        & (across.max(1) >= low[0])
        & (height.min(1) <= high[1])
        & (height.max(1) >= low[1])
    )


def _brows(
    ranges: Mapping[str, tuple[float, float]], sheet: NDArray[np.uint8], corners: Array
) -> Flags:
    """Mask (M,) of triangles (M, 3, 2) that a brow of any style (tiles of ``sheet``) can reach."""
    height, width = sheet.shape
    ink = sheet.reshape(height // TILE[1], TILE[1], width // TILE[0], TILE[0]).max((0, 2)) > 0
    s, t = np.flatnonzero(ink.any(0)), np.flatnonzero(ink.any(1))
    start, stop = (np.array((s[0] - 1, s[-1] + 2)) / TILE[0] * 1.2 - 0.1).clip(-0.1, 1.1).tolist()
    along = np.linspace(start, stop, 25, dtype=np.float32)
    top, bottom = (along * 0 + t for t in 1 - np.array((t[0] - 1, t[-1] + 2)) / TILE[1] * 2)
    names = [f"brow_{n}" for n in ("x", "y", "tilt", "length", "thick", "arch", "peak", "tail")]
    x = np.linspace(0, 1.2, 121)
    low = np.full(len(x), np.inf)
    high = -low
    for shape in product(*(ranges[n] for n in names)):
        material = dict(zip(names, shape, strict=True))
        for side in (top, bottom):
            places = brow_places(material, along, side)
            y = np.interp(x, places[:, 0], places[:, 1], left=np.nan, right=np.nan)
            low, high = np.fmin(low, y), np.fmax(high, y)
    # Lowest and highest y at each distance from the middle, with a margin.
    low, high = (np.stack([np.roll(v, k) for k in range(-3, 4)]) for v in (low, high))
    low, high = low.min(0) - 0.02, high.max(0) + 0.02
    first, last = (
        np.clip(np.searchsorted(x, v) + k, 0, len(x) - 1)
        for v, k in (
            (np.abs(corners[..., 0]).min(1), -1),
            (np.abs(corners[..., 0]).max(1), 0),
        )
    )
    out = np.zeros(len(corners), bool)
    for k, (a, b) in enumerate(zip(first, last, strict=True)):
        heights = corners[k, :, 1]
        out[k] = heights.min() <= high[a : b + 1].max() and heights.max() >= low[a : b + 1].min()
    return out


def split_skin(
    rig: Rig,
    head: Head,
    columns: Mapping[str, Array],
    lips: NDArray[np.uint8],
    sheet: NDArray[np.uint8],
) -> list[Index]:
    """Group the skin's triangles by shader variant, in the order of VARIANTS.

    Args:
        columns: the skin's vertex columns ``baked`` (S, 2), ``regions`` (S, 2) and ``beard`` (S,
            4).
        lips: lip mask of the face map, uint8, row 0 at the top.
        sheet: atlas of the brow styles, uint8, row 0 at the top.

    Returns:
        Triangles (M, 3) of each variant; some may be empty.
    """
    ranges, rest = _ranges(rig), rig.base[head.skin.rows]
    # Nearest first, so that the depth test skips the fragments behind.
    order = np.argsort(-rest[head.skin.triangles][..., 2].mean(1), kind="stable")
    triangles = head.skin.triangles[order]
    corners = rest[triangles]
    flat = corners[..., :2]
    lids = find_opening(head, rig.base, rig.base[head.left_eye])
    (middle, half), (corner, rise, fall, _) = lids(rig.base)
    up = max(0.13, 0.05 + 0.085 * ranges["shadow_height"][1])
    reach = 1.65 * half
    eyes = (
        (middle - reach, corner - fall - 0.06),
        (middle + reach, corner + rise + up),
    )
    y, x = np.nonzero(lips)
    size = len(lips)
    edge = np.abs(np.array((x.min(), x.max() + 1)) / size - 0.5).max() * 2 * HALF + BLEED
    bottom, top = ((0.5 - v / size) * 2 * HALF for v in (y.max() + 1, y.min()))
    mouth = ((0.0, float(bottom) - BLEED), (float(edge), float(top) + BLEED))
    styles = rig.choices.get("hairstyle", {}).values()
    lowered = max([0.0, *(-float(style.get("recede", 0.0)) for style in styles)])
    # Height over the collar, as in skin.vert.
    u = np.clip((np.abs(flat[..., 0]) - 0.3) / 0.6, 0, 1)
    collar = flat[..., 1] - 0.35 * u * u * (3 - 2 * u)
    needs = {
        "EYES": _touches(flat, *eyes),
        "LIPS": _touches(flat, *mouth),
        "LAUGH": _touches(flat, *LAUGH),
        "BROW": _brows(ranges, sheet, flat),
        "SCALP": columns["baked"][triangles, 1].max(1) > HAIRLINE - lowered,
        "CLOTH": collar.min(1) < CLOTH,
        "MOUTH": columns["regions"][triangles, 1].max(1) > MOUTH,
        "BEARD": (columns["beard"][triangles] > 0).any((1, 2)) & ("beard" in rig.choices),
    }
    dressed = collar.max(1) < DRESSED  # cloth covers every other feature
    groups, remaining = [triangles[dressed]], ~dressed
    for variant in VARIANTS[1:]:
        fits = remaining.copy()
        for part, needed in needs.items():
            if f"PAINT_{part}" not in variant:
                fits &= ~needed
        groups.append(triangles[fits])
        remaining &= ~fits
    return groups
