"""Measures that several packages report: PSNR of pictures, overlap of label maps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["confusion_matrix", "iou", "psnr"]


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
