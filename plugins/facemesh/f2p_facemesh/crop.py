"""Upright square crops of a face, as the landmark network expects them.

Coordinates are pixels (x, y); (0, 0) is the centre of the top-left pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["SIZE", "Crop"]

Array = npt.NDArray[np.float64]
Picture = npt.NDArray[np.uint8]

SIZE = 256  # side of a crop in pixels
_MARGIN = 1.5  # side of the crop, in sides of the box of the landmarks


@dataclass(frozen=True)
class Crop:
    """A rotated square of a picture.

    Attributes:
        matrix: (2, 3), from a pixel of the crop to a pixel of the picture.
    """

    matrix: Array

    @classmethod
    def around(cls, centre: Array, side: float, angle: float) -> Crop:
        """Return the square with this centre (2,), side in pixels and angle in radians."""
        scale = side / SIZE
        turn = scale * np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
        middle = (SIZE - 1) / 2
        return cls(np.column_stack([turn, centre - turn @ (middle, middle)]))

    @classmethod
    def of_corners(cls, corners: Array) -> Crop:
        """Return the first crop of a face, from four eye corners (4, 2) in dlib's order."""
        right, left = corners[:2].mean(axis=0), corners[2:].mean(axis=0)
        axis = right - left
        down = np.array([-axis[1], axis[0]])
        # The mean face: its middle is 0.35 eye distances below the eyes, its height 2.2 of them.
        centre = (left + right) / 2 + 0.35 * down
        return cls.around(centre, 3.3 * float(np.hypot(*axis)), float(np.arctan2(*axis[::-1])))

    @classmethod
    def of_points(cls, points: Array, corners: Array) -> Crop:
        """Return the crop of landmarks (N, 2) whose eye corners are ``corners`` (4, 2)."""
        axis = corners[:2].mean(axis=0) - corners[2:].mean(axis=0)
        angle = float(np.arctan2(axis[1], axis[0]))
        turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
        level = points @ turn.T
        low, high = level.min(axis=0), level.max(axis=0)
        side = _MARGIN * float((high - low).max())
        return cls.around((low + high) / 2 @ turn, side, angle)

    @property
    def scale(self) -> float:
        """Pixels of the picture per pixel of the crop."""
        return float(np.hypot(*self.matrix[:, 0]))

    def cut(self, picture: Picture) -> Picture:
        """Return the crop, uint8 (256, 256, 3); black outside of the picture."""
        matrix, image = self.matrix, Image.fromarray(picture)
        step = int(self.scale)
        if step > 1:  # means of blocks, against aliasing
            image = image.reduce(step)
            matrix = np.column_stack([matrix[:, :2], matrix[:, 2] - (step - 1) / 2]) / step
        # Pillow's coordinates are those of pixel corners.
        shift = matrix[:, 2] + 0.5 - matrix[:, :2] @ (0.5, 0.5)
        data = (*matrix[0, :2], shift[0], *matrix[1, :2], shift[1])
        size, bilinear = (SIZE, SIZE), Image.Resampling.BILINEAR
        return np.asarray(image.transform(size, Image.Transform.AFFINE, data, bilinear))

    def to_picture(self, points: Array) -> Array:
        """Convert points (N, 3) of the crop to pixels of the picture; z keeps their scale."""
        flat = points[:, :2] @ self.matrix[:, :2].T + self.matrix[:, 2]
        return np.column_stack([flat, points[:, 2] * self.scale])
