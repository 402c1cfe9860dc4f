"""Comparison of hairstyles with the hair in a photo, by place and colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..images import Picture, resize
from ..metrics import srgb_to_lab
from ..recognizers.embedding import Points
from .background import Array, colour_clusters, eye_coordinates, nearest_distance
from .beard import PhotoBeard

__all__ = ["HAIR", "PhotoHair", "hair_mask"]

HAIR = "hair"  # name of the parser's class, and group of the layout's parameters
_SIDE = 128  # pixels a side: strands do not count

_SURE = 0.6  # probability of a class
_ROUNDS = 4  # of colour models and masks
_SEED_PIXELS = 30
_COLOUR = 4.0  # CIE Lab distance that changes the log-odds by 1
_SMOOTH, _REACH = 4.0, 3  # log-odds of a surrounded pixel, and radius of its surroundings
_CELLS = 16  # a side, for the comparison of styles
_COLOUR_CELLS, _LEAST_CELLS = 32, 6  # a side, and least number with hair, for its colour
_SHADOWS = 30.0  # per cent of the hair
#: CIE Lab of black, brown, fair and very fair hair; share of the distance to it that remains.
_NATURAL = np.array([(10, 1, 1), (25, 3, 5), (50, 5, 15), (65, 4.5, 21), (85, 2, 20)], float)
_KEPT = 0.6
_FAR = 0.35  # weight of a place far from the face
_WIDTHS = (0.8, 0.85, 0.9, 0.95, 1.0, 1.05)  # of the character's head relative to the photo's
_HEIGHTS = (0.75, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05)
_THIN, _FULL = 0.15, 40.0  # cost of hair that shows the skin, from this CIE Lab distance on
_CURL, _CURLY = 0.06, 5.5  # cost per unit of roughness above that of straight hair


def hair_mask(picture: Picture, classes: Mapping[str, Tensor], landmarks: Points) -> Array:
    """Return (128, 128) in [0, 1]: hair of an aligned photo.

    A parser misses loose hair. So colour models of hair, background and face, from what the parser
    is sure of, extend its hair to connected places of the same colour (as GrabCut, Rother et al.
    2004, with a smoothing filter in place of the graph cut).

    Args:
        picture: uint8 (S, S, 3) RGB sRGB, in the game's framing.
        classes: (h, h) in [0, 1], a parser's probabilities by class.
        landmarks: (5, 2) of the framing, fractions of the picture.
    """
    large = {name: _enlarged(p) for name, p in classes.items()}
    hair, wall = large[HAIR], large["background"]
    face = 1 - hair - wall > 0.5
    seed = hair > _SURE
    if seed.sum() < _SEED_PIXELS:
        return hair
    colours = srgb_to_lab(resize(picture, _SIDE))
    x, y = eye_coordinates(landmarks, _SIDE)
    beside = ((np.abs(x) > 1.75) & (y < 0)) | (y < -2.3) | ((np.abs(x) > 1.2) & (y < -1.9))
    away = (np.abs(x) > 1.9) | (y < -2.2)
    prior = 0.7 * np.log((hair + 0.08) / (1.1 - hair)) - 3.0 * away
    mask, outside = hair, beside & (hair < 0.1)
    for _ in range(_ROUNDS):
        inside = (mask > _SURE) & ~face
        if not inside.any() or not outside.any() or not face.any():
            break
        to_hair, to_wall, to_face = (
            nearest_distance(colours, colour_clusters(colours[part]))
            for part in (inside, outside, face)
        )
        odds = prior + (np.minimum(to_wall, to_face + 2) - to_hair) / _COLOUR
        for _ in range(4):
            mask = _sigmoid(odds + _SMOOTH * (_mean(mask) - 0.5))
        mask = np.where(face, np.minimum(mask, hair), mask)
        mask = np.where(_connected(seed, mask > 0.5), mask, np.minimum(mask, 0.2))
        outside = (mask < 0.2) & ~face & ((wall > 0.5) | beside)
    return mask


@dataclass(frozen=True, eq=False)
class PhotoHair:
    """Hair of an aligned photo, and its comparison with hairstyles.

    Attributes:
        colour: (3,), CIE Lab, median without shadows, moved towards natural colours; None where
            no hair is seen.
        shares: (T, 16, 16) in [0, 1], share of hair in each cell of the picture, see
            :func:`hair_mask`, for T sizes of the head. Cells forgive small shifts.
        weight: (16, 16), of a cell; cells near the face count more.
        beard: of the photo.
    """

    colour: Array | None
    shares: Array
    weight: Array
    beard: PhotoBeard

    @classmethod
    def of(
        cls,
        picture: Picture,
        classes: Mapping[str, Tensor],
        landmarks: Points,
        *,
        drawn: bool = False,
    ) -> PhotoHair:
        """Find the hair of a photo; arguments as in :func:`hair_mask`.

        ``drawn``: an engine drew the picture, and the colour stays as it is.
        """
        x, y = eye_coordinates(landmarks, _SIDE)
        near = np.exp(-np.maximum(0, np.hypot(x, (y - 0.3) / 1.2) - 1) / 0.6)
        mask = hair_mask(picture, classes, landmarks)
        seen = _lit_colour(picture, mask)
        colour = seen if drawn or seen is None else _natural(seen)
        beard = PhotoBeard.of(picture, classes, landmarks)
        return cls(colour, _resized(mask, landmarks), _cells(np.maximum(near, _FAR)), beard)

    def costs(self, pictures: Sequence[Picture], styles: Sequence[Array]) -> Array:
        """Return (K,), the difference of each style from the photo's hair; 0 is the same.

        The cost is the weighted difference of shares, relative to the hair of either. The head of
        the character is often smaller than that in the photo, so the photo's hair takes the size
        with which the nearest style costs least. Thin hair and rough outlines cost a little: the
        photo's mask shows neither, so they must win by more.

        Args:
            pictures: K pictures of the character, uint8.
            styles: K masks (s, s) in [0, 1] of their hair.
        """
        masks = [_enlarged(torch.from_numpy(style)) for style in styles]
        worn = np.array([_cells(mask) for mask in masks])[:, None]  # (K, 1, 16, 16)
        either = (self.weight * np.maximum(self.shares, worn)).sum(axis=(2, 3))
        differs = (self.weight * np.abs(self.shares - worn)).sum(axis=(2, 3))
        colours = [_lit_colour(*pair) for pair in zip(pictures, masks, strict=True)]
        rough = [_CURL * max(0.0, _roughness(style > 0.5) - _CURLY) for style in styles]
        extra = _thinness(colours) + np.array(rough)
        costs = differs / np.maximum(either, 1e-9) + extra[:, None]  # (K, T)
        return np.asarray(costs[:, costs.min(axis=0).argmin()])


def _thinness(colours: Sequence[Array | None]) -> Array:
    """Costs (K,) of styles whose colour is not that of most styles: they show the skin."""
    seen = [colour for colour in colours if colour is not None]
    if not seen:
        return np.zeros(len(colours))
    usual = np.median(seen, axis=0)
    apart = [_FULL if c is None else float(np.linalg.norm(c - usual)) for c in colours]
    return _THIN * np.minimum(1.0, np.array(apart) / _FULL)


def _resized(mask: Array, landmarks: Points) -> Array:
    """Shares of hair (T, 16, 16) with the mask (128, 128) on heads of other sizes.

    Widths are relative to the middle of the eyes. Heights change the part above the eyes alone:
    the head decides where hair begins, but not how long it is.
    """
    x, y = np.asarray(landmarks)[:4].mean(axis=0) * 2 - 1
    line = (np.arange(_SIDE) * 2 + 1) / _SIDE - 1
    grids = [
        np.stack(np.meshgrid(x + (line - x) / w, y + (line - y) / np.where(line < y, h, 1.0)), -1)
        for w in _WIDTHS
        for h in _HEIGHTS
    ]
    many = torch.from_numpy(mask).expand(len(grids), 1, *mask.shape)
    moved = functional.grid_sample(many, torch.from_numpy(np.array(grids)), align_corners=False)
    return np.array([_cells(one) for one in moved[:, 0].numpy()])


def _lit_colour(picture: Picture, mask: Array) -> Array | None:
    """Median (3,) of a picture's hair without its shadows, in CIE Lab; None for almost no hair."""
    share = _cells(mask, _COLOUR_CELLS)
    hair = srgb_to_lab(resize(picture, _COLOUR_CELLS))[share > _SURE]
    if len(hair) < _LEAST_CELLS:
        return None
    lit = hair[hair[:, 0] >= np.percentile(hair[:, 0], _SHADOWS)]
    return np.asarray(np.median(lit, axis=0))


