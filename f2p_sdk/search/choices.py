"""Local search over choices, which no gradient settles."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from f2p_sdk.search.space import Space

__all__ = ["improve_choices"]


def improve_choices(
    space: Space,
    vector: Tensor,
    score: Callable[[Tensor], Tensor],
    *,
    rounds: int = 1,
) -> tuple[Tensor, float]:
    """Local search over choices: slot by slot, every choice is tried and the best one kept.

    vector: (D,), hard. score: (B, D) -> (B,), lower is better; what it draws with is the caller's
    affair. Coordinate descent from the start's choices, so the result is never worse than
    ``vector``; ends early when a whole round changes nothing. Returns (D,) and its score.
    """
    best = vector
    best_score = float(score(vector[None])[0])
    for _ in range(rounds):
        before = best
        for slot in space.slots:
            if not bool(space.free[slot].all()):
                continue
            size = slot.stop - slot.start
            others = [k for k in range(size) if k != int(best[slot].argmax())]
            if not others:
                continue
            trial = best.repeat(len(others), 1)
            trial[:, slot] = torch.eye(size, dtype=best.dtype)[others]
            scores = score(trial)
            k = int(scores.argmin())
            if float(scores[k]) < best_score:
                best, best_score = trial[k], float(scores[k])
        if torch.equal(before, best):
            break
    return best, best_score
