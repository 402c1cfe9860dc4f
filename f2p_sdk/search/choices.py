"""Local search over choices, for which gradients are unreliable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .space import Space

__all__ = ["ChoiceResult", "search_choices"]


@dataclass(frozen=True)
class ChoiceResult:
    """Result of a local search over choices.

    Attributes:
        vector: (D,), hard choices.
        score: its score.
        ranking: (D,), minus the last score of each choice, so higher is better; -inf for choices
            that were not tried, 0 for sliders. Groups that are not free keep the given ranking.
    """

    vector: Tensor
    score: float
    ranking: Tensor


def search_choices(
    space: Space,
    vector: Tensor,
    score: Callable[[Tensor], Tensor],
    *,
    ranking: Tensor | None = None,
    limit: int | None = None,
) -> ChoiceResult:
    """Coordinate descent over choices: per group, try every choice and keep the best.

    Args:
        space: the groups.
        vector: (D,), hard; the result never scores worse.
        score: vectors (B, D) to (B,), lower is better.
        ranking: (D,), e.g. a relaxed vector or an earlier result's ranking.
        limit: number of choices to try per group, highest ranking first; None tries all.
    """
    best, best_score = vector, float(score(vector[None])[0])
    ranked = torch.zeros_like(vector)
    for group in space.groups:
        ranked[group] = -torch.inf
    for group in space.groups:
        here = group.start + int(best[group].argmax())
        ranked[here] = -best_score
        if not bool(space.free[group].all()):
            if ranking is not None:
                ranked[group] = ranking[group]
            continue
        size = group.stop - group.start
        order = range(size) if ranking is None else ranking[group].argsort(descending=True)
        others = [int(k) for k in order if group.start + int(k) != here][:limit]
        if not others:
            continue
        trial = best.repeat(len(others), 1)
        trial[:, group] = torch.eye(size, dtype=best.dtype)[others]
        scores = score(trial)
        ranked[group][others] = -scores.to(ranked.dtype)
        k = int(scores.argmin())
        if float(scores[k]) < best_score:
            best, best_score = trial[k], float(scores[k])
    return ChoiceResult(best, best_score, ranked)
