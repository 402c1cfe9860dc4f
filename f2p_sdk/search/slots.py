"""Other choices: of one slot, or of two that act in the same places."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Swap", "chosen", "meet", "others_of", "pairs_of", "swapped"]

_SHARED = 0.5  # cosine between what two slots change: they act in the same places

Swap = tuple[tuple[slice, int], ...]
"""Slots, each with the number of one of its choices."""


def chosen(vector: Tensor, choices: Swap) -> Tensor:
    """The vector (D,) with these choices."""
    changed = vector.clone()
    for slot, choice in choices:
        changed[slot] = 0
        changed[slot.start + choice] = 1
    return changed


def swapped(vector: Tensor, swaps: Sequence[Swap], draw: Callable[[Tensor], Tensor]) -> Tensor:
    """(K, P), what each of these swaps changes in the picture of ``vector`` (D,)."""
    drawn = draw(torch.stack([vector, *(chosen(vector, swap) for swap in swaps)]))
    return drawn[1:] - drawn[0]


def others_of(vector: Tensor, slot: slice) -> list[Swap]:
    """All choices of a slot but that of ``vector`` (D,)."""
    here = int(vector[slot].argmax())
    return [((slot, k),) for k in range(slot.stop - slot.start) if k != here]


def pairs_of(vector: Tensor, first: slice, second: slice) -> list[Swap]:
    """All pairs of choices of which neither is that of ``vector`` (D,)."""
    return [a + b for a in others_of(vector, first) for b in others_of(vector, second)]


def meet(first: Tensor, second: Tensor) -> bool:
    """Whether the choices of two slots, which change (K, P) and (L, P), change the same places."""
    where = [functional.normalize(change.abs().mean(dim=0), dim=0) for change in (first, second)]
    return float(where[0] @ where[1]) > _SHARED
