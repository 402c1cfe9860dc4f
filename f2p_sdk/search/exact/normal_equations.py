"""Normal equations of one Gauss-Newton step, in the box [0, 1] of the sliders."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["NormalEquations"]

_PRIOR = 12.0  # inverse variance of a slider that is uniform in [0, 1]
_ROUNDS = 6  # rounds of fixing sliders at the bounds of the box


class NormalEquations:
    """``(J W J' + prior) step = J W residual + prior (0.5 - sliders)``.

    Args:
        jacobian: (C, P), change of the picture per slider.
        residual: (P,), target minus picture.
        weight: (P,), inverse variance of each residual.
        sliders: (C,), their values in [0, 1].
    """

    def __init__(self, jacobian: Tensor, residual: Tensor, weight: Tensor, sliders: Tensor) -> None:
        self.jacobian, self.residual, self.weight = jacobian, residual, weight
        self.sliders = sliders.double()
        self.pull = _PRIOR * (0.5 - self.sliders)
        self.matrix = ((jacobian * weight) @ jacobian.T).double()
        self.matrix.diagonal().add_(_PRIOR)

    def step(self) -> Tensor:
        """Return the step (C,) to the minimum of the linear model inside the box.

        Sliders that would leave the box are fixed at its bound, and the rest is solved again.
        """
        side = (self.jacobian @ (self.weight * self.residual)).double() + self.pull
        low, high = -self.sliders, 1 - self.sliders
        free = torch.ones(len(side), dtype=torch.bool)
        step = torch.zeros_like(side)
        for _ in range(_ROUNDS):
            rest = side[free] - self.matrix[free][:, ~free] @ step[~free]
            step[free] = torch.linalg.solve(self.matrix[free][:, free], rest)
            outside = free & ((step < low) | (step > high))
            if not bool(outside.any()):
                break
            step = torch.where(outside, step.clamp(low, high), step)
            free &= ~outside
        return step.clamp(low, high).float()

    def predict(self, changes: Tensor) -> Tensor:
        """Return (K,): the cost that each change (K, P) of the picture leaves after a step.

        The step is the unbounded optimum for that change (variable projection, Golub and Pereyra
        1973). Costs are comparable within one call only.
        """
        left = self.residual - changes
        sides = (left * self.weight @ self.jacobian.T).double() + self.pull
        steps: Tensor = torch.linalg.solve(self.matrix, sides.T).T
        return (left.square() @ self.weight).double() - (sides * steps).sum(dim=1)
