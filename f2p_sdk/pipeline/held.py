"""Parameters that a fit holds, because the imitator does not know their effect."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from ..parameters import Layout
from ..verdicts import KNOWN

__all__ = ["card_sensitivity", "held_parameters", "known_columns", "unknown_parameters"]


def card_sensitivity(card: Mapping[str, Any], layout: Layout) -> dict[str, float] | None:
    """Return the sensitivity of each parameter on the card of an imitator; None without it.

    A parameter that the card does not name has none.
    """
    found = card.get("sensitivity")
    if not isinstance(found, Mapping):
        return None
    values = {name: found.get(name) for name in layout.slices}
    return {name: float(value) for name, value in values.items() if isinstance(value, (int, float))}


def unknown_parameters(card: Mapping[str, Any], layout: Layout) -> tuple[str, ...]:
    """Return the parameters with a sensitivity below :data:`KNOWN` on the card of an imitator.

    The gradient of the imitator says nothing about them. Empty without sensitivities.
    """
    found = card_sensitivity(card, layout) or {}
    return tuple(name for name, value in found.items() if value < KNOWN)


def known_columns(layout: Layout, unknown: Collection[str]) -> Tensor:
    """Return the mask (D,) of the columns of all parameters but the unknown ones."""
    known = torch.ones(layout.size, dtype=torch.bool)
    for name in unknown:
        known[layout.slices[name]] = False
    return known


def held_parameters(
    layout: Layout, unknown: Collection[str], kept: Collection[str], start: Tensor, vector: Tensor
) -> list[str]:
    """Return the unknown parameters, but the kept ones, that are equal in two vectors (D,)."""
    places = {name: layout.slices[name] for name in unknown if name not in kept}
    return [name for name, place in places.items() if torch.equal(start[place], vector[place])]
