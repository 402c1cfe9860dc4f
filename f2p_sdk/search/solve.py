"""Least squares on pictures themselves: for a picture that can be drawn again exactly.

Where a photo is looked at through networks, gradients are all there is. Where the very picture is
to be drawn again, the difference of every pixel is an equation, hundreds of times more equations
than unknowns, and each slider's effect can be had from the engine by moving it alone. So this is
Gauss-Newton with Marquardt's damping (Marquardt 1963) and Huber's weights (Huber 1964) in the box
of the sliders. Choices are judged as if the sliders would already have followed: what a choice
changes is compared with what is left over once the sliders have explained all that they can
(variable projection, Golub and Pereyra 1973), slot by slot; the likeliest are followed and drawn.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from f2p_sdk.search.space import Space

__all__ = ["LeastSquares", "Solved"]

_LENGTHS = (1.0, 0.5, 0.2)  # of the step, that are tried
_SLOW = 0.97  # a step that leaves more than this of the loss is the last
_FAR = 4.0  # times what is left to explain: a choice that leaves more is not tried
_VARIANCE = 1 / 12  # of a slider that may lie anywhere in [0, 1]
_PINNED = 6  # rounds of pinning sliders to the ends of the box


@dataclass(frozen=True)
class Solved:
    """vector: (D,), choices hard. loss: mean of Huber's loss over all differences."""

    vector: Tensor
    loss: float


@dataclass(frozen=True)
class LeastSquares:
    """A look at what everything changes, and steps from it.

    Attributes:
        move: how far a slider is moved to see what it changes, share of its range.
        caution: how much larger than they are differences are taken to be, as a variance: what the
            sliders do is not straight, and neighbouring pixels err together.
        outlier: a difference beyond this, of 1, counts linearly.
        trials: how many choices of each slot are tried, the likeliest first; 0 for none.
        anew: how many sliders are moved anew for each choice tried, those that do most where the
            choice acts: what a brow's sliders do depends on the brow.
        steps: how many steps are taken from one look, at most.
    """

    move: float = 0.06
    caution: float = 5.0
    outlier: float = 0.03
    trials: int = 0
    anew: int = 24
    steps: int = 8

    def round(
        self,
        space: Space,
        vector: Tensor,
        target: Tensor,
        draw: Callable[[Tensor], Tensor],
    ) -> Solved:
        """The best that one look leads to; never worse than ``vector``.

        Args:
            space: which sliders and slots may move.
            vector: (D,), hard, where to start.
            target: (P,), what is to be drawn.
            draw: (B, D) -> (B, P), hard vectors to pictures in the target's form.
        """
        sliders = torch.nonzero(space.free[: space.continuous])[:, 0]
        slots = [s for s in space.slots if self.trials and bool(space.free[s].all())]
        swaps = [
            (s, k) for s in slots for k in range(s.stop - s.start) if not bool(vector[s.start + k])
        ]
        others = [_with(vector, *swap) for swap in swaps]
        drawn = draw(torch.stack([*self._moved(vector, sliders), *others]))
        here, moved, swapped = drawn[0], drawn[1 : 1 + len(sliders)], drawn[1 + len(sliders) :]
        look = _Look(sliders, self._slopes(vector[sliders], moved - here), target, draw)
        best, picture = self._descend(look, vector, here)
        for slot in slots:
            own = [i for i, (s, _) in enumerate(swaps) if s == slot]
            normal = self._normal(look, best.vector, picture)
            costs = normal.costs(swapped[own] - here).tolist()
            near = [i for i, cost in zip(own, costs[1:], strict=True) if cost < _FAR * costs[0]]
            for i in sorted(near, key=lambda i: costs[1 + own.index(i)])[: self.trials]:
                start = _with(best.vector, *swaps[i])
                again, there = self._again(look, start, swapped[i] - here)
                found, seen = self._descend(again, start, there)
                if found.loss < best.loss:
                    best, picture, look = found, seen, again
        return best

    def _again(self, look: _Look, vector: Tensor, change: Tensor) -> tuple[_Look, Tensor]:
        """The look with those sliders moved anew at ``vector`` (D,) that do most where ``change``
        (P,) is; with the picture there."""
        length = look.products.diagonal().sqrt().clamp(min=1e-9)
        there = look.slopes.abs() @ change.abs() / length
        near = there.argsort(descending=True)[: self.anew]
        sliders = look.sliders[near]
        drawn = look.draw(self._moved(vector, sliders))
        slopes = look.slopes.clone()
        slopes[near] = self._slopes(vector[sliders], drawn[1:] - drawn[0])
        return replace(look, slopes=slopes), drawn[0]

    def _descend(self, look: _Look, vector: Tensor, picture: Tensor) -> tuple[Solved, Tensor]:
        """From ``vector`` (D,), whose picture (P,) it is, as far as the slopes of the look lead;
        with the picture there."""
        best = Solved(vector, float(self._loss(picture[None], look.target)))
        for _ in range(self.steps):
            step = self._normal(look, best.vector, picture).step()
            tried = torch.stack([_stepped(best.vector, look.sliders, t * step) for t in _LENGTHS])
            drawn = look.draw(tried)
            losses = self._loss(drawn, look.target)
            k, before = int(losses.argmin()), best.loss
            if float(losses[k]) < before:
                best, picture = Solved(tried[k], float(losses[k])), drawn[k]
            if best.loss > _SLOW * before:
                break
        return best, picture

    def _slopes(self, here: Tensor, changes: Tensor) -> Tensor:
        """What sliders (C,) change, (C, P), from what :meth:`_moved` did."""
        return changes / torch.where(here > 0.5, -self.move, self.move)[:, None]

    def _moved(self, vector: Tensor, sliders: Tensor) -> Tensor:
        """(1 + C, D): the vector, then each of these sliders moved toward the middle."""
        asked = vector.repeat(1 + len(sliders), 1)
        for row, slider in enumerate(sliders.tolist(), start=1):
            asked[row, slider] += -self.move if float(vector[slider]) > 0.5 else self.move
        return asked

    def _normal(self, look: _Look, vector: Tensor, picture: Tensor) -> _Normal:
        left = look.target - picture
        weight = self.outlier / left.abs().clamp(min=self.outlier)
        noise = self.caution * float((weight * left.square()).mean()) + 1e-12
        return _Normal(look, left, weight, noise, vector[look.sliders])

    def _loss(self, drawn: Tensor, target: Tensor) -> Tensor:
        """(B, P) and (P,) to (B,)."""
        return torch.nn.functional.huber_loss(
            drawn, target.expand_as(drawn), reduction="none", delta=self.outlier
        ).mean(dim=1)


