"""Portrait camera: projects points of the head into the picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Camera"]

Array = NDArray[np.float32]

TARGET_Z = 0.1  # z of the camera's target; the camera is on the line through it along +z


@dataclass(frozen=True)
class Camera:
    """Table ``[camera]`` of a rig, lengths in decimetres.

    Attributes:
        height: y of the target (0, ``height``, 0.1); the camera looks along -z.
        span: width of the picture at the target.
        distance: of the camera from the target.
    """

    height: float = 0.0
    span: float = 2.7
    distance: float = 9.0

    @classmethod
    def of(cls, settings: Mapping[str, float]) -> Camera:
        """Build a camera from a rig's table; missing keys have their defaults."""
        return cls(
            **{k: float(settings[k]) for k in ("height", "span", "distance") if k in settings}
        )

    def depth(self, points: Array) -> Array:
        """Distance (N,) of points (N, 3) from the camera's plane, decimetres."""
        return np.asarray(self.distance + TARGET_Z - points[:, 2], np.float32)

    def project(self, points: Array, size: tuple[int, int]) -> Array:
        """Project points (N, 3), face coordinates, to pixels (N, 2), x then y.

        (0, 0) is the centre of the top left pixel; ``size`` is (width, height).
        """
        scale = self.distance / self.depth(points) * size[0] / self.span
        x = size[0] / 2 - 0.5 + points[:, 0] * scale
        y = size[1] / 2 - 0.5 - (points[:, 1] - self.height) * scale
        return np.stack([x, y], 1).astype(np.float32)
