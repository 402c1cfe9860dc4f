"""What happens to photos: noise, other light, a colour cast, blur, a turned head.

The slides find the method robust to all but the last. Photos are disturbed as pictures; a head is
turned by the engine, so only characters that it drew can be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..images import Picture, resize

__all__ = ["DISTURBANCES", "POSES"]

_NOISE = 15.0  # standard deviation, of 255
_DARK = 0.45  # how much less light the far side of the face has
_CAST = (1.15, 1.0, 0.8)
_BLUR = 96  # pixels that are left of the shorter side


def _noise(picture: Picture) -> Picture:
    grain = np.random.default_rng(0).normal(0, _NOISE, picture.shape)
    return _bytes(picture + grain)


def _light(picture: Picture) -> Picture:
    """Light from one side: a ramp from full to ``1 - _DARK`` across, in linear light."""
    ramp = 1 - _DARK * np.linspace(0, 1, picture.shape[1])[None, :, None]
    return _bytes(255 * ((picture / 255) ** 2.2 * ramp) ** (1 / 2.2))


def _colour(picture: Picture) -> Picture:
    return _bytes(picture * np.array(_CAST))


def _blur(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    step = max(1.0, min(height, width) / _BLUR)
    small = resize(picture, (max(1, round(width / step)), max(1, round(height / step))))
    return resize(small, (width, height))


def _bytes(values: NDArray[Any]) -> Picture:
    return np.asarray(values.round().clip(0, 255), dtype=np.uint8)


DISTURBANCES: Mapping[str, Callable[[Picture], Picture]] = {
    "noise": _noise,
    "illumination": _light,
    "colour": _colour,
    "blur": _blur,
}
"""Name -> picture uint8 (H, W, 3) to one of the same shape; the same every time."""

POSES: Mapping[str, Mapping[str, float]] = {"pose 15": {"yaw": 15.0}, "pose 30": {"yaw": 30.0}}
"""Name -> scene of the engine."""
