"""Grain of a photo taken in the dark, smoothed before anything looks at it.

A recognizer sees another person in grain, and a parser other lids and lips. Its strength is told by
the second differences of neighbouring pixels, in which steady shades and straight edges vanish
(Immerkaer 1996); their median, since what is left of edges is few.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from ..images import Picture

__all__ = ["grain_of", "smoothed"]

_COARSE = 4.0  # of 255: photos have less, be they ever so sharp
_SIGMA = 0.7  # pixels: most of the grain goes, and hardly anything of the face
_ENOUGH = 1024  # pixels a side, in the middle of the photo, to tell by
_DEVIATION = 6 * 0.6745  # of the median of second differences, over the noise's own


def grain_of(photo: Picture) -> float:
    """The standard deviation, of 255, of the noise in uint8 (H, W, 3); 0 for less than 3 x 3."""
    top, left = (max(0, (side - _ENOUGH) // 2) for side in photo.shape[:2])
    middle = photo[top : top + _ENOUGH, left : left + _ENOUGH]
    grey: NDArray[np.float64] = middle.mean(axis=2)
    if min(grey.shape) < 3:
        return 0.0
    along = grey[:, :-2] - 2 * grey[:, 1:-1] + grey[:, 2:]
    both = along[:-2] - 2 * along[1:-1] + along[2:]
    return float(np.median(np.abs(both))) / _DEVIATION


def smoothed(photo: Picture) -> Picture:
    """A photo uint8 (H, W, 3) without most of its grain; itself where there is hardly any."""
    if grain_of(photo) <= _COARSE:
        return photo
    return np.asarray(Image.fromarray(photo).filter(ImageFilter.GaussianBlur(_SIGMA)))
