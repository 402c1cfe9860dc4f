"""Parts of a picture, brought to size and turned: what detection looks at."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

Picture = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float64]

_STRIP = 1 << 22  # pixels that are converted at once, so that 50 megapixels take little memory


def shrink(picture: Picture, side: int) -> Picture:
    """The picture (H, W, 3) with its longer side brought to `side` pixels, larger or smaller."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    # Whole steps first, by plain means, strip by strip; bicubic for the remaining factor of 1 to 2.
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
    # The last row and column of the reduced picture may stand for less than `step` pixels.
    box = (0, 0, width / step, height / step)
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC, box=box))


def cut(picture: Picture, centre: Array, span: float, size: int, turn: float = 0) -> Picture:
    """A square patch (size, size, 3), the part of the picture around `centre` that is `span` wide.

    The patch is turned about its middle, counter-clockwise by `turn` degrees: `turn_back` of an
    offset from its middle, times span / size, is the offset from `centre` (x, y) in the picture.
    Beyond the picture's edge its last pixels go on: a face cut off by it is found all the same.
    """
    scale = size / span
    reach = math.ceil(span * 0.75) + 2  # a turned square reaches out by 0.71 of its side
    start = np.floor(centre).astype(int) - reach
    side = 2 * reach + 1
    last = np.array(picture.shape[1::-1]) - 1
    inner = np.clip(start, 0, last)
    end = np.clip(start + side - 1, 0, last)
    known = picture[inner[1] : end[1] + 1, inner[0] : end[0] + 1]
    before, behind = inner - start, start + side - 1 - end
    missing = ((before[1], behind[1]), (before[0], behind[0]), (0, 0))
    part = Image.fromarray(np.pad(known, missing, mode="edge")[:side, :side])
    place = centre - start + 0.5  # of the centre, with whole numbers at corners
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
    """(2, 2): undoes, for points (x, y), a turn of the picture counter-clockwise by `degrees`."""
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array(((cosine, -sine), (sine, cosine)))
