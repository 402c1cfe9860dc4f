"""Augmented face crops: several embeddings of each picture for the search.

A search that shows the recognizer one exact crop can overfit that crop: a pattern of the imitator,
or one favourable landmark position. Small seeded variations remove such solutions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..recognizers.embedding import Points, find_landmarks
from ..tensors import blur, to_array

if TYPE_CHECKING:
    from ..hookspecs import Detector, Recognizer

__all__ = ["AugmentedEmbedding", "Jitter", "LandmarkTracker"]


@dataclass(frozen=True)
class Jitter:
    """Size of the variations; the first three are of the landmarks."""

    shift: float = 0.03  # share of the eye distance
    rotation: float = 0.03  # radians
    scale: float = 0.03  # share
    gain: float = 0.1  # change of brightness, share
    blur: float = 1.0  # largest sigma, in pixels of 256


class LandmarkTracker:
    """Landmarks (B, 5, 2) in pixels for the pictures (B, 3, S, S) of a search step.

    A detector takes longer than the rest of a step, and a face moves little between steps. So the
    detector runs every ``every`` steps, on the first picture of the batch. Where it finds no face,
    the last landmarks stay; before there are any, ``fallback`` (5, 2), fractions of the picture.
    """

    def __init__(self, detector: Detector, fallback: Points, every: int = 10) -> None:
        self._detector = detector
        self._fallback = fallback
        self._every = every
        self._last: Points | None = None
        self._pause_until = 0

    def __call__(self, pictures: Tensor, step: int) -> Tensor:
        size = pictures.shape[-1]
        if step % self._every == 0 and step >= self._pause_until:
            found = find_landmarks(self._detector, to_array(pictures[0]))
            if found is None:
                # Detectors are slowest where there is no face.
                self._pause_until = step + 5 * self._every
            else:
                self._last = (found + 0.5) / size
        last = self._fallback if self._last is None else self._last
        return torch.from_numpy(last * size - 0.5).to(pictures.dtype).repeat(len(pictures), 1, 1)


@dataclass(frozen=True)
class AugmentedEmbedding:
    """Embeds pictures for a search: ``(B, 3, S, S), step -> (V, B, E)``.

    The first crop is the plain one. ``jittered`` crops follow, the same for the same seed and step.
    """

    recognizer: Recognizer
    landmarks: Callable[[Tensor, int], Tensor]
    jittered: int = 1
    jitter: Jitter = field(default_factory=Jitter)
    seed: int = 0

    def __call__(self, pictures: Tensor, step: int) -> Tensor:
        landmarks = self.landmarks(pictures, step)
        embeddings = [self.recognizer.embed(pictures, landmarks)]
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        for _ in range(self.jittered):
            numbers = torch.rand(6, generator=generator) * 2 - 1
            embeddings.append(self._embed_varied(pictures, landmarks, numbers.tolist()))
        return torch.stack(embeddings)

    def _embed_varied(self, pictures: Tensor, landmarks: Tensor, numbers: list[float]) -> Tensor:
        """Embed one variation; ``numbers`` in [-1, 1]: shift x, y, rotation, scale, gain, blur."""
        dx, dy, rotation, scale, gain, blurring = numbers
        j, size = self.jitter, pictures.shape[-1]
        sigma = (blurring + 1) / 2 * j.blur * size / 256
        if sigma > 0.3:
            pictures = blur(pictures, sigma)
        pictures = (pictures * (1 + gain * j.gain)).clamp(0, 1)
        moved = _moved(
            landmarks, dx * j.shift, dy * j.shift, rotation * j.rotation, scale * j.scale
        )
        return self.recognizer.embed(pictures, moved)


def _moved(landmarks: Tensor, dx: float, dy: float, rotation: float, scale: float) -> Tensor:
    """Shift, rotate and scale landmarks (B, 5, 2) about their centre."""
    centre = landmarks.mean(dim=1, keepdim=True)
    eyes = (landmarks[:, 0] - landmarks[:, 2]).norm(dim=-1)[:, None, None]
    cos, sin = math.cos(rotation) * (1 + scale), math.sin(rotation) * (1 + scale)
    matrix = landmarks.new_tensor([[cos, sin], [-sin, cos]])
    moved = (landmarks - centre) @ matrix + centre
    return torch.add(moved, landmarks.new_tensor([dx, dy]) * eyes)
