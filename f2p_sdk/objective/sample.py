"""What a term of the objective is given to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeVar

from torch import Tensor

__all__ = ["Parsed", "Sample", "Term", "need"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Parsed:
    """What the face parser makes of a batch of pictures.

    features: of some of its stages, (B, C, h, w) each. probabilities: (B, K, h, w) of its classes,
    which sum to 1 over K.
    """

    features: tuple[Tensor, ...]
    probabilities: Tensor


@dataclass(frozen=True)
class Sample:
    """One batch of candidates as the terms see it.

    vector: (B, D), the relaxed vector: continuous in [0, 1], then one probability per choice.
    picture: (B, 3, S, S) RGB sRGB in [0, 1], or None where no term looks at pixels.
    embedding: (V, B, E), the recognizer's embedding of V views of each picture, or None.
    parsed: what the parser makes of the pictures, or None.
    """

    vector: Tensor
    picture: Tensor | None = None
    embedding: Tensor | None = None
    parsed: Parsed | None = None


class Term(Protocol):
    """One named part of the objective: ``Sample -> (B,)``, differentiable in all it reads.

    ``reads`` names those fields of the sample: a network that no term asks for is not run.
    """

    reads: ClassVar[frozenset[str]]

    def __call__(self, sample: Sample, /) -> Tensor: ...


def need(value: _T | None, term: str, what: str) -> _T:
    """The value; ValueError where the sample lacks it."""
    if value is None:
        raise ValueError(f"term '{term}' needs the sample's {what}")
    return value
