"""Least squares on pictures themselves: for a picture that can be drawn again exactly.

Where a photo is looked at through networks, gradients are all there is. Where the very picture is
to be drawn again, the difference of every pixel is an equation, hundreds of times more equations
than unknowns, and each slider's effect can be had from the engine by moving it alone. So this is
Gauss-Newton with Marquardt's damping (Marquardt 1963) and Huber's weights (Huber 1964) in the box
of the sliders. Choices are judged as if the sliders would already have followed: what a choice
changes is compared with what is left over once the sliders have explained all that they can
(variable projection, Golub and Pereyra 1973), all slots together; the likeliest are drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from f2p_sdk.search.space import Space

__all__ = ["LeastSquares", "Solved"]

_LENGTHS = (1.0, 0.6, 0.3, 0.1)  # of the step, that are tried
_VARIANCE = 1 / 12  # of a slider that may lie anywhere in [0, 1]
_PINNED = 6  # rounds of pinning sliders to the ends of the box


@dataclass(frozen=True)
class Solved:
    """vector: (D,), choices hard. loss: mean of Huber's loss over all differences."""

    vector: Tensor
    loss: float


@dataclass(frozen=True)
class LeastSquares:
    """One round from a vector to a better one.

    Attributes:
        move: how far a slider is moved to see what it changes, share of its range.
        caution: how much larger than they are differences are taken to be, as a variance: what the
            sliders do is not straight, and neighbouring pixels err together.
        outlier: a difference beyond this, of 1, counts linearly.
        trials: how many combinations of choices are drawn beside the present one.
    """

    move: float = 0.06
    caution: float = 20.0
    outlier: float = 0.03
    trials: int = 6

    def pictures(self, space: Space, choices: bool) -> int:
        """How many pictures a round draws at most."""
        others = sum(s.stop - s.start - 1 for s in space.slots) if choices else 0
        extra = self.trials * 2 if choices else 0
        return 1 + int(space.free[: space.continuous].sum()) + others + len(_LENGTHS) + extra

    def round(
        self,
        space: Space,
        vector: Tensor,
        target: Tensor,
        draw: Callable[[Tensor], Tensor],
        *,
        choices: bool = True,
    ) -> Solved:
        """The best of what one look at everything suggests; never worse than ``vector``.

        Args:
            space: which sliders and slots may move.
            vector: (D,), hard, where to start.
            target: (P,), what is to be drawn.
            draw: (B, D) -> (B, P), hard vectors to pictures in the target's form.
            choices: whether slots may move too.
        """
        sliders = torch.nonzero(space.free[: space.continuous])[:, 0]
        slots = [s for s in space.slots if choices and bool(space.free[s].all())]
        swaps = [
            (s, k) for s in slots for k in range(s.stop - s.start) if not bool(vector[s.start + k])
        ]
        drawn = draw(self._asked(vector, sliders, swaps))
        base = drawn[0]
        left = target - base
        weight = (self.outlier / left.abs().clamp(min=self.outlier)).to(left.dtype)
        noise = self.caution * float((weight * left.square()).mean()) + 1e-12
        signs = torch.where(vector[sliders] > 0.5, -1.0, 1.0)
        slopes = (drawn[1 : 1 + len(sliders)] - base) / (self.move * signs)[:, None]
        changes = torch.cat([left[None], drawn[1 + len(sliders) :] - base])
        normal = _Normal(slopes, changes, weight / noise, 0.5 - vector[sliders])
        here = vector[sliders]
        tried = [_stepped(vector, sliders, length * normal.step([], here)) for length in _LENGTHS]
        for chosen in normal.combinations(swaps, self.trials):
            swapped = vector.clone()
            for index in chosen:
                slot, k = swaps[index]
                swapped[slot] = 0
                swapped[slot.start + k] = 1
            tried.append(_stepped(swapped, sliders, normal.step(chosen, here)))
            tried.append(_stepped(swapped, sliders, 0.4 * normal.step(chosen, here)))
        losses = torch.cat(
            [self._loss(base[None], target), self._loss(draw(torch.stack(tried)), target)]
        )
        best = int(losses.argmin())
        return Solved(vector if best == 0 else tried[best - 1], float(losses[best]))

    def _asked(self, vector: Tensor, sliders: Tensor, swaps: list[tuple[slice, int]]) -> Tensor:
        """(1 + C + S, D): the vector, each slider moved toward the middle, each other choice."""
        asked = vector.repeat(1 + len(sliders) + len(swaps), 1)
        for row, slider in enumerate(sliders.tolist(), start=1):
            asked[row, slider] += -self.move if float(vector[slider]) > 0.5 else self.move
        for row, (slot, k) in enumerate(swaps, start=1 + len(sliders)):
            asked[row, slot] = 0
            asked[row, slot.start + k] = 1
        return asked

    def _loss(self, drawn: Tensor, target: Tensor) -> Tensor:
        """(B, P) and (P,) to (B,)."""
        return torch.nn.functional.huber_loss(
            drawn, target.expand_as(drawn), reduction="none", delta=self.outlier
        ).mean(dim=1)


