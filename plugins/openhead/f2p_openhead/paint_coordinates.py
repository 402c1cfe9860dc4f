"""Coordinates of painted features: brows on the resting skin, the iris on the eyeball.

The shaders map a position to paint coordinates; this module has both directions on the CPU.
``brow_coordinates`` equals ``brow_place`` of ``shaders/regions.glsl``, ``brow_places`` is its
inverse, and ``gaze`` equals the direction in ``shaders/eye.frag``. Change both sides together;
tests compare them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["brow_coordinates", "brow_places", "gaze"]

Array = NDArray[np.float32]
Material = Mapping[str, float]

INNER = (0.085, 0.148)  # the brow's inner end at rest: x from the middle, y above the eyes
LENGTH, HALF_HEIGHT = 0.43, 0.115  # decimetres
TILT = 0.10  # radians, added to ``brow_tilt``


def _middle(material: Material, s: NDArray[Any]) -> Array:
    """Height of the brow's centre line at s, decimetres."""
    peak = 0.55 + material["brow_peak"]
    rise = np.where(s < peak, s / peak, 1 - (s - peak) / max(1 - peak, 0.1))
    arch = material["brow_arch"] * (np.sin(np.clip(rise, 0, 1) * 1.5708) - 0.4)
    u = np.clip((s - 0.45) / 0.65, 0, 1)
    return np.asarray(
        arch + (material["brow_tail"] - 0.035) * u * u * (3 - 2 * u) * 1.3, np.float32
    )


def brow_places(material: Material, along: NDArray[Any], across: NDArray[Any]) -> Array:
    """Convert brow coordinates to positions (N, 2) on the resting head in front view, decimetres.

    ``along`` (N,) is 0 at the inner end and 1 at the tail, ``across`` (N,) is -1 to 1 upwards. x is
    the distance from the middle of the face, so one result is valid for both brows.
    """
    x = along * LENGTH * material["brow_length"]
    y = _middle(material, along) + across * HALF_HEIGHT * material["brow_thick"]
    turn = material["brow_tilt"] + TILT
    c, s = np.cos(turn), np.sin(turn)
    place = [
        c * x - s * y + INNER[0] + material["brow_x"],
        s * x + c * y + INNER[1] + material["brow_y"],
    ]
    return np.stack(place, 1).astype(np.float32)


def brow_coordinates(material: Material, places: Array) -> tuple[Array, Array]:
    """Convert positions (N, 2) on the resting head to brow coordinates: along (N,), across (N,)."""
    x = places[:, 0] - INNER[0] - material["brow_x"]
    y = places[:, 1] - INNER[1] - material["brow_y"]
    turn = material["brow_tilt"] + TILT
    c, s = np.cos(turn), np.sin(turn)
    along = (c * x + s * y) / (LENGTH * material["brow_length"])
    across = (-s * x + c * y - _middle(material, along)) / (HALF_HEIGHT * material["brow_thick"])
    return along, across


def gaze(outward: float) -> Array:
    """Unit gaze direction (3,) of an eye; ``outward`` is 1 for the subject's left eye, else -1."""
    direction = np.array((-0.03 * outward, 0, 1), np.float32)
    return np.asarray(direction / np.linalg.norm(direction), np.float32)