@dataclass(frozen=True)
class _Look:
    """sliders: (C,), which. slopes: (C, P), what each changes. target, draw: of the round."""

    sliders: Tensor
    slopes: Tensor
    target: Tensor
    draw: Callable[[Tensor], Tensor]

    @functools.cached_property
    def products(self) -> Tensor:
        """(C, C), of the slopes with each other."""
        return self.slopes @ self.slopes.T

    def weighed(self, weight: Tensor) -> Tensor:
        """(C, C), the same where places count ``weight`` (P,), most of them 1: only the others are
        multiplied anew."""
        other = torch.nonzero(weight != 1)[:, 0]
        if 2 * len(other) > len(weight):
            return (self.slopes * weight) @ self.slopes.T
        slopes = self.slopes[:, other]
        return self.products - (slopes * (1 - weight[other])) @ slopes.T


class _Normal:
    """The normal equations of sliders.

    look: whose slopes. left: (P,), the difference to explain. weight: (P,), what each place counts.
    noise: variance of a difference that counts 1. here: (C,), where the sliders are; by default in
    the middle.
    """

    def __init__(
        self, look: _Look, left: Tensor, weight: Tensor, noise: float, here: Tensor
    ) -> None:
        self.slopes, self.left, self.weight = look.slopes, left, weight / noise
        self.here = here.double()
        self.matrix = look.weighed(weight).double() / noise
        self.matrix.diagonal().add_(1 / _VARIANCE)
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
        followed = torch.cholesky_solve(sides, torch.linalg.cholesky(self.matrix))
        return (left.square() @ self.weight).double() - (sides * followed).sum(dim=0)


def _with(vector: Tensor, slot: slice, choice: int) -> Tensor:
    changed = vector.clone()
    changed[slot] = 0
    changed[slot.start + choice] = 1
    return changed


def _stepped(vector: Tensor, sliders: Tensor, step: Tensor) -> Tensor:
    moved = vector.clone()
    moved[sliders] = (moved[sliders] + step).clamp(0, 1)
    return moved
