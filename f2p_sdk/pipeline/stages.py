"""Stages that a method is made of; :mod:`.flow` runs them one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..search import LeastSquares, Optimiser

__all__ = ["Explain", "Release", "Restart", "Search", "Settle", "Solve", "Stage", "TryChoices"]


@dataclass(frozen=True)
class Search:
    """A run of an optimiser over the sliders and, where ``relaxed``, the choices too.

    Attributes:
        name: what the report calls it.
        optimiser: how, and for how many steps.
        engine: with the engine's own picture in the loop (:class:`.drawing.Grounded`), where there
            is an engine; else through the imitator alone.
        relaxed: choices are softmax and move; else they stay as the stage before left them.
    """

    name: str
    optimiser: Optimiser
    engine: bool = False
    relaxed: bool = False


@dataclass(frozen=True)
class TryChoices:
    """Local search over the choices, drawn by the engine where there is one.

    How they fared there ranks them for the next such stage.

    Attributes:
        name: what the report calls it.
        rounds: how often every slot is gone through.
        shortlist: how many choices of a slot are tried, the likeliest first; None for all.
        weights: weights of terms that differ from the recipe's.
    """

    name: str
    rounds: int = 1
    shortlist: int | None = None
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Explain:
    """Find the photo's expression and light as a scene; later stages draw the engine in it.

    Only where there is an engine that knows scenes; else nothing is done.

    Attributes:
        name: what the report calls it.
        rounds: how often every number of the scene is turned.
        weights: of the terms that judge it, instead of the recipe's.
    """

    name: str
    rounds: int = 2
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Solve:
    """Least squares on the picture itself, sliders and choices; drawn by the engine where there is
    one. For what is to be drawn again exactly.

    Attributes:
        name: what the report calls it.
        method: a look at what everything changes, and steps from it.
        grid: cells a side, in whose mean colours pictures are compared.
        rounds: how many looks.
    """

    name: str
    method: LeastSquares
    grid: int
    rounds: int = 1


@dataclass(frozen=True)
class Restart:
    """Begin anew with other choices of the slot that shows most, where too little is explained.

    Attributes:
        name: what the report calls it.
        method: how every beginning is solved for.
        grid: as for :class:`Solve`.
        above: what may be left at most for nothing to be done; a mean square, of 1.
    """

    name: str
    method: LeastSquares
    grid: int
    above: float


@dataclass(frozen=True)
class Release:
    """Let go of sliders that stick to their ends, and solve for all again, from coarse to fine.

    Attributes:
        name: what the report calls it.
        rounds: cells a side and method of each; in the first, what stuck is held in the middle.
        ends: how near to an end of its range a slider sticks, share of the range.
        above: what may be left at most for nothing to be done; a mean square, of 1.
    """

    name: str
    rounds: tuple[tuple[int, LeastSquares], ...]
    ends: float
    above: float


@dataclass(frozen=True)
class Settle:
    """Try choices once more, where too much is left when all else has come to rest.

    Attributes:
        name: what the report calls it.
        rounds: cells a side and method of each; all but the last try choices, until none changes.
        above: what may be left at most for nothing to be done; a mean square, of 1, in the cells of
            the last round.
    """

    name: str
    rounds: tuple[tuple[int, LeastSquares], ...]
    above: float


Stage = Search | TryChoices | Explain | Solve | Restart | Release | Settle
