"""Parts of pictures to train on: where a network draws pixels one by one, many small parts of many
pictures teach more than few whole pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..mesh.visibility import Window

__all__ = ["Windows"]

_CELLS = 16  # a side, in which changes are looked for


@dataclass(frozen=True)
class Windows:
    """One square part of each of B pictures: ``top`` and ``left`` int64 (B,), in pixels."""

    top: npt.NDArray[np.int64]
    left: npt.NDArray[np.int64]
    side: int

    @classmethod
    def random(
        cls,
        pictures: Tensor,
        pairs: int,
        side: int,
        generator: np.random.Generator,
    ) -> Windows:
        """Windows of pictures uint8 (B, S, S, 3), more often in the middle than at the edges.

        The first and the last ``pairs`` of them are pairs and have the same window, where they
        differ: the more they do, the more likely.
        """
        count, whole = len(pictures), pictures.shape[1]
        most = whole - side
        place = generator.random((2, count, 2)).mean(axis=2) * most
        cell = whole // _CELLS
        weights = _changes(pictures[:pairs], pictures[count - pairs :], cell)
        for i, weight in enumerate(weights):
            if weight.sum() > 0:
                found = int(generator.choice(_CELLS**2, p=weight / weight.sum()))
                middle = (np.array(divmod(found, _CELLS)) + generator.random(2)) * cell
                place[:, i] = middle - side / 2
            place[:, count - pairs + i] = place[:, i]
        top, left = np.clip(place, 0, most).astype(np.int64)
        return cls(top, left, side)

    def cut(self, pictures: Tensor) -> Tensor:
        """The windows of pictures (B, S, S, 3): (B, side, side, 3)."""
        return torch.stack(
            [
                p[t : t + self.side, x : x + self.side]
                for p, t, x in zip(pictures, self.top, self.left, strict=True)
            ]
        )

    def on(self, device: str) -> Window:
        """As the network takes them."""
        return Window(
            torch.from_numpy(self.top).to(device),
            torch.from_numpy(self.left).to(device),
            self.side,
        )


def _changes(ones: Tensor, others: Tensor, cell: int) -> npt.NDArray[np.float64]:
    """How much pictures uint8 (B, S, S, 3) differ in cells of this side: (B, _CELLS ** 2)."""
    most = _CELLS * cell
    change = (ones[:, :most, :most].short() - others[:, :most, :most]).abs()
    cells = change.reshape(-1, _CELLS, cell, _CELLS, cell, 3).sum(dim=(2, 4, 5))
    found: npt.NDArray[np.float64] = cells.flatten(1).double().cpu().numpy()
    return found
