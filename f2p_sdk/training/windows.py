"""Parts of pictures to train on: where a network draws pixels one by one, many small parts of many
pictures teach more than few whole pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ..networks import Window

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
        pictures: npt.NDArray[np.uint8],
        pairs: int,
        side: int,
        generator: np.random.Generator,
    ) -> Windows:
        """Windows of pictures (B, S, S, 3), more often in the middle than at the edges.

        The first and the last ``pairs`` of them are pairs and have the same window, where they
        differ: the more they do, the more likely.
        """
        count, whole = len(pictures), pictures.shape[1]
        most = whole - side
        place = generator.random((2, count, 2)).mean(axis=2) * most
        for i in range(pairs):
            change = np.abs(pictures[i].astype(np.int16) - pictures[count - pairs + i])
            cell = whole // _CELLS
            cells = change[: cell * _CELLS, : cell * _CELLS].reshape(_CELLS, cell, _CELLS, cell, 3)
            weight = cells.sum(axis=(1, 3, 4), dtype=np.float64).ravel()
            if weight.sum() > 0:
                found = int(generator.choice(_CELLS**2, p=weight / weight.sum()))
                middle = (np.array(divmod(found, _CELLS)) + generator.random(2)) * cell
                place[:, i] = middle - side / 2
            place[:, count - pairs + i] = place[:, i]
        top, left = np.clip(place, 0, most).astype(np.int64)
        return cls(top, left, side)

    def cut(self, pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The windows of pictures (B, S, S, 3): (B, side, side, 3)."""
        return np.stack(
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
