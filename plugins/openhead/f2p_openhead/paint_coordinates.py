"""Where what is painted lies: brows on the resting skin, the iris on the eyeball.

The shaders ask what is painted at a place; this module says at what place something is painted.
``brow_places`` inverts ``brow`` of ``shaders/regions.glsl``, ``brow_coordinates`` repeats it and
``gaze`` what ``shaders/eye.frag`` has: whoever changes one changes the other, and tests compare.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["brow_coordinates", "brow_places", "gaze"]

Array = NDArray[np.float32]
Material = Mapping[str, float]

INNER = (0.085, 0.148)  # the brow's inner end at rest, from the middle and above the eyes
LENGTH, HALF_HEIGHT, TURN = 0.43, 0.115, 0.10


def _middle(material: Material, s: Array) -> Array:
    """Height of the brow's middle line along s, decimetres."""
    peak = 0.55 + material["brow_peak"]
    rise = np.where(s < peak, s / peak, 1 - (s - peak) / max(1 - peak, 0.1))
    arch = material["brow_arch"] * (np.sin(np.clip(rise, 0, 1) * 1.5708) - 0.4)
    u = np.clip((s - 0.45) / 0.65, 0, 1)
    return np.asarray(
        arch + (material["brow_tail"] - 0.035) * u * u * (3 - 2 * u) * 1.3, np.float32
    )


def brow_places(material: Material, along: Array, across: Array) -> Array:
    """Brow coordinates -> places (N, 2) on the resting head seen from the front, decimetres.

    ``along`` (N,) runs from the inner end (0) to the tail (1), ``across`` (N,) from -1 to
    1 upwards. x is the distance from the middle of the face: both brows at once.
    """
    x = along * LENGTH * material["brow_length"]
    y = _middle(material, along) + across * HALF_HEIGHT * material["brow_thick"]
    turn = material["brow_tilt"] + TURN
    c, s = np.cos(turn), np.sin(turn)
    place = [
        c * x - s * y + INNER[0] + material["brow_x"],
        s * x + c * y + INNER[1] + material["brow_y"],
    ]
    return np.stack(place, 1).astype(np.float32)


def brow_coordinates(material: Material, places: Array) -> tuple[Array, Array]:
    """The other way, as the shader does: places (N, 2) -> along, across."""
    x = places[:, 0] - INNER[0] - material["brow_x"]
    y = places[:, 1] - INNER[1] - material["brow_y"]
    turn = material["brow_tilt"] + TURN
    c, s = np.cos(turn), np.sin(turn)
    along = (c * x + s * y) / (LENGTH * material["brow_length"])
    across = (-s * x + c * y - _middle(material, along)) / (HALF_HEIGHT * material["brow_thick"])
    return along, across


def gaze(outward: float) -> Array:
    """Unit direction (3,) of an eye's material; ``outward`` is +1 for the subject's left eye."""
    direction = np.array((-0.03 * outward, 0, 1), np.float32)
    return np.asarray(direction / np.linalg.norm(direction), np.float32)
