"""Brow styles as hair strokes, in one atlas that the skin shader samples in brow coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from .scalp import number

__all__ = ["COLUMNS", "TILE", "atlas"]

TILE = (192, 96)  # pixels; width: inner end to tail, height: across the brow's centre line
COLUMNS = 6


def _stroke_tile(style: Mapping[str, Any], seed: int) -> NDArray[np.uint8]:
    """Coverage (96, 192) uint8 of one style: s in [-0.1, 1.1] along the brow, t in [-1, 1] across.

    The style's keys are in docs/reference/rig.md.
    """
    rng = np.random.default_rng(seed)
    width, height = TILE
    scale = 4
    image = Image.new("L", (width * scale, height * scale))
    draw = ImageDraw.Draw(image)
    thick = 0.30 * number(style, "thickness", 1.0)
    inner, tail = number(style, "inner", 0.85), number(style, "tail", 0.3)
    arch, peak = number(style, "arch", 0.3), number(style, "peak", 0.62)
    density, stroke = number(style, "density", 1.0), number(style, "stroke", 1.0)
    inner_angle, soft = number(style, "angle", 60.0), number(style, "soft", 0.45)
    lift, gap = number(style, "lift"), number(style, "gap")

    def middle(s: NDArray[np.float64]) -> NDArray[np.float64]:
        rise = np.where(s < peak, (s / peak), 1 - ((s - peak) / max(1 - peak, 0.05)))
        return arch * (np.sin(np.clip(rise, 0, 1) * np.pi / 2) - 0.55) + lift * (s - 0.4)

    def half(s: NDArray[np.float64]) -> NDArray[np.float64]:
        body = np.where(
            s < 0.55,
            inner + (1 - inner) * s / 0.55,
            1 + (tail - 1) * np.clip((s - 0.55) / 0.45, 0, 1) ** 1.3,
        )
        return thick * body * np.clip((s + 0.04) / 0.08, 0, 1)

    def pixel(s: float, t: float) -> tuple[float, float]:
        return (s + 0.1) / 1.2 * width * scale, (1 - (t + 1) / 2) * height * scale

    grid = np.linspace(0, 1, 80)
    m, h = middle(grid), half(grid)
    outline = [pixel(float(s), float(a)) for s, a in zip(grid, m + h * 0.8, strict=True)]
    outline += [
        pixel(float(s), float(a)) for s, a in zip(grid[::-1], (m - h * 0.8)[::-1], strict=True)
    ]
    draw.polygon(outline, fill=int(255 * soft))
    image = image.filter(ImageFilter.GaussianBlur(3 * scale))
    draw = ImageDraw.Draw(image)
    for _ in range(int(880 * density)):
        s, u = rng.random(), rng.uniform(-1, 0.55)
        if gap and abs(s - 0.72) < 0.035 * gap:
            continue
        s_array = np.array([s])
        t = float(middle(s_array)[0] + u * half(s_array)[0])
        # Hairs are steep at the inner end and flat at the tail; those above the centre line bend
        # down, those below it bend up.
        angle = np.radians(
            inner_angle * (1 - s) ** 1.5
            + rng.normal(0, 7)
            + (12 - 26 * s) * (1 if u < 0.2 else -1) * 0.5
        )
        length = stroke * rng.uniform(0.07, 0.13) * (1.15 - 0.45 * s)
        shade = int(255 * rng.uniform(0.68, 1.0))
        points = []
        for k in range(5):
            q = k / 4
            bend = angle * (1 - 0.55 * q)
            s2, t2 = s + length * q * np.cos(bend), t + length * q * np.sin(bend) * 1.9
            points.append(pixel(float(s2), float(t2)))
        for k in range(4):
            draw.line([points[k], points[k + 1]], fill=shade, width=max(1, round((4 - k) * 1.15)))
    small = image.resize(TILE, Image.Resampling.LANCZOS).filter(ImageFilter.GaussianBlur(0.6))
    tile = np.array(small)
    tile[[0, -1]] = 0
    tile[:, [0, -1]] = 0
    return tile


def atlas(styles: Mapping[str, Mapping[str, Any]]) -> NDArray[np.uint8]:
    """Draw all styles into one picture (rows * 96, COLUMNS * 192) uint8, row 0 at the top.

    Args:
        styles: choice -> its style; tiles follow this order, COLUMNS in a row.
    """
    tiles = [_stroke_tile(style, 100 + k) for k, style in enumerate(styles.values())]
    rows = -(-len(tiles) // COLUMNS)
    sheet = np.zeros((rows * TILE[1], COLUMNS * TILE[0]), np.uint8)
    for k, tile in enumerate(tiles):
        y, x = divmod(k, COLUMNS)
        sheet[y * TILE[1] : (y + 1) * TILE[1], x * TILE[0] : (x + 1) * TILE[0]] = tile
    return sheet
