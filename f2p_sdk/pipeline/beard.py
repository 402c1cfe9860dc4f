"""Comparison of beards with that in a photo, by the lightness of the lower face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..images import Picture, resize
from ..metrics import srgb_to_lab
from ..recognizers.embedding import Points
from .background import Array, eye_coordinates

__all__ = ["PhotoBeard"]

_SIDE = 64  # pixels a side
_MOUTH = ("upper_lip", "lower_lip", "inner_mouth")
_OPEN = 0.3  # probability of the mouth that hides a place
_BRIGHT = 60.0  # per cent of the cheeks are darker than their typical lightness


@dataclass(frozen=True, eq=False)
class PhotoBeard:
    """Lightness of the lower face of an aligned photo, and its comparison with beards.

    Attributes:
        lightness: (64, 64) in [0, 1], see :func:`_lightness`.
        compared: bool (64, 64), the lower face without the mouth.
        landmarks: (5, 2) of the framing, fractions of the picture.
    """

    lightness: Array
    compared: NDArray[np.bool_]
    landmarks: Points

    @classmethod
    def of(cls, picture: Picture, classes: Mapping[str, Tensor], landmarks: Points) -> PhotoBeard:
        """Measure a photo.

        Args:
            picture: uint8 (S, S, 3) RGB sRGB, in the game's framing.
            classes: (h, h) in [0, 1], a parser's probabilities by class.
            landmarks: (5, 2) of the framing, fractions of the picture.
        """
        x, y = eye_coordinates(landmarks, _SIDE)
        lower = (np.abs(x) < 0.8) & (y > 0.75) & (y < 1.95)
        for name in _MOUTH:
            if name in classes:
                plane = classes[name][None, None].float()
                large = functional.interpolate(plane, (_SIDE, _SIDE), mode="bilinear")
                lower &= large[0, 0].numpy() < _OPEN
        return cls(_lightness(picture, landmarks), lower, landmarks)

    def costs(self, pictures: Sequence[Picture]) -> Array:
        """Return (K,) in [0, 1], the mean difference of each picture's lower face; 0 is the same.

        Args:
            pictures: K pictures of the character, uint8 (S, S, 3) RGB sRGB.
        """
        if not self.compared.any():
            return np.zeros(len(pictures))
        found = [_lightness(picture, self.landmarks) for picture in pictures]
        return np.array([np.abs(one - self.lightness)[self.compared].mean() for one in found])


def _lightness(picture: Picture, landmarks: Points) -> Array:
    """CIE lightness (64, 64) relative to the cheeks, at most 1; the lighter half of the face.

    A shadow lies on one side of a face, a beard on both.
    """
    x, y = eye_coordinates(landmarks, _SIDE)
    lightness = srgb_to_lab(resize(picture, _SIDE))[..., 0]
    cheeks = (np.abs(np.abs(x) - 0.75) < 0.25) & (np.abs(y - 0.7) < 0.25)
    usual = np.percentile(lightness[cheeks], _BRIGHT) if cheeks.any() else lightness.max()
    opposite = np.abs(x[0] + x[0][:, None]).argmin(axis=1)
    lit = np.maximum(lightness, lightness[:, opposite])
    return np.asarray(np.minimum(1.0, lit / max(float(usual), 1.0)))
