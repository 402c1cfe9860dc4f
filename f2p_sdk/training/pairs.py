"""Pairs of pictures that differ in one parameter, and what they show of it in closed form.

Beside a dataset of random characters there may be one of their neighbours: the same characters with
one parameter changed (``Layout.neighbour``). What changed in the picture then is the doing of that
parameter alone, however weak it is. On the face that holds still (the engine's motion taken back)
and in the logarithm of the picture, it is much the same for every character; so a few pairs for
each parameter tell, before any training,

- what light and colour each half of each slider adds: least squares over its pairs;
- which part of the picture each slot's choices change, and where each is darker than the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from ..networks import Box, CompactImitator, SlotLayer, halves, logarithm
from ..parameters import Layout
from .device import Device
from .pictures import Pictures

__all__ = ["Pairs", "Shown", "shown"]

_BATCH = 32
_RIDGE = 0.3  # of the least squares, in pairs over the whole half of a range
_EDGE = 0.1  # of the strongest change in a slot's box, what is no longer in it
_MARGIN = 0.02  # of the picture's side, around a box
_LEAST = 0.05
_MOST = 0.9


@dataclass(frozen=True)
class Pairs:
    """A dataset and its neighbours.

    Attributes:
        pictures: of random characters.
        neighbours: of the same with one parameter changed, record by record; None for no pairs.
    """

    pictures: Pictures
    neighbours: Pictures | None = None

    def of(
        self, rows: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Of these rows of ``pictures``, those that have a neighbour, and the neighbours' rows."""
        none = np.zeros(0, dtype=np.int64)
        if self.neighbours is None:
            return none, none
        numbers = self.pictures.numbers[rows]
        known = self.neighbours.numbers
        place = np.searchsorted(known, numbers).clip(max=len(known) - 1)
        found = known[place] == numbers
        return rows[found], place[found]


@dataclass(frozen=True)
class Shown:
    """What the pairs show.

    Attributes:
        response: float32 (2 P, 3, R, R), what each half of each slider adds to the logarithm of the
            still picture at its end; high ends first.
        boxes: for each slot, the part of the picture that its choices change.
        front: the slot that changes most of the picture.
        covers: for each slot, float32 (choices, R, R) from 0 to 1: how much darker a choice is than
            the brightest, as a share of the greatest difference.
    """

    response: npt.NDArray[np.float32]
    boxes: tuple[Box, ...]
    front: int
    covers: tuple[npt.NDArray[np.float32], ...]

    def start(self, network: CompactImitator) -> None:
        """Let the network begin with what is shown: its response, and its layers' covers."""
        if network.response is not None:
            network.response.set(self.response)
        for index, layer in enumerate(network.layers):
            if index == network.front or not isinstance(layer, SlotLayer):
                continue
            cover = torch.from_numpy(self.covers[index])[:, None]
            whole = functional.interpolate(
                cover, size=(network.size,) * 2, mode="bilinear", align_corners=False
            )
            top, bottom, left, right = layer.box
            part = whole[:, 0, top:bottom, left:right].clamp(_LEAST, _MOST)
            if layer.coarse:
                part = functional.avg_pool2d(part, 2)
            with torch.no_grad():
                layer.planes[:, 0] = torch.logit(part)


