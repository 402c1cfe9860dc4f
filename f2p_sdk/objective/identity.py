"""Who it is: terms on the embeddings of a face recognizer (F1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from .sample import Sample, need

__all__ = ["Distance", "Identity"]


@dataclass(frozen=True)
class Identity:
    """``1 - cos(target, embedding)``, averaged over views: 0 is the same direction, 2 opposite.

    Formula: slides, "Face Recognition Model F1", identity loss L1. ``target`` is (T, E), one row
    per view of the photo (plain, mirrored...); every view of a candidate meets every view of the
    photo, which asks for likeness that survives the change of view.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"embedding"})
    target: Tensor

    def __call__(self, sample: Sample, /) -> Tensor:
        seen = need(sample.embedding, "identity", "embedding")
        target = torch.nn.functional.normalize(self.target, dim=-1)
        seen = torch.nn.functional.normalize(seen, dim=-1)
        return 1.0 - torch.einsum("vbe,te->vtb", seen, target).mean(dim=(0, 1))


@dataclass(frozen=True)
class Distance:
    """Squared Euclidean distance between embeddings over the photo's squared length, averaged.

    ``mean_vt |e_v - t|^2 / mean_t |t|^2``. For recognizers such as dlib's that were trained on the
    Euclidean distance and whose verdict is read from it; the division makes weights mean the same
    for every recognizer. Shapes as in :class:`Identity`.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"embedding"})
    target: Tensor

    def __call__(self, sample: Sample, /) -> Tensor:
        seen = need(sample.embedding, "distance", "embedding")
        apart = seen[:, None] - self.target[None, :, None]
        length = self.target.square().sum(dim=-1).mean().clamp_min(1e-12)
        return apart.square().sum(dim=-1).mean(dim=(0, 1)) / length
