"""Face crops as Light CNN was trained on, 128x128 grey, from five landmarks; differentiable.

Upstream (README of https://github.com/AlfredXiangWu/LightCNN, "Datasets"; ``face_db_align.m`` of
https://github.com/AlfredXiangWu/face_verification_experiment) rotates a face until its eyes are
level, scales it until the centre of the mouth is 48 pixels below the centre of the eyes, and crops
128x128 pixels with the centre of the eyes in the middle column, 40 pixels down (48 down in the
144x144 pictures from which training takes random 128x128 crops: the same scale). Grey is MATLAB's
``rgb2gray``, the luma of ITU-R BT.601. Pixels outside of the picture are black.

The five landmarks here have no mouth but the base of the nose, see :mod:`f2p_sdk.alignment`. In
dlib's mean face (``get_face_chip_details`` in dlib's ``interpolation.h``, a unit square) the centre
of the eyes' corners is at y = 0.2241, the base of the nose at 0.6281, the corners of the mouth at
0.7802. So the base of the nose stands in for the mouth, 48 * 0.4040 / 0.5562 = 34.9 pixels below
the eyes. As upstream's, this rule does not use the distance between the eyes, which a head rotation
shortens.

If a face is larger than its crop, a pixel of the crop is the mean of several samples, as in
upstream's resizing filter. Otherwise fine patterns of a large photo would alias.
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

__all__ = ["crop_faces", "crop_transform"]

Array = NDArray[np.float64]

EYES_DOWN = 40.0
MOUTH_BELOW_EYES = 48.0
# dlib's mean face, y of: corners of the eyes, base of the nose, corners of the mouth
_EYES, _NOSE, _MOUTH = 0.224078, 0.628106, 0.780233
NOSE_BELOW_EYES = MOUTH_BELOW_EYES * (_NOSE - _EYES) / (_MOUTH - _EYES)
# Between two columns, as the picture's centre: so the crop of a mirrored face is the mirrored crop.
# Upstream rounds to whole pixels.
_MIDDLE = (SIDE - 1) / 2
LUMA = (0.299, 0.587, 0.114)


def crop_transform(landmarks: ArrayLike) -> Array:
    """float64 (2, 3): maps a pixel (x, y, 1) of the crop to a pixel of the picture.

    Args:
        landmarks: (5, 2) in pixels, the order of :mod:`f2p_sdk.alignment`.

    Raises:
        FaceError: not five finite points, the eyes in one place, or the nose not below them.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise FaceError(f"landmarks must be five finite points, (5, 2), got {points.tolist()}")
    right, left = points[:2].mean(axis=0), points[2:4].mean(axis=0)  # of the picture
    middle, apart = (right + left) / 2, right - left
    distance = float(np.hypot(*apart))
    if distance < 1e-3:
        raise FaceError(f"the landmarks of both eyes are in one place, {middle.tolist()}")
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
    rotation = np.stack((across, down), axis=1) * scale
    shift = middle - rotation @ (_MIDDLE, EYES_DOWN)
    return np.column_stack((rotation, shift))


def crop_faces(pictures: Tensor, landmarks: ArrayLike) -> Tensor:
    """Crop the face of each picture.

    Args:
        pictures: (B, 3, H, W), RGB sRGB in [0, 1], any floating type.
        landmarks: (5, 2) for all pictures or (B, 5, 2), pixels; (0, 0) is the centre of the top
            left one.

    Returns:
        (B, 1, 128, 128) grey in [0, 1], differentiable with respect to ``pictures``.

    Raises:
        FaceError: wrong shapes, unusable landmarks, or a crop that is wholly outside of its
            picture.
    """
    if pictures.ndim != 4 or pictures.shape[1] != 3:
        raise FaceError(f"pictures must be (B, 3, H, W), not {tuple(pictures.shape)}")
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape not in ((5, 2), (len(pictures), 5, 2)):
        raise FaceError(
            f"landmarks must be (5, 2) or ({len(pictures)}, 5, 2), not {tuple(points.shape)}"
        )
    grey = (pictures * pictures.new_tensor(LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    if points.ndim == 2:
        return _crop(grey, points)
    # One by one: the crop of a picture must not depend on the other pictures.
    each = zip(torch.split(grey, 1), points, strict=True)
    return torch.cat([_crop(picture, place) for picture, place in each])


def _crop(grey: Tensor, points: Array) -> Tensor:
    """(B, 1, H, W) to (B, 1, 128, 128); the same five landmarks for all."""
    transform = crop_transform(points)
    scale = math.hypot(transform[0, 0], transform[1, 0])  # pixels of the picture per crop pixel
    # Means of whole blocks of a large picture first, so that the number of samples stays small.
    block = max(1, int(scale / 2))
    height, width = grey.shape[-2:]
    if block > 1:
        grey = F.avg_pool2d(grey, block, ceil_mode=True)
    samples = max(1, round(scale / block))  # bilinear samples, up to 1.5 pixels apart
    line = (np.arange(SIDE * samples) + 0.5) / samples - 0.5
    x, y = np.meshgrid(line, line)
    places = np.stack((x, y, np.ones_like(x)), axis=-1) @ transform.T
    inside = (places > -0.5) & (places < (width - 0.5, height - 0.5))
    if not inside.all(axis=-1).any():
        raise FaceError(f"the face lies outside of the {width}x{height} picture")
    sides = np.array(grey.shape[:1:-1], dtype=np.float64)  # width, height
    # to [-1, 1] from edge to edge, as grid_sample without align_corners
    grid: NDArray[Any] = (places + 0.5) / block * 2 / sides - 1
    sampled = torch.from_numpy(grid).to(grey).expand(len(grey), -1, -1, -1)
    crop = F.grid_sample(grey, sampled, padding_mode="zeros", align_corners=False)
    return F.avg_pool2d(crop, samples) if samples > 1 else crop
