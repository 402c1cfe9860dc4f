"""Pictures in and out: files and bytes to uint8 (H, W, 3) RGB in sRGB, and back.

A picture that came from outside is hostile until shown otherwise: its size is read and checked
before a pixel is decoded, only the decoders named here are used, and every way in which a decoder
can fail becomes one :class:`ImageError` with a remedy.
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
from PIL import Image, ImageCms, ImageDraw, ImageFont

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

# JPEG includes MPO, which many phones put into a .jpg: a second picture stands behind the first.
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
_REMEDY = "give a PNG, JPEG or WebP picture"
_ORIENTATION = 0x0112
# EXIF orientation -> what turns the stored picture upright (EXIF 2.32, tag 274).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def load(source: str | Path | bytes, max_pixels: int = MAX_PIXELS) -> Picture:
    """The picture in a file, or in bytes: uint8 (H, W, 3), RGB, sRGB, turned upright.

    Transparency is laid over white, 16 bits become 8, palettes, grey and CMYK become RGB, an
    embedded colour profile is converted to sRGB; of an animation the first picture is taken.

    Raises:
        ImageError: missing, empty, not a picture, truncated, or more than ``max_pixels``.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return decode(bytes(source), max_pixels=max_pixels)
    data = read_limited(source, MAX_FILE_BYTES, error=ImageError, remedy=_REMEDY)
    return decode(data, max_pixels=max_pixels, name=str(source))


def decode(data: bytes, max_pixels: int = MAX_PIXELS, *, name: str = "picture") -> Picture:
    """The picture in ``data``, as :func:`load` gives it; ``name`` is what errors call it."""
    if not data:
        raise ImageError(f"{name}: is empty (0 bytes)", remedy=_REMEDY)
    with warnings.catch_warnings():
        # Pillow warns of odd metadata, and of sizes, which are checked here.
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
        except Image.DecompressionBombError as error:
            raise _too_large(name, str(error), max_pixels) from None
        except Exception as error:
            raise ImageError(f"{name}: is not a picture: {_sort(data)}", remedy=_REMEDY) from error
        with image:
            width, height = image.size
            if width * height > max_pixels:
                size = f"{width} x {height} pixels, {width * height / 1e6:.1f} megapixels"
                raise _too_large(name, size, max_pixels)
            try:
                return _to_picture(image)
            except MemoryError:
                raise
            # Decoders fail on hostile bytes in as many ways as there are: OSError, SyntaxError,
            # ValueError, struct.error, zlib.error, IndexError... All mean the same to the user.
            except Exception as error:
                raise ImageError(
                    f"{name}: is damaged or cut off, its pixels cannot be read: {error}",
                    remedy="copy or export the picture again, or give another one",
                ) from error


def _too_large(name: str, size: str, max_pixels: int) -> ImageError:
    return ImageError(
        f"{name}: must have at most {max_pixels / 1e6:g} megapixels, got {size}",
        remedy="make the picture smaller; a face needs no more than a few hundred pixels",
    )


def _sort(data: bytes) -> str:
    if data[4:8] == b"ftyp":  # ISO media: HEIC and AVIF photos, films
        return "HEIC, AVIF and video files are not read"
    if data[:4] == b"%PDF":
        return "PDF files are not read"
    return "no PNG, JPEG, WebP, BMP or GIF in it"


def _to_picture(image: Image.Image) -> Picture:
    image.load()
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # broken metadata does not make a picture unusable
        orientation = 1
    rgb = _to_rgb(image)
    if orientation in _UPRIGHT:
        rgb = rgb.transpose(_UPRIGHT[orientation])
    return np.array(rgb, dtype=np.uint8)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey; mode I in older Pillows
        deep = np.clip(np.asarray(image), 0, 65535)
        grey = (deep.astype(np.float32) / 257 + 0.5).astype(np.uint8)
        if "transparency" in image.info:  # one level, not one per pixel
            grey[deep == image.info["transparency"]] = 255
        image = Image.fromarray(grey)
    alpha: Image.Image | None = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("RGB")
    rgb = _to_srgb(image)
    if alpha is not None:
        over = Image.new("RGB", rgb.size, "white")
        over.paste(rgb, mask=alpha)
        rgb = over
    return rgb


def _to_srgb(image: Image.Image) -> Image.Image:
    """Convert by the embedded profile, e.g. Display P3 of phones; without one, take it as sRGB."""
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and image.mode in ("RGB", "L", "CMYK"):
        # A profile that is damaged, or of another colour space than the picture, is ignored.
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
    """``picture`` if it is uint8 (H, W, 3) with at least one pixel, else ImageError."""
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
    """PNG bytes of a picture; ``level`` from 0 (fast) to 9 (small)."""
    return _encode(picture, "PNG", compress_level=level)


def _encode(picture: Picture, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    try:
        Image.fromarray(np.ascontiguousarray(check_picture(picture))).save(
            buffer, format=format, **options
        )
    except (OSError, ValueError) as error:  # e.g. WebP holds no more than 16383 pixels a side
        raise ImageError(f"the picture cannot be written as {format}: {error}") from error
    return buffer.getvalue()


def save(path: str | Path, picture: Picture) -> Path:
    """Write a picture, whole or not at all, as the suffix says: .png, .jpg, .jpeg or .webp.

    JPEG and WebP are written at quality 95. Folders that are missing are made.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".png":
        data = encode_png(picture, level=6)
    elif suffix in (".jpg", ".jpeg"):
        data = _encode(picture, "JPEG", quality=95)
    elif suffix == ".webp":
        data = _encode(picture, "WEBP", quality=95)
    else:
        raise ImageError(
            f"{path}: a picture is written as .png, .jpg or .webp, got {suffix or 'no suffix'!r}",
            remedy="give the file one of these suffixes",
        )
    return atomic_write(path, data, error=ImageError)


def resize(picture: Picture, size: int | tuple[int, int]) -> Picture:
    """The picture in another size (width, height), or square; smooth when it gets smaller."""
    width, height = (size, size) if isinstance(size, int) else size
    if width < 1 or height < 1:
        raise ImageError(f"a picture must be at least 1 x 1 pixels, got {width} x {height}")
    image = Image.fromarray(np.ascontiguousarray(check_picture(picture)))
    return np.array(image.resize((width, height), Image.Resampling.LANCZOS), dtype=np.uint8)


def side_by_side(
    pictures: Sequence[Picture],
    labels: Sequence[str] | None = None,
    height: int = 512,
) -> Picture:
    """Pictures in a row on white, each scaled to ``height``, with its label beneath it.

    Raises ImageError where there are no pictures, or not one label for each.
    """
    if not pictures or (labels is not None and len(labels) != len(pictures)):
        raise ImageError(
            f"a row needs pictures and as many labels, got {len(pictures)} and "
            f"{'none' if labels is None else len(labels)}"
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
