"""Weighted sum of terms, and its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from .sample import Sample, Term

__all__ = ["Loss", "Objective"]


@dataclass(frozen=True)
class Loss:
    """``total`` (B,), the weighted sum; ``terms``: name -> (B,), each before its weight."""

    total: Tensor
    terms: Mapping[str, Tensor]

    def breakdown(self, index: int = 0) -> dict[str, float]:
        """Return the terms of one candidate as floats, with the sum as ``total``."""
        numbers = {name: float(value[index].detach()) for name, value in self.terms.items()}
        return {**numbers, "total": float(self.total[index].detach())}


@dataclass(frozen=True)
class Objective:
    """``total = sum_name weight * term``.

    Attributes:
        parts: name -> (weight, term). A term of weight 0 is not computed.
    """

    parts: Mapping[str, tuple[float, Term]]

    @property
    def reads(self) -> frozenset[str]:
        """Fields of a sample that the terms read."""
        return frozenset().union(*(term.reads for weight, term in self.parts.values() if weight))

    def __call__(self, sample: Sample, /) -> Loss:
        terms = {name: term(sample) for name, (weight, term) in self.parts.items() if weight}
        total = sample.vector.new_zeros(sample.vector.shape[0])
        for name, value in terms.items():
            total = total + self.parts[name][0] * value
        return Loss(total, terms)
