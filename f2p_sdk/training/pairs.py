"""Pairs of characters that differ in one parameter.

A dataset of random characters may have a second one beside it with their neighbours: the same
characters with one parameter changed (``Layout.neighbour``). The difference of the two pictures is
the effect of that parameter alone, however weak it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .pictures import Pictures

__all__ = ["Pairs"]


@dataclass(frozen=True)
class Pairs:
    """A dataset and its neighbours.

    Attributes:
        pictures: of random characters.
        neighbours: of the same characters with one parameter changed; None for no pairs.
    """

    pictures: Pictures
    neighbours: Pictures | None = None

    def of(
        self, rows: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Those of these rows of ``pictures`` that have a neighbour, and the neighbours' rows."""
        none = np.zeros(0, dtype=np.int64)
        if self.neighbours is None:
            return none, none
        numbers = self.pictures.numbers[rows]
        known = self.neighbours.numbers
        place = np.searchsorted(known, numbers).clip(max=len(known) - 1)
        found = known[place] == numbers
        return rows[found], place[found]
