"""Vectors moved: slider by slider, and what that changes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["inward", "moved", "roused", "slopes_of", "stepped"]

_END = 0.2  # of what it does to the other side: a slider that does less has an end there


def inward(here: Tensor, move: float) -> Tensor:
    """(C, 1), a move of this length toward the middle, for sliders (C,)."""
    return torch.where(here > 0.5, -move, move)[:, None]


def moved(vector: Tensor, sliders: Tensor, moves: Tensor) -> list[Tensor]:
    """The vector with each of these sliders (C,) moved alone, by each of its moves (C, M)."""
    asked = []
    for slider, own in zip(sliders.tolist(), moves.tolist(), strict=True):
        for move in own:
            asked.append(vector.clone())
            asked[-1][slider] += move
    return asked


def slopes_of(here: Tensor, drawn: Tensor, moves: Tensor) -> tuple[Tensor, Tensor]:
    """What sliders change, (C, P), from what :func:`moved` had drawn (C * M, P); and (P,), the
    mean square by which it is not straight: 0 where no slider moved to both sides alike.

    A slider that does next to nothing to one side has an end there, like grey hair that is no
    longer grey: its slope is that of the other side.
    """
    if moves.shape[1] == 1:
        return (drawn - here) / moves, torch.zeros_like(here)
    slopes = torch.empty(len(moves), len(here))
    bend, even = torch.zeros_like(here), 0
    for k, (down, up) in enumerate(moves.tolist()):
        low, high = drawn[2 * k] - here, drawn[2 * k + 1] - here
        less, more = float(low.norm()), float(high.norm())
        if less < _END * more:
            slopes[k] = high / up
        elif more < _END * less:
            slopes[k] = low / down
        else:
            slopes[k] = (high - low) / (up - down)
            if abs(up + down) < 1e-6:
                bend += (low + high).square_()
                even += 1
    return slopes, bend / max(1, even)


def roused(
    vector: Tensor, here: Tensor, sliders: Tensor, draw: Callable[[Tensor], Tensor]
) -> Tensor:
    """(C, P), slopes of sliders that do nothing where they are and may do something further off:
    how grey hair is, below the middle. They are moved to both ends of their ranges, and the end
    that shows more counts. ``here`` (P,): as the vector is drawn."""
    if not len(sliders):
        return here.new_zeros(0, len(here))
    moves = torch.stack([-vector[sliders], 1 - vector[sliders]], dim=1)
    drawn = draw(torch.stack(moved(vector, sliders, moves))) - here
    drawn = drawn.reshape(len(sliders), 2, -1)
    best = drawn.square().sum(dim=2).argmax(dim=1)
    rows = torch.arange(len(sliders))
    far = moves[rows, best]
    return drawn[rows, best] / far.where(far != 0, 1.0)[:, None]


def stepped(vector: Tensor, sliders: Tensor, step: Tensor) -> Tensor:
    """The vector with these sliders (C,) a step (C,) further, within the box."""
    further = vector.clone()
    further[sliders] = (further[sliders] + step).clamp(0, 1)
    return further
