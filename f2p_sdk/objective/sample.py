"""Input of the terms of an objective."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeVar

from torch import Tensor

__all__ = ["Located", "Parsed", "Sample", "Term", "need"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Parsed:
    """Output of the face parser for a batch of pictures.

    Attributes:
        features: (B, C, h, w) per stage.
        probabilities: (B, K, h, w) of the classes; they sum to 1 over K.
    """

    features: tuple[Tensor, ...]
    probabilities: Tensor


@dataclass(frozen=True)
class Located:
    """Dense landmarks and expressions of a batch of pictures.

    Attributes:
        points: (B, N, 3), x and y as fractions of the picture's side, z in the same unit.
        expression: (B, E), coefficients, about in [0, 1].
    """

    points: Tensor
    expression: Tensor


@dataclass(frozen=True)
class Sample:
    """One batch of candidates.

    Attributes:
        vector: (B, D), relaxed: sliders in [0, 1], then one probability per choice.
        picture: (B, 3, S, S) RGB sRGB in [0, 1]; None where no term reads it.
        embedding: (V, B, E), embeddings of V crops of each picture, or None.
        parsed: output of the parser, or None.
        located: dense landmarks, or None.
    """

    vector: Tensor
    picture: Tensor | None = None
    embedding: Tensor | None = None
    parsed: Parsed | None = None
    located: Located | None = None


class Term(Protocol):
    """One summand of the objective: ``Sample -> (B,)``, differentiable.

    ``reads`` names the fields of the sample that it uses. A network runs only if a term reads its
    output.
    """

    reads: ClassVar[frozenset[str]]

    def __call__(self, sample: Sample, /) -> Tensor: ...


def need(value: _T | None, term: str, field: str) -> _T:
    """Return the value. Raises ValueError where the sample lacks it."""
    if value is None:
        raise ValueError(f"term '{term}' needs the sample's {field}")
    return value
