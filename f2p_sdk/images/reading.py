"""Reading of pictures: uint8 (H, W, 3), RGB, sRGB.

Files are untrusted input. The size is checked before pixels are decoded, only the decoders of
:mod:`.formats` are used, and every failure of a decoder becomes an :class:`ImageError` with a
remedy. Pixels are converted in strips, so that a picture of 50 megapixels needs about 400 MB.
"""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile

from ..errors import ImageError, error_prefix
from ..files import read_limited
from .colour import Converter, converter
from .formats import MAX_FILE_BYTES, MAX_PIXELS, REMEDY, is_jpeg, open_image, reduce_jpeg
from .photo import Photo, PhotoSource
from .writing import Picture, check_picture

__all__ = ["decode", "load", "read", "take"]

_STRIP = 1 << 20  # pixels per conversion
_END = b"\xff\xd9"  # of a JPEG
_BLANK = 8  # of 255: range of the colours of a blank picture after lossy compression
_MOST_MISSING = 0.95  # of the rows of a JPEG that is used

_DAMAGED = "copy or export the picture again, or give another one"


def load(source: str | Path | bytes, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read a picture from a file or from bytes: uint8 (H, W, 3), RGB, sRGB, upright.

    Transparent pixels are blended with white. 16 bits are reduced to 8. Palettes, grey, CMYK and
    Lab are converted to RGB, and by the file's profile or other tags to sRGB. An animation gives
    its first picture. A JPEG of more than ``max_pixels`` is decoded at a half, a quarter or an
    eighth of its size. A JPEG that is cut off gives the part that is there; :func:`read` tells so.

    Raises:
        ImageError: missing, empty, not a picture, damaged, or more than ``max_pixels``; a JPEG may
            have five times as many.
    """
    return read(source, max_pixels).picture


def decode(data: bytes, max_pixels: int = MAX_PIXELS, *, name: str = "picture") -> Picture:
    """Decode a picture as :func:`load` does; ``name`` is its name in errors."""
    return _read(data, max_pixels, name).picture


def read(source: str | Path | bytes, max_pixels: int = MAX_PIXELS) -> Photo:
    """Read a photo as :func:`load` does, with its name and hints about its file.

    Raises:
        ImageError: as :func:`load`.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return replace(_read(bytes(source), max_pixels, "picture"), name="")
    data = read_limited(source, MAX_FILE_BYTES, error=ImageError, remedy=REMEDY)
    return _read(data, max_pixels, str(source))


def take(source: PhotoSource, name: str = "") -> Photo:
    """Return a photo that was read, or read it; ``name`` is that of bytes and of an array.

    Raises:
        ImageError: as :func:`load`, or the array is not a picture.
    """
    if isinstance(source, Photo):
        return source if source.name else replace(source, name=name)
    if isinstance(source, (str, Path)):
        return read(source)
    with error_prefix(name) if name else contextlib.nullcontext():
        photo = Photo(check_picture(source)) if isinstance(source, np.ndarray) else read(source)
    return replace(photo, name=name)


@dataclass(frozen=True)
class _Decoded:
    """Pixels (H, W, 3) as stored, orientation of EXIF, reduction, and findings about the file."""

    pixels: Picture
    orientation: int
    step: int
    hint: str
    transparent: bool
    animated: bool


def _read(data: bytes, max_pixels: int, name: str) -> Photo:
    if not data:
        raise ImageError(f"{name}: is empty (0 bytes)", remedy=REMEDY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about metadata
        try:
            found, cut = _decoded(data, max_pixels, name), ""
        except _Damaged as damaged:
            if not damaged.jpeg:
                raise damaged.error(name) from damaged.__cause__
            # With an end behind it, the decoder keeps what it has.
            try:
                found = _decoded(data + _END, max_pixels, name)
            except _Damaged:
                raise damaged.error(name) from damaged.__cause__
            missing = _missing(found.pixels)
            if missing > _MOST_MISSING:
                raise damaged.error(name) from damaged.__cause__
            cut = "the file is cut off: " + (
                f"the last {missing:.0%} of the picture are missing"
                if missing >= 0.005
                else "the picture may lack detail"
            )
    hints = tuple(hint for hint in (cut, found.hint) if hint)
    doubts, remedy = _doubts(found)
    return Photo(_upright(found.pixels, found.orientation), name, hints, doubts, remedy)


class _Damaged(Exception):
    """A decoder failed; ``jpeg``: on a JPEG."""

    def __init__(self, reason: str, jpeg: bool) -> None:
        super().__init__(reason)
        self.jpeg = jpeg

    def error(self, name: str) -> ImageError:
        return ImageError(
            f"{name}: is damaged or cut off, its pixels cannot be read: {self}", remedy=_DAMAGED
        )


def _decoded(data: bytes, max_pixels: int, name: str) -> _Decoded:
    with open_image(data, name) as image:
        step = reduce_jpeg(image, data, name, max_pixels)
        try:
            colours = converter(image, data)
            image.load()
            pixels, seen = _pixels(image, colours)
        except MemoryError:
            raise
        # Decoders raise many types on damaged data: OSError, SyntaxError, ValueError,
        # struct.error, zlib.error, IndexError...
        except Exception as error:
            raise _Damaged(str(error), is_jpeg(image)) from error
        return _Decoded(
            pixels, _orientation(image), step, colours.hint, not seen, _is_animated(image)
        )


def _pixels(image: Image.Image, colours: Converter) -> tuple[Picture, bool]:
    """Return uint8 (H, W, 3), and False if every pixel is wholly transparent."""
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    rows, seen = max(1, _STRIP // width), False
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        opaque, alpha = _split(strip)
        rgb = colours.convert(opaque)
        if alpha is not None:
            blended = Image.new("RGB", rgb.size, "white")
            blended.paste(rgb, mask=alpha)
            rgb = blended
        seen = seen or alpha is None or alpha.getbbox() is not None
        pixels[top : top + strip.height] = np.asarray(rgb)
    return pixels, seen


def _split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return an image of the mode L, RGB, CMYK or LAB, and the alpha channel (L) or None."""
    if image.mode.startswith("I"):  # 16-bit grey; mode I in older versions of Pillow
        levels = np.clip(np.asarray(image), 0, 65535)
        grey = Image.fromarray((levels.astype(np.float32) / 257 + 0.5).astype(np.uint8))
        if "transparency" not in image.info:
            return grey, None
        # one transparent level instead of an alpha channel
        opaque = levels != image.info["transparency"]
        return grey, Image.fromarray(np.uint8(255 * opaque))
    if image.has_transparency_data:
        grey_alpha = image.mode in ("LA", "La")
        image = image.convert("LA" if grey_alpha else "RGBA")
        return image.convert("L" if grey_alpha else "RGB"), image.getchannel("A")
    if image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    return image, None


def _missing(pixels: Picture) -> float:
    """The share of rows at the bottom that have one colour, as a decoder fills missing rows."""
    same = (np.abs(pixels.astype(np.int16) - pixels[-1, -1]) <= 1).all(axis=(1, 2))
    other = np.flatnonzero(~same)
    return 1.0 if not len(other) else 1 - (int(other[-1]) + 1) / len(pixels)


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation from 1 to 8; 1 without one, and for damaged metadata."""
    with contextlib.suppress(Exception):
        found = image.getexif().get(0x0112, 1)
        if isinstance(found, int) and 1 <= found <= 8:
            return found
    return 1


def _upright(pixels: Picture, orientation: int) -> Picture:
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _is_animated(image: ImageFile.ImageFile) -> bool:
    if is_jpeg(image):  # the further pictures of phones show the same scene
        return False
    with contextlib.suppress(Exception):  # a damaged second picture does not matter
        return bool(getattr(image, "is_animated", False))
    return False


def _doubts(found: _Decoded) -> tuple[tuple[str, ...], str]:
    """Return sentences that explain a missing face, and the next step if it differs."""
    doubts, remedy = [], ""
    if found.step > 1:
        doubts.append(f"the photo was read at 1/{found.step} of its size")
        remedy = "cut out the part of the photo that shows the face"
    if found.transparent:
        doubts.append("every pixel is transparent")
        remedy = "export the picture without transparency"
    elif all(int(c.max()) - int(c.min()) <= _BLANK for c in np.moveaxis(found.pixels, -1, 0)):
        doubts.append("every pixel has about the same colour")
    if found.animated:
        doubts.append("only the first picture of the file was looked at")
        remedy = "save the picture that shows the face as JPEG or PNG"
    return tuple(doubts), remedy
