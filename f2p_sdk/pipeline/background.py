"""Separation of an aligned photo's background by place and colour, without a parser.

In an aligned photo the eyes have a known place, so some places are surely face and others surely
background. The rest is classified by colour.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import images
from ..images import Picture
from ..metrics import srgb_to_lab
from ..recognizers.embedding import Points

__all__ = [
    "Array",
    "backdrop_colour",
    "background",
    "colour_clusters",
    "eye_coordinates",
    "nearest_distance",
]

Array = NDArray[np.float64]

_SIDE = 64  # pixels a side: enough to tell hair from wall
_CLUSTERS = 6
_CONTRAST = 6.0  # CIE Lab distance that changes the log-odds by 1


def background(picture: Picture, landmarks: Points) -> Array:
    """Return (64, 64) in [0, 1]: probability that a place of an aligned photo is background.

    k-means clusters the CIE Lab colours of sure background (beside and above the head) and of the
    sure person (face, crown). The probability follows the difference of the distances to the
    nearest cluster of each, and the distance from the middle of the head.

    Args:
        picture: uint8 (S, S, 3) RGB sRGB, in the game's framing.
        landmarks: (5, 2) of the framing, fractions of the picture.
    """
    colours = srgb_to_lab(images.resize(picture, _SIDE))
    x, y = eye_coordinates(landmarks, _SIDE)
    face = np.hypot(x, (y - 0.4) / 1.4)
    beside = ((np.abs(x) > 1.75) & (y < 0.4)) | ((np.abs(x) > 1.1) & (y < -1.8))
    person = (face < 0.95) | ((np.abs(x) < 0.5) & (np.abs(y + 1.45) < 0.25))
    if not beside.any() or not person.any():  # a framing without background
        return np.zeros((_SIDE, _SIDE))
    to_wall, to_person = (
        nearest_distance(colours, colour_clusters(colours[seeds])) for seeds in (beside, person)
    )
    outside = np.hypot(x / 1.35, (y + 0.1) / 1.75) - 1
    odds = (to_person - to_wall) / _CONTRAST + 6 * outside
    return np.where(face < 1, 0.0, 1 / (1 + np.exp(-np.clip(odds, -30, 30))))


def backdrop_colour(picture: Picture, landmarks: Points) -> Array:
    """Return (3,) RGB in [0, 1]: median colour of the upper corners of a game's picture."""
    small = images.resize(picture, _SIDE).astype(np.float64) / 255
    x, y = eye_coordinates(landmarks, _SIDE)
    corners = (np.abs(x) > 1.6) & (y < -1.0)
    if not corners.any():
        corners = (np.abs(x) >= np.abs(x).max()) & (y < 0)
    median: Array = np.median(small[corners], axis=0)
    return median


def eye_coordinates(landmarks: Points, grid: int) -> tuple[Array, Array]:
    """Return x and y (grid, grid) of each cell: origin between the eyes, unit their distance."""
    right, left = landmarks[:2].mean(axis=0), landmarks[2:4].mean(axis=0)
    middle, unit = (right + left) / 2, float(np.hypot(*(right - left)))
    line = (np.arange(grid) + 0.5) / grid
    y, x = np.meshgrid(line, line, indexing="ij")
    return (x - middle[0]) / unit, (y - middle[1]) / unit


def colour_clusters(colours: Array, rounds: int = 10) -> Array:
    """k-means centres (K, 3); farthest-point seeds make it deterministic."""
    centres = [colours[np.argmin(np.square(colours - colours.mean(axis=0)).sum(axis=1))]]
    for _ in range(_CLUSTERS - 1):
        centres.append(colours[int(np.argmax(nearest_distance(colours, np.array(centres))))])
    found = np.array(centres)
    for _ in range(rounds):
        member = np.square(colours[:, None] - found).sum(axis=-1).argmin(axis=1)
        for k in range(_CLUSTERS):
            if (member == k).any():
                found[k] = colours[member == k].mean(axis=0)
    return found


def nearest_distance(colours: Array, centres: Array) -> Array:
    """Distance from each colour (..., 3) to the nearest centre."""
    squares = np.square(colours[..., None, :] - centres).sum(axis=-1)
    return np.asarray(np.sqrt(squares.min(axis=-1)))
