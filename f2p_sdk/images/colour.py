"""Conversion of a file's colours to sRGB: profiles, tags of PNG, AVIF and EXIF.

ICC profiles are converted by Pillow (LittleCMS). The other tags name primaries and a curve, which
this module converts: values to linear light, primaries and white point to sRGB's, and back.
"""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageCms

__all__ = ["Converter", "converter"]

Array = npt.NDArray[np.float64]
Curve = Callable[[Array], Array]


@dataclass(frozen=True)
class Converter:
    """Conversion of an image of the mode L, RGB, CMYK or LAB to RGB, sRGB.

    Attributes:
        convert: the function.
        hint: sentence for the user about a loss; empty without one.
    """

    convert: Callable[[Image.Image], Image.Image]
    hint: str = ""


_HDR = "the photo has a high dynamic range: parts brighter than white became white"
_SAME = 2  # of 255: largest change by a profile that counts as sRGB
_SAME_GAMMA = 0.01  # of the exponent 1 / 2.2, which writers give for sRGB
_HDR_WHITE = 203.0  # cd/m2 of white in HDR pictures (ITU-R BT.2408)

# Chromaticities (x, y) of white, red, green and blue; keys are code points of ITU-T H.273.
_D65 = (0.3127, 0.3290)
_SRGB = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_ADOBE = (*_D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
_PRIMARIES = {
    1: _SRGB,
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
_BRADFORD = np.array(
    ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
)


def _srgb_curve(values: Array) -> Array:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _pq_curve(values: Array) -> Array:
    """SMPTE ST 2084: values to light, in which 1 is white of 203 cd/m2."""
    power = values ** (1 / 78.84375)
    light = (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (
        1 / 0.1593017578
    )
    return 10_000 / _HDR_WHITE * light


def _hlg_curve(values: Array) -> Array:
    """ITU-R BT.2100 HLG on a display of 1000 cd/m2, each channel by itself."""
    bright = (np.exp((values - 0.55991073) / 0.17883277) + 0.28466892) / 12
    scene = np.where(values <= 0.5, values**2 / 3, bright)
    return 1_000 / _HDR_WHITE * scene**1.2


def _power(exponent: float) -> Curve:
    return lambda values: values**exponent


# Code points of H.273. Viewers show the curves of television (1, 6, 14, 15) like sRGB.
_CURVES: dict[int, Curve] = {
    **dict.fromkeys((1, 6, 13, 14, 15), _srgb_curve),
    4: _power(2.2),
    5: _power(2.8),
    8: _power(1.0),
    16: _pq_curve,
    18: _hlg_curve,
}

# sRGB's values uint8 of linear light in steps of 1/65535.
_LIGHT = np.arange(65536) / 65535
_ENCODED = np.rint(
    255 * np.where(_LIGHT <= 0.0031308, 12.92 * _LIGHT, 1.055 * _LIGHT ** (1 / 2.4) - 0.055)
).astype(np.uint8)


def converter(image: Image.Image, data: bytes) -> Converter:
    """Return the conversion that the tags of a file ask for.

    In a PNG, ``cICP`` counts before a profile, a profile before ``sRGB``, and this before ``gAMA``
    and ``cHRM``. Damaged tags, and those of another colour space than the picture, are ignored.

    Args:
        image: opened; its pixels need not be decoded.
        data: the whole file.
    """
    codes = _png_codes(data) if image.format == "PNG" else None
    if codes is None and "icc_profile" not in image.info and image.format == "AVIF":
        codes = _avif_codes(data)
    if codes is not None:
        primaries, curve, narrow = codes
        hint = _HDR if curve in (16, 18) else ""
        return Converter(_by_curve(_PRIMARIES[primaries], _CURVES[curve], narrow), hint)
    # Damaged profiles raise errors of several types.
    with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        found = _by_profile(image)
        if found is not None:
            return Converter(found)
    if image.mode == "LAB":
        return Converter(_by_transform(ImageCms.createProfile("LAB"), "LAB"))
    if image.format == "PNG" and "srgb" not in image.info:
        with contextlib.suppress(np.linalg.LinAlgError, ValueError, TypeError):
            return Converter(_by_png_tags(image.info))
    if "icc_profile" not in image.info and _is_adobe(image):
        return Converter(_by_curve(_ADOBE, _power(563 / 256)))
    return Converter(_plain)


def _plain(image: Image.Image) -> Image.Image:
    return image.convert("RGB")


def _by_profile(image: Image.Image) -> Callable[[Image.Image], Image.Image] | None:
    """The conversion by the embedded profile; None if it is unusable or equals sRGB."""
    profile = image.info.get("icc_profile")
    if not isinstance(profile, bytes):
        return None
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = source.profile.xcolor_space.strip()
    mode = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}.get(space)
    grey = image.mode in ("1", "L", "LA", "La") or image.mode.startswith("I")
    if mode is None or (mode == "L" and not grey) or (mode == "CMYK") != (image.mode == "CMYK"):
        return None
    convert = _by_transform(source, mode)
    if mode != "CMYK":
        probe = _probe(mode)
        change = np.asarray(convert(probe)).astype(int) - np.asarray(_plain(probe))
        if np.abs(change).max() <= _SAME:
            return None
    return convert


def _by_transform(
    source: ImageCms.ImageCmsProfile | Any, mode: str
) -> Callable[[Image.Image], Image.Image]:
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")

    def convert(image: Image.Image) -> Image.Image:
        if image.mode != mode:
            image = image.convert(mode)
        return ImageCms.applyTransform(image, transform) or _plain(image)

    return convert


def _probe(mode: str) -> Image.Image:
    """All grey levels, or colours of the whole cube."""
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    steps = np.linspace(0, 255, 17).astype(np.uint8)
    return Image.fromarray(np.stack(np.meshgrid(steps, steps, steps), -1).reshape(17, -1, 3))


def _by_png_tags(info: dict[Any, Any]) -> Callable[[Image.Image], Image.Image]:
    """The conversion by gAMA and cHRM. ValueError or LinAlgError for impossible ones."""
    gamma, primaries = info.get("gamma"), info.get("chromaticity", _SRGB)
    curve: Curve = _srgb_curve
    if gamma is not None and 0.05 <= gamma <= 5 and abs(gamma - 1 / 2.2) > _SAME_GAMMA:
        curve = _power(1 / gamma)
    if np.abs(np.subtract(primaries, _SRGB)).max() < 0.002:
        primaries = _SRGB
    if curve is _srgb_curve and primaries is _SRGB:
        return _plain
    return _by_curve(primaries, curve)


def _by_curve(
    primaries: tuple[float, ...], curve: Curve, narrow: bool = False
) -> Callable[[Image.Image], Image.Image]:
    """The conversion by primaries and curve; ``narrow``: black is 16 and white is 235."""
    if curve is _srgb_curve and primaries == _SRGB and not narrow:
        return _plain
    levels = np.arange(256) / 255
    if narrow:
        levels = np.clip((np.arange(256) - 16) / 219, 0, 1)
    table = curve(levels).astype(np.float32)
    to_srgb = np.linalg.inv(_to_xyz(_SRGB)) @ _adapted(primaries)
    if not np.isfinite(to_srgb).all() or np.abs(to_srgb).max() > 100:
        raise ValueError("primaries must span a triangle")
    matrix = to_srgb.T.astype(np.float32)

    def convert(image: Image.Image) -> Image.Image:
        light = table[np.asarray(_plain(image))] @ matrix
        steps = (np.clip(light, 0, 1) * 65535 + 0.5).astype(np.uint16)
        return Image.fromarray(_ENCODED[steps])

    return convert


def _to_xyz(primaries: tuple[float, ...]) -> Array:
    """Matrix (3, 3) from linear RGB to CIE XYZ."""
    white, *colours = (_xyz(*primaries[i : i + 2]) for i in range(0, 8, 2))
    columns = np.stack(colours, axis=1)
    scaled: Array = columns * np.linalg.solve(columns, white)
    return scaled


def _adapted(primaries: tuple[float, ...]) -> Array:
    """As `_to_xyz`, with white moved to D65 (Bradford)."""
    cones = [_BRADFORD @ _xyz(*white) for white in (_D65, primaries[:2])]
    scale = np.diag(cones[0] / cones[1])
    adapted: Array = np.linalg.inv(_BRADFORD) @ scale @ _BRADFORD @ _to_xyz(primaries)
    return adapted


def _xyz(x: float, y: float) -> Array:
    if y < 1e-4:
        raise ValueError(f"a chromaticity must have y above 0, got {y}")
    return np.array((x / y, 1.0, (1 - x - y) / y))


def _png_codes(data: bytes) -> tuple[int, int, bool] | None:
    """Primaries, curve, and True for narrow range, of cICP, which Pillow does not read."""
    start = 8
    while start + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, start)
        if kind == b"cICP" and length == 4:
            primaries, curve, matrix, whole = data[start + 8 : start + 12]
            return _known(primaries, curve, not whole) if matrix == 0 else None
        if kind in (b"IDAT", b"IEND"):
            break
        start += 12 + length
    return None


def _avif_codes(data: bytes) -> tuple[int, int, bool] | None:
    """As `_png_codes`, of AVIF's colour box. The decoder has converted the range."""
    start = data.find(b"colrnclx", 0, 1 << 16)
    if start < 0 or start + 12 > len(data):
        return None
    primaries, curve = struct.unpack_from(">HH", data, start + 8)
    return _known(primaries, curve, False)


def _known(primaries: int, curve: int, narrow: bool) -> tuple[int, int, bool] | None:
    return (primaries, curve, narrow) if primaries in _PRIMARIES and curve in _CURVES else None


def _is_adobe(image: Image.Image) -> bool:
    """True for EXIF that says Adobe RGB, as cameras write it without a profile."""
    with contextlib.suppress(Exception):  # a picture with damaged metadata is usable
        exif = image.getexif()
        space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
        index = exif.get_ifd(ExifTags.IFD.Interop).get(ExifTags.Interop.InteropIndex, "")
        return space == 2 or (space != 1 and str(index).startswith("R03"))
    return False
