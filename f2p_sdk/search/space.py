"""Search space: the box of the sliders and the categorical groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Space"]


@dataclass(frozen=True)
class Space:
    """Columns of x: ``continuous`` sliders in [0, 1], then categorical groups of logits.

    Attributes:
        start: (D,), the vector at the start, one-hot in its groups.
        continuous: number of sliders.
        groups: column range of each categorical group.
        free: (D,) bool; other columns stay at ``start``. Groups are free or fixed as a whole.
        lead: logit of the start's choice above the others at the start.
    """

    start: Tensor
    continuous: int
    groups: tuple[slice, ...]
    free: Tensor
    lead: float = 1.0

    @classmethod
    def around(
        cls,
        start: Tensor,
        continuous: int,
        groups: Iterable[slice],
        fixed: Iterable[slice] = (),
        lead: float = 1.0,
    ) -> Space:
        """Return the space around ``start`` (D,) with the columns in ``fixed`` held."""
        free = torch.ones(start.shape[0], dtype=torch.bool)
        for columns in fixed:
            free[columns] = False
        return cls(start, continuous, tuple(groups), free, lead)

    @property
    def free_groups(self) -> list[slice]:
        """Categorical groups that may change."""
        return [group for group in self.groups if bool(self.free[group].all())]

    @property
    def free_sliders(self) -> Tensor:
        """Indices (C,) of the sliders that may change."""
        return torch.nonzero(self.free[: self.continuous])[:, 0]

    def relax(self, x: Tensor, sharpness: float) -> Tensor:
        """Return vectors (B, D) of x (B, D): softmax in free groups, the start in fixed ones."""
        parts = [x[:, : self.continuous]]
        for group in self.groups:
            if bool(self.free[group].all()):
                parts.append(torch.softmax(sharpness * x[:, group], dim=1))
            else:
                parts.append(self.start[group].expand(x.shape[0], -1))
        return torch.cat(parts, dim=1)

    def harden(self, vector: Tensor) -> Tensor:
        """Return vectors (B, D) with one-hot argmax in each group."""
        parts = [vector[:, : self.continuous]]
        for group in self.groups:
            p = vector[:, group]
            parts.append(functional.one_hot(p.argmax(dim=1), p.shape[1]).to(p.dtype))
        return torch.cat(parts, dim=1)
