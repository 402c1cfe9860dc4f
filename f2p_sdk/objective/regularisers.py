"""Regularisers: terms on the vector alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from .sample import Sample

__all__ = ["ChoicePrior", "EntropyPenalty", "Prior", "WhitenedPrior"]


@dataclass(frozen=True)
class Prior:
    """``sum_i w_i (d_i^2 + ends max(0, |e_i| - 0.4)^2)``, d = x - m, e = x - 1/2, over the sliders.

    x and m are in [0, 1]. The square is the negative logarithm of a normal prior, up to a factor.
    The second summand keeps sliders from the outer fifth of each half of their range, and leaves
    the others free. A sum, so the cost of one slider does not depend on how many a game has.

    Attributes:
        mean: (C,), m.
        weight: (C,) w, or 1 for all.
        ends: weight of the second summand.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"vector"})
    mean: Tensor
    weight: Tensor | float = 1.0
    ends: float = 0.0

    def __call__(self, sample: Sample, /) -> Tensor:
        sliders = sample.vector[:, : self.mean.shape[0]]
        outer = ((sliders - 0.5).abs() - 0.4).clamp_min(0.0)
        cost = (sliders - self.mean).square() + self.ends * outer.square()
        return (cost * self.weight).sum(dim=1)


@dataclass(frozen=True)
class WhitenedPrior:
    """``sum_g |(x_g - m_g) W_g|^2`` over parameter groups g, x and m in [0, 1].

    W_g comes from the singular value decomposition of a population of characters (journal version
    of the paper: "SVD and whitening" per group of face parts). Directions in which the population
    varies much cost little. For uniform, independent sliders it equals :class:`Prior`.

    Attributes:
        mean: (C,).
        groups: per group the column indices (n,) and W_g (n, rank).
    """

    mean: Tensor
    groups: tuple[tuple[Tensor, Tensor], ...]
    reads: ClassVar[frozenset[str]] = frozenset({"vector"})

    @classmethod
    def of(
        cls, mean: Tensor, population: Tensor, groups: Sequence[Sequence[int]], floor: float = 0.1
    ) -> WhitenedPrior:
        """Whiten groups of columns of a population (N, C) with values in [0, 1].

        ``floor`` bounds the cost: standard deviations count as at least this share of a uniform
        slider's.
        """
        uniform = 12**-0.5
        found = []
        for group in groups:
            columns = torch.tensor(list(group), dtype=torch.long)
            centred = population[:, columns] - population[:, columns].mean(dim=0)
            _, size, directions = torch.linalg.svd(centred, full_matrices=False)
            deviation = size / max(1, len(population) - 1) ** 0.5
            found.append((columns, directions.T * (uniform / deviation.clamp_min(floor * uniform))))
        return cls(mean, tuple(found))

    def __call__(self, sample: Sample, /) -> Tensor:
        centred = sample.vector[:, : self.mean.shape[0]] - self.mean
        total = sample.vector.new_zeros(sample.vector.shape[0])
        for columns, matrix in self.groups:
            total = total + (centred[:, columns] @ matrix.to(centred.dtype)).square().sum(dim=1)
        return total


@dataclass(frozen=True)
class EntropyPenalty:
    """``mean_g -sum_k p_gk log p_gk / log K_g`` over categorical groups, in [0, 1].

    0 where every group is one-hot, so the final argmax changes nothing. Groups of one choice do
    not count.

    Attributes:
        groups: column ranges of the categorical groups.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"vector"})
    groups: tuple[slice, ...]

    def __call__(self, sample: Sample, /) -> Tensor:
        terms = []
        for group in self.groups:
            p = sample.vector[:, group]
            if p.shape[1] > 1:
                entropy = -torch.special.xlogy(p, p.clamp_min(1e-12)).sum(dim=1)
                terms.append(entropy / math.log(p.shape[1]))
        if not terms:
            return sample.vector.new_zeros(sample.vector.shape[0])
        return torch.stack(terms).mean(dim=0)


@dataclass(frozen=True)
class ChoicePrior:
    """``mean_g 1 - <p_g, m_g>``: share of the choices that differ from the average character's.

    A choice stays where nothing in the photo speaks against it.

    Attributes:
        mean: (D,), the average character's vector.
        groups: column ranges of the categorical groups.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"vector"})
    mean: Tensor
    groups: tuple[slice, ...]

    def __call__(self, sample: Sample, /) -> Tensor:
        changed = [1.0 - (sample.vector[:, g] * self.mean[g]).sum(dim=1) for g in self.groups]
        if not changed:
            return sample.vector.new_zeros(sample.vector.shape[0])
        return torch.stack(changed).mean(dim=0)
