"""What a character may be at all: terms on the vector alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from .sample import Sample

__all__ = ["Choices", "Departure", "Prior", "Whitened"]


@dataclass(frozen=True)
class Prior:
    """Squared departure of the continuous sliders from the average character, summed.

    ``sum_i w_i (x_i - m_i)^2`` over the continuous sliders, x and m in [0, 1], so every slider is
    measured in shares of its own range: the negative log of a normal prior, up to a factor. A sum,
    not a mean: what moving one slider costs does not depend on how many others a game has.
    ``mean`` is (C,); ``weight`` (C,) or None for 1: sliders that a person of any looks may have
    anywhere (skin tone, hair colour) can be let go.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"vector"})
    mean: Tensor
    weight: Tensor | None = None

    def __call__(self, sample: Sample, /) -> Tensor:
        away = (sample.vector[:, : self.mean.shape[0]] - self.mean).square()
        return (away if self.weight is None else away * self.weight).sum(dim=1)


@dataclass(frozen=True)
class Whitened:
    """Squared departure of the sliders in whitened coordinates, group by group, summed.

    ``sum_g |(x_g - m_g) W_g|^2``: x and m in [0, 1], W_g from the singular value decomposition of a
    population of characters (journal version of the paper: a prior by "SVD and whitening", for each
    group of face parts). What varies much in that population costs little. In units of
    :class:`Prior`: for the layout's own random characters, uniform and independent, both are the
    same up to the noise of the sample.

    mean: (C,). groups: for each, the columns of its sliders and W_g, (columns, rank).
    """

    mean: Tensor
    groups: tuple[tuple[Tensor, Tensor], ...]
    reads: ClassVar[frozenset[str]] = frozenset({"vector"})

    @classmethod
    def of(
        cls, mean: Tensor, population: Tensor, groups: Sequence[Sequence[int]], floor: float = 0.1
    ) -> Whitened:
        """Whiten the groups of ``population`` (N, C), characters' sliders in [0, 1].

        Directions in which the population hardly varies would cost without bounds: standard
        deviations count as at least ``floor`` of a uniformly random slider's.
        """
        uniform = 12**-0.5
        found = []
        for group in groups:
            columns = torch.tensor(list(group), dtype=torch.long)
            away = population[:, columns] - population[:, columns].mean(dim=0)
            _, size, directions = torch.linalg.svd(away, full_matrices=False)
            deviation = size / max(1, len(population) - 1) ** 0.5
            scale = uniform / deviation.clamp_min(floor * uniform)
            found.append((columns, directions.T * scale))
        return cls(mean, tuple(found))

    def __call__(self, sample: Sample, /) -> Tensor:
        away = sample.vector[:, : self.mean.shape[0]] - self.mean
        total = sample.vector.new_zeros(sample.vector.shape[0])
        for columns, matrix in self.groups:
            total = total + (away[:, columns] @ matrix.to(away.dtype)).square().sum(dim=1)
        return total


@dataclass(frozen=True)
class Choices:
    """Indecision of the relaxed choices: the slots' mean entropy over its maximum, in [0, 1].

    ``mean_s -sum_k p_sk log p_sk / log K_s``: 0 when every slot is one-hot, so that taking the
    argmax at the end changes nothing; 1 when every choice of every slot is equally likely.
    Slots of a single choice have no entropy and do not count.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"vector"})
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

    reads: ClassVar[frozenset[str]] = frozenset({"vector"})
    mean: Tensor
    slots: tuple[slice, ...]

    def __call__(self, sample: Sample, /) -> Tensor:
        left = [1.0 - (sample.vector[:, s] * self.mean[s]).sum(dim=1) for s in self.slots]
        if not left:
            return sample.vector.new_zeros(sample.vector.shape[0])
        return torch.stack(left).mean(dim=0)
