"""Appearance terms, on pixels and on the features and classes of a face parser (F2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from .sample import Parsed, Sample, need

__all__ = ["ClassColour", "Colour", "Content", "Parts"]


@dataclass(frozen=True)
class Colour:
    """Difference of cell colours between photo and picture, after a partial colour correction.

    The light of the photo is unknown. Per channel, ``1 - strictness`` of the difference of the
    masked means does not count. The rest is a Charbonnier distance ``sqrt(d^2 + eps^2) - eps``
    (Charbonnier et al. 1994), averaged over cells and channels.

    Attributes:
        target: (3, N, N) RGB sRGB in [0, 1], mean colours of the photo's cells.
        mask: (N, N) in [0, 1], weight of each cell.
        strictness: in [0, 1]; 1 compares colours as they are.
        eps: of 1.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"picture"})
    target: Tensor
    mask: Tensor
    strictness: float = 0.5
    eps: float = 0.02

    def __call__(self, sample: Sample, /) -> Tensor:
        picture = need(sample.picture, "colour", "picture")
        cells = functional.adaptive_avg_pool2d(picture, self.target.shape[-1])
        mask = self.mask / self.mask.sum()
        difference = cells - self.target
        shift = (difference * mask).sum(dim=(2, 3), keepdim=True)
        difference = difference - (1.0 - self.strictness) * shift
        smooth = _charbonnier(difference, self.eps)
        return (smooth * mask).sum(dim=(2, 3)).mean(dim=1)


@dataclass(frozen=True)
class ClassColour:
    """Difference between a target and the lit colour of one class of the picture.

    The lit colour is the mean of the places that are brighter than the class's mean: shadows have
    another hue. Places count by the class's probability, without gradient, so that the class does
    not move. The distance is as in :class:`Colour`. A class with less than ``least`` of the area
    costs 0.

    Attributes:
        target: (3,) RGB sRGB in [0, 1].
        index: of the class.
        least: share of the area.
        eps: of 1.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"picture", "parsed"})
    target: Tensor
    index: int
    least: float = 0.01
    eps: float = 0.02

    def __call__(self, sample: Sample, /) -> Tensor:
        picture = need(sample.picture, "class colour", "picture")
        share = need(sample.parsed, "class colour", "parsed").probabilities[:, self.index].detach()
        cells = functional.adaptive_avg_pool2d(picture, share.shape[-1])
        area = share.sum(dim=(1, 2))
        brightness = cells.detach().mean(dim=1)
        mean = (brightness * share).sum(dim=(1, 2)) / area.clamp_min(1e-6)
        lit = share * (brightness >= mean[:, None, None])
        colour = (cells * lit[:, None]).sum(dim=(2, 3))
        colour = colour / lit.sum(dim=(1, 2)).clamp_min(1e-6)[:, None]
        smooth = _charbonnier(colour - self.target, self.eps)
        return smooth.mean(dim=1) * (area >= self.least * share[0].numel())


@dataclass(frozen=True)
class Content:
    """``|| w1 f1 - w2 f2 ||_1``: difference of parser features, weighted by class probabilities.

    Formula: slides, "Face Semantic Segmentation Model F2" (features of conv1, conv2 and conv4). At
    each place w is ``sum_k c_k p_k``, from the photo's probabilities for f1 and the candidate's for
    f2. Each stage is divided by the photo's own mean, so 0 is equal and 1 is as far as zero
    features.

    Attributes:
        maps: weighted features of the photo, (1, C, h, w) per stage.
        classes: (K,), class weights c in [0, 1].
    """

    maps: tuple[Tensor, ...]
    classes: Tensor
    reads: ClassVar[frozenset[str]] = frozenset({"parsed"})

    @classmethod
    def of(cls, photo: Parsed, classes: Tensor) -> Content:
        """Return the term for one parsed photo and class weights (K,)."""
        return cls(_weighted(photo, classes), classes)

    def __call__(self, sample: Sample, /) -> Tensor:
        found = _weighted(need(sample.parsed, "content", "parsed"), self.classes)
        shares = [
            (a - b).abs().mean(dim=(1, 2, 3)) / b.abs().mean().clamp_min(1e-12)
            for a, b in zip(found, self.maps, strict=True)
        ]
        return torch.stack(shares).mean(dim=0)


@dataclass(frozen=True)
class Parts:
    """Weighted mean over classes of 1 - Dice: do the parts of the face cover the same places?

    Per class ``1 - 2 sum p q / (sum p^2 + sum q^2)``, p of the photo and q of the candidate, in
    [0, 1]. Classes with less than ``least`` of the photo's area do not count.

    Attributes:
        probabilities: (1, K, h, w), of the photo.
        classes: (K,), class weights.
        least: share of the area.
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
        loss = 1.0 - 2.0 * both / each.clamp_min(1e-9)
        return (loss * weights).sum(dim=1) / weights.sum().clamp_min(1e-9)


def _charbonnier(difference: Tensor, eps: float) -> Tensor:
    return (difference.square() + eps**2).sqrt() - eps


def _weighted(parsed: Parsed, classes: Tensor) -> tuple[Tensor, ...]:
    """Features of each stage times the class weight of each place, (B, C, h, w) per stage."""
    weight = (parsed.probabilities * classes[:, None, None]).sum(dim=1, keepdim=True)
    side = (weight.shape[-2], weight.shape[-1])
    return tuple(
        weight * functional.adaptive_avg_pool2d(features, side) for features in parsed.features
    )