def shown(
    pairs: Pairs,
    rows: npt.NDArray[np.int64],
    layout: Layout,
    network: CompactImitator,
    device: Device,
    side: int,
    progress: Callable[[int, int], None] | None = None,
) -> Shown | None:
    """What the neighbours of these rows show; None if there are none.

    Args:
        pairs: the dataset.
        rows: to look at, those to train on.
        layout: of the characters.
        network: takes the engine's motion back (:meth:`CompactImitator.still`).
        device: to work on.
        side: R, of the fields.
        progress: called with how many pairs are done, of how many.
    """
    ones, others = pairs.of(rows)
    if not len(ones) or pairs.neighbours is None:
        return None
    sliders = layout.n_continuous
    normal = torch.zeros(sliders, 2, 2, device=device.name)
    right = torch.zeros(sliders, 2, 3 * side * side, device=device.name)
    slots = [
        (
            torch.zeros(s.stop - s.start, side * side, device=device.name),
            torch.zeros(s.stop - s.start, s.stop - s.start, device=device.name),
            torch.zeros(side * side, device=device.name),
        )
        for s in layout.slots
    ]
    with torch.no_grad():
        for start in range(0, len(ones), _BATCH):
            a, b = ones[start : start + _BATCH], others[start : start + _BATCH]
            before, from_ = _still(network, pairs.pictures, a, device, side)
            after, to = _still(network, pairs.neighbours, b, device, side)
            change = after - before
            moved = (halves(to, sliders) - halves(from_, sliders)).view(-1, 2, sliders)
            for i, k in enumerate((to - from_).abs().argmax(dim=1).tolist()):
                if k < sliders:
                    step = moved[i, :, k]
                    normal[k] += step[:, None] * step
                    right[k] += step[:, None] * change[i]
                else:
                    j = next(j for j, s in enumerate(layout.slots) if s.start <= k < s.stop)
                    darker = change[i].view(3, -1).mean(dim=0)
                    step = (to - from_)[i, layout.slots[j]]
                    slots[j][0].add_(step[:, None] * darker)
                    slots[j][1].add_(step[:, None] * step)
                    slots[j][2].add_(darker.abs())
            if progress is not None:
                progress(min(start + _BATCH, len(ones)), len(ones))
    ridge = _RIDGE * torch.eye(2, device=device.name)
    response = torch.linalg.solve(normal + ridge, right).transpose(0, 1)
    extents = [changed.view(side, side).cpu() for _, _, changed in slots]
    return Shown(
        response.reshape(2 * sliders, 3, side, side).cpu().numpy(),
        tuple(_box(extent, pairs.pictures.size) for extent in extents),
        int(np.argmax([float(extent.sum()) for extent in extents])) if extents else -1,
        tuple(_cover(right, normal, side) for right, normal, _ in slots),
    )


def _still(
    network: CompactImitator,
    pictures: Pictures,
    rows: npt.NDArray[np.int64],
    device: Device,
    side: int,
) -> tuple[Tensor, Tensor]:
    """Logarithms of still pictures, (B, 3 * side * side), and the vectors (B, D)."""
    vector = torch.from_numpy(pictures.vectors[rows]).to(device.name)
    still = network.still(device.pictures(pictures.pictures[rows]), vector)
    small = functional.interpolate(still, size=(side, side), mode="area")
    return logarithm(small).flatten(1), vector


def _box(extent: Tensor, size: int) -> Box:
    """The part of a picture where a slot's choices change it, from the changes (R, R)."""
    side = len(extent)
    inside = extent >= _EDGE * extent.max()
    margin = _MARGIN * size
    found = []
    for axis in (1, 0):
        where = torch.nonzero(inside.any(dim=axis)).flatten()
        first, last = float(where.min()) / side * size, float(where.max() + 1) / side * size
        low, high = max(0.0, first - margin), min(float(size), last + margin)
        found += [int(low) // 2 * 2, min(size, -(-int(np.ceil(high)) // 2) * 2)]
    return found[0], found[1], found[2], found[3]


def _cover(right: Tensor, normal: Tensor, side: int) -> npt.NDArray[np.float32]:
    """Darkness of each choice by least squares over differences, as a share; (choices, R, R)."""
    ridge = _RIDGE * torch.eye(len(normal), device=normal.device)
    light = torch.linalg.solve(normal + ridge, right)
    darker = light.max(dim=0).values - light
    share: npt.NDArray[np.float32] = (
        (darker / darker.max().clamp(min=1e-6)).view(-1, side, side).cpu().numpy()
    )
    return share
