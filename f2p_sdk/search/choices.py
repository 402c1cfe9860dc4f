"""Local search over choices, which no gradient settles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from f2p_sdk.search.space import Space

__all__ = ["Chosen", "improve_choices"]


@dataclass(frozen=True)
class Chosen:
    """vector: (D,), hard. score: its score. ranking: (D,), higher is better: minus the score that
    each choice had when it was last tried, -inf where it was not; 0 outside of slots."""

    vector: Tensor
    score: float
    ranking: Tensor


def improve_choices(
    space: Space,
    vector: Tensor,
    score: Callable[[Tensor], Tensor],
    *,
    rounds: int = 1,
    ranking: Tensor | None = None,
    limit: int | None = None,
) -> Chosen:
    """Local search over choices: slot by slot, every choice is tried and the best one kept.

    vector: (D,), hard. score: (B, D) -> (B,), lower is better; what it draws with is the caller's
    affair. ranking: (D,), e.g. the relaxed vector of a search, or the ranking of an earlier call:
    with it only the ``limit`` choices of each slot that it ranks highest are tried. Coordinate
    descent from the choices of ``vector``, so the result is never worse; ends early when a whole
    round changes nothing.
    """
    best = vector
    best_score = float(score(vector[None])[0])
    ranked = torch.zeros_like(vector)
    for slot in space.slots:
        ranked[slot] = -torch.inf
    for _ in range(rounds):
        before = best
        for slot in space.slots:
            here = slot.start + int(best[slot].argmax())
            ranked[here] = -best_score
            if not bool(space.free[slot].all()):
                continue
            size = slot.stop - slot.start
            order = range(size) if ranking is None else ranking[slot].argsort(descending=True)
            others = [int(k) for k in order if slot.start + int(k) != here][:limit]
            if not others:
                continue
            trial = best.repeat(len(others), 1)
            trial[:, slot] = torch.eye(size, dtype=best.dtype)[others]
            scores = score(trial)
            ranked[slot][others] = -scores.to(ranked.dtype)
            k = int(scores.argmin())
            if float(scores[k]) < best_score:
                best, best_score = trial[k], float(scores[k])
        if torch.equal(before, best):
            break
    return Chosen(best, best_score, ranked)
