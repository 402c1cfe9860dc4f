"""Reading, writing and resizing of pictures: uint8 (H, W, 3), RGB, sRGB.

Files are untrusted input. The size is checked before pixels are decoded, only the decoders listed
here are used, and every failure of a decoder becomes an :class:`ImageError` with a remedy.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageDraw, ImageFont, ImageOps

from .errors import ImageError
from .files import atomic_write, read_limited

__all__ = [
    "MAX_PIXELS",
    "Picture",
    "decode",
    "encode_png",
    "load",
    "resize",
    "save",
    "side_by_side",
]

Picture = npt.NDArray[np.uint8]
"""uint8 (H, W, 3), RGB, sRGB."""

MAX_PIXELS = 50_000_000
MAX_FILE_BYTES = 256 * 1024 * 1024

# JPEG includes MPO: many phones write a second picture behind the first into a .jpg file.
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
_REMEDY = "give a PNG, JPEG or WebP picture"


def load(source: str | Path | bytes, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read a picture from a file or from bytes: uint8 (H, W, 3), RGB, sRGB, upright.

    Transparent pixels are blended with white. 16 bits are reduced to 8. Palettes, grey and CMYK are
    converted to RGB, an embedded colour profile to sRGB. An animation gives its first picture.

    Raises:
        ImageError: missing, empty, not a picture, truncated, or more than ``max_pixels``.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return decode(bytes(source), max_pixels=max_pixels)
    data = read_limited(source, MAX_FILE_BYTES, error=ImageError, remedy=_REMEDY)
    return decode(data, max_pixels=max_pixels, name=str(source))


def decode(data: bytes, max_pixels: int = MAX_PIXELS, *, name: str = "picture") -> Picture:
    """Decode a picture as :func:`load` does; ``name`` is its name in errors."""
    if not data:
        raise ImageError(f"{name}: is empty (0 bytes)", remedy=_REMEDY)
    with warnings.catch_warnings():
        # Pillow warns about metadata, and about sizes, which this function checks.
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
        except Image.DecompressionBombError as error:
            raise _too_large(name, str(error), max_pixels) from None
        except Exception as error:
            reason = _unreadable(data)
            raise ImageError(f"{name}: is not a picture: {reason}", remedy=_REMEDY) from error
        with image:
            width, height = image.size
            if width * height > max_pixels:
                size = f"{width} x {height} pixels, {width * height / 1e6:.1f} megapixels"
                raise _too_large(name, size, max_pixels)
            try:
                return _to_picture(image)
            except MemoryError:
                raise
            # Decoders raise many types on damaged data: OSError, SyntaxError, ValueError,
            # struct.error, zlib.error, IndexError...
            except Exception as error:
                raise ImageError(
                    f"{name}: is damaged or cut off, its pixels cannot be read: {error}",
                    remedy="copy or export the picture again, or give another one",
                ) from error


def _too_large(name: str, size: str, max_pixels: int) -> ImageError:
    return ImageError(
        f"{name}: must have at most {max_pixels / 1e6:g} megapixels, got {size}",
        remedy="make the picture smaller; a face needs only a few hundred pixels",
    )


def _unreadable(data: bytes) -> str:
    if data[4:8] == b"ftyp":  # ISO media: HEIC and AVIF photos, videos
        return "HEIC, AVIF and video files are not supported"
    if data[:4] == b"%PDF":
        return "PDF files are not supported"
    return "it contains no PNG, JPEG, WebP, BMP or GIF"


def _to_picture(image: Image.Image) -> Picture:
    image.load()
    with contextlib.suppress(Exception):  # a picture with damaged metadata is usable
        ImageOps.exif_transpose(image, in_place=True)
    return np.array(_to_rgb(image), dtype=np.uint8)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey; mode I in older versions of Pillow
        levels = np.clip(np.asarray(image), 0, 65535)
        grey = (levels.astype(np.float32) / 257 + 0.5).astype(np.uint8)
        if "transparency" in image.info:  # one transparent level instead of an alpha channel
            grey[levels == image.info["transparency"]] = 255
        image = Image.fromarray(grey)
    alpha: Image.Image | None = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("RGB")
    rgb = _to_srgb(image)
    if alpha is not None:
        blended = Image.new("RGB", rgb.size, "white")
        blended.paste(rgb, mask=alpha)
        rgb = blended
    return rgb


def _to_srgb(image: Image.Image) -> Image.Image:
    """Convert by the embedded profile, e.g. Display P3 of phones; without a profile, keep sRGB."""
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and image.mode in ("RGB", "L", "CMYK"):
        # A damaged profile, or one of another colour space than the picture, is ignored.
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "sRGB" not in ImageCms.getProfileDescription(source):
                converted = ImageCms.profileToProfile(
                    image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
                )
                if converted is not None:
                    return converted
    return image.convert("RGB")


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
