"""Robust Gauss-Newton on pictures, with a Jacobian from finite differences of the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from .normal_equations import NormalEquations

__all__ = ["Draw", "Model", "Point"]

#: (B, D) vectors with hard choices to (B, P) pictures.
Draw = Callable[[Tensor], Tensor]

_QUANTISATION = (1 / 255) ** 2 / 12  # variance of a picture in 255 steps
_HUBER = 3.0  # standard deviations beyond which the loss is linear
_LENGTHS = (1.0, 0.5, 0.25)  # of a step: backtracking


@dataclass(frozen=True)
class Point:
    """A vector (D,) with hard choices, and its picture (P,)."""

    vector: Tensor
    picture: Tensor


@dataclass(frozen=True)
class Model:
    """Linear model of the picture around a point, and the loss that belongs to it.

    Attributes:
        target: (P,), the picture to reach, in [0, 1].
        draw: see :data:`Draw`.
        sliders: (C,), indices of the sliders that may move.
        jacobian: (C, P), change of the picture per slider.
        variance: (P,), of a residual: quantisation, and curvature that the Jacobian leaves out.
            Pixels at edges have much of it and count little.
        difference: finite-difference step, share of a slider's range.
        noise: factor of the variance while residuals are large: then the linear model is wrong by
            more than the curvature of single sliders, and neighbouring pixels err together.
        gain: least relative gain of a step that is worth a picture.
    """

    target: Tensor
    draw: Draw
    sliders: Tensor
    jacobian: Tensor
    variance: Tensor
    difference: float
    noise: float
    gain: float

    @classmethod
    def around(
        cls,
        point: Point,
        target: Tensor,
        draw: Draw,
        sliders: Tensor,
        *,
        difference: float,
        noise: float,
        gain: float,
    ) -> Model:
        """Measure the Jacobian and the curvature by central differences, within [0, 1]."""
        here = point.vector[sliders]
        low, high = (here - difference).clamp_min(0) - here, (here + difference).clamp_max(1) - here
        down, up = (_changes(point, draw, sliders, moves) for moves in (low, high))
        jacobian = (up - down) / (high - low)[:, None]
        even = (low + high).abs() < 1e-6
        curvature = (up + down)[even].square().sum(dim=0) / max(1, int(even.sum()))
        variance = _QUANTISATION + curvature
        return cls(target, draw, sliders, jacobian, variance, difference, noise, gain)

    def refreshed(self, point: Point, change: Tensor, count: int) -> Model:
        """Measure some rows of the Jacobian again, by one-sided differences at ``point``.

        These are the ``count`` sliders that act most where a change (P,) of the picture is.
        """
        weight = self.variance.rsqrt()
        effect = (self.jacobian * weight).abs()
        overlap = effect @ (change * weight).abs() / effect.norm(dim=1).clamp_min(1e-9)
        rows = overlap.argsort(descending=True)[:count]
        here = point.vector[self.sliders[rows]]
        moves = torch.where(here > 0.5, -self.difference, self.difference)
        jacobian = self.jacobian.clone()
        changes = _changes(point, self.draw, self.sliders[rows], moves)
        jacobian[rows] = changes / moves[:, None]
        return replace(self, jacobian=jacobian)

    def point(self, vector: Tensor) -> Point:
        """Draw one vector (D,)."""
        return Point(vector, self.draw(vector[None])[0])

    def loss(self, picture: Tensor) -> float:
        """Mean Huber loss (Huber 1964) of a picture (P,), residuals in standard deviations."""
        deviations = (self.target - picture) * self.variance.rsqrt()
        return float(functional.huber_loss(deviations, torch.zeros_like(deviations), delta=_HUBER))

    def mean_square(self, point: Point) -> float:
        """Mean square difference between a point's picture and the target, of 1."""
        return float((self.target - point.picture).square().mean())

    def equations(self, point: Point) -> NormalEquations:
        """Return the normal equations at a point, residuals reweighted by Huber's weights."""
        residual = self.target - point.picture
        deviations = residual * self.variance.rsqrt()
        weight = (deviations.abs() / _HUBER).clamp_min(1).reciprocal()
        scale = self.noise * max(1.0, float((weight * deviations.square()).mean()))
        return NormalEquations(
            self.jacobian, residual, weight / (self.variance * scale), point.vector[self.sliders]
        )

    def descend(self, point: Point, steps: int) -> tuple[Point, Model]:
        """Take up to ``steps`` Gauss-Newton steps; return the best point and the model there.

        Every step, accepted or rejected, updates the Jacobian (Broyden 1965). Two rejected steps
        in a row end the descent.
        """
        model = replace(self, jacobian=self.jacobian.clone())
        loss, rejected = self.loss(point.picture), 0
        for _ in range(steps):
            step = model.equations(point).step()
            promised = self.loss(point.picture + model.jacobian.T @ step)
            if promised > (1 - self.gain) * loss or rejected > 1:
                break
            for length in _LENGTHS:
                found = model.point(self._moved(point.vector, length * step))
                left = self.loss(found.picture)
                taken = (found.vector - point.vector)[self.sliders]
                error = found.picture - point.picture - model.jacobian.T @ taken
                model.jacobian.addr_(taken / taken.square().sum().clamp_min(1e-12), error)
                if left < loss:
                    break
            rejected = 0 if left < (1 - self.gain) * loss else rejected + 1
            if left < loss:
                point, loss = found, left
        return point, model

    def _moved(self, vector: Tensor, step: Tensor) -> Tensor:
        moved = vector.clone()
        moved[self.sliders] = (moved[self.sliders] + step).clamp(0, 1)
        return moved


def _changes(point: Point, draw: Draw, sliders: Tensor, moves: Tensor) -> Tensor:
    """Change of the picture (C, P) when each slider (C,) alone moves by its move (C,)."""
    vectors = point.vector.repeat(len(sliders), 1)
    vectors[torch.arange(len(sliders)), sliders] += moves
    return draw(vectors) - point.picture
