"""Objective of a search: named, weighted terms that add up to one number per candidate.

A term is a callable that reads a :class:`Sample` (vectors, pictures, embeddings and parsing of one
batch of candidates) and returns one non-negative number per candidate. Terms are frozen and know
neither game nor search, so tests check each one against finite differences.

The published objective is ``alpha * L1 + L2`` (slides, "Overall loss function"): ``L1`` is
:class:`Identity`, ``L2`` is :class:`Content`.
"""

from .appearance import ClassColour, Colour, Content, Parts
from .identity import Distance, Identity
from .landmarks import Landmarks, Leak, align_points
from .objective import Loss, Objective
from .regularisers import ChoicePrior, EntropyPenalty, Prior, WhitenedPrior
from .sample import Located, Parsed, Sample, Term

__all__ = [
    "ChoicePrior",
    "ClassColour",
    "Colour",
    "Content",
    "Distance",
    "EntropyPenalty",
    "Identity",
    "Landmarks",
    "Leak",
    "Located",
    "Loss",
    "Objective",
    "Parsed",
    "Parts",
    "Prior",
    "Sample",
    "Term",
    "WhitenedPrior",
    "align_points",
]
