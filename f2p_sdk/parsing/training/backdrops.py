"""Random backdrops."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

__all__ = ["backdrop", "colour", "noise", "stripes"]

Random = np.random.Generator
RGB = tuple[int, int, int]

_SKIN = np.array([[255, 224, 196], [241, 194, 160], [198, 134, 98], [141, 85, 56], [80, 48, 34]])
_HAIR = np.array([[20, 16, 14], [60, 40, 28], [110, 76, 48], [190, 150, 96], [150, 148, 146]])


def backdrop(rng: Random, side: int) -> Image.Image:
    """A picture (side x side) of one colour, a gradient, noise, stripes, or shapes."""
    kind = rng.random()
    if kind < 0.1:
        return Image.new("RGB", (side, side), colour(rng))
    if kind < 0.25:
        picture = _gradient(rng, side)
    elif kind < 0.55:
        picture = noise(rng, side)
    elif kind < 0.65:
        picture = stripes(rng, side)
    else:
        picture = _gradient(rng, side) if rng.random() < 0.5 else noise(rng, side)
        _shapes(picture, rng)
    if rng.random() < 0.5:  # out of focus
        picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 8))))
    return picture


def colour(rng: Random) -> RGB:
    """A random colour; greys, skin and hair are more likely than saturated colours."""
    kind = rng.random()
    if kind < 0.25:
        return _rgb(rng.uniform(0, 255, 3))
    if kind < 0.6:  # nearly grey, as walls
        return _rgb(rng.uniform(0, 255) + rng.normal(0, 14, 3))
    if kind < 0.75:
        return _rgb(_SKIN[rng.integers(len(_SKIN))] * rng.uniform(0.5, 1.1) + rng.normal(0, 8, 3))
    if kind < 0.85:
        return _rgb(_HAIR[rng.integers(len(_HAIR))] * rng.uniform(0.5, 1.3) + rng.normal(0, 8, 3))
    return _rgb(rng.uniform(0, 110) + rng.normal(0, 10, 3))  # dark


def noise(rng: Random, side: int) -> Image.Image:
    """Smooth noise of several scales, between two or three colours."""
    field = np.zeros((side, side), np.float32)
    for scale in (2, 4, 8, 16, 32, 64):
        if rng.random() < 0.6:
            cells = rng.random((scale + 1, scale + 1), dtype=np.float32) - 0.5
            large = Image.fromarray(cells).resize((side, side), Image.Resampling.BICUBIC)
            field += np.asarray(large) * float(rng.uniform(0.3, 1.0)) / math.sqrt(scale)
    low, high = float(field.min()), float(field.max())
    share = (field - low) / max(high - low, 1e-6)
    return _between(share, colour(rng), colour(rng), colour(rng) if rng.random() < 0.5 else None)


def stripes(rng: Random, side: int) -> Image.Image:
    """Stripes of random direction and width, with hard or soft edges."""
    angle, period = rng.uniform(0, math.pi), rng.uniform(4, side / 3)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    wave = np.sin((x * math.cos(angle) + y * math.sin(angle)) * (2 * math.pi / period))
    share = np.clip(0.5 + wave * float(rng.choice([0.5, 2, 20])), 0, 1)
    return _between(share, colour(rng), colour(rng), None)


def _gradient(rng: Random, side: int) -> Image.Image:
    corners = np.array([[colour(rng) for _ in range(2)] for _ in range(2)], np.uint8)
    return Image.fromarray(corners).resize((side, side), Image.Resampling.BILINEAR)


def _shapes(picture: Image.Image, rng: Random) -> None:
    """Draw random shapes, and heads: an ellipse of skin with hair above it."""
    draw, side = ImageDraw.Draw(picture), picture.width
    for _ in range(int(rng.integers(2, 14))):
        x, y = rng.uniform(-0.1, 1.1, 2) * side
        w, h = np.exp(rng.uniform(math.log(0.02), math.log(0.5), 2)) * side
        box = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
        kind = rng.random()
        if kind < 0.4:
            draw.rectangle(box, fill=colour(rng))
        elif kind < 0.65:
            draw.ellipse(box, fill=colour(rng))
        elif kind < 0.85:
            end = tuple(rng.uniform(0, side, 2))
            draw.line([(x, y), end], fill=colour(rng), width=int(rng.integers(1, 12)))
        else:
            hair, skin = _HAIR[rng.integers(len(_HAIR))], _SKIN[rng.integers(len(_SKIN))]
            h = 1.35 * w
            draw.ellipse([x - w / 2, y - 0.62 * h, x + w / 2, y + h / 2], fill=_rgb(hair))
            inner = [x - 0.4 * w, y - 0.35 * h, x + 0.4 * w, y + h / 2]
            draw.ellipse(inner, fill=_rgb(skin * rng.uniform(0.6, 1.1)))


def _between(
    share: npt.NDArray[np.float32], low: RGB, high: RGB, middle: RGB | None
) -> Image.Image:
    """Interpolate from ``low`` to ``high``, through ``middle`` if given, by a fast table."""
    stops = [low, high] if middle is None else [low, middle, high]
    at = np.linspace(0, 255, len(stops))
    table = [np.interp(np.arange(256), at, [stop[c] for stop in stops]) for c in range(3)]
    index = (share * 255).astype(np.uint8)
    return Image.fromarray(np.stack(table, axis=1).astype(np.uint8)[index])


def _rgb(values: npt.ArrayLike) -> RGB:
    r, g, b = (int(v) for v in np.clip(np.asarray(values), 0, 255))
    return r, g, b
