"""The normal equations of sliders: how far they go, and what a choice leaves when they have."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Normal"]

_VARIANCE = 1 / 12  # of a slider that may lie anywhere in [0, 1]
_PINNED = 6  # rounds of pinning sliders to the ends of the box


class Normal:
    """The normal equations of sliders.

    slopes: (C, P), what each changes. left: (P,), the difference to explain. weight: (P,), what
    each place counts: 1 over a variance. here: (C,), where the sliders are; by default in the
    middle.
    """

    def __init__(self, slopes: Tensor, left: Tensor, weight: Tensor, here: Tensor) -> None:
        self.slopes, self.left, self.weight = slopes, left, weight
        self.here = here.double()
        self.matrix, self.root, failed = _squares(slopes, weight)
        if failed:  # sliders that do much the same; float64 tells them, and takes thrice as long
            self.matrix, self.root, _ = _squares(slopes.double(), weight)
        self.home = (0.5 - self.here) / _VARIANCE

    def step(self) -> Tensor:
        """(C,), how far the sliders go.

        Inside the box: sliders that would leave it are pinned to its end, and the rest solved anew.
        """
        side = (self.slopes @ (self.weight * self.left)).double() + self.home
        low, high = -self.here, 1 - self.here
        free = torch.ones(len(side), dtype=torch.bool)
        found = torch.zeros_like(side)
        for _ in range(_PINNED):
            rest = side[free] - self.matrix[free][:, ~free] @ found[~free]
            found[free] = torch.linalg.solve(self.matrix[free][:, free], rest)
            outside = free & ((found < low) | (found > high))
            if not bool(outside.any()):
                break
            found = torch.where(outside, found.clamp(low, high), found)
            free &= ~outside
        return found.clamp(low, high).float()

    def costs(self, changes: Tensor) -> Tensor:
        """(1 + S,), what is left to explain when the sliders have followed: as it is, then with
        each of these changes (S, P) made."""
        left = torch.cat([self.left[None], self.left - changes])
        sides = (self.slopes @ (self.weight * left).T).double() + self.home[:, None]
        followed = torch.cholesky_solve(sides, self.root)
        return (left.square() @ self.weight).double() - (sides * followed).sum(dim=0)


def _squares(slopes: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, bool]:
    """The matrix (C, C), its root by Cholesky, and whether rounding left it without one."""
    matrix = ((slopes * weight) @ slopes.T).double()
    matrix.diagonal().add_(1 / _VARIANCE)
    root, failed = torch.linalg.cholesky_ex(matrix)
    return matrix, root, bool(failed)
