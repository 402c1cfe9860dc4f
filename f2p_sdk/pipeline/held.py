"""Parameters that a fit holds, because the imitator does not know their effect."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..parameters import Layout
from ..verdicts import KNOWN

if TYPE_CHECKING:
    from .method import Method

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

    The imitator's pictures say nothing about them. Empty without sensitivities.
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
    unknown: Collection[str], kept: Collection[str], method: Method, *, engine: bool
) -> list[str]:
    """Return the unknown parameters that stages with the imitator's pictures held.

    None are held by a method for the engine's own pictures with an ``engine``. Parameters that the
    user has ``kept`` do not count.
    """
    if method.own_picture and engine:
        return []
    return [name for name in unknown if name not in kept]
