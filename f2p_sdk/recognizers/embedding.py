"""Embeddings of faces in pictures of any size, without gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..images import Picture
from ..tensors import to_tensor

if TYPE_CHECKING:
    from ..hookspecs import Detector, Recognizer

__all__ = ["MIRRORED", "Points", "crop_face", "embed_face", "find_landmarks"]

Points = NDArray[np.float64]

#: Index of each landmark's mirror image in the five-point order (see :class:`~f2p_sdk.Framing`).
MIRRORED = (2, 3, 0, 1, 4)


def embed_face(recognizer: Recognizer, picture: Picture, landmarks: Points) -> Tensor:
    """Embeddings (2, E) of a face and of its mirror image; no gradients."""
    crop, points = crop_face(picture, landmarks)
    pictures = to_tensor(crop)
    mirrored = points[list(MIRRORED)].copy()
    mirrored[:, 0] = crop.shape[1] - 1 - mirrored[:, 0]
    with torch.no_grad():
        return recognizer.embed(
            torch.cat([pictures, pictures.flip(-1)]),
            torch.from_numpy(np.stack([points, mirrored])).to(pictures.dtype),
        )


def crop_face(picture: Picture, landmarks: Points, margin: float = 4.0) -> tuple[Picture, Points]:
    """The part of a large photo around a face, and the landmarks (5, 2) in it.

    Saves memory: a photo of 50 megapixels would be 600 MB of floats. ``margin``: on each side of
    the landmarks, in units of their extent; enough for the largest face crop of a recognizer.
    """
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    reach = margin * float(max(high - low))
    height, width = picture.shape[:2]
    left, top = (int(v) for v in np.clip(np.floor(low - reach), 0, (width - 1, height - 1)))
    right, bottom = (int(v) for v in np.clip(np.ceil(high + reach) + 1, 1, (width, height)))
    return picture[top:bottom, left:right], landmarks - np.array([left, top])


def find_landmarks(detector: Detector, picture: Picture) -> Points | None:
    """Landmarks (5, 2) in pixels of the largest face; None without a face."""
    faces = detector.detect(picture)
    return np.asarray(faces[0].landmarks, dtype=np.float64) if faces else None
