"""Which numbers of a vector change colours: no shader sees those that do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..mesh.network import MeshImitator
from ..mesh.shader import Shader
from ..mesh.visibility import alike, paint_places, whole_pictures
from ..parameters import Layout
from .device import Device
from .pairs import Pairs

__all__ = ["blind"]

_LOOKED = 8  # pairs of each number
_COLOUR = 1.5  # of 255: less is no change
_ENOUGH = 60  # pixels to tell from
_ANY = 5  # changed pixels of a pair, where something moved
_FEW = 2  # changed pixels of all pairs, where nothing did
_MUCH = 0.05  # share of pixels
_INSIDE = 0.8  # share of a slot's changes that lie in what is painted, if it is painted


@dataclass(frozen=True)
class _Pair:
    """What a pair that differs in one number shows of K parts.

    compared, changed: (2, K), pixels that show the same place of a part in both pictures, and how
    many of them are of another colour: where the part covers all that is behind it, and where it
    covers it in part. shift: (K,), the largest change of the part's mean colour, of 255; NaN where
    it is not seen. moved: whether anything moved. all_changed, in_paint: how many pixels of the
    pictures changed at all, and how many of these show what is painted.
    """

    compared: npt.NDArray[np.int64]
    changed: npt.NDArray[np.int64]
    shift: npt.NDArray[np.float64]
    moved: bool
    all_changed: int
    in_paint: int


def blind(
    layout: Layout,
    network: MeshImitator,
    pairs: Pairs,
    rows: npt.NDArray[np.int64],
    device: Device,
) -> None:
    """Let no shader see a number that changes no colour of its part.

    Most sliders only move the surface. A pair that differs in one number shows whether it paints,
    too: at places of the surface that have not moved, the colour has changed. Choices that show
    only in what is painted, as brows, are known from its textures alone: seen by all of the skin,
    they would tint it.
    """
    ones, others = pairs.of(rows)
    if not len(ones) or pairs.neighbours is None:
        return
    a, b = pairs.pictures.vectors[ones], pairs.neighbours.vectors[others]
    groups = [slice(k, k + 1) for k in range(layout.n_continuous)] + list(layout.slots)
    for group in groups:
        looked = []
        for i in np.flatnonzero((a[:, group] != b[:, group]).any(axis=1))[:_LOOKED]:
            before = pairs.pictures.pictures[ones[i]].astype(np.float32)
            change = pairs.neighbours.pictures[others[i]] - before
            pair = torch.from_numpy(np.stack([a[i], b[i]])).to(device.name)
            looked.append(_look(network, pair, change))
        told_by_paint = group in layout.slots and _only_in_paint(looked)
        for k, shader in enumerate(network.shaders):
            hidden = told_by_paint and k == network.textured
            if looked and (hidden or not _paints(looked, k)):
                assert isinstance(shader, Shader)
                shader.sees[group] = 0


def _look(network: MeshImitator, pair: Tensor, change: npt.NDArray[np.float32]) -> _Pair:
    """Compare the pictures of a pair (2, D), whose difference is ``change`` (S, S, 3)."""
    count = len(network.shaders)
    compared, changed = np.zeros((2, 2, count), np.int64)
    shift = np.full(count, np.nan)
    size = network.size
    shown = whole_pictures(network.geometry, pair, network.worn(pair), size)
    places = paint_places(network.geometry, pair, shown, 2 * size * size)
    painted = (places.abs() < 1).all(dim=1).view(2, size, size).any(dim=0).cpu().numpy()
    differs = (np.abs(change) > _COLOUR).any(axis=2)
    moved = False
    for soft in (0, 1):
        found = alike(network.geometry, pair, shown, size, soft=bool(soft))
        part, still = (t.cpu().numpy() for t in found)
        moved |= bool(((part >= 0) & ~still).any())
        for k in range(count):
            there = part == k
            quiet = there & still
            compared[soft, k] = quiet.sum()
            changed[soft, k] = (quiet & differs).sum()
            if there.sum() > _ENOUGH and not soft:
                shift[k] = np.abs(change[there].mean(axis=0)).max()
    all_changed, in_paint = int(differs.sum()), int((differs & painted).sum())
    return _Pair(compared, changed, shift, moved, all_changed, in_paint)


def _only_in_paint(looked: list[_Pair]) -> bool:
    changed = sum(pair.all_changed for pair in looked)
    inside = sum(pair.in_paint for pair in looked)
    return changed > _ENOUGH and inside > _INSIDE * changed


def _paints(looked: list[_Pair], part: int) -> bool:
    """Whether a number paints a part. Where all of it has moved at least a little, its mean colour
    tells; a part that never covers all that is behind it, as lashes, is looked at where it is in
    front."""
    compared = np.array([pair.compared[:, part] for pair in looked])
    changed = np.array([pair.changed[:, part] for pair in looked])
    enough = compared.sum(axis=0) > _ENOUGH
    if not enough.any():
        shifts = [pair.shift[part] for pair in looked if not np.isnan(pair.shift[part])]
        return not shifts or bool(max(shifts) > _COLOUR)
    compared, changed = compared[:, enough.argmax()], changed[:, enough.argmax()]
    if not any(pair.moved for pair in looked):
        return bool(changed.sum() > _FEW)
    # here and there something that has moved seems not to have: in some pairs, at few pixels
    most = np.median(changed[compared > 0]) > _ANY
    return bool(most or changed.sum() > _MUCH * compared.sum())
