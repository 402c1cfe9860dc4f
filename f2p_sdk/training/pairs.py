"""Pairs of pictures that differ in one parameter.

Beside a dataset of random characters there may be one of their neighbours: the same characters with
one parameter changed (``Layout.neighbour``). What changed in the picture then is the doing of that
parameter alone, however weak it is.
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
        neighbours: of the same with one parameter changed, record by record; None for no pairs.
    """

    pictures: Pictures
    neighbours: Pictures | None = None

    def of(
        self, rows: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Of these rows of ``pictures``, those that have a neighbour, and the neighbours' rows."""
        none = np.zeros(0, dtype=np.int64)
        if self.neighbours is None:
            return none, none
        numbers = self.pictures.numbers[rows]
        known = self.neighbours.numbers
        place = np.searchsorted(known, numbers).clip(max=len(known) - 1)
        found = known[place] == numbers
        return rows[found], place[found]
