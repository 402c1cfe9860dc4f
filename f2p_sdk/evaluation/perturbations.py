"""Perturbations of photos: noise, illumination, colour cast and blur; and head poses.

Photos are perturbed as pictures. The engine turns the head of a character that it draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..images import Picture, resize

_NOISE = 15.0  # standard deviation on the scale of 0 to 255
_DARK = 0.45  # decrease of linear light from one side to the other
_CAST = (1.15, 1.0, 0.8)  # gains of red, green and blue
_BLUR = 96  # pixels of the shorter side after downscaling


def _noise(picture: Picture) -> Picture:
    grain = np.random.default_rng(0).normal(0, _NOISE, picture.shape)
    return _bytes(picture + grain)


def _light(picture: Picture) -> Picture:
    """Multiply linear light by a horizontal ramp from 1 to ``1 - _DARK``."""
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


PERTURBATIONS: Mapping[str, Callable[[Picture], Picture]] = {
    "noise": _noise,
    "illumination": _light,
    "colour": _colour,
    "blur": _blur,
}
"""Deterministic functions from a picture uint8 (H, W, 3) to one of the same shape, by name."""

POSES: Mapping[str, Mapping[str, float]] = {"pose 15": {"yaw": 15.0}, "pose 30": {"yaw": 30.0}}
"""Scenes of the engine by name; yaw in degrees."""
