"""Recognition of pictures that the game's own engine drew."""

from __future__ import annotations

import numpy as np

from .. import images
from ..images import Picture
from ..recognizers.embedding import Points

__all__ = ["is_own_picture"]

_SIDE = 256  # pixels a side for the comparison
_TOLERANCE = 2  # of 255: change by image compression
_SHARE = 0.75  # of an upper corner that must show the backdrop
_EYES = 0.03  # of the side: largest distance of the eyes from the framing


def is_own_picture(picture: Picture, average: Picture, eyes: Points, framed: Points) -> bool:
    """Return True for a frontal portrait by the engine on its own backdrop.

    The upper corners must equal those of the average character's picture. Even wide hair leaves
    most of them free, and a photo does not have them. The eyes must be where the framing has them.

    Args:
        picture: uint8 (H, W, 3) RGB sRGB.
        average: uint8 (S, S, 3), the engine's picture of the average character.
        eyes: (4, 2), detected eye corners, fractions of the picture's side.
        framed: (4, 2), eye corners of the framing.
    """
    if picture.shape[0] != picture.shape[1]:
        return False
    if np.hypot(*(eyes.mean(axis=0) - framed.mean(axis=0))) > _EYES:
        return False
    one, other = (images.resize(p, _SIDE).astype(np.int16) for p in (picture, average))
    high, wide = _SIDE // 4, _SIDE // 12
    same = (np.abs(one - other)[:high] <= _TOLERANCE).all(axis=2)
    return min(float(same[:, :wide].mean()), float(same[:, -wide:].mean())) >= _SHARE
