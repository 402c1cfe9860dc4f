"""Random crops of pictures.

A network that draws each pixel separately learns more from small crops of many pictures than from a
few whole pictures.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..mesh.visibility import Crops

__all__ = ["cut", "random_crops"]

_CELLS = 16  # per side of a picture: the grid in which differences are measured


def random_crops(pictures: Tensor, pairs: int, side: int, generator: np.random.Generator) -> Crops:
    """One crop of each picture uint8 (B, S, S, 3), more often in the middle than at the edges.

    The first and the last ``pairs`` pictures form pairs. Both pictures of a pair have the same
    crop. It is likelier where they differ more.
    """
    count, size = len(pictures), pictures.shape[1]
    limit = size - side
    place = generator.random((2, count, 2)).mean(axis=2) * limit
    cell = size // _CELLS
    weights = _differences(pictures[:pairs], pictures[count - pairs :], cell)
    for i, weight in enumerate(weights):
        if weight.sum() > 0:
            found = int(generator.choice(_CELLS**2, p=weight / weight.sum()))
            middle = (np.array(divmod(found, _CELLS)) + generator.random(2)) * cell
            place[:, i] = middle - side / 2
        place[:, count - pairs + i] = place[:, i]
    top, left = torch.from_numpy(np.clip(place, 0, limit).astype(np.int64))
    return Crops(top, left, side)


def cut(pictures: Tensor, crops: Crops) -> Tensor:
    """Crops of pictures (B, S, S, 3): (B, side, side, 3)."""
    places = zip(pictures, crops.top.tolist(), crops.left.tolist(), strict=True)
    return torch.stack([p[t : t + crops.side, x : x + crops.side] for p, t, x in places])


def _differences(ones: Tensor, others: Tensor, cell: int) -> npt.NDArray[np.float64]:
    """Difference of pictures uint8 (B, S, S, 3) in cells of this side: (B, _CELLS ** 2)."""
    side = _CELLS * cell
    difference = (ones[:, :side, :side].short() - others[:, :side, :side]).abs()
    cells = difference.reshape(-1, _CELLS, cell, _CELLS, cell, 3).sum(dim=(2, 4, 5))
    found: npt.NDArray[np.float64] = cells.flatten(1).double().cpu().numpy()
    return found
