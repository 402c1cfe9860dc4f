"""What it looks like: terms on pixels, and on the features and parts of a face parser (F2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from .sample import Parsed, Sample, need

__all__ = ["Colour", "Content", "Parts"]


@dataclass(frozen=True)
class Colour:
    """Difference of coarse colours between photo and picture, after the light is explained away.

    Both are averaged to ``grid`` x ``grid`` cells, weighted by ``mask`` (grid, grid) in [0, 1].
    The photo's own gain and tint are unknown, so only ``1 - strictness`` of the difference of the
    masked means is forgiven per channel; what remains is a Charbonnier distance
    ``sqrt(d^2 + eps^2) - eps`` (Charbonnier et al. 1994), smooth at zero. ``target`` is
    (3, grid, grid) RGB sRGB in [0, 1].
    """

    reads: ClassVar[frozenset[str]] = frozenset({"picture"})
    target: Tensor
    mask: Tensor
    strictness: float = 0.5
    eps: float = 0.02

    def __call__(self, sample: Sample, /) -> Tensor:
        picture = need(sample.picture, "colour", "picture")
        grid = self.target.shape[-1]
        cells = torch.nn.functional.adaptive_avg_pool2d(picture, grid)
        mask = self.mask / self.mask.sum()
        apart = cells - self.target
        shift = (apart * mask).sum(dim=(2, 3), keepdim=True)
        apart = apart - (1.0 - self.strictness) * shift
        smooth = (apart.square() + self.eps**2).sqrt() - self.eps
        return (smooth * mask).sum(dim=(2, 3)).mean(dim=1)


@dataclass(frozen=True)
class Content:
    """Difference of the parser's features, weighted by its class probability maps: ``L2``.

    ``|| w1 f1 - w2 f2 ||_1`` (slides, "Face Semantic Segmentation Model F2": features of conv1,
    conv2 and conv4, weighted by probability maps, fused). f are the features of each stage, brought
    to one size; w is at each place the weight of the classes seen there, ``sum_k c_k p_k``, of the
    photo and of the candidate each their own. Each stage counts in units of the photo's own mean,
    so 0 is equal, and 1 as far off as nothing at all.

    maps: the photo's, (1, C, h, w) each. classes: (K,), c.
    """

    maps: tuple[Tensor, ...]
    classes: Tensor
    reads: ClassVar[frozenset[str]] = frozenset({"parsed"})

    @classmethod
    def of(cls, photo: Parsed, classes: Tensor) -> Content:
        """The term for a photo, one row; ``classes`` (K,) in [0, 1]."""
        return cls(_weighted(photo, classes), classes)

    def __call__(self, sample: Sample, /) -> Tensor:
        parsed = need(sample.parsed, "content", "parsed")
        seen = _weighted(parsed, self.classes)
        shares = [
            (a - b).abs().mean(dim=(1, 2, 3)) / b.abs().mean().clamp_min(1e-12)
            for a, b in zip(seen, self.maps, strict=True)
        ]
        return torch.stack(shares).mean(dim=0)


@dataclass(frozen=True)
class Parts:
    """Where the parts of the face are: 1 - Dice's coefficient of each class, weighted mean.

    ``1 - 2 sum p q / (sum p^2 + sum q^2)`` over places, p of the photo and q of the candidate: 0
    where a part lies exactly on the photo's, 1 where they do not touch. A class of which the photo
    shows nothing (less than ``least`` of it) says nothing: hair under a hat, a closed mouth.

    probabilities: the photo's, (1, K, h, w). classes: (K,), weights.
    """

    probabilities: Tensor
    classes: Tensor
    least: float = 5e-4
    reads: ClassVar[frozenset[str]] = frozenset({"parsed"})

    def __call__(self, sample: Sample, /) -> Tensor:
        q, p = need(sample.parsed, "parts", "parsed").probabilities, self.probabilities
        weights = self.classes * (p.mean(dim=(0, 2, 3)) >= self.least)
        both = (p * q).sum(dim=(2, 3))
        each = p.square().sum(dim=(2, 3)) + q.square().sum(dim=(2, 3))
        apart = 1.0 - 2.0 * both / each.clamp_min(1e-9)
        return (apart * weights).sum(dim=1) / weights.sum().clamp_min(1e-9)


def _weighted(parsed: Parsed, classes: Tensor) -> tuple[Tensor, ...]:
    """Features of each stage times the weight of the classes there, (B, C, h, w) each."""
    weight = (parsed.probabilities * classes[:, None, None]).sum(dim=1, keepdim=True)
    side = (weight.shape[-2], weight.shape[-1])
    return tuple(
        weight * torch.nn.functional.adaptive_avg_pool2d(features, side)
        for features in parsed.features
    )
