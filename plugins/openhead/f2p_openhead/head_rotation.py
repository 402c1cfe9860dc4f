"""Rotation of the head on the neck, on the CPU; ``shaders/head_rotation.glsl`` does the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["rotate_head"]

Array = NDArray[np.float32]

PIVOT = np.array((0.0, -0.55, -0.62))
NECK = (-1.65, -1.0)  # y, decimetres: no rotation below the first, full rotation above the second


def rotate_head(points: Array, rotation: tuple[float, float]) -> Array:
    """Rotate points (N, 3), face coordinates, by ``rotation`` = (yaw, pitch) in radians.

    A positive yaw turns the face to the subject's left, a positive pitch upwards.
    """
    if rotation == (0.0, 0.0):
        return points
    u = np.clip((points[:, 1] - NECK[0]) / (NECK[1] - NECK[0]), 0, 1)
    weight = u * u * (3 - 2 * u)
    yaw, pitch = rotation[0] * weight, rotation[1] * weight
    x, y, z = (points - PIVOT).T
    # Pitch about x, then yaw about y.
    up, out = np.cos(pitch) * y + np.sin(pitch) * z, np.cos(pitch) * z - np.sin(pitch) * y
    side, front = np.cos(yaw) * x + np.sin(yaw) * out, np.cos(yaw) * out - np.sin(yaw) * x
    return np.asarray(np.stack([side, up, front], 1) + PIVOT, np.float32)
