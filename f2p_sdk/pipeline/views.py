"""How pictures are shown to the recognizer: plainly to measure, from several sides to search.

A search that shows the recognizer one exact picture may climb to what only that picture has: a
pattern of the imitator's own, a landmark that happens to fall well. Shown small, seeded variations
(shifted, turned, scaled, lighter, darker, blurred), it has to find what survives them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from f2p_sdk.hookspecs import Detector, Recognizer

__all__ = [
    "Jitter",
    "Tracker",
    "Views",
    "blurred",
    "crop_face",
    "embed_face",
    "find_landmarks",
    "to_array",
    "to_tensor",
]

Picture = NDArray[np.uint8]
Points = NDArray[np.float64]

#: Index of each landmark's mirror image in the five-point order (see Framing).
MIRRORED = (2, 3, 0, 1, 4)


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


class Tracker:
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
class Views:
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


def embed_face(recognizer: Recognizer, picture: Picture, landmarks: Points) -> Tensor:
    """(2, E): embeddings of a face as it is and mirrored; no gradients."""
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
    """The part of a large photo around a face, and the landmarks in it.

    ``margin``: room on each side of the landmarks, in their own extent; enough for the widest cut
    a recognizer makes. Keeps a photo of 50 megapixels from becoming 600 MB of floats.
    """
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    room = margin * float(max(high - low))
    height, width = picture.shape[:2]
    left, top = (int(v) for v in np.clip(np.floor(low - room), 0, (width - 1, height - 1)))
    right, bottom = (int(v) for v in np.clip(np.ceil(high + room) + 1, 1, (width, height)))
    return picture[top:bottom, left:right], landmarks - np.array([left, top])


def find_landmarks(detector: Detector, picture: Picture) -> Points | None:
    """(5, 2) landmarks in pixels of the largest face, or None where the detector sees none."""
    faces = detector.detect(picture)
    return np.asarray(faces[0].landmarks, dtype=np.float64) if faces else None


def to_tensor(picture: NDArray[Any]) -> Tensor:
    """uint8 (H, W, 3) to float32 (1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255


def to_array(picture: Tensor) -> Picture:
    """(3, H, W) or (1, 3, H, W) in [0, 1] to uint8 (H, W, 3)."""
    flat = picture.detach().reshape(3, *picture.shape[-2:])
    array = (flat * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous()
    return np.asarray(array.numpy())


def _moved(landmarks: Tensor, dx: float, dy: float, turn: float, scale: float) -> Tensor:
    """Landmarks (B, 5, 2) shifted, turned and scaled about their centre."""
    centre = landmarks.mean(dim=1, keepdim=True)
    eyes = (landmarks[:, 0] - landmarks[:, 2]).norm(dim=-1)[:, None, None]
    cos, sin = float(np.cos(turn)) * (1 + scale), float(np.sin(turn)) * (1 + scale)
    rotation = landmarks.new_tensor([[cos, sin], [-sin, cos]])
    moved = (landmarks - centre) @ rotation + centre
    return torch.add(moved, landmarks.new_tensor([dx, dy]) * eyes)


def blurred(pictures: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (B, C, H, W), edges repeated; sigma in pixels."""
    reach = max(1, round(3 * sigma))
    x = torch.arange(-reach, reach + 1, dtype=pictures.dtype)
    kernel = torch.exp(-0.5 * (x / sigma) ** 2)
    channels = pictures.shape[1]
    kernel = (kernel / kernel.sum()).repeat(channels, 1)
    padded = torch.nn.functional.pad(pictures, (reach,) * 4, mode="replicate")
    across = torch.nn.functional.conv2d(padded, kernel[:, None, None], groups=channels)
    return torch.nn.functional.conv2d(across, kernel[:, None, :, None], groups=channels)
