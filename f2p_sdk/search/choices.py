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
    ranking: Tensor | None = None,
    limit: int | None = None,
) -> tuple[Tensor, float]:
    """Local search over choices: slot by slot, every choice is tried and the best one kept.

    vector: (D,), hard. score: (B, D) -> (B,), lower is better; what it draws with is the caller's
    affair. ranking: (D,), e.g. the relaxed vector of a search: with it only the ``limit`` choices
    of each slot that it ranks highest are tried. Coordinate descent from the choices of ``vector``,
    so the result is never worse; ends early when a whole round changes nothing. Returns (D,) and
    its score.
    """
    best = vector
    best_score = float(score(vector[None])[0])
    for _ in range(rounds):
        before = best
        for slot in space.slots:
            if not bool(space.free[slot].all()):
                continue
            size = slot.stop - slot.start
            order = range(size) if ranking is None else ranking[slot].argsort(descending=True)
            others = [int(k) for k in order if int(k) != int(best[slot].argmax())][:limit]
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