class _Normal:
    """The normal equations of sliders, and of what is left when choices change.

    slopes: (C, P). changes: (1 + S, P), the difference to explain, then what each swap changes.
    weight: (P,), inverse variances. away: (C,), from the sliders to where they would be by default.
    """

    def __init__(self, slopes: Tensor, changes: Tensor, weight: Tensor, away: Tensor) -> None:
        weighted = slopes * weight
        self.matrix = (weighted @ slopes.T).double()
        self.matrix.diagonal().add_(1 / _VARIANCE)
        self.sides = (weighted @ changes.T).double()  # (C, 1 + S)
        self.sides[:, 0] += away.double() / _VARIANCE
        solved = torch.cholesky_solve(self.sides, torch.linalg.cholesky(self.matrix))
        # energies of differences when the sliders have followed, as a quadratic form
        self.form = ((changes * weight) @ changes.T).double() - self.sides.T @ solved

    def step(self, chosen: list[int], here: Tensor) -> Tensor:
        """(C,), how far the sliders go when these swaps are made; ``here`` (C,) is where they are.

        Inside the box: sliders that would leave it are pinned to its end, and the rest solved anew.
        """
        side = self.sides[:, 0] - self.sides[:, [1 + i for i in chosen]].sum(dim=1)
        low, high = -here.double(), 1 - here.double()
        free = torch.ones(len(here), dtype=torch.bool)
        found = torch.zeros(len(here), dtype=torch.float64)
        for _ in range(_PINNED):
            rest = side[free] - self.matrix[free][:, ~free] @ found[~free]
            found[free] = torch.linalg.solve(self.matrix[free][:, free], rest)
            outside = free & ((found < low) | (found > high))
            if not bool(outside.any()):
                break
            found = torch.where(outside, found.clamp(low, high), found)
            free &= ~outside
        return found.clamp(low, high).to(here.dtype)

    def combinations(self, swaps: list[tuple[slice, int]], count: int) -> list[list[int]]:
        """The likeliest combinations of swaps, at most one of each slot, the likeliest first.

        From none and from each single swap, slot by slot to the best, as in coordinate descent.
        """
        form = self.form
        found: dict[tuple[int, ...], float] = {}
        slots = sorted({slot.start for slot, _ in swaps})
        of = {start: [i for i, (s, _) in enumerate(swaps) if s.start == start] for start in slots}

        def energy(chosen: tuple[int, ...]) -> float:
            rows = torch.tensor([0, *(1 + i for i in chosen)])
            signs = torch.tensor([1.0, *(-1.0 for _ in chosen)], dtype=form.dtype)
            return float(signs @ form[rows][:, rows] @ signs)

        for start in [(), *((i,) for i in range(len(swaps)))]:
            best, score = start, energy(start)
            if start:
                found[start] = score
            for slot in slots * 2:
                others = tuple(i for i in best if i not in of[slot])
                for option in [(), *((i,) for i in of[slot])]:
                    here = tuple(sorted((*others, *option)))
                    value = energy(here)
                    if value < score:
                        best, score = here, value
            if best:
                found[best] = score
        return [list(k) for k, _ in sorted(found.items(), key=lambda item: item[1])[:count]]


def _stepped(vector: Tensor, sliders: Tensor, step: Tensor) -> Tensor:
    moved = vector.clone()
    moved[sliders] = (moved[sliders] + step).clamp(0, 1)
    return moved
