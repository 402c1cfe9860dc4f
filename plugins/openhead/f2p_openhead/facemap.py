"""Face map: textures of masks and fine skin detail over the front view of the resting head.

The shaders look up brows, lips, freckles, wrinkles and the hairline by a skin point's position on
the *resting* head in front view. So they follow the skin when sliders move it, and have no seams.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from .assets import cached_arrays, load_mask
from .head import Head

__all__ = ["HALF", "SIZE", "bake"]

Array = NDArray[np.float32]

SIZE = 1024
HALF = 1.3  # the map covers x and y in [-HALF, HALF], face coordinates, decimetres


def _pixels(rest: Array) -> Array:
    """Map coordinates (N, 2) in pixels, row 0 at the top."""
    x = (rest[:, 0] / HALF + 1) / 2 * SIZE
    y = (1 - (rest[:, 1] / HALF + 1) / 2) * SIZE
    return np.stack([x, y], 1).astype(np.float32)


def _raster(head: Head, rest: Array, values: Array) -> tuple[Array, Array]:
    """Interpolate ``values`` (V, C) over the map; the surface nearest to the viewer is on top.

    Returns:
        Values (SIZE, SIZE, C), and z (SIZE, SIZE) in decimetres, -9 where there is no surface.
    """
    tri = head.skin.rows[head.skin.triangles]
    p = _pixels(rest)
    out = np.zeros((SIZE, SIZE, values.shape[1]), np.float32)
    depth = np.full((SIZE, SIZE), -9.0, np.float32)
    a, b, c = p[tri[:, 0]], p[tri[:, 1]], p[tri[:, 2]]
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    for t in np.flatnonzero(np.abs(area) > 1e-3):
        corners = np.stack([a[t], b[t], c[t]])
        x0, y0 = np.maximum(np.floor(corners.min(0)).astype(int), 0)
        x1, y1 = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, SIZE)
        if x0 >= x1 or y0 >= y1:
            continue
        gx, gy = np.meshgrid(np.arange(x0, x1) + 0.5, np.arange(y0, y1) + 0.5)
        w0 = ((b[t, 0] - gx) * (c[t, 1] - gy) - (b[t, 1] - gy) * (c[t, 0] - gx)) / area[t]
        w1 = ((c[t, 0] - gx) * (a[t, 1] - gy) - (c[t, 1] - gy) * (a[t, 0] - gx)) / area[t]
        w = np.stack([w0, w1, 1 - w0 - w1], -1)
        z = w @ rest[tri[t], 2]
        visible = (w.min(-1) >= -1e-4) & (z > depth[y0:y1, x0:x1])
        depth[y0:y1, x0:x1][visible] = z[visible]
        out[y0:y1, x0:x1][visible] = (w @ values[tri[t]])[visible]
    return out, depth


def _blur(image: Array, radius: float) -> Array:
    picture = Image.fromarray(np.asarray(np.clip(image, 0, 1) * 255, np.uint8))
    return _scaled(picture.filter(ImageFilter.GaussianBlur(radius)))


def _scaled(picture: Image.Image) -> Array:
    """Pixels of an 8 bit picture scaled to [0, 1]."""
    return np.asarray(np.asarray(picture, np.float32) / 255, np.float32)


def _noise(rng: np.random.Generator, cells: int) -> Array:
    grid = Image.fromarray(rng.random((cells, cells)).astype(np.float32))
    return np.asarray(grid.resize((SIZE, SIZE), Image.Resampling.BICUBIC), np.float32)


def _wrinkles() -> Array:
    """Depth of wrinkles (SIZE, SIZE) in [0, 1].

    The lines below are, in this order: forehead, frown, crow's feet, eye bags, laugh lines, corners
    of the mouth, above the lip, neck.
    """
    scale = 2
    image = Image.new("L", (SIZE * scale, SIZE * scale))
    draw = ImageDraw.Draw(image)

    def line(points: list[tuple[float, float]], width: float, strength: float) -> None:
        xs = np.interp(
            np.linspace(0, len(points) - 1, 40), range(len(points)), [q[0] for q in points]
        )
        ys = np.interp(
            np.linspace(0, len(points) - 1, 40), range(len(points)), [q[1] for q in points]
        )
        kernel = np.ones(9) / 9
        xs = np.concatenate([xs[:4], np.convolve(xs, kernel, "valid"), xs[-4:]])
        ys = np.concatenate([ys[:4], np.convolve(ys, kernel, "valid"), ys[-4:]])
        for mirror in (1, -1):
            dots = [
                ((mirror * x / HALF + 1) / 2 * SIZE * scale, (1 - y / HALF) / 2 * SIZE * scale)
                for x, y in zip(xs, ys, strict=True)
            ]
            for k in range(len(dots) - 1):
                fade = np.sin(np.pi * (k + 1) / len(dots)) ** 0.5
                draw.line(
                    [dots[k], dots[k + 1]],
                    fill=int(255 * strength * fade),
                    width=max(1, int(width * scale * fade)),
                )

    for k, y in enumerate((0.27, 0.345, 0.42, 0.50)):
        line(
            [(0.0, y - 0.012 + 0.01 * (k % 2)), (0.15, y + 0.012), (0.32, y), (0.46, y - 0.04)],
            2.6,
            0.75,
        )
    line([(0.045, 0.06), (0.055, 0.13), (0.05, 0.2)], 2.6, 0.9)
    for rise, length in ((0.05, 0.13), (0.0, 0.15), (-0.05, 0.14), (-0.1, 0.1)):
        line(
            [
                (0.47, 0.0 + rise * 0.3),
                (0.47 + length * 0.6, rise * 0.8),
                (0.47 + length, rise * 1.5),
            ],
            2.2,
            0.8,
        )
    line([(0.13, -0.09), (0.22, -0.145), (0.34, -0.16), (0.45, -0.11)], 3.0, 0.7)
    line([(0.15, -0.14), (0.25, -0.2), (0.37, -0.215)], 3.0, 0.5)
    line([(0.155, -0.36), (0.22, -0.45), (0.275, -0.55), (0.30, -0.66), (0.29, -0.74)], 4.5, 1.0)
    line([(0.245, -0.66), (0.275, -0.74), (0.27, -0.82)], 3.2, 0.7)
    for x in (0.03, 0.075, 0.12, 0.165):
        line([(x, -0.53), (x * 1.03, -0.565)], 1.8, 0.5)
    for y in (-1.08, -1.17):
        line([(0.0, y), (0.2, y + 0.015), (0.36, y + 0.05)], 3.0, 0.6)
    blurred = image.filter(ImageFilter.GaussianBlur(2.0 * scale))
    return _scaled(blurred.resize((SIZE, SIZE), Image.Resampling.LANCZOS))


def _freckles(rng: np.random.Generator) -> Array:
    scale = 2
    image = Image.new("L", (SIZE * scale, SIZE * scale))
    draw = ImageDraw.Draw(image)
    for _ in range(5200):
        x, y = rng.uniform(-0.75, 0.75), rng.uniform(-0.8, 0.75)
        # Dense over the nose and the cheekbones.
        density = np.exp(-(((y + 0.22) / 0.22) ** 2)) * np.exp(-((x / 0.5) ** 4)) + 0.06
        if rng.random() > density:
            continue
        r = rng.uniform(0.5, 1.7) * scale
        cx, cy = (x / HALF + 1) / 2 * SIZE * scale, (1 - y / HALF) / 2 * SIZE * scale
        draw.ellipse([cx - r, cy - r * 0.85, cx + r, cy + r * 0.85], fill=int(rng.uniform(70, 255)))
    blurred = image.filter(ImageFilter.GaussianBlur(0.7 * scale))
    return _scaled(blurred.resize((SIZE, SIZE), Image.Resampling.LANCZOS))


def _lips(head: Head, rest: Array) -> tuple[Array, Array]:
    """Lip mask in [0, 1] and the signed position across the lips, both (SIZE, SIZE).

    The position is -1 at the lower border, 0 on the line between the lips, 1 at the upper border.
    """
    uv, depth = _raster(head, rest, head.uv)
    mask_image = load_mask("lips")
    h, w = mask_image.shape
    x = np.clip((uv[..., 0] * w).astype(int), 0, w - 1)
    y = np.clip(((1 - uv[..., 1]) * h).astype(int), 0, h - 1)
    mask = _blur(mask_image[y, x] * (depth > -8), 4.0)
    across = np.zeros_like(mask)
    inside = mask > 0.5
    for column in np.flatnonzero(inside.any(0)):
        rows = np.flatnonzero(inside[:, column])
        top, bottom = rows[0], rows[-1]
        middle = top + 0.5 * (bottom - top)
        near = rows[np.abs(rows - middle) <= 0.3 * (bottom - top) + 1]
        # The line between the lips is where the surface is deepest.
        line = near[np.argmin(depth[near, column])]
        r = np.arange(SIZE)
        up, down = max(line - top, 1), max(bottom - line, 1)
        across[:, column] = np.where(r <= line, (line - r) / up, -(r - line) / down)
    columns = np.flatnonzero(inside.any(0))
    across[:, : columns[0]] = across[:, [columns[0]]]
    across[:, columns[-1] + 1 :] = across[:, [columns[-1]]]
    smooth = _blur(np.clip(across / 4 + 0.5, 0, 1), 2.0)
    return mask, (smooth - 0.5) * 4


def bake(head: Head, rest: Array) -> NDArray[np.uint8]:
    """Bake the maps of the resting head ``rest`` (V, 3), face coordinates; they are cached.

    Returns:
        Two RGBA maps (2, SIZE, SIZE, 4) uint8, row 0 at the top. Map 0: lips, position across the
        lips (0.5 + value / 4), wrinkles, freckles. Map 1: pores, blotches, broad variation,
        hair noise for scalps and shaved heads.
    """
    source = hashlib.sha256(rest.tobytes() + b"face-map-5").hexdigest()[:16]
    return cached_arrays(f"facemap-{source}", lambda: {"maps": _bake(head, rest)})["maps"]


def _bake(head: Head, rest: Array) -> NDArray[np.uint8]:
    rng = np.random.default_rng(20190901)
    lips, across = _lips(head, rest)
    pores = np.clip(0.5 + rng.normal(size=(SIZE, SIZE)).astype(np.float32) * 0.22, 0, 1)
    pores = np.clip((_blur(pores, 0.8) - 0.5) * 2.2 + 0.5, 0, 1)
    blotches = 0.5 * _noise(rng, 40) + 0.3 * _noise(rng, 90) + 0.2 * _noise(rng, 200)
    broad = 0.6 * _noise(rng, 9) + 0.4 * _noise(rng, 19)
    strands = _blur(np.clip(rng.random((SIZE, SIZE)).astype(np.float32), 0, 1), 0.6)
    maps = np.stack(
        [
            np.stack([lips, np.clip(across / 4 + 0.5, 0, 1), _wrinkles(), _freckles(rng)], -1),
            np.stack([pores, np.clip(blotches, 0, 1), np.clip(broad, 0, 1), strands], -1),
        ]
    )
    return np.asarray(np.clip(maps, 0, 1) * 255 + 0.5, np.uint8)
