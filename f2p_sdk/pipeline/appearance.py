"""What a photo looks like from afar, in the game's frame: colours of skin, hair and features.

A recognizer sees who somebody is and is nearly blind to skin tone, hair and lips: a search on it
alone makes strangers of other colours. So the photo's colours count too, coarsely, where they are
the person's: on the face, and around it wherever hair can be told from the background.

No parser is needed for that in a photo framed by its eyes: what surely is face and what surely is
background is known by its place, and the rest goes with what it looks like.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import images
from ..images import Picture
from ..recognizers.embedding import Points
from ..tensors import cell_means, to_tensor

__all__ = ["Appearance", "appearance", "backdrop_of", "background", "exact", "is_own"]

Array = NDArray[np.float64]

_SIDE = 64  # pixels a side: enough to tell hair from wall
_HAIR = 0.6  # what a cell of hair counts
_SAME = 2  # of 255: what packing a picture may change
_BARE = 0.75  # share of an upper corner that shows the backdrop, whatever hair
_AHEAD = 0.03  # of the side: how far the eyes of a face that looks ahead are from the game's frame
_STEP = 6.0  # how far apart two colours are, in Lab, before they tell anything


@dataclass(frozen=True)
class Appearance:
    """colours: (3, N, N) RGB in [0, 1], what a picture should average to in each cell.
    weight: (N, N) in [0, 1], how much each cell says about the person."""

    colours: Tensor
    weight: Tensor


def appearance(
    picture: Picture,
    landmarks: Points,
    backdrop: Array,
    grid: int = 32,
    hair: Tensor | None = None,
) -> Appearance:
    """The appearance of an aligned photo, with its background replaced by the game's.

    Args:
        picture: uint8 (S, S, 3), the photo in the game's frame.
        landmarks: (5, 2), the frame's landmarks as fractions of the picture.
        backdrop: (3,), RGB in [0, 1], the background of the game's own pictures.
        grid: N.
        hair: (1, 1, h, w) in [0, 1], where a parser sees hair: surely the person, and its colour
            counts.
    """
    away = torch.from_numpy(background(picture, landmarks))[None, None].float()
    behind = cell_means(away, grid)[0]
    worn = torch.zeros(grid, grid) if hair is None else cell_means(hair, grid)[0, 0]
    behind = behind * (1 - worn)
    colours = cell_means(to_tensor(picture), grid)[0]
    wall = torch.from_numpy(backdrop).float()[:, None, None]
    # Whether a cell is the person or the background must be clear for it to count.
    sure = (2 * behind[0] - 1).square()
    x, y = _place(landmarks, grid)
    near = _within(np.abs(x), 1.85) * _within(np.abs(y + 0.3), 1.75)
    face = torch.from_numpy(_face_weight(x, y)).float()
    around = torch.from_numpy(near).float() * sure / 3
    weight = torch.stack([face, around, _HAIR * worn]).amax(dim=0)
    return Appearance(colours * (1 - behind) + wall * behind, weight)


def exact(picture: Picture, grid: int) -> Appearance:
    """The appearance of a picture that the game itself drew: all of it counts, as it is."""
    return Appearance(cell_means(to_tensor(picture), grid)[0], torch.ones(grid, grid))


def is_own(picture: Picture, average: Picture, eyes: Points, framed: Points) -> bool:
    """Whether the game drew a picture itself: as its portrait, looking ahead, on its very backdrop.

    Both upper corners are compared, into which the widest hair hardly reaches; a photo whose
    corners are of one colour, and of this one, does not happen. A head that is turned has its eyes
    elsewhere.

    Args:
        picture: uint8 (H, W, 3).
        average: uint8 (S, S, 3), the game's picture of the average character.
        eyes: (4, 2), corners of the eyes as found in the picture, fractions of its side.
        framed: (4, 2), where the game's frame has them.
    """
    if picture.shape[0] != picture.shape[1]:
        return False
    if np.hypot(*(eyes.mean(axis=0) - framed.mean(axis=0))) > _AHEAD:
        return False
    side = _SIDE * 4
    one, other = (images.resize(p, side).astype(np.int16) for p in (picture, average))
    high, wide = side // 4, side // 12
    same = (np.abs(one - other)[:high] <= _SAME).all(axis=2)
    return min(float(same[:, :wide].mean()), float(same[:, -wide:].mean())) >= _BARE


def background(picture: Picture, landmarks: Points) -> Array:
    """(64, 64) in [0, 1]: how likely each place of an aligned photo is background.

    Colours of what is surely background (beside and above the head) and surely the person (face,
    crown) are grouped by k-means in CIE Lab; a pixel goes with the nearer, and with its distance
    from the middle of the head.
    """
    lab = _lab(images.resize(picture, _SIDE))
    x, y = _place(landmarks, _SIDE)
    face = np.hypot(x, (y - 0.4) / 1.4)
    beside = ((np.abs(x) > 1.75) & (y < 0.4)) | ((np.abs(x) > 1.1) & (y < -1.8))
    person = (face < 0.95) | ((np.abs(x) < 0.5) & (np.abs(y + 1.45) < 0.25))
    if not beside.any() or not person.any():  # a frame so close that it shows nothing but face
        return np.zeros((_SIDE, _SIDE))
    to_wall, to_person = (_nearest(lab, _groups(lab[seeds], 6)) for seeds in (beside, person))
    away = np.hypot(x / 1.35, (y + 0.1) / 1.75) - 1
    likely = (to_person - to_wall) / _STEP + 6 * away
    return np.where(face < 1, 0.0, 1 / (1 + np.exp(-np.clip(likely, -30, 30))))


def backdrop_of(picture: Picture, landmarks: Points) -> Array:
    """(3,), the background colour of a game's picture: the median of its upper corners."""
    small = images.resize(picture, _SIDE).astype(np.float64) / 255
    x, y = _place(landmarks, _SIDE)
    corners = (np.abs(x) > 1.6) & (y < -1.0)
    if not corners.any():
        corners = (np.abs(x) >= np.abs(x).max()) & (y < 0)
    middle: Array = np.median(small[corners], axis=0)
    return middle


