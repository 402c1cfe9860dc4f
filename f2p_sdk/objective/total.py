"""The weighted sum of the terms, and its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from .sample import Sample, Term

__all__ = ["Loss", "Objective"]


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

    @property
    def reads(self) -> frozenset[str]:
        """The fields of a sample that the terms in the sum look at."""
        used = [term.reads for weight, term in self.parts.values() if weight]
        return frozenset().union(*used)

    def __call__(self, sample: Sample, /) -> Loss:
        terms = {name: term(sample) for name, (weight, term) in self.parts.items() if weight}
        total = sample.vector.new_zeros(sample.vector.shape[0])
        for name, value in terms.items():
            total = total + self.parts[name][0] * value
        return Loss(total, terms)
