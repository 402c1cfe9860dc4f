"""Augmented crops: several embeddings of each picture for the search.

A search that shows the recognizer one exact crop can overfit that crop: a pattern of the
imitator, or one favourable landmark position. Small seeded variations (shift, rotation, scale,
gain, blur) remove such solutions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..recognizers.embedding import Points, find_landmarks
from ..tensors import blur as blurred
from ..tensors import to_array

if TYPE_CHECKING:
    from ..hookspecs import Detector, Recognizer

__all__ = ["AugmentedEmbedding", "Jitter", "LandmarkTracker"]


@dataclass(frozen=True)
class Jitter:
    """How far a view may stray. Shares are of the distance between the eyes.

    shift, turn (radians), scale: of the landmarks, hence of the cut that the recognizer sees.
    gain: how much lighter or darker, as a share. blur: up to this sigma, in pixels of 256.
    """

    shift: float = 0.03
    turn: float = 0.03
    scale: float = 0.03
    gain: float = 0.1
    blur: float = 1.0


class LandmarkTracker:
    """Landmarks of the pictures of a search, (B, 3, S, S) and step to (B, 5, 2) in pixels.

    They are found by the detector, as they will be when the result is judged, but a detector takes
    longer than everything else in a step, and a face moves little from step to step: so only every
    ``every`` steps, and on the first picture of the batch. Where no face is found, the last ones
    stay; before there are any, ``fallback``, (5, 2) as fractions of the picture.
    """

    def __init__(self, detector: Detector, fallback: Points, every: int = 10) -> None:
        self._detector = detector
        self._fallback = fallback
        self._every = every
        self._last: Points | None = None
        self._again = 0

    def __call__(self, pictures: Tensor, step: int) -> Tensor:
        size = pictures.shape[-1]
        if step % self._every == 0 and step >= self._again:
            found = find_landmarks(self._detector, to_array(pictures[0]))
            if found is None:
                # Detectors look longest where there is nothing to see.
                self._again = step + 5 * self._every
            else:
                self._last = (found + 0.5) / size
        last = self._fallback if self._last is None else self._last
        return torch.from_numpy(last * size - 0.5).to(pictures.dtype).repeat(len(pictures), 1, 1)


@dataclass(frozen=True)
class AugmentedEmbedding:
    """Embeds a batch of candidates for the search: ``(B, 3, S, S), step -> (V, B, E)``.

    The first view is the plain picture, ``jittered`` more follow, the same for the same seed and
    step.
    """

    recognizer: Recognizer
    landmarks: Callable[[Tensor, int], Tensor]
    jittered: int = 1
    jitter: Jitter = field(default_factory=Jitter)
    seed: int = 0

    def __call__(self, pictures: Tensor, step: int) -> Tensor:
        landmarks = self.landmarks(pictures, step)
        views = [self.recognizer.embed(pictures, landmarks)]
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        for _ in range(self.jittered):
            numbers = torch.rand(6, generator=generator) * 2 - 1
            views.append(self._view(pictures, landmarks, numbers.tolist()))
        return torch.stack(views)

    def _view(self, pictures: Tensor, landmarks: Tensor, numbers: list[float]) -> Tensor:
        """One view; ``numbers``: six in [-1, 1]: shift x, y, turn, scale, gain, blur."""
        dx, dy, turn, scale, gain, blur = numbers
        j, size = self.jitter, pictures.shape[-1]
        strength = (blur + 1) / 2 * j.blur * size / 256
        if strength > 0.3:
            pictures = blurred(pictures, strength)
        pictures = (pictures * (1 + gain * j.gain)).clamp(0, 1)
        return self.recognizer.embed(
            pictures, _moved(landmarks, dx * j.shift, dy * j.shift, turn * j.turn, scale * j.scale)
        )


def _moved(landmarks: Tensor, dx: float, dy: float, turn: float, scale: float) -> Tensor:
    """Landmarks (B, 5, 2) shifted, turned and scaled about their centre."""
    centre = landmarks.mean(dim=1, keepdim=True)
    eyes = (landmarks[:, 0] - landmarks[:, 2]).norm(dim=-1)[:, None, None]
    cos, sin = float(np.cos(turn)) * (1 + scale), float(np.sin(turn)) * (1 + scale)
    rotation = landmarks.new_tensor([[cos, sin], [-sin, cos]])
    moved = (landmarks - centre) @ rotation + centre
    return torch.add(moved, landmarks.new_tensor([dx, dy]) * eyes)
