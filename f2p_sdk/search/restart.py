"""A new beginning, where least squares went after a wrong choice and cannot turn back.

Hair covers a third of a picture. If the wrong one is taken early, all sliders serve to make up for
it, and no other hair fits them any more. So each other choice of the slot that shows most is
begun with anew, from the start, by the sliders that do most; the best go on with all sliders.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from f2p_sdk.search.moves import inward, moved
from f2p_sdk.search.slots import chosen, others_of
from f2p_sdk.search.solve import Draw, LeastSquares, Solved
from f2p_sdk.search.space import Space

__all__ = ["restart"]

_STRONG = 48  # sliders that take part while all choices do
_LEFT = 2  # choices that go on with all sliders
_ROUNDS = 2  # of looks, for those


def restart(
    method: LeastSquares,
    space: Space,
    vector: Tensor,
    target: Tensor,
    draw: Draw,
    above: float = 0.0,
) -> Solved:
    """``vector``, or what another beginning came to, if that is nearer to the target.

    Args:
        method: how every beginning is solved for; the choices stay.
        space: where the search started, and which sliders and slots may move.
        vector: (D,), hard, what was found so far.
        target, draw: as in :meth:`.LeastSquares.round`.
        above: where no more than this is left, a mean square, nothing is begun anew.
    """
    best = Solved.of(vector, target, draw(vector[None])[0])
    slots = [slot for slot in space.slots if bool(space.free[slot].all())]
    others = [others_of(vector, slot) for slot in slots]
    if best.loss <= above or not any(others):
        return best
    here = torch.cat([space.start[: space.continuous], vector[space.continuous :]])
    sliders = torch.nonzero(space.free[: space.continuous])[:, 0]
    moves = inward(here[sliders], method.move)
    swapped = [chosen(here, other) for some in others for other in some]
    drawn = draw(torch.stack([here, *moved(here, sliders, moves), *swapped]))
    effect = (drawn[1:] - drawn[0]).square().sum(dim=1)
    parts = torch.split(effect[len(sliders) :], [len(some) for some in others])
    shown = [float(part.sum()) for part in parts]
    tried = others[max(range(len(slots)), key=shown.__getitem__)]
    strong = sliders[effect[: len(sliders)].argsort(descending=True)[:_STRONG]]
    found = [
        method.round(_only(space, strong), chosen(here, other), target, draw) for other in tried
    ]
    for one in sorted(found, key=lambda one: one.loss)[:_LEFT]:
        for _ in range(_ROUNDS):
            one = method.round(_only(space, sliders), one.vector, target, draw)
        best = min(best, one, key=lambda each: each.loss)
    return best


def _only(space: Space, sliders: Tensor) -> Space:
    """The space in which nothing but these sliders moves."""
    free = torch.zeros_like(space.free)
    free[sliders] = True
    return replace(space, free=free)
