"""Resizing, cropping and rotation of pictures for detection."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

Picture = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float64]

_STRIP = 1 << 22  # pixels per conversion, to save memory for 50 megapixels


def shrink(picture: Picture, side: int) -> Picture:
    """Resize a picture (H, W, 3) so that its longer side has `side` pixels."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    # Means of whole blocks first, strip by strip; bicubic for the remaining factor of 1 to 2.
    step = max(int(1 / scale), 1)
    if step == 1:
        image = Image.fromarray(picture)
    else:
        rows = max(_STRIP // width // step, 1) * step
        strips = [
            np.asarray(Image.fromarray(picture[top : top + rows]).reduce(step))
            for top in range(0, height, rows)
        ]
        image = Image.fromarray(np.concatenate(strips))
    # The last row and column of the reduced picture may cover less than `step` pixels.
    box = (0, 0, width / step, height / step)
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC, box=box))


def cut(picture: Picture, centre: Array, span: float, size: int, turn: float = 0) -> Picture:
    """Cut a square patch (size, size, 3): `span` pixels of the picture around `centre` (x, y).

    The patch is rotated about its centre, counter-clockwise by `turn` degrees: `turn_back` of an
    offset from its centre, times span / size, is the offset from `centre` in the picture. Edge
    pixels of the picture are repeated outside, so that faces at the edge are found.
    """
    scale = size / span
    reach = math.ceil(span * 0.75) + 2  # half the diagonal is 0.71 of the side
    start = np.floor(centre).astype(int) - reach
    side = 2 * reach + 1
    last = np.array(picture.shape[1::-1]) - 1
    inner = np.clip(start, 0, last)
    end = np.clip(start + side - 1, 0, last)
    known = picture[inner[1] : end[1] + 1, inner[0] : end[0] + 1]
    before, behind = inner - start, start + side - 1 - end
    missing = ((before[1], behind[1]), (before[0], behind[0]), (0, 0))
    part = Image.fromarray(np.pad(known, missing, mode="edge")[:side, :side])
    place = centre - start + 0.5  # of the centre; pixel corners are whole numbers
    if not turn:
        low, high = place - span / 2, place + span / 2
        box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        square = (size, size)
        return np.asarray(part.resize(square, Image.Resampling.BICUBIC, box, reducing_gap=2))
    wide = max(round(side * min(scale, 1)), 1)
    if wide < side:
        part = part.resize((wide, wide), Image.Resampling.BICUBIC, reducing_gap=2)
    ratio = wide / side
    place = place * ratio
    back = turn_back(turn) * (ratio / scale)
    shift = place - back @ (size / 2, size / 2)
    data = (*back[0].tolist(), float(shift[0]), *back[1].tolist(), float(shift[1]))
    patch = part.transform((size, size), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
    return np.asarray(patch)


def turn_back(degrees: float) -> Array:
    """Matrix (2, 2) for points (x, y) that undoes a counter-clockwise rotation by `degrees`."""
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array(((cosine, -sine), (sine, cosine)))
