"""Choices looked at once more, when the sliders have come to rest and still too much is left.

What a choice leaves is told by sliders that are nearly right; while they were not, a wrong choice
may have been the nearer one. And one choice may hide another: what colour lips wear, no picture
tells as long as they are bare, so both are tried together.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from f2p_sdk.search.release import Looked
from f2p_sdk.search.solve import Solved
from f2p_sdk.search.space import Space

__all__ = ["settle"]


def settle(rounds: Sequence[Looked], space: Space, vector: Tensor, above: float = 0.0) -> Solved:
    """``vector``, or what other choices came to.

    Args:
        rounds: of least squares: all but the last try choices, until one changes none.
        space: which sliders and slots may move.
        vector: (D,), hard, what was found so far.
        above: where the last round's target leaves no more than this, a mean square, nothing is
            done.
    """
    *trying, last = rounds
    method, target, draw = last
    found = Solved.of(vector, target, draw(vector[None])[0])
    if found.loss <= above:
        return found
    for tried, near, drawn in trying:
        before = found.vector[space.continuous :]
        found = tried.round(space, found.vector, near, drawn)
        if torch.equal(found.vector[space.continuous :], before):
            break
    return method.round(space, found.vector, target, draw)
