"""Denoising of photos with strong noise.

Recognizers and parsers react to noise. The noise level comes from second differences of
neighbouring pixels, which cancel smooth shading and straight edges (Immerkaer 1996).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from ..images import Picture

__all__ = ["denoised", "noise_level"]

_STRONG = 4.0  # of 255: sharp photos without visible noise have less
_SIGMA = 0.7  # pixels: removes most of the noise and little of the face
_WINDOW = 1024  # pixels a side, in the middle of the photo
_DEVIATION = 6 * 0.6745  # median absolute second difference over the noise's standard deviation


def noise_level(photo: Picture) -> float:
    """Return the standard deviation, of 255, of the noise in uint8 (H, W, 3).

    0 for pictures smaller than 3 x 3.
    """
    top, left = (max(0, (side - _WINDOW) // 2) for side in photo.shape[:2])
    middle = photo[top : top + _WINDOW, left : left + _WINDOW]
    grey: NDArray[np.float64] = middle.mean(axis=2)
    if min(grey.shape) < 3:
        return 0.0
    along = grey[:, :-2] - 2 * grey[:, 1:-1] + grey[:, 2:]
    both = along[:-2] - 2 * along[1:-1] + along[2:]
    return float(np.median(np.abs(both))) / _DEVIATION


def denoised(photo: Picture) -> Picture:
    """Return a photo uint8 (H, W, 3) smoothed if its noise is strong, else the photo itself."""
    if noise_level(photo) <= _STRONG:
        return photo
    return np.asarray(Image.fromarray(photo).filter(ImageFilter.GaussianBlur(_SIGMA)))
