"""The cut that Light CNN was trained on, 128x128 grey, made of five landmarks; differentiable.

Upstream (README of https://github.com/AlfredXiangWu/LightCNN, "Datasets"; ``face_db_align.m`` of
https://github.com/AlfredXiangWu/face_verification_experiment) turns a face until its eyes are
level, scales it until the middle of the mouth is 48 pixels below the middle of the eyes, and cuts
128x128 with the middle of the eyes in the middle column, 40 pixels down (48 down in the 144x144
pictures that 128x128 are cut from at random in training: the same scale). Grey is MATLAB's
``rgb2gray``, the luma of ITU-R BT.601. Beyond the picture's edge it is black.

The five landmarks here have no mouth but the base of the nose, see :mod:`f2p_sdk.alignment`. In
dlib's mean face (``get_face_chip_details`` in dlib's ``interpolation.h``, a unit square) the middle
of the eyes' corners is at y = 0.2241, the base of the nose at 0.6281, the corners of the mouth at
0.7802; so the base of the nose takes the mouth's place, 48 * 0.4040 / 0.5562 = 34.9 pixels below
the eyes. Like upstream's, this rule takes nothing from the distance between the eyes: a face turned
aside is not cut larger.

Where a face is larger than its cut, the cut is the mean of several samples a pixel, as upstream's
resizing filter averages too; without that, fine patterns of a large photo would come out as noise.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..errors import FaceError
from .network import SIDE

__all__ = ["cut_faces", "plan_cut"]

Array = NDArray[np.float64]

EYES_DOWN = 40.0
MOUTH_BELOW_EYES = 48.0
# dlib's mean face, y of: corners of the eyes, base of the nose, corners of the mouth
_EYES, _NOSE, _MOUTH = 0.224078, 0.628106, 0.780233
NOSE_BELOW_EYES = MOUTH_BELOW_EYES * (_NOSE - _EYES) / (_MOUTH - _EYES)
# Between two columns, as the picture's middle is: so the cut of a mirrored face is the mirrored
# cut. Upstream's whole numbers may be off by as much.
_MIDDLE = (SIDE - 1) / 2
LUMA = (0.299, 0.587, 0.114)


def plan_cut(landmarks: ArrayLike) -> Array:
    """float64 (2, 3): from a pixel (x, y, 1) of the cut to a pixel of the picture.

    Args:
        landmarks: (5, 2) in pixels, the order of :mod:`f2p_sdk.alignment`.

    Raises:
        FaceError: not five finite points, the eyes in one place, or the nose not below them.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise FaceError(f"landmarks are five finite points, (5, 2), not {points.tolist()}")
    right, left = points[:2].mean(axis=0), points[2:4].mean(axis=0)  # of the picture
    middle, apart = (right + left) / 2, right - left
    distance = float(np.hypot(*apart))
    if distance < 1e-3:
        raise FaceError(f"the landmarks of both eyes lie in one place, {middle.tolist()}")
    across = apart / distance
    down = np.array((-across[1], across[0]))
    below = float((points[4] - middle) @ down)
    if below < 0.05 * distance:
        raise FaceError(
            f"the base of the nose must lie below the line of the eyes, by 0.05 eye distances or "
            f"more; it lies {below / distance:.2f} below",
            remedy="use a picture that shows the face from nearer the front",
        )
    scale = below / NOSE_BELOW_EYES
    turn = np.stack((across, down), axis=1) * scale
    shift = middle - turn @ (_MIDDLE, EYES_DOWN)
    return np.column_stack((turn, shift))


def cut_faces(pictures: Tensor, landmarks: ArrayLike) -> Tensor:
    """The face in each picture, cut.

    Args:
        pictures: (B, 3, H, W), RGB sRGB in [0, 1], any floating type.
        landmarks: (5, 2) for all pictures or (B, 5, 2), pixels; (0, 0) is the centre of the top
            left one.

    Returns:
        (B, 1, 128, 128) grey in [0, 1], differentiable with respect to ``pictures``.

    Raises:
        FaceError: shapes that do not fit, landmarks that make no cut, or a cut that lies wholly
            outside of its picture.
    """
    if pictures.ndim != 4 or pictures.shape[1] != 3:
        raise FaceError(f"pictures are (B, 3, H, W), not {tuple(pictures.shape)}")
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape not in ((5, 2), (len(pictures), 5, 2)):
        raise FaceError(
            f"landmarks are (5, 2) or ({len(pictures)}, 5, 2), not {tuple(points.shape)}"
        )
    grey = (pictures * pictures.new_tensor(LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    if points.ndim == 2:
        return _cut(grey, points)
    # One by one: what comes of a picture does not depend on the others.
    each = zip(torch.split(grey, 1), points, strict=True)
    return torch.cat([_cut(picture, place) for picture, place in each])


def _cut(grey: Tensor, points: Array) -> Tensor:
    """(B, 1, H, W) to (B, 1, 128, 128); the same five landmarks for all."""
    plan = plan_cut(points)
    scale = math.hypot(plan[0, 0], plan[1, 0])  # pixels of the picture in one of the cut
    # Whole blocks of a large picture first, so that the number of samples stays small.
    block = max(1, int(scale / 2))
    height, width = grey.shape[-2:]
    if block > 1:
        grey = F.avg_pool2d(grey, block, ceil_mode=True)
    samples = max(1, round(scale / block))  # bilinear samples reach up to 1.5 pixels apart
    line = (np.arange(SIDE * samples) + 0.5) / samples - 0.5
    x, y = np.meshgrid(line, line)
    spots = np.stack((x, y, np.ones_like(x)), axis=-1) @ plan.T
    inside = (spots > -0.5) & (spots < (width - 0.5, height - 0.5))
    if not inside.all(axis=-1).any():
        raise FaceError(f"the face lies outside of the {width}x{height} picture")
    sides = np.array(grey.shape[:1:-1], dtype=np.float64)  # width, height
    # to [-1, 1] from edge to edge, as grid_sample counts without align_corners
    grid: NDArray[Any] = (spots + 0.5) / block * 2 / sides - 1
    where = torch.from_numpy(grid).to(grey).expand(len(grey), -1, -1, -1)
    cut = F.grid_sample(grey, where, padding_mode="zeros", align_corners=False)
    return F.avg_pool2d(cut, samples) if samples > 1 else cut
