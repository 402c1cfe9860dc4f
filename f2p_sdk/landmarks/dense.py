"""Dense landmarks of one face, and the effect of expressions on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["DenseLandmarks", "ExpressionBasis", "eye_distance", "point_weights"]

Array = npt.NDArray[np.float32]

#: Weight of each region of landmarks where two faces are compared. The mouth moves with the
#: expression, and the forehead's points follow the hair.
REGIONS: Mapping[str, float] = {
    "left_eye": 3.0,
    "right_eye": 3.0,
    "left_brow": 2.0,
    "right_brow": 2.0,
    "nose": 2.0,
    "jaw": 1.2,
    "lips": 0.4,
    "forehead": 0.2,
}
_REST = 0.5
_EYES = ("left_eye", "right_eye")


@dataclass(frozen=True, eq=False)
class DenseLandmarks:
    """Landmarks and expression of one face.

    Attributes:
        points: float32 (N, 3): x and y in pixels of the picture, (0, 0) is the centre of the
            top-left pixel; z in the same unit, smaller is nearer to the camera.
        expression: float32 (E,), coefficients in [0, 1].
        score: confidence in [0, 1].
    """

    points: Array
    expression: Array
    score: float

    def fractions(self, side: int) -> Array:
        """Return the points (N, 3) as fractions of a square picture of this side."""
        return np.asarray((self.points + np.array([0.5, 0.5, 0], np.float32)) / np.float32(side))


@dataclass(frozen=True, eq=False)
class ExpressionBasis:
    """Mean effect of expressions, as a landmarker sees them, on the landmarks of a face.

    Attributes:
        neutral: float32 (E,), mean coefficients of neutral faces.
        displacement: float32 (E, N, 3), change of the points per unit of a coefficient, in eye
            distances, of a frontal, upright face.
    """

    neutral: Array
    displacement: Array

    def __call__(self, expression: Array) -> Array:
        """Return the displacement (N, 3) of coefficients (E,), in eye distances."""
        return np.asarray(np.tensordot(expression - self.neutral, self.displacement, axes=1))


def point_weights(regions: Mapping[str, Sequence[int]], count: int) -> Array:
    """Weights (N,) of the landmarks in comparisons, from the regions of a landmarker."""
    weights = np.full(count, _REST, np.float32)
    for name, indices in regions.items():
        weights[list(indices)] = REGIONS.get(name, _REST)
    return weights


def eye_distance(points: npt.NDArray[Any], regions: Mapping[str, Sequence[int]]) -> float:
    """Distance of the means of both eyes of points (N, 3) in x and y."""
    left, right = (points[list(regions[name]), :2].mean(axis=0) for name in _EYES)
    return float(np.linalg.norm(left - right))
