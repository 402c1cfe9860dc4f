"""Where x lives: the box of the sliders and the slots of the choices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Space"]


@dataclass(frozen=True)
class Space:
    """Where x lives: ``continuous`` columns in [0, 1], then slots of logits.

    start: (D,) the vector to start at, normally the average character, one-hot in its slots.
    free: (D,) bool; what is not free stays at ``start`` for good, slots as a whole.
    lead: the logit that the start's choice has over the others at the beginning.
    """

    start: Tensor
    continuous: int
    slots: tuple[slice, ...]
    free: Tensor
    lead: float = 1.0

    @classmethod
    def around(
        cls,
        start: Tensor,
        continuous: int,
        slots: Iterable[slice],
        held: Iterable[slice] = (),
        lead: float = 1.0,
    ) -> Space:
        """The space around ``start``; the columns in ``held`` (sliders, whole slots) are fixed."""
        free = torch.ones(start.shape[0], dtype=torch.bool)
        for columns in held:
            free[columns] = False
        return cls(start, continuous, tuple(slots), free, lead)

    def initial(self, candidates: int = 1, spread: float = 0.0, seed: int = 0) -> Tensor:
        """(B, D) starting x: the first is the start itself, the others lie around it, seeded."""
        x = self.start.clone()
        x[self.continuous :] *= self.lead
        noise = torch.randn(
            (candidates, x.shape[0]), generator=torch.Generator().manual_seed(seed), dtype=x.dtype
        )
        noise[0] = 0.0
        return self.project(x + spread * noise * self.free)

    def project(self, x: Tensor) -> Tensor:
        """x with its continuous columns in [0, 1] and everything held back at the start."""
        x = x.clone()
        x[:, : self.continuous] = x[:, : self.continuous].clamp(0.0, 1.0)
        held = ~self.free[: self.continuous]
        x[:, : self.continuous][:, held] = self.start[: self.continuous][held]
        return x

    def relax(self, x: Tensor, sharpness: float) -> Tensor:
        """(B, D) vector: sliders as they are, softmax in free slots, the start in held ones."""
        parts = [x[:, : self.continuous]]
        for slot in self.slots:
            if bool(self.free[slot].all()):
                parts.append(torch.softmax(sharpness * x[:, slot], dim=1))
            else:
                parts.append(self.start[slot].expand(x.shape[0], -1))
        return torch.cat(parts, dim=1)

    def harden(self, vector: Tensor) -> Tensor:
        """(B, D) with the likeliest choice of each slot made certain."""
        parts = [vector[:, : self.continuous]]
        for slot in self.slots:
            p = vector[:, slot]
            parts.append(torch.nn.functional.one_hot(p.argmax(dim=1), p.shape[1]).to(p.dtype))
        return torch.cat(parts, dim=1)
