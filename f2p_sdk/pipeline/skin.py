"""Skin colour under unknown light: the photo's colour, moved to a more probable one.

A photo's light makes skin orange, red or dark. The estimate has two parts. The whites of the eyes
have nearly no colour, so a share of their colour is the light's. And colours far from the middle
of human skin are more often light than skin, so they move towards it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..images import Picture, resize
from ..metrics import lab_to_srgb, srgb_to_lab
from .background import Array

__all__ = ["corrected", "skin_shift"]

#: CIE Lab: middle of human skin, share of the distance to it that remains, the whites of eyes in
#: photos, and the share of their colour that is the light's. Lightness differs most between people.
_SKIN = np.array((68.0, 13.0, 17.0))
_KEPT = np.array((0.9, 0.6, 0.6))
_WHITES = np.array((0.0, 9.0, 6.0))
_LIGHT = np.array((0.0, 0.3, 0.3))
_SURE = 0.5  # probability of a class
_LEAST_SKIN = 50  # pixels of the parser's map
_LEAST_EYES = 12


def skin_shift(picture: Picture, skin: Tensor, eyes: Tensor) -> Array:
    """Return (3,), the change of skin colours in CIE Lab; zero where no skin is seen.

    Args:
        picture: uint8 (S, S, 3) RGB sRGB, aligned.
        skin, eyes: (h, h) in [0, 1], probability of skin and of eyes.
    """
    lab = srgb_to_lab(resize(picture, skin.shape[-1]))
    face, open_eyes = lab[skin.numpy() > _SURE], lab[eyes.numpy() > _SURE]
    if len(face) < _LEAST_SKIN:
        return np.zeros(3)
    shift = np.zeros(3)
    if len(open_eyes) >= _LEAST_EYES:
        bright = open_eyes[open_eyes[:, 0] >= np.median(open_eyes[:, 0])]
        shift = _LIGHT * (_WHITES - np.median(bright, axis=0))
    seen = np.median(face, axis=0)
    return np.asarray(_SKIN + _KEPT * (seen + shift - _SKIN) - seen)


def corrected(colours: Tensor, shift: Array, skin: Tensor) -> Tensor:
    """Shift colours (3, N, N) RGB in [0, 1] in CIE Lab, by the share of skin (N, N) of each."""
    lab = srgb_to_lab(255 * colours.permute(1, 2, 0).numpy())
    moved = lab_to_srgb(lab + skin.numpy()[..., None] * shift) / 255
    return torch.from_numpy(moved).permute(2, 0, 1).to(colours.dtype)
