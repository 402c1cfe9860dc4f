"""Face chips: the upright 150x150 crop of a face that the recognizer expects, differentiable.

The geometry is that of `dlib.get_face_chip(picture, shape, 150, 0.25)`, step by step, because the
recognizer was trained on such chips: a similarity transform of five landmarks; a crop of the
picture with a margin around the chip; a pyramid that halves it with a 5x5 binomial filter while it
is much larger than the chip; bilinear interpolation; black outside of the picture. dlib also rounds
down to 8 bits after each step. Rounding has no gradient, so it is optional here.

Coordinates are pixels, x before y, with the origin at the centre of the top left pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from f2p_sdk import FaceError, similarity

from .network import CHIP_SIZE

Array = npt.NDArray[np.float64]

PADDING = 0.25  # margin on each side of the face, as a share of its size
# dlib's landmarks in a face without padding: the corners of the eye on the picture's right, outer
# then inner, of the eye on its left, outer then inner, base of the nose.
MEAN_FACE = np.array(
    [
        (0.8595674595992, 0.2134981538014),
        (0.6460604764104, 0.2289674387677),
        (0.1205750620789, 0.2137274526848),
        (0.3340850613712, 0.2290642403242),
        (0.4901123135679, 0.6277975316475),
    ]
)
# dlib's shift of a point after halving; (-1, -1) would be exact, but the recognizer was trained
# with this.
_HALF_SHIFT = np.array((-1.25, -0.75))
_SMALLEST_LEVEL = 9  # pixels; dlib does not halve below


@dataclass(frozen=True)
class ChipPlan:
    """Source of a chip in a picture.

    Attributes:
        crop: part of the picture: left, top, right, bottom, the last two excluded.
        levels: number of halvings of the crop.
        matrix: (2, 3), from a pixel of the chip to a pixel of the last level.
    """

    crop: tuple[int, int, int, int]
    levels: int
    matrix: Array


def plan_chip(landmarks: npt.ArrayLike, width: int, height: int) -> ChipPlan:
    """Compute the source of the chip for landmarks (5, 2) in a picture of width x height.

    Raises:
        FaceError: the landmarks are not five finite, distinct points, or the face is outside of
            the picture.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise FaceError(
            f"landmarks must be five finite points, (5, 2), not {points.shape}: {points}"
        )
    place = (PADDING + MEAN_FACE) / (2 * PADDING + 1) * CHIP_SIZE
    transform = similarity(place, points)  # chip -> picture
    scale = math.hypot(transform[0, 0], transform[1, 0])
    if scale < 1e-3:
        raise FaceError(f"all landmarks are in one place, {points[0]}")
    angle = math.atan2(transform[1, 0], transform[0, 0])
    centre = transform @ (CHIP_SIZE / 2, CHIP_SIZE / 2, 1)
    half = (CHIP_SIZE * scale - 1) / 2
    low, high = centre - half, centre + half  # the chip's square before rotation

    levels, margin, size = 0, 2.0, (2 * half) / 2 + 1
    while size > CHIP_SIZE:
        levels, margin, size = levels + 1, 2 * margin + 2, (size - 1) / 2 + 1
    corners = _rotated(low, high, angle)
    last = (width - 1, height - 1)
    start = np.floor(np.maximum(corners.min(0) - margin, 0) + 0.5)
    end = np.floor(np.minimum(corners.max(0) + margin, last) + 0.5)
    if (end < start).any():
        raise FaceError(f"the face lies outside of the {width}x{height} picture: {points.tolist()}")
    low, high = low - start, high - start
    for _ in range(levels):
        low, high = low / 2 + _HALF_SHIFT, high / 2 + _HALF_SHIFT
    top_left, top_right, bottom_left, _ = _rotated(low, high, angle)
    step = CHIP_SIZE - 1
    columns = ((top_right - top_left) / step, (bottom_left - top_left) / step, top_left)
    crop = (int(start[0]), int(start[1]), int(end[0]) + 1, int(end[1]) + 1)
    return ChipPlan(crop, levels, np.stack(columns, axis=1))


def extract_chips(pictures: Tensor, plan: ChipPlan, *, like_dlib: bool = False) -> Tensor:
    """Extract the same chip from each picture.

    Args:
        pictures: (B, 3, H, W), RGB sRGB in [0, 1], any floating type.
        plan: from `plan_chip` for H and W.
        like_dlib: round down to 8 bits as dlib does: then the chip equals dlib's, except for one
            pixel in 100,000. The gradient ignores the rounding.

    Returns:
        (B, 3, 150, 150), RGB in [0, 1]; differentiable with respect to `pictures`.
    """
    left, top, right, bottom = plan.crop
    x = pictures[:, :, top:bottom, left:right]
    if like_dlib:
        x = x.double()
    for _ in range(plan.levels):
        if min(x.shape[-2:]) < _SMALLEST_LEVEL:  # nearly all of the face is outside
            return pictures.new_zeros((*x.shape[:2], CHIP_SIZE, CHIP_SIZE))
        x = _round_down(_halve(x)) if like_dlib else _halve(x)
    line = torch.arange(CHIP_SIZE, dtype=torch.float64)
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    ones = torch.ones_like(rows)
    points = torch.stack((columns, rows, ones), dim=-1) @ torch.from_numpy(plan.matrix).T
    ends = torch.tensor((x.shape[-1] - 1, x.shape[-2] - 1), dtype=torch.float64)
    # A pixel is black in dlib unless all four neighbours of its point are inside.
    inside = ((points >= 0) & (points.floor() + 1 <= ends)).all(dim=-1).to(x)
    grid = (points * 2 / ends.clamp(min=1) - 1).to(x).expand(len(x), -1, -1, -1)
    chips = F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=True)
    chips = chips * inside
    return (_round_down(chips) if like_dlib else chips).to(pictures.dtype)


def _rotated(low: Array, high: Array, angle: float) -> Array:
    """Top left, top right, bottom left and right corner, (4, 2), rotated about their centre."""
    corners = np.array([low, (high[0], low[1]), (low[0], high[1]), high])
    centre = (low + high) / 2
    cosine, sine = math.cos(angle), math.sin(angle)
    rotated: Array = (corners - centre) @ np.array([(cosine, sine), (-sine, cosine)]) + centre
    return rotated


def _halve(x: Tensor) -> Tensor:
    """dlib's `pyramid_down<2>`: a 5x5 binomial filter at every second pixel, without a border."""
    channels = x.shape[1]
    taps = torch.tensor((1, 4, 6, 4, 1), dtype=x.dtype, device=x.device) / 16
    row = taps.view(1, 1, 1, 5).repeat(channels, 1, 1, 1)
    x = F.conv2d(x, row, stride=(1, 2), groups=channels)
    return F.conv2d(x, row.transpose(2, 3), stride=(2, 1), groups=channels)


def _round_down(x: Tensor) -> Tensor:
    """Round down to multiples of 1/255, as dlib does; the gradient is that of the identity."""
    # The offset protects whole numbers with a rounding error.
    whole = torch.floor(x.detach() * 255 + 1e-6) / 255
    return x + (whole - x.detach())