def _natural(colour: Array) -> Array:
    """Move a colour (3,) in CIE Lab towards natural hair of its lightness if it is more saturated.

    The light of a photo makes hair orange or red more often than hair is.
    """
    usual = np.array([np.interp(colour[0], _NATURAL[:, 0], _NATURAL[:, k]) for k in (1, 2)])
    if np.hypot(*colour[1:]) <= np.hypot(*usual):
        return colour  # grey stays grey
    return np.array([colour[0], *(usual + _KEPT * (colour[1:] - usual))])


def _cells(plane: Array, cells: int = _CELLS) -> Array:
    """Means (cells, cells) of the cells of (128, 128)."""
    width = _SIDE // cells
    return np.asarray(plane.reshape(cells, width, cells, width).mean(axis=(1, 3)))


def _roughness(mask: NDArray[np.bool_]) -> float:
    """Area between a mask and its smoothed self, in units of the root of the mask's area."""
    scale = len(mask) / 256
    smooth = _mean(mask.astype(float), round(5 * scale)) > 0.5
    area = mask.sum() / scale**2
    return float((mask != smooth).sum() / scale**2 / max(area, 200.0) ** 0.5)


def _enlarged(plane: Tensor) -> Array:
    """Resize (h, h) to (128, 128) as float64."""
    size = (_SIDE, _SIDE)
    large = functional.interpolate(plane[None, None].float(), size, mode="bilinear", antialias=True)
    return large[0, 0].numpy().astype(np.float64)


def _mean(plane: Array, reach: int = _REACH) -> Array:
    """Mean over the square of radius ``reach`` around each pixel."""
    tensor = torch.from_numpy(plane)[None, None]
    width = 2 * reach + 1
    mean = functional.avg_pool2d(tensor, width, 1, reach, count_include_pad=False)
    return mean[0, 0].numpy()


def _connected(seed: NDArray[np.bool_], allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Allowed pixels that a path of allowed pixels connects with the seed."""
    limit = torch.from_numpy(allowed)[None, None].float()
    reached = torch.from_numpy(seed)[None, None].float() * limit
    while True:
        grown = functional.max_pool2d(reached, 3, 1, 1) * limit
        if torch.equal(grown, reached):
            return np.asarray(reached[0, 0].numpy() > 0)
        reached = grown


def _sigmoid(odds: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -20, 20))))
