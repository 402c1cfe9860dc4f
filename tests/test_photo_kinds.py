"""Kinds of photo files: each row of docs/reference/photos.md, with the colours or the message.

All files are generated here. ``KINDS`` maps the name of a kind, as in the table, to its file and to
what reading it gives.
"""

from __future__ import annotations

import io
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from f2p_toy import ROOT
from PIL import Image, ImageCms

from f2p_sdk import ImageError, NoFaceError, images, pick_face, read_photo

PAGE = ROOT / "docs" / "reference" / "photos.md"

# Quarters in the order top left, top right, bottom left, bottom right: sRGB, inside of all gamuts.
COLOURS = np.array([(200, 150, 130), (90, 120, 80), (70, 80, 140), (225, 225, 225)])
GREY = np.array([(160,) * 3, (110,) * 3, (85,) * 3, (225,) * 3])
WIDTH, HEIGHT = 96, 64

SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
P3 = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
ADOBE = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
REC2020 = (0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)


def quarters(colours: np.ndarray = COLOURS) -> Image.Image:
    """A picture of 96 x 64 pixels with a colour in each quarter."""
    rows = colours.reshape(2, 2, 3).repeat(HEIGHT // 2, 0).repeat(WIDTH // 2, 1)
    return Image.fromarray(rows.astype(np.uint8))


def file(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def jpeg(image: Image.Image | None = None, **options: Any) -> bytes:
    options = {"quality": 96, "subsampling": 0, **options}
    return file(image or quarters(), "JPEG", **options)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(image: Image.Image | None = None, *chunks: bytes, **options: Any) -> bytes:
    """A PNG with these chunks behind its header."""
    data = file(image or quarters(), "PNG", **options)
    return data[:33] + b"".join(chunks) + data[33:]


def deep_png(levels: np.ndarray, colour: int) -> bytes:
    """A PNG of 16 bits (H, W, channels), which Pillow cannot write in colour."""
    height, width = levels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)
    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def header_png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


# Colours in other spaces, by the textbook: sRGB -> light -> other primaries -> curve.


def light(values: np.ndarray) -> np.ndarray:
    v = np.asarray(values) / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def srgb(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def pq(linear: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084, white at 203 cd/m2."""
    y = (linear * 203 / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375


def hlg(linear: np.ndarray) -> np.ndarray:
    scene = (linear * 203 / 1000) ** (1 / 1.2)
    bright = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)


def to_xyz(primaries: tuple[float, ...]) -> np.ndarray:
    points = [np.array((x, y, 1 - x - y)) / y for x, y in np.reshape(primaries, (4, 2))]
    columns = np.stack(points[1:], axis=1)
    return columns * np.linalg.solve(columns, points[0])


def encoded(
    primaries: tuple[float, ...] = SRGB,
    curve: Callable[[np.ndarray], np.ndarray] = srgb,
    colours: np.ndarray = COLOURS,
) -> Image.Image:
    """The quarters in another space, all of white D65, as a picture of 8 bits."""
    moved = light(colours) @ (np.linalg.inv(to_xyz(primaries)) @ to_xyz(SRGB)).T
    return quarters(np.rint(255 * curve(np.clip(moved, 0, None))))


def profile(
    primaries: tuple[float, ...] = SRGB,
    gamma: float = 1.0,
    name: bytes = b"test",
    grey: bool = False,
) -> bytes:
    """An ICC profile of primaries and a power, written from ICC.1:2010."""

    def fixed(*numbers: float) -> bytes:
        return b"".join(struct.pack(">i", round(float(n) * 65536)) for n in numbers)

    white = (0.9642, 1.0, 0.8249)
    bradford = np.array(
        ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
    )
    xyz = to_xyz(primaries)
    scale = np.diag((bradford @ white) / (bradford @ xyz.sum(axis=1)))
    columns = (np.linalg.inv(bradford) @ scale @ bradford @ xyz).T
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    text = name + b"\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": b"XYZ \0\0\0\0" + fixed(*white),
    }
    if grey:
        tags[b"kTRC"] = curve
    else:
        named = zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)
        tags |= {tag: b"XYZ \0\0\0\0" + fixed(*column) for tag, column in named}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body = b"", b""
    for tag, data in tags.items():
        table += tag + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    space = b"GRAY" if grey else b"RGB "
    size = 132 + len(table) + len(body)
    head = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x02100000, b"mntr", space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + fixed(*white) + bytes(48)
    return head + struct.pack(">I", len(tags)) + table + body


def exif(**tags: int | str) -> Image.Exif:
    made = Image.Exif()
    if "orientation" in tags:
        made[0x0112] = tags["orientation"]
    if "interop" in tags:
        made.get_ifd(0x8769)[0xA001] = 65535
        made.get_ifd(0x8769)[0xA005] = {1: tags["interop"]}
    return made


def palette(image: Image.Image) -> Image.Image:
    return image.quantize(8, Image.Quantize.MEDIANCUT)


def clear(alpha: int) -> Image.Image:
    image = quarters().convert("RGBA")
    image.putalpha(alpha)
    return image


def animation(format: str, first: Image.Image | None = None, **options: Any) -> bytes:
    second = quarters(GREY)
    return file(first or quarters(), format, save_all=True, append_images=[second], **options)


def noisy() -> Image.Image:
    """The quarters with noise, so that a cut file has lost something: each row takes many bytes."""
    noise = np.random.default_rng(0).integers(-20, 21, (HEIGHT, WIDTH, 3))
    return Image.fromarray(np.clip(np.asarray(quarters()) + noise, 0, 255).astype(np.uint8))


large = quarters().resize((WIDTH * 4, HEIGHT * 4), Image.Resampling.NEAREST)


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def sized(data: bytes, width: int, height: int) -> bytes:
    """A JPEG with another size in its header."""
    marker = re.search(rb"\xff[\xc0\xc2]\x00\x11\x08", data)
    assert marker is not None
    at = marker.end()
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def tall(width: int, height: int) -> bytes:
    """A JPEG of this size, of grey rows that repeat, made without the memory for its pixels.

    Its rows of blocks, 16 pixels high, are the same data between restart markers.
    """
    row = Image.linear_gradient("L").rotate(90).resize((width, 16)).convert("RGB")
    data = jpeg(row, quality=80, subsampling=2, restart_marker_rows=1)
    scan = data.index(b"\xff\xda") + 14
    rows = [data[scan:-2] + bytes((0xFF, 0xD0 + i % 8)) for i in range(height // 16)]
    return sized(data[:scan] + b"".join(rows)[:-2] + b"\xff\xd9", width, height)


def avif(image: Image.Image, codes: tuple[int, int] | None = None, **options: Any) -> bytes:
    """An AVIF; ``codes``: primaries and curve of its colour box."""
    data = file(image, "AVIF", quality=95, subsampling="4:4:4", **options)
    if codes is None:
        return data
    at = data.index(b"colrnclx") + 8
    return data[:at] + struct.pack(">HH", *codes) + data[at + 4 :]


def tiff(image: Image.Image | None = None, **options: Any) -> bytes:
    return file(image or quarters(), "TIFF", **options)


def raw_file() -> bytes:
    """The thumbnail that begins a raw file: bit 0 of tag 254, and a DNG version."""
    return tiff(tiffinfo={254: 1, 50706: b"\1\4\0\0"})


def box(brand: bytes, *others: bytes) -> bytes:
    brands = b"".join(others)
    return struct.pack(">I4s4s4s", 16 + len(brands), b"ftyp", brand, bytes(4)) + brands + bytes(64)


@dataclass(frozen=True)
class Kind:
    """A file and the result: the colours of the quarters, a hint, a doubt, or an error."""

    make: Callable[[], bytes]
    colours: Any = None
    hint: str = ""
    doubt: str = ""
    error: str = ""
    remedy: str = ""
    tolerance: int = 4


def read(make: Callable[[], bytes], colours: Any = COLOURS, **more: Any) -> Kind:
    return Kind(make, colours, **more)


def refused(make: Callable[[], bytes], error: str, remedy: str = "", **more: Any) -> Kind:
    return Kind(make, error=error, remedy=remedy, **more)


HDR = "high dynamic range"
CUT = "the file is cut off"
WHITE = np.full((4, 3), 255)
LINEAR = chunk(b"gAMA", struct.pack(">I", 100_000))
FIRST = "only the first picture of the file was looked at"


def chromaticities(primaries: tuple[float, ...]) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *(round(100_000 * p) for p in primaries)))


def codes(primaries: int, curve: int, matrix: int = 0, whole: int = 1) -> bytes:
    return chunk(b"cICP", bytes((primaries, curve, matrix, whole)))


def power(exponent: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda values: values**exponent


def narrow(values: np.ndarray) -> np.ndarray:
    return (16 + 219 * srgb(values)) / 255


def swapped() -> bytes:
    """A palette PNG with a profile that exchanges red and blue."""
    primaries = (*SRGB[:2], *SRGB[6:8], *SRGB[4:6], *SRGB[2:4])
    blue = palette(quarters(COLOURS[:, ::-1]))
    return png(blue, icc_profile=profile(primaries, 2.2))


KINDS: dict[str, Kind] = {
    # JPEG
    "JPEG": read(jpeg),
    "progressive JPEG": read(lambda: jpeg(progressive=True)),
    "grey JPEG": read(lambda: jpeg(quarters(GREY).convert("L")), GREY),
    "CMYK JPEG": read(lambda: jpeg(quarters().convert("CMYK"))),
    "JPEG with a Display P3 profile": read(
        lambda: jpeg(encoded(P3, power(1 / 2.2)), icc_profile=profile(P3, 2.2))
    ),
    "JPEG with a linear profile that is named sRGB": read(
        lambda: jpeg(encoded(curve=power(1)), icc_profile=profile(name=b"sRGB IEC61966-2.1")),
        tolerance=8,
    ),
    "JPEG with an sRGB profile": read(
        lambda: jpeg(icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    ),
    "JPEG with a damaged profile": read(lambda: jpeg(icc_profile=b"garbage")),
    "grey JPEG with a profile of RGB": read(
        lambda: jpeg(encoded(curve=power(1), colours=GREY).convert("L"), icc_profile=profile()),
        GREY,
        tolerance=8,
    ),
    "JPEG of a camera set to Adobe RGB": read(
        lambda: jpeg(encoded(ADOBE, power(256 / 563)), exif=exif(interop="R03"))
    ),
    "JPEG held sideways (EXIF orientation)": read(
        lambda: jpeg(quarters().transpose(Image.Transpose.ROTATE_90), exif=exif(orientation=6))
    ),
    "JPEG with damaged EXIF": read(lambda: jpeg(exif=b"Exif\0\0garbage")),
    "JPEG of a phone with a second picture (MPO)": read(
        lambda: animation("MPO", quality=96, subsampling=0)
    ),
    "JPEG with a video behind it (motion photo)": read(lambda: jpeg() + box(b"mp42")),
    "JPEG with the suffix .png": read(jpeg),
    "JPEG without its last bytes": read(lambda: jpeg()[:-2], hint=CUT),
    "JPEG cut off after the face": read(
        lambda: cut(jpeg(noisy()), 0.8),
        COLOURS[:2],
        hint="of the picture are missing",
        tolerance=16,
    ),
    "progressive JPEG cut off": read(
        lambda: cut(jpeg(noisy(), progressive=True), 0.7), hint=CUT, tolerance=24
    ),
    "JPEG cut off near its start": refused(
        lambda: jpeg(large)[: jpeg(large).index(b"\xff\xda") + 20],
        "is damaged or cut off",
        "export the picture again",
    ),
    "JPEG of more than 250 megapixels": refused(
        lambda: sized(jpeg(), 20_000, 15_000),
        "must have at most 250 megapixels, got 20000 x 15000 pixels, 300.0 megapixels",
        "make the picture smaller",
    ),
    "progressive JPEG that needs too much memory": refused(
        lambda: sized(jpeg(progressive=True), 12_000, 10_000),
        "must have at most 111.8 megapixels as a progressive JPEG",
        "make the picture smaller",
    ),
    # PNG
    "PNG": read(png, tolerance=0),
    "PNG with transparency": read(lambda: png(clear(128)), (COLOURS + 255) / 2, tolerance=1),
    "grey PNG": read(lambda: png(quarters(GREY).convert("L")), GREY, tolerance=0),
    "grey PNG with transparency": read(
        lambda: png(quarters(GREY).convert("LA")), GREY, tolerance=0
    ),
    "grey PNG with a profile": read(
        lambda: png(
            encoded(curve=power(1), colours=GREY).convert("L"), icc_profile=profile(grey=True)
        ),
        GREY,
    ),
    "PNG with a palette": read(lambda: png(palette(quarters())), tolerance=1),
    "PNG with a palette and a transparent colour": read(
        lambda: png(
            Image.fromarray(np.arange(4, dtype=np.uint8).reshape(2, 2), "L")
            .resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)
            .convert("P"),
            transparency=0,
        ),
        np.array([(255,) * 3, (1,) * 3, (2,) * 3, (3,) * 3]),
    ),
    "PNG with a palette and a profile": read(swapped),
    "PNG with 16 bits": read(
        lambda: deep_png(np.asarray(quarters()).astype(np.uint16) * 257, 2), tolerance=1
    ),
    "grey PNG with 16 bits": read(
        lambda: deep_png(np.asarray(quarters(GREY))[:, :, :1].astype(np.uint16) * 257, 0),
        GREY,
        tolerance=1,
    ),
    "PNG with gAMA of linear light": read(lambda: png(encoded(curve=power(1)), LINEAR)),
    "PNG with gAMA of sRGB": read(
        lambda: png(None, chunk(b"gAMA", struct.pack(">I", 45_455)), chromaticities(SRGB)),
        tolerance=0,
    ),
    "PNG with sRGB and gAMA": read(lambda: png(None, chunk(b"sRGB", b"\0"), LINEAR), tolerance=0),
    "PNG with cHRM and gAMA of Adobe RGB": read(
        lambda: png(
            encoded(ADOBE, power(256 / 563)),
            chunk(b"gAMA", struct.pack(">I", 45_470 - 2_000)),
            chromaticities(ADOBE),
        ),
        tolerance=8,
    ),
    "PNG with impossible gAMA and cHRM": read(
        lambda: png(None, chunk(b"gAMA", bytes(4)), chunk(b"cHRM", bytes(32))), tolerance=0
    ),
    "PNG with cICP of Display P3": read(lambda: png(encoded(P3), codes(12, 13)), tolerance=2),
    "PNG with cICP of linear light": read(
        lambda: png(encoded(curve=power(1)), codes(1, 8), icc_profile=profile(P3, 2.2))
    ),
    "PNG with cICP of television's range": read(
        lambda: png(encoded(curve=narrow), codes(1, 13, whole=0)), tolerance=2
    ),
    "HDR PNG (cICP, PQ)": read(lambda: png(encoded(REC2020, pq), codes(9, 16)), hint=HDR),
    "HDR PNG (cICP, HLG)": read(lambda: png(encoded(REC2020, hlg), codes(9, 18)), hint=HDR),
    "PNG with a damaged profile": read(lambda: png(icc_profile=b"garbage"), tolerance=0),
    "wholly transparent PNG": read(
        lambda: png(clear(0)), WHITE, doubt="every pixel is transparent", remedy="transparency"
    ),
    "PNG of one colour": read(
        lambda: png(quarters(WHITE)), WHITE, doubt="every pixel has about the same colour"
    ),
    "animated PNG": read(lambda: animation("PNG"), doubt=FIRST, remedy="save the picture"),
    "PNG cut off": refused(lambda: cut(png(noisy()), 0.6), "is damaged or cut off"),
    "PNG of more than 50 megapixels": refused(
        lambda: header_png(10_000, 6_000),
        "must have at most 50 megapixels; as a JPEG at most 250, got 10000 x 6000 pixels",
        "make the picture smaller",
    ),
    # WebP, GIF, BMP
    "WebP": read(lambda: file(quarters(), "WEBP", quality=95), tolerance=8),
    "WebP with transparency": read(
        lambda: file(clear(128), "WEBP", lossless=True), (COLOURS + 255) / 2, tolerance=1
    ),
    "WebP with a profile": read(
        lambda: file(
            encoded(P3, power(1 / 2.2)), "WEBP", lossless=True, icc_profile=profile(P3, 2.2)
        )
    ),
    "animated WebP": read(lambda: animation("WEBP", lossless=True), doubt=FIRST),
    "animated WebP with a blank first picture": read(
        lambda: animation("WEBP", quarters(WHITE), lossless=True),
        WHITE,
        doubt=f"every pixel has about the same colour; {FIRST}",
        remedy="save the picture that shows the face",
    ),
    "WebP cut off": refused(
        lambda: cut(file(noisy(), "WEBP", lossless=True), 0.6), "is damaged or cut off"
    ),
    "GIF": read(lambda: file(quarters(), "GIF"), tolerance=1),
    "animated GIF": read(lambda: animation("GIF"), doubt=FIRST, tolerance=1),
    "BMP": read(lambda: file(quarters(), "BMP"), tolerance=0),
    # AVIF
    "AVIF": read(lambda: avif(quarters()), tolerance=6),
    "AVIF with a Display P3 profile": read(
        lambda: avif(encoded(P3, power(1 / 2.2)), icc_profile=profile(P3, 2.2)), tolerance=6
    ),
    "HDR AVIF (PQ)": read(lambda: avif(encoded(REC2020, pq), (9, 16)), hint=HDR, tolerance=20),
    "AVIF held sideways": read(
        lambda: avif(
            quarters().transpose(Image.Transpose.ROTATE_90), exif=exif(orientation=6).tobytes()
        ),
        tolerance=6,
    ),
    "AVIF cut off": refused(lambda: cut(avif(noisy()), 0.6), "is damaged or cut off"),
    # TIFF
    "TIFF": read(tiff, tolerance=0),
    "TIFF with LZW": read(lambda: tiff(compression="tiff_lzw"), tolerance=0),
    "TIFF with JPEG": read(lambda: tiff(compression="jpeg", quality=95), tolerance=8),
    "grey TIFF with 16 bits": read(
        lambda: tiff(Image.fromarray(np.asarray(quarters(GREY))[:, :, 0].astype(np.uint16) * 257)),
        GREY,
        tolerance=1,
    ),
    "CMYK TIFF": read(lambda: tiff(quarters().convert("CMYK"))),
    "Lab TIFF": read(
        lambda: tiff(
            ImageCms.profileToProfile(  # type: ignore[arg-type]
                quarters(),
                ImageCms.createProfile("sRGB"),
                ImageCms.createProfile("LAB"),
                outputMode="LAB",
            )
        )
    ),
    "TIFF with a profile": read(
        lambda: tiff(encoded(P3, power(1 / 2.2)), icc_profile=profile(P3, 2.2))
    ),
    "TIFF held sideways": read(
        lambda: tiff(quarters().transpose(Image.Transpose.ROTATE_90), exif=exif(orientation=6)),
        tolerance=0,
    ),
    "TIFF with several pages": read(lambda: animation("TIFF"), doubt=FIRST, tolerance=0),
    "TIFF with floating-point numbers": refused(
        lambda: tiff(Image.new("F", (8, 8), 0.5)), "must have 8 or 16 bits per channel", "export"
    ),
    "TIFF cut off": refused(lambda: cut(tiff(noisy()), 0.6), "cut off", "export the picture again"),
    # other files
    "HEIC": refused(
        lambda: box(b"heic", b"mif1", b"heic"),
        "is not a picture: HEIC and HEIF photos are not supported",
        "export it as JPEG: on a Mac with Preview",
    ),
    "HEIF with another brand": refused(
        lambda: box(b"mif1", b"mif1", b"heic"), "HEIC and HEIF photos", "on an iPhone"
    ),
    "camera raw (DNG, NEF, ARW)": refused(raw_file, "camera raw files", "export it as JPEG"),
    "camera raw (CR2)": refused(
        lambda: tiff()[:8] + b"CR" + tiff()[10:], "camera raw files", "export it as JPEG"
    ),
    "camera raw (CR3)": refused(lambda: box(b"crx "), "camera raw files", "export it as JPEG"),
    "video (MP4, MOV)": refused(lambda: box(b"isom", b"mp41"), "video files", "save the frame"),
    "JPEG XL": refused(lambda: b"\xff\x0a" + bytes(40), "JPEG XL is not supported", "export it"),
    "JPEG 2000": refused(
        lambda: file(quarters(), "JPEG2000"), "JPEG 2000 is not supported", "export it"
    ),
    "Photoshop (PSD)": refused(lambda: b"8BPS\0\1" + bytes(40), "Photoshop files", "export it"),
    "PDF": refused(lambda: b"%PDF-1.7\n%", "PDF files are not supported", "export it"),
    "SVG": refused(lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG drawings", "export"),
    "ZIP archive": refused(
        lambda: b"PK\x03\x04" + bytes(40), "a ZIP archive", "take the photo out"
    ),
    "web page": refused(
        lambda: b"<!DOCTYPE html><html></html>", "it is a web page", "save the picture itself"
    ),
    "text": refused(lambda: b"hello", "it contains no JPEG, PNG, WebP", "give a JPEG, PNG"),
    "empty file": refused(lambda: b"", "is empty (0 bytes)", "give a JPEG, PNG"),
}


@pytest.mark.parametrize("name", KINDS)
def test_kind(name: str) -> None:
    kind = KINDS[name]
    data = kind.make()
    if kind.error:
        with pytest.raises(ImageError) as caught:
            images.load(data)
        assert kind.error in caught.value.message
        assert kind.remedy in caught.value.remedy
        assert caught.value.remedy
        return
    photo = read_photo(data)
    assert photo.picture.shape == (HEIGHT, WIDTH, 3)
    assert photo.picture.dtype == np.uint8
    assert photo.picture.flags.c_contiguous
    places = ((14, 22), (14, 70), (50, 22), (50, 70))[: len(kind.colours)]
    patches = [
        photo.picture[y - 6 : y + 6, x - 6 : x + 6].reshape(-1, 3).mean(0) for y, x in places
    ]
    np.testing.assert_allclose(patches, kind.colours, atol=kind.tolerance + 0.5)
    assert kind.hint in "; ".join(photo.hints)
    assert bool(kind.hint) == bool(photo.hints)
    assert "; ".join(photo.doubts) == kind.doubt
    assert kind.remedy in photo.remedy


def result(kind: Kind) -> str:
    if kind.error:
        return "refused"
    return "read, with a hint" if kind.hint else "read"


def test_the_page_has_each_kind_with_its_result() -> None:
    rows = re.findall(
        r"^\| ([^|]+) \| (read, with a hint|read|refused) \|",
        PAGE.read_text(encoding="utf-8"),
        re.M,
    )
    large = "JPEG of 50 to 250 megapixels"  # tested below
    assert [row for row in rows if row[0] != large] == [
        (name, result(kind)) for name, kind in KINDS.items()
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "height", "step"), [(8_000, 7_504, 2), (20_000, 10_000, 2), (20_000, 12_496, 4)]
)
def test_a_large_jpeg_is_decoded_smaller(width: int, height: int, step: int) -> None:
    photo = read_photo(tall(width, height))
    assert photo.picture.shape == (height // step, width // step, 3)
    assert photo.hints == ()
    assert photo.doubts == (f"the photo was read at 1/{step} of its size",)
    middle = photo.picture[[0, -1], width // step // 2].astype(int)
    np.testing.assert_allclose(middle, 128, atol=4)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_a_jpeg_of_200_megapixels_needs_less_than_1_gib(tmp_path: Path) -> None:
    (tmp_path / "large.jpg").write_bytes(tall(20_000, 10_000))
    # ru_maxrss would include the memory of this process before the child's exec.
    script = (
        "import sys; from f2p_sdk import load_image\n"
        "print(*load_image(sys.argv[1]).shape)\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if 'VmHWM' in line))"
    )
    argv = [sys.executable, "-c", script, str(tmp_path / "large.jpg")]
    shape, most = subprocess.run(argv, capture_output=True, check=True, text=True).stdout.split(
        "\n", 1
    )
    assert shape == "5000 10000 3"
    assert int(most) * 1024 < 1 << 30


def test_a_jpeg_of_separate_scans_counts_as_progressive() -> None:
    data = sized(jpeg(), 12_000, 10_000)
    scan = data.index(b"\xff\xda")
    first = b"\xff\xda\0\x08\x01\x01\0\0\x3f\0"  # one component
    with pytest.raises(ImageError, match="megapixels as a progressive JPEG"):
        images.load(data[:scan] + first + data[scan + 14 :])


def test_a_pillow_without_avif_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    data = avif(quarters())
    monkeypatch.setattr("PIL.AvifImagePlugin.SUPPORTED", False)
    with pytest.raises(ImageError, match="this Pillow has no AVIF"):
        images.load(data)
    with pytest.raises(ImageError, match="HEIC and HEIF photos"):
        images.load(KINDS["HEIF with another brand"].make())


def test_errors_of_a_photo_name_it_once() -> None:
    photo = images.take(file(quarters(WHITE), "PNG"), "photo 2")
    with pytest.raises(NoFaceError) as caught, photo.errors():
        pick_face([])
    assert caught.value.message == (
        "photo 2: no face was found in the picture; every pixel has about the same colour"
    )
    with pytest.raises(ImageError, match=r"^photo 2: picture: is empty"):
        images.take(b"", "photo 2")
    array = images.take(photo.picture)
    assert (array.name, array.hints, array.doubts) == ("", (), ())
    with pytest.raises(NoFaceError) as caught, array.errors():
        pick_face([])
    assert caught.value.message == "no face was found in the picture"
