"""Cell colours of a photo: the target of the colour term.

A recognizer hardly sees skin tone, hair colour and lips, so coarse colours count as well: on the
face, and around it where hair is told from background.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..images import Picture
from ..recognizers.embedding import Points
from ..tensors import cell_means, to_tensor
from .background import Array, background, eye_coordinates
from .skin import corrected, skin_shift

__all__ = ["CellColours", "photo_colours", "picture_colours"]

_HAIR = 0.6  # weight of a cell of hair


@dataclass(frozen=True)
class CellColours:
    """Target colours and their weights."""

    colours: Tensor  # (3, N, N) RGB sRGB in [0, 1], mean of each cell
    weight: Tensor  # (N, N) in [0, 1]


def photo_colours(
    picture: Picture,
    landmarks: Points,
    backdrop: Array,
    grid: int = 32,
    classes: Mapping[str, Tensor] | None = None,
    *,
    drawn: bool = False,
) -> CellColours:
    """Return the cell colours of an aligned photo, its background replaced by the game's.

    Args:
        picture: uint8 (S, S, 3) RGB sRGB, in the game's framing.
        landmarks: (5, 2) of the framing, fractions of the picture.
        backdrop: (3,) RGB in [0, 1], background of the game's pictures.
        grid: N.
        classes: (h, h) in [0, 1], a parser's probabilities by class; hair counts more, and the
            colour of skin is corrected.
        drawn: an engine drew the picture, and no colour is corrected.
    """
    away = torch.from_numpy(background(picture, landmarks))[None, None].float()
    behind = cell_means(away, grid)[0]
    seen = classes or {}
    none = torch.zeros(1, 1)
    worn = cell_means(seen.get("hair", none)[None, None], grid)[0, 0]
    behind = behind * (1 - worn)
    colours = cell_means(to_tensor(picture), grid)[0]
    skin = seen.get("face_skin", none)
    eyes = seen.get("left_eye", none) + seen.get("right_eye", none)
    if not drawn:
        shift = skin_shift(picture, skin, eyes)
        colours = corrected(colours, shift, cell_means(skin[None, None], grid)[0, 0])
    wall = torch.from_numpy(backdrop).float()[:, None, None]
    # A cell that is neither surely person nor surely background says little.
    sure = (2 * behind[0] - 1).square()
    x, y = eye_coordinates(landmarks, grid)
    near = _within(np.abs(x), 1.85) * _within(np.abs(y + 0.3), 1.75)
    face = torch.from_numpy(_face_weight(x, y)).float()
    around = torch.from_numpy(near).float() * sure / 3
    weight = torch.stack([face, around, _HAIR * worn]).amax(dim=0)
    return CellColours(colours * (1 - behind) + wall * behind, weight)


def picture_colours(picture: Picture, grid: int) -> CellColours:
    """Return the cell colours of a whole picture (S, S, 3), every cell with weight 1."""
    return CellColours(cell_means(to_tensor(picture), grid)[0], torch.ones(grid, grid))


def _face_weight(x: Array, y: Array) -> Array:
    """One third on face and crown, one on the bands of eyes with brows and of the mouth."""
    face = 1 / (1 + np.exp(-8 * (1 - np.hypot(x, (y - 0.4) / 1.4))))
    crown = _within(np.abs(x), 0.9) * _within(np.abs(y + 1.5), 0.3)
    eyes = _within(np.abs(x), 0.85) * _within(np.abs(y + 0.1), 0.35)
    mouth = _within(np.abs(x), 0.5) * _within(np.abs(y - 1.1), 0.25)
    return np.asarray(np.maximum(face + 2 * np.maximum(eyes, mouth), crown) / 3)


def _within(distance: Array, limit: float) -> Array:
    """1 inside the limit, 0 outside, with a soft edge."""
    return np.asarray(1 / (1 + np.exp(-16 * (limit - distance))))
