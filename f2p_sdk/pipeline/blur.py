"""Blur matching: the engine's pictures are blurred as the photo is, before they are compared.

Without it a search makes the character smooth instead: no edges at the lids, faint brows.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from ..images import Picture
from ..tensors import blur as gaussian
from ..tensors import to_array, to_tensor

__all__ = ["Blur", "match_blur"]

_SIGMAS = (0.7, 1.4, 2.8, 5.6)  # pixels of 256: bounds of the detail bands
_STEPS = tuple(0.125 * k for k in range(1, 33))  # pixels of 256: tried sigmas
_LEAST = 128  # pixels a side
_NORMAL = 0.7  # pixels of 256: blur of ordinary photos
_FACE = (slice(0.3, 0.8), slice(0.25, 0.75))  # rows and columns of the framing


@dataclass(frozen=True)
class Blur:
    """Gaussian blur. ``sigma`` in pixels of 256; 0 leaves pictures as they are."""

    sigma: float = 0.0

    def __call__(self, pictures: Tensor) -> Tensor:
        """Blur pictures (B, 3, S, S); differentiable."""
        if not self.sigma:
            return pictures
        return gaussian(pictures, self.sigma * pictures.shape[-1] / 256)

    def picture(self, picture: Picture) -> Picture:
        """Blur a picture uint8 (S, S, 3)."""
        return to_array(self(to_tensor(picture))) if self.sigma else picture


def match_blur(photo: Picture, sharp: Picture) -> Blur:
    """Return the blur that gives a sharp picture the photo's share of fine detail.

    No blur for photos of ordinary sharpness, nor for pictures below 128 pixels.

    Args:
        photo: uint8 (S, S, 3), in the game's framing.
        sharp: uint8 (T, T, 3), a picture by the engine.
    """
    if min(len(photo), len(sharp)) < _LEAST:
        return Blur()
    wanted, found = _fineness(to_tensor(photo)), 0.0
    for sigma in _STEPS:  # most photos are sharp, so the first step ends the loop
        if _fineness(to_tensor(Blur(sigma).picture(sharp))) < wanted:
            break
        found = sigma
    return Blur(found if found > _NORMAL else 0.0)


def _fineness(picture: Tensor) -> float:
    """Finest detail over coarsest detail in the face of a picture (1, 3, S, S)."""
    side = picture.shape[-1]
    rows, columns = (slice(round(s.start * side), round(s.stop * side)) for s in _FACE)
    grey = picture.mean(dim=1, keepdim=True)[..., rows, columns]
    smooth = [grey, *(gaussian(grey, sigma * side / 256) for sigma in _SIGMAS)]
    detail = [float((a - b).square().mean().sqrt()) for a, b in pairwise(smooth)]
    return detail[0] / max(detail[-1], 1e-6)
