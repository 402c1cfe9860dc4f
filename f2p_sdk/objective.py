"""What a search minimises: named, weighted terms that add up to one number per candidate.

A term is a callable that reads a :class:`Sample` (one batch of candidates: their vectors, their
pictures, their embeddings) and returns one non-negative number per candidate. Terms are frozen and
know neither the game nor the search, so each can be checked alone, against finite differences.

The published objective is ``alpha * L1 + L2`` (slides, "Overall loss function"). ``L1`` is
:class:`Identity`; ``L2``, on the parser's features, takes its place here as one more term.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = [
    "Choices",
    "Colour",
    "Departure",
    "Distance",
    "Identity",
    "Loss",
    "Objective",
    "Prior",
    "Sample",
    "Term",
]


@dataclass(frozen=True)
class Sample:
    """One batch of candidates as the terms see it.

    vector: (B, D), the relaxed vector: continuous in [0, 1], then one probability per choice.
    picture: (B, 3, S, S) RGB sRGB in [0, 1], or None where no term looks at pixels.
    embedding: (V, B, E), the recognizer's embedding of V views of each picture, or None.
    """

    vector: Tensor
    picture: Tensor | None = None
    embedding: Tensor | None = None


class Term(Protocol):
    """One named part of the objective: ``Sample -> (B,)``, differentiable in all it reads."""

    def __call__(self, sample: Sample, /) -> Tensor: ...


@dataclass(frozen=True)
class Identity:
    """``1 - cos(target, embedding)``, averaged over views: 0 is the same direction, 2 opposite.

    Formula: slides, "Face Recognition Model F1", identity loss L1. ``target`` is (T, E), one row
    per view of the photo (plain, mirrored...); every view of a candidate meets every view of the
    photo, which asks for likeness that survives the change of view.
    """

    target: Tensor

    def __call__(self, sample: Sample, /) -> Tensor:
        seen = _need(sample.embedding, "identity", "embedding")
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

    target: Tensor

    def __call__(self, sample: Sample, /) -> Tensor:
        seen = _need(sample.embedding, "distance", "embedding")
        apart = seen[:, None] - self.target[None, :, None]
        length = self.target.square().sum(dim=-1).mean().clamp_min(1e-12)
        return apart.square().sum(dim=-1).mean(dim=(0, 1)) / length


@dataclass(frozen=True)
class Prior:
    """Squared departure of the continuous sliders from the average character, summed.

    ``sum_i w_i (x_i - m_i)^2`` over the continuous sliders, x and m in [0, 1], so every slider is
    measured in shares of its own range: the negative log of a normal prior, up to a factor. A sum,
    not a mean: what moving one slider costs does not depend on how many others a game has.
    ``mean`` is (C,); ``weight`` (C,) or None for 1: sliders that a person of any looks may have
    anywhere (skin tone, hair colour) can be let go.
    """

    mean: Tensor
    weight: Tensor | None = None

    def __call__(self, sample: Sample, /) -> Tensor:
        away = (sample.vector[:, : self.mean.shape[0]] - self.mean).square()
        return (away if self.weight is None else away * self.weight).sum(dim=1)


@dataclass(frozen=True)
class Choices:
    """Indecision of the relaxed choices: the slots' mean entropy over its maximum, in [0, 1].

    ``mean_s -sum_k p_sk log p_sk / log K_s``: 0 when every slot is one-hot, so that taking the
    argmax at the end changes nothing; 1 when every choice of every slot is equally likely.
    Slots of a single choice have no entropy and do not count.
    """

    slots: tuple[slice, ...]

    def __call__(self, sample: Sample, /) -> Tensor:
        terms = []
        for slot in self.slots:
            p = sample.vector[:, slot]
            if p.shape[1] > 1:
                scale = float(torch.log(torch.tensor(float(p.shape[1]))))
                terms.append(-torch.special.xlogy(p, p.clamp_min(1e-12)).sum(dim=1) / scale)
        if not terms:
            return sample.vector.new_zeros(sample.vector.shape[0])
        return torch.stack(terms).mean(dim=0)


@dataclass(frozen=True)
class Departure:
    """Share of the choices that left those of the average character: ``mean_s 1 - <p_s, m_s>``.

    p is a slot's probabilities, m (D,) the average character's one-hot. What nothing in the photo
    speaks for stays as it is.
    """

    mean: Tensor
    slots: tuple[slice, ...]

    def __call__(self, sample: Sample, /) -> Tensor:
        left = [1.0 - (sample.vector[:, s] * self.mean[s]).sum(dim=1) for s in self.slots]
        if not left:
            return sample.vector.new_zeros(sample.vector.shape[0])
        return torch.stack(left).mean(dim=0)


@dataclass(frozen=True)
class Colour:
    """Difference of coarse colours between photo and picture, after the light is explained away.

    Both are averaged to ``grid`` x ``grid`` cells, weighted by ``mask`` (grid, grid) in [0, 1].
    The photo's own gain and tint are unknown, so only ``1 - strictness`` of the difference of the
    masked means is forgiven per channel; what remains is a Charbonnier distance
    ``sqrt(d^2 + eps^2) - eps`` (Charbonnier et al. 1994), smooth at zero. ``target`` is
    (3, grid, grid) RGB sRGB in [0, 1].
    """

    target: Tensor
    mask: Tensor
    strictness: float = 0.5
    eps: float = 0.02

    def __call__(self, sample: Sample, /) -> Tensor:
        picture = _need(sample.picture, "colour", "picture")
        grid = self.target.shape[-1]
        cells = torch.nn.functional.adaptive_avg_pool2d(picture, grid)
        mask = self.mask / self.mask.sum()
        apart = cells - self.target
        shift = (apart * mask).sum(dim=(2, 3), keepdim=True)
        apart = apart - (1.0 - self.strictness) * shift
        smooth = (apart.square() + self.eps**2).sqrt() - self.eps
        return (smooth * mask).sum(dim=(2, 3)).mean(dim=1)


@dataclass(frozen=True)
class Loss:
    """total: (B,), what is minimised. terms: name -> (B,), each before its weight."""

    total: Tensor
    terms: Mapping[str, Tensor]

    def breakdown(self, index: int = 0) -> dict[str, float]:
        """The terms of one candidate as plain numbers, with their weighted sum as ``total``."""
        numbers = {name: float(value[index].detach()) for name, value in self.terms.items()}
        return {**numbers, "total": float(self.total[index].detach())}


@dataclass(frozen=True)
class Objective:
    """``total = sum_name weight * term``; ``parts`` maps a name to its weight and its term.

    A weight of zero leaves the term out of the sum and out of the work.
    """

    parts: Mapping[str, tuple[float, Term]]

    def __call__(self, sample: Sample, /) -> Loss:
        terms = {name: term(sample) for name, (weight, term) in self.parts.items() if weight}
        total = sample.vector.new_zeros(sample.vector.shape[0])
        for name, value in terms.items():
            total = total + self.parts[name][0] * value
        return Loss(total, terms)


def _need(value: Tensor | None, term: str, what: str) -> Tensor:
    if value is None:
        raise ValueError(f"term '{term}' needs the sample's {what}")
    return value
