"""Measures of several packages: PSNR, overlap of label maps, CIE Lab and its colour difference."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ciede2000", "confusion_matrix", "iou", "lab_to_srgb", "psnr", "srgb_to_lab"]


def psnr(mean_square: float, peak: float = 1.0, limit: float = 99.0) -> float:
    """Peak signal-to-noise ratio in dB, at most ``limit``.

    Args:
        mean_square: mean squared difference of two pictures.
        peak: largest value of a pixel: 1 or 255.
        limit: result for equal pictures.
    """
    return limit if mean_square == 0 else min(limit, 10 * math.log10(peak**2 / mean_square))


def confusion_matrix(found: NDArray[Any], truth: NDArray[Any], classes: int) -> NDArray[np.int64]:
    """Count pixels of two label maps of one shape: (C, C), row = true class, column = found."""
    pairs = truth.astype(np.int64).ravel() * classes + found.astype(np.int64).ravel()
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def iou(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Intersection over union of each class (C,), from a confusion matrix (C, C).

    NaN for a class that neither map has.
    """
    shared = np.diag(confusion)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - shared
    found = np.full(len(shared), np.nan)
    np.divide(shared, union, out=found, where=union > 0)
    return found


_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = np.array([0.9505, 1.0, 1.089])  # D65


def srgb_to_lab(colours: NDArray[Any]) -> NDArray[np.float64]:
    """Convert sRGB (..., 3) in [0, 255] to CIE Lab (..., 3), D65."""
    x = colours.astype(np.float64) / 255
    linear = np.where(x > 0.04045, ((x + 0.055) / 1.055) ** 2.4, x / 12.92)
    ratio = linear @ _TO_XYZ.T / _WHITE
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    parts = (116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2]))
    return np.stack(parts, axis=-1)


def lab_to_srgb(colours: NDArray[Any]) -> NDArray[np.float64]:
    """Convert CIE Lab (..., 3), D65, to sRGB (..., 3) in [0, 255]; clips what sRGB has not."""
    level = (colours[..., 0] + 16) / 116
    f = np.stack([level + colours[..., 1] / 500, level, level - colours[..., 2] / 200], axis=-1)
    ratio = np.where(f**3 > 0.008856, f**3, (f - 16 / 116) / 7.787)
    linear = np.clip(ratio * _WHITE @ np.linalg.inv(_TO_XYZ).T, 0, 1)
    x = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return np.asarray(255 * x)


def ciede2000(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """CIEDE2000 colour difference (...) of CIE Lab colours (..., 3); about 1 is just visible.

    All weights (kL, kC, kH) are 1. Formula and names of the terms: Sharma, Wu, Dalal 2005, "The
    CIEDE2000 color-difference formula".
    """
    (l1, a1, b1), (l2, a2, b2) = (np.moveaxis(np.asarray(x, float), -1, 0) for x in (first, second))
    mean7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    g = 0.5 * (1 - np.sqrt(mean7 / (mean7 + 25.0**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    grey = c1 * c2 == 0  # a grey has no hue
    turn = np.where(grey, 0, (h2 - h1 + 180) % 360 - 180)
    hue = np.where(grey, h1 + h2, h1 + turn / 2)
    dh = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    light, chroma = (l1 + l2) / 2 - 50, (c1 + c2) / 2
    t = 1.0
    for factor, multiple, offset in ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.2, 4, -63)):
        t = t + factor * np.cos(np.radians(multiple * hue + offset))
    rotation = np.radians(60 * np.exp(-((((hue % 360) - 275) / 25) ** 2)))
    in_l = (l2 - l1) / (1 + 0.015 * light**2 / np.sqrt(20 + light**2))
    in_c = (c2 - c1) / (1 + 0.045 * chroma)
    in_h = dh / (1 + 0.015 * chroma * t)
    r = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7)) * np.sin(rotation)
    difference: NDArray[np.float64] = np.sqrt(in_l**2 + in_c**2 + in_h**2 + r * in_c * in_h)
    return difference
