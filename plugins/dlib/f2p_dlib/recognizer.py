"""The recognizer offered to f2p-sdk, differentiable."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from f2p_sdk import FaceError

from .chips import ChipPlan, extract_chips, plan_chip
from .dat import read_layers
from .files import RECOGNIZER, model_path
from .network import FaceResNet


class DlibRecognizer:
    """dlib's ResNet on dlib's face chips.

    dlib's distance of two faces is the Euclidean distance of their embeddings, below 0.6 for one
    person. The cosine orders pairs nearly the same way, because all embeddings have lengths from
    1.4 to 1.6.
    """

    name = "dlib"
    metric: Final = "euclidean"
    dimension = 128

    def __init__(self, network: FaceResNet | None = None) -> None:
        self.network = network or FaceResNet(read_layers(model_path(RECOGNIZER)))

    def embed(
        self, pictures: Tensor, landmarks: Tensor | npt.ArrayLike, *, like_dlib: bool = False
    ) -> Tensor:
        """Embed the face in each picture.

        Args:
            pictures: float32 (B, 3, H, W), RGB sRGB in [0, 1].
            landmarks: (5, 2) for all pictures, or (B, 5, 2); pixels, dlib's order. They get no
                gradient.
            like_dlib: round the chip to 8 bits as dlib does: then embeddings are those of
                `dlib.face_recognition_model_v1` on `dlib.get_face_chip`. Without it the result is
                smooth, and differs by about 0.004.

        Returns:
            (B, 128), not normalised, differentiable with respect to `pictures`.

        Raises:
            FaceError: wrong shapes, or landmarks outside of their picture.
        """
        if pictures.ndim != 4 or pictures.shape[1] != 3:
            raise FaceError(f"pictures must be (B, 3, H, W), not {tuple(pictures.shape)}")
        if isinstance(landmarks, Tensor):
            landmarks = landmarks.detach().cpu().numpy()
        points = np.ascontiguousarray(landmarks, dtype=np.float64)
        if points.shape not in ((5, 2), (len(pictures), 5, 2)):
            count = len(pictures)
            raise FaceError(f"landmarks must be (5, 2) or ({count}, 5, 2), not {points.shape}")
        height, width = pictures.shape[-2:]
        if points.ndim == 2:
            chips = extract_chips(
                pictures, _plan(points.tobytes(), width, height), like_dlib=like_dlib
            )
        else:
            plans = [_plan(p.tobytes(), width, height) for p in points]
            each = zip(torch.split(pictures, 1), plans, strict=True)
            chips = torch.cat([extract_chips(x, plan, like_dlib=like_dlib) for x, plan in each])
        if self.network.matrix.device != chips.device:
            self.network.to(chips.device)
        embeddings: Tensor = self.network(chips)
        return embeddings


@lru_cache(maxsize=64)  # a search embeds thousands of pictures with the same landmarks
def _plan(landmarks: bytes, width: int, height: int) -> ChipPlan:
    return plan_chip(np.frombuffer(landmarks, dtype=np.float64).reshape(5, 2), width, height)
