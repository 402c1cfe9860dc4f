"""Identity terms, on the embeddings of a face recognizer (F1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from .sample import Sample, need

__all__ = ["Distance", "Identity"]


@dataclass(frozen=True)
class Identity:
    """``1 - cos(target, embedding)``, in [0, 2]; 0 is the same direction.

    The mean over all pairs of a crop of the photo and a crop of the candidate. Formula: slides,
    "Face Recognition Model F1", identity loss L1.

    Attributes:
        target: (T, E), one embedding per crop of the photo (plain, mirrored).
    """

    reads: ClassVar[frozenset[str]] = frozenset({"embedding"})
    target: Tensor

    def __call__(self, sample: Sample, /) -> Tensor:
        found = functional.normalize(need(sample.embedding, "identity", "embedding"), dim=-1)
        target = functional.normalize(self.target, dim=-1)
        return 1.0 - torch.einsum("vbe,te->vtb", found, target).mean(dim=(0, 1))


@dataclass(frozen=True)
class Distance:
    """``mean |e - t|^2 / mean |t|^2`` over all pairs of crops, for recognizers that use the
    Euclidean distance (dlib's).

    The division gives a weight the same meaning for every recognizer.

    Attributes:
        target: (T, E), as in :class:`Identity`.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"embedding"})
    target: Tensor

    def __call__(self, sample: Sample, /) -> Tensor:
        found = need(sample.embedding, "distance", "embedding")
        difference = found[:, None] - self.target[None, :, None]
        length = self.target.square().sum(dim=-1).mean().clamp_min(1e-12)
        return difference.square().sum(dim=-1).mean(dim=(0, 1)) / length
