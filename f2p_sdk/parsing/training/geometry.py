"""Geometric augmentation of pictures together with their labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ...faceparts import MIRRORED

__all__ = ["Move", "moved", "random_move"]

Random = np.random.Generator
_SWAP = [*MIRRORED, *range(len(MIRRORED), 256)]
_PAD = 2  # the picture is padded by its side divided by this


@dataclass(frozen=True)
class Move:
    """A transform of a picture about its centre."""

    scale: float = 1.0  # 2 makes the content twice as large
    stretch: float = 1.0  # scale along x over scale along y
    turn: float = 0.0  # degrees, clockwise on the screen
    right: float = 0.0  # shift in sides of the picture
    down: float = 0.0
    mirror: bool = False  # whether left and right are exchanged, also in the labels


def random_move(rng: Random, *, turning: bool) -> Move:
    """Random scale and shift, as published; with ``turning`` also rotation, stretch, mirroring."""
    scale = float(np.exp(rng.normal(0, 0.14)))
    right, down = (float(v) for v in np.clip(rng.normal(0, 0.05, 2), -0.2, 0.2))
    if not turning:
        return Move(scale, right=right, down=down)
    stretch = float(np.exp(rng.normal(0, 0.06)))
    return Move(scale, stretch, float(rng.normal(0, 7)), right, down, bool(rng.random() < 0.5))


def moved(picture: Image.Image, labels: Image.Image, move: Move) -> tuple[Image.Image, Image.Image]:
    """Transform picture (RGB, bilinear) and labels (L, nearest); edge pixels are repeated."""
    side = picture.width
    if move.mirror:
        flip = Image.Transpose.FLIP_LEFT_RIGHT
        picture, labels = picture.transpose(flip), labels.transpose(flip).point(_SWAP)
    pad = side // _PAD
    matrix = _matrix(move, side, pad)
    done = []
    for image, sampling in (
        (picture, Image.Resampling.BILINEAR),
        (labels, Image.Resampling.NEAREST),
    ):
        pixels = np.asarray(image)
        widths = ((pad, pad), (pad, pad), (0, 0))[: pixels.ndim]
        wide = Image.fromarray(np.pad(pixels, widths, mode="edge"))
        done.append(wide.transform((side, side), Image.Transform.AFFINE, matrix, sampling))
    return done[0], done[1]


def _matrix(move: Move, side: int, pad: int) -> tuple[float, ...]:
    """PIL's affine coefficients: from pixels of the result to pixels of the padded picture."""
    turn = math.radians(move.turn)
    across, along = move.scale * math.sqrt(move.stretch), move.scale / math.sqrt(move.stretch)
    a, b = math.cos(turn) / across, math.sin(turn) / across
    d, e = -math.sin(turn) / along, math.cos(turn) / along
    x, y = side * (0.5 + move.right), side * (0.5 + move.down)
    middle = side / 2 + pad
    return a, b, middle - a * x - b * y, d, e, middle - d * x - e * y
