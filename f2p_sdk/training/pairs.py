"""Pairs of characters that differ in one parameter.

A dataset of random characters may have a second one beside it with their neighbours: the same
characters with one parameter changed (``Layout.neighbour``). The difference of the two pictures is
the effect of that parameter alone, however weak it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .cache import Rows
from .pictures import Pictures

__all__ = ["Pairs"]


@dataclass(frozen=True)
class Pairs:
    """A dataset and its neighbours."""

    pictures: Pictures  # of random characters
    neighbours: Pictures | None = None  # the same characters with one parameter changed

    def of(self, rows: Rows) -> tuple[Rows, Rows]:
        """Those of these rows of ``pictures`` that have a neighbour, and the neighbours' rows."""
        none = np.zeros(0, dtype=np.int64)
        if self.neighbours is None:
            return none, none
        numbers = self.pictures.numbers[rows]
        known = self.neighbours.numbers
        place = np.searchsorted(known, numbers).clip(max=len(known) - 1)
        found = known[place] == numbers
        return rows[found], place[found]

    def differing(
        self, rows: Rows, columns: slice, limit: int
    ) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]]:
        """The first ``limit`` pairs of these rows that differ in some columns of the vector.

        Yields both vectors (2, D) and the two pictures (S, S, 3).
        """
        if self.neighbours is None:
            return
        ones, others = self.of(rows)
        a, b = self.pictures, self.neighbours
        changed = a.vectors[:, columns][ones] != b.vectors[:, columns][others]
        for i in np.flatnonzero(changed.any(axis=1))[:limit]:
            one, other = ones[i], others[i]
            vectors = np.stack([a.vectors[one], b.vectors[other]])
            yield vectors, a.pictures[one], b.pictures[other]
