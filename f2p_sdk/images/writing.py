"""Checking, writing, resizing and joining of pictures: uint8 (H, W, 3), RGB, sRGB."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from ..errors import ImageError
from ..files import atomic_write

__all__ = ["Picture", "check_picture", "encode_png", "resize", "save", "side_by_side"]

Picture = npt.NDArray[np.uint8]
"""uint8 (H, W, 3), RGB, sRGB."""


def check_picture(picture: object) -> Picture:
    """Return ``picture``. ImageError unless it is uint8 (H, W, 3) with at least one pixel."""
    if (
        not isinstance(picture, np.ndarray)
        or picture.dtype != np.uint8
        or picture.ndim != 3
        or picture.shape[2] != 3
        or 0 in picture.shape
    ):
        got: Any = picture
        if isinstance(picture, np.ndarray):
            got = f"{picture.dtype} {picture.shape}"
        raise ImageError(f"a picture must be a uint8 array of shape (H, W, 3), got {got}")
    return picture


def encode_png(picture: Picture, level: int = 1) -> bytes:
    """Return PNG bytes of a picture; ``level`` is the compression, from 0 (fast) to 9 (small)."""
    return _encode(picture, "PNG", compress_level=level)


def _encode(picture: Picture, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    try:
        Image.fromarray(np.ascontiguousarray(check_picture(picture))).save(
            buffer, format=format, **options
        )
    except (OSError, ValueError) as error:  # e.g. WebP has at most 16383 pixels per side
        raise ImageError(f"the picture cannot be written as {format}: {error}") from error
    return buffer.getvalue()


def save(path: str | Path, picture: Picture) -> Path:
    """Write a picture atomically in the format of its suffix: .png, .jpg, .jpeg or .webp.

    JPEG and WebP have quality 95. Missing folders are created.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".png":
        data = encode_png(picture, level=6)
    elif suffix in (".jpg", ".jpeg", ".webp"):
        data = _encode(picture, "WEBP" if suffix == ".webp" else "JPEG", quality=95)
    else:
        raise ImageError(
            f"{path}: the suffix must be .png, .jpg or .webp, got {suffix or 'no suffix'!r}",
            remedy="use one of these suffixes",
        )
    return atomic_write(path, data, error=ImageError)


def resize(picture: Picture, size: int | tuple[int, int]) -> Picture:
    """Resize to (width, height), or to a square, with a Lanczos filter (antialiased)."""
    width, height = (size, size) if isinstance(size, int) else size
    if width < 1 or height < 1:
        raise ImageError(f"a picture must be at least 1 x 1 pixels, got {width} x {height}")
    image = Image.fromarray(np.ascontiguousarray(check_picture(picture)))
    return np.array(image.resize((width, height), Image.Resampling.LANCZOS), dtype=np.uint8)


def side_by_side(
    pictures: Sequence[Picture], labels: Sequence[str] | None = None, height: int = 512
) -> Picture:
    """Return one picture of all pictures in a row on white, each scaled to ``height`` pixels, with
    its label below it.

    Raises ImageError if there are no pictures, or if the number of labels differs.
    """
    if not pictures or (labels is not None and len(labels) != len(pictures)):
        raise ImageError(
            f"a row needs pictures and as many labels, got {len(pictures)} and "
            f"{'none' if labels is None else len(labels)}",
            remedy="give one label per picture",
        )
    gap = max(4, height // 64)
    row = []
    for picture in pictures:
        h, w = check_picture(picture).shape[:2]
        row.append(resize(picture, (max(1, round(w * height / h)), height)))
    strip = max(16, height // 14) if labels is not None else 0
    width = sum(p.shape[1] for p in row) + gap * (len(row) + 1)
    sheet = Image.new("RGB", (width, height + 2 * gap + strip), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=max(10, int(strip * 0.6))) if strip else None
    x = gap
    for i, picture in enumerate(row):
        sheet.paste(Image.fromarray(picture), (x, gap))
        if labels is not None:
            middle = (x + picture.shape[1] / 2, height + gap + (gap + strip) / 2)
            draw.text(middle, labels[i], fill="black", font=font, anchor="mm")
        x += picture.shape[1] + gap
    return np.array(sheet, dtype=np.uint8)
