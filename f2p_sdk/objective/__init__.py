"""What a search minimises: named, weighted terms that add up to one number per candidate.

A term is a callable that reads a :class:`Sample` (one batch of candidates: their vectors, their
pictures, their embeddings) and returns one non-negative number per candidate. Terms are frozen and
know neither the game nor the search, so each can be checked alone, against finite differences.

The published objective is ``alpha * L1 + L2`` (slides, "Overall loss function"): ``L1`` is
:class:`Identity`, ``L2`` is :class:`Content`.
"""

from .identity import Distance, Identity
from .likeness import Colour, Content, Parts
from .plausible import Choices, Departure, Prior, Whitened
from .sample import Parsed, Sample, Term
from .total import Loss, Objective

__all__ = [
    "Choices",
    "Colour",
    "Content",
    "Departure",
    "Distance",
    "Identity",
    "Loss",
    "Objective",
    "Parsed",
    "Parts",
    "Prior",
    "Sample",
    "Term",
    "Whitened",
]
