"""Sliders that stick to the ends of their ranges let go, where least squares came to rest too soon.

A face can be wide by its weight or by its neck and cheeks. Where the one went too far early, the
other is pressed against its end to make up for it; from there every small step is a step back, and
finer pictures, whose edges jump, only settle it. So what sticks is put back to the middle and held
there until all else has followed, in cells so coarse that edges move steadily; then all is free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from f2p_sdk.search.solve import Draw, LeastSquares, Solved
from f2p_sdk.search.space import Space

__all__ = ["Looked", "release"]

Looked = tuple[LeastSquares, Tensor, Draw]
"""How a round is solved, with its ``target`` and ``draw``: see :meth:`.LeastSquares.round`."""


def release(
    rounds: Sequence[Looked], space: Space, vector: Tensor, ends: float, above: float = 0.0
) -> Solved:
    """``vector``, or what letting go came to, if that is nearer to the target of the last round.

    Args:
        rounds: of least squares, from coarse to fine; in the first, what stuck is held.
        space: which sliders and slots may move.
        vector: (D,), hard, what was found so far.
        ends: a slider that is nearer to an end of its range sticks, share of the range.
        above: where no more than this is left, a mean square, nothing is let go.
    """
    _, target, draw = rounds[-1]
    before = Solved.of(vector, target, draw(vector[None])[0])
    sliders = vector[: space.continuous]
    stuck = torch.zeros_like(space.free)
    stuck[: space.continuous] = (sliders < ends) | (sliders > 1 - ends)
    stuck &= space.free
    if before.loss <= above or not bool(stuck.any()):
        return before
    here = replace(space, free=space.free & ~stuck)
    found = Solved(torch.where(stuck, 0.5, vector), before.loss)
    for method, target, draw in rounds:
        found = method.round(here, found.vector, target, draw)
        here = space
    return min(before, found, key=lambda one: one.loss)
