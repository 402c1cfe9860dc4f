"""File formats of photos: which are read, how large they may be, and what other files are."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from ..errors import ImageError, UsageError

__all__ = [
    "MAX_FILE_BYTES",
    "MAX_JPEG_FACTOR",
    "MAX_PIXELS",
    "PHOTO_SUFFIXES",
    "REMEDY",
    "is_jpeg",
    "open_image",
    "photos_in",
    "reduce_jpeg",
]

MAX_PIXELS = 50_000_000
"""Largest number of pixels of a decoded picture."""
MAX_JPEG_FACTOR = 5
"""A JPEG file may have this many times more pixels; it is decoded at a reduced size."""
MAX_FILE_BYTES = 256 * 1024 * 1024
# The decoder holds all coefficients of a progressive JPEG, two bytes each.
_MAX_COEFFICIENT_BYTES = 640 * 1024 * 1024

PHOTO_SUFFIXES = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".heic", ".heif"),
        *(".png", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".gif"),
    )
)
"""Suffixes, in lower case, of the files that count as photos in a folder."""

REMEDY = "give a JPEG, PNG, WebP, AVIF or TIFF picture"
_HEIC = (
    "export it as JPEG: on a Mac with Preview, File > Export; on Windows with Photos, Save as; on "
    "an iPhone, Settings > Camera > Formats > Most Compatible makes new photos JPEG"
)
_EXPORT = "export it as JPEG or PNG with the program that made it"
_RAW = "camera raw files are not supported"
_FRAME = "save the frame that shows the face as JPEG or PNG"

# The name of a format and its plugin. JPEG includes MPO: many phones write a second picture behind
# the first into a .jpg file.
_PLUGINS = {
    "PNG": PngImagePlugin,
    "JPEG": JpegImagePlugin,
    "WEBP": WebPImagePlugin,
    "BMP": BmpImagePlugin,
    "GIF": GifImagePlugin,
    "AVIF": AvifImagePlugin,
    "TIFF": TiffImagePlugin,
}

# The first bytes of a file, its description, and the next step.
_OTHERS = (
    (b"%PDF", "PDF files are not supported", _EXPORT),
    (b"8BPS", "Photoshop files are not supported", _EXPORT),
    (b"\xff\x0a", "JPEG XL is not supported", _EXPORT),
    (b"\0\0\0\x0cJXL ", "JPEG XL is not supported", _EXPORT),
    (b"\0\0\0\x0cjP  ", "JPEG 2000 is not supported", _EXPORT),
    (b"\xff\x4f\xff\x51", "JPEG 2000 is not supported", _EXPORT),
    (b"PK\x03\x04", "it is a ZIP archive or a document", "take the photo out of it"),
    (b"\x1a\x45\xdf\xa3", "video files are not supported", _FRAME),
    (b"FUJIFILMCCD-RAW", _RAW, _EXPORT),
)
_TEXTS = (
    (b"<svg", "SVG drawings are not supported", _EXPORT),
    (b"<html", "it is a web page", "save the picture itself, not the page that shows it"),
    (b"<!doctype html", "it is a web page", "save the picture itself, not the page that shows it"),
)


def photos_in(folder: str | Path) -> list[Path]:
    """Return the photos in a folder by their suffixes, sorted, without subfolders.

    Hidden files are no photos.

    Raises:
        UsageError: there are none.
        ImageError: the folder cannot be read.
    """
    folder = Path(folder)
    try:
        files = [path for path in folder.iterdir() if path.is_file()]
    except OSError as error:
        raise ImageError(
            f"{folder}: cannot be read: {error.strerror or error}",
            remedy="check the folder and its permissions",
        ) from error
    found = [
        path
        for path in sorted(files)
        if path.suffix.lower() in PHOTO_SUFFIXES and not path.name.startswith(".")
    ]
    if not found:
        raise UsageError(
            f"{folder}: there are no photos in this folder, {len(files)} other files",
            remedy="give a folder with files such as .jpg or .png; subfolders are not searched",
        )
    return found


def open_image(data: bytes, name: str) -> ImageFile.ImageFile:
    """Return the picture in ``data`` before its pixels are decoded. Sizes are not checked.

    Raises:
        ImageError: none of the formats.
    """
    # Not Image.open: its limit of pixels is global and smaller than that of JPEGs here.
    cause: Exception | None = None
    known = ""
    for format in _PLUGINS:
        factory, accept = Image.OPEN[format]
        accepted = accept is None or accept(data[:16])
        if not accepted:
            continue
        if isinstance(accepted, str):  # Pillow was built without AVIF
            if b"avi" not in data[8:64]:
                continue
            raise ImageError(
                f"{name}: cannot be read: this Pillow has no {format}",
                remedy=f"install a newer Pillow, or {_EXPORT}",
            )
        known = format
        if format == "TIFF" and data[8:10] == b"CR":
            raise _not_a_picture(name, _RAW, _EXPORT)
        try:
            image = factory(io.BytesIO(data), "")
        except MemoryError:
            raise
        except Exception as error:  # decoders raise many types on damaged data
            cause = error
            continue
        if format == "TIFF" and _is_raw(image):
            raise _not_a_picture(name, _RAW, _EXPORT)
        if image.mode == "F":
            raise ImageError(
                f"{name}: must have 8 or 16 bits per channel, has floating-point numbers",
                remedy="export it as JPEG or PNG",
            )
        return image
    reason, remedy = _unreadable(data, known)
    raise _not_a_picture(name, reason, remedy) from cause


def is_jpeg(image: Image.Image) -> bool:
    """Return True for a JPEG, also with further pictures behind the first (MPO)."""
    return image.format in ("JPEG", "MPO")


def reduce_jpeg(image: ImageFile.ImageFile, data: bytes, name: str, max_pixels: int) -> int:
    """Check the size of a picture, and let the decoder reduce a JPEG of too many pixels.

    Returns:
        The reduction of both sides: 1, 2, 4 or 8.

    Raises:
        ImageError: more than ``max_pixels``; for JPEGs, more than MAX_JPEG_FACTOR times as many.
    """
    width, height = image.size
    most, note = max_pixels, f"; as a JPEG at most {max_pixels * MAX_JPEG_FACTOR / 1e6:g}"
    if is_jpeg(image):
        most, note = max_pixels * MAX_JPEG_FACTOR, ""
        layers = getattr(image, "layer", None)
        if layers and (image.info.get("progressive") or _first_scan(data) < len(layers)):
            _, across, down, *_ = zip(*layers, strict=True)
            samples = sum(a * d for a, d in zip(across, down, strict=True))
            each = 2 * samples / max(max(across) * max(down), 1)
            held = int(_MAX_COEFFICIENT_BYTES / max(each, 2))
            if held < most:
                most, note = held, " as a progressive JPEG"
    if width * height > most:
        raise ImageError(
            f"{name}: must have at most {most // 100_000 / 10 if note else most / 1e6:g} megapixels"
            f"{note}, got {width} x {height} pixels, {width * height / 1e6:.1f} megapixels",
            remedy="make the picture smaller; a face needs only a few hundred pixels",
        )
    for step in (1, 2, 4, 8):
        if -(-width // step) * -(-height // step) <= max_pixels:
            break
    if step > 1:
        image.draft(None, (max(width // step, 1), max(height // step, 1)))
    return step


def _first_scan(data: bytes) -> int:
    """Number of colour components in the first scan of a JPEG; 0 if there is no scan.

    The decoder holds the coefficients of a JPEG whose scans have some of the components each.
    """
    start = 2
    while start + 4 < len(data) and data[start] == 0xFF:
        if data[start + 1] == 0xDA:
            return data[start + 4]
        # Fill bytes and markers without content have no length.
        alone = data[start + 1] == 0xFF or 0xD0 <= data[start + 1] <= 0xD9
        step = 2 + int.from_bytes(data[start + 2 : start + 4], "big")
        start += (1 if data[start + 1] == 0xFF else 2) if alone else step
    return 0


def _is_raw(image: ImageFile.ImageFile) -> bool:
    """The first picture of a raw file is a thumbnail, marked as such, or it has a DNG version."""
    tags = getattr(image, "tag_v2", {})
    thumbnail = tags.get(254, 0)
    return 50706 in tags or (isinstance(thumbnail, int) and bool(thumbnail & 1))


def _not_a_picture(name: str, reason: str, remedy: str) -> ImageError:
    return ImageError(f"{name}: is not a picture: {reason}", remedy=remedy)


def _unreadable(data: bytes, format: str) -> tuple[str, str]:
    """Return what the data are instead of a readable picture, and the next step."""
    if data[4:8] == b"ftyp":  # ISO media: HEIC and AVIF photos, Canon's raw files, videos
        brands = data[8 : min(max(int.from_bytes(data[:4], "big"), 12), 256)]
        if b"hei" in brands or b"hev" in brands:
            return "HEIC and HEIF photos are not supported", _HEIC
        if brands.startswith(b"crx"):
            return _RAW, _EXPORT
        if b"avi" not in brands:
            return "video files are not supported", _FRAME
    for start, reason, remedy in _OTHERS:
        if data.startswith(start):
            return reason, remedy
    if format:
        damaged = "copy or export the picture again, or give another one"
        return f"its {format} header is damaged or cut off", damaged
    text = data[:1024].lower()
    for word, reason, remedy in _TEXTS:
        if word in text:
            return reason, remedy
    return "it contains no JPEG, PNG, WebP, AVIF, TIFF, BMP or GIF", REMEDY
