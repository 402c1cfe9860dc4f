"""dlib's distance between the faces of two pictures."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch

from f2p_sdk import pick_face

from .detector import DlibDetector
from .pixels import Picture
from .recognizer import DlibRecognizer

SAME_PERSON = 0.6  # dlib's threshold: two pictures of one person are below

Embedding = npt.NDArray[np.float32]


def describe(picture: Picture, face: int | None = None) -> Embedding | None:
    """dlib's descriptor (128,) of the largest face, or of face number `face`; None without faces.

    The picture is uint8 (H, W, 3), RGB sRGB. The chip is rounded as dlib rounds it.

    Raises:
        FaceError: there are fewer faces than `face`.
    """
    detector, recognizer = _models()
    faces = detector.detect(picture)
    if not faces:
        return None
    landmarks = pick_face(faces, face).face.landmarks
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        return np.asarray(recognizer.embed(pixels, landmarks, like_dlib=True)[0].numpy())


def distance(first: Picture, second: Picture) -> float | None:
    """Euclidean distance of the descriptors of two pictures; None if one has no face."""
    one = describe(first)
    other = None if one is None else describe(second)
    return None if one is None or other is None else float(np.linalg.norm(one - other))


@lru_cache(maxsize=1)
def _models() -> tuple[DlibDetector, DlibRecognizer]:
    return DlibDetector(), DlibRecognizer()
