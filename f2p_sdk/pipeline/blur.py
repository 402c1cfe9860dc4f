"""How blurred a photo is, and the same done to what is drawn.

A photo taken out of focus, or made small and large again, is smooth where the game's pictures are
sharp. Compared as they are, the search would smooth the character: no edge at the lids, faint
brows, whatever a recognizer takes for blur. So what is drawn is blurred as the photo is, and only
then looked at: blur belongs to the photo, not to the person.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from ..images import Picture
from ..tensors import blur, to_array, to_tensor

__all__ = ["Lens", "lens_of"]

_SIGMAS = (0.7, 1.4, 2.8, 5.6)  # pixels of 256, between which a picture's detail is sorted by size
_STEPS = tuple(0.125 * k for k in range(1, 33))  # pixels of 256 that a photo may be blurred by
_LEAST = 128  # pixels a side
_SHARP = 0.7  # of them: less is how photos are
_INSIDE = (slice(0.3, 0.8), slice(0.25, 0.75))  # rows and columns of the frame: the face


@dataclass(frozen=True)
class Lens:
    """What a camera does to a picture. ``blur``: sigma in pixels of 256; 0 does nothing."""

    blur: float = 0.0

    def __call__(self, pictures: Tensor) -> Tensor:
        """Pictures (B, 3, S, S) to pictures of the same shape; differentiable."""
        if not self.blur:
            return pictures
        return blur(pictures, self.blur * pictures.shape[-1] / 256)

    def picture(self, picture: Picture) -> Picture:
        """The same for a picture uint8 (S, S, 3)."""
        return to_array(self(to_tensor(picture))) if self.blur else picture


def lens_of(photo: Picture, sharp: Picture) -> Lens:
    """The blur that makes a sharp picture as smooth as a photo; none for a photo that is as sharp
    as photos are, nor where pictures are so small that the finest detail is less than a pixel.

    Args:
        photo: uint8 (S, S, 3), in the game's frame.
        sharp: uint8 (T, T, 3), a picture of the game's.
    """
    if min(len(photo), len(sharp)) < _LEAST:
        return Lens()
    wanted, found = _fineness(to_tensor(photo)), 0.0
    for sigma in _STEPS:  # the first that is too much: most photos are sharp, and end it at once
        # rounded as a photo is: where all is smooth, rounding is what is left
        if _fineness(to_tensor(Lens(sigma).picture(sharp))) < wanted:
            break
        found = sigma
    return Lens(found if found > _SHARP else 0.0)


def _fineness(picture: Tensor) -> float:
    """How much of the finest detail (1, 3, S, S) has in the face, as a share of coarse detail."""
    side = picture.shape[-1]
    rows, columns = (slice(round(s.start * side), round(s.stop * side)) for s in _INSIDE)
    grey = picture.mean(dim=1, keepdim=True)[..., rows, columns]
    smooth = [grey, *(blur(grey, sigma * side / 256) for sigma in _SIGMAS)]
    detail = [float((a - b).square().mean().sqrt()) for a, b in pairwise(smooth)]
    return detail[0] / max(detail[-1], 1e-6)