def _face_weight(x: Array, y: Array) -> Array:
    """One third on the face and the crown, one on the bands of brows and eyes, and of the mouth."""
    face = 1 / (1 + np.exp(-8 * (1 - np.hypot(x, (y - 0.4) / 1.4))))
    crown = _within(np.abs(x), 0.9) * _within(np.abs(y + 1.5), 0.3)
    eyes = _within(np.abs(x), 0.85) * _within(np.abs(y + 0.1), 0.35)
    mouth = _within(np.abs(x), 0.5) * _within(np.abs(y - 1.1), 0.25)
    return np.asarray(np.maximum(face + 2 * np.maximum(eyes, mouth), crown) / 3)


def _within(distance: Array, limit: float) -> Array:
    """1 inside, 0 outside, with a soft edge."""
    return np.asarray(1 / (1 + np.exp(-16 * (limit - distance))))


def _place(landmarks: Points, grid: int) -> tuple[Array, Array]:
    """x and y of each cell from between the eyes, in distances between the eyes' centres."""
    right, left = landmarks[:2].mean(axis=0), landmarks[2:4].mean(axis=0)
    middle, unit = (right + left) / 2, float(np.hypot(*(right - left)))
    line = (np.arange(grid) + 0.5) / grid
    y, x = np.meshgrid(line, line, indexing="ij")
    return (x - middle[0]) / unit, (y - middle[1]) / unit


def _lab(picture: Picture) -> Array:
    """sRGB to CIE Lab, D65."""
    x = picture.astype(np.float64) / 255
    linear = np.where(x > 0.04045, ((x + 0.055) / 1.055) ** 2.4, x / 12.92)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    ratio = linear @ to_xyz.T / np.array([0.9505, 1.0, 1.089])
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    parts = (116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2]))
    return np.stack(parts, axis=-1)


def _groups(colours: Array, count: int, rounds: int = 10) -> Array:
    """k-means from seeds far apart, the first nearest the mean: the same every time."""
    centres = [colours[np.argmin(np.square(colours - colours.mean(axis=0)).sum(axis=1))]]
    for _ in range(count - 1):
        centres.append(colours[int(np.argmax(_nearest(colours, np.array(centres))))])
    found = np.array(centres)
    for _ in range(rounds):
        apart = np.square(colours[:, None] - found).sum(axis=-1)
        member = apart.argmin(axis=1)
        found = np.array(
            [
                colours[member == k].mean(axis=0) if (member == k).any() else found[k]
                for k in range(count)
            ]
        )
    return found


def _nearest(colours: Array, centres: Array) -> Array:
    """Distance from each colour (..., 3) to the nearest centre."""
    apart = np.square(colours[..., None, :] - centres).sum(axis=-1)
    return np.asarray(np.sqrt(apart.min(axis=-1)))
