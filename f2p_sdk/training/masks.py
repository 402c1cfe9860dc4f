"""Input masks: a shader sees only the numbers of a vector that change its part's colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..mesh.network import MeshImitator
from ..mesh.shader import Shader
from ..mesh.visibility import compare_surfaces, paint_coordinates, visible_uncropped
from ..parameters import Layout
from .cache import Rows
from .device import Device
from .pairs import Pairs

__all__ = ["set_input_masks"]

_PAIRS = 8  # per number
_COLOUR = 1.5  # of 255: a smaller difference is none
_ENOUGH = 60  # pixels to decide from
_TYPICAL = 5  # median of changed pixels per pair, if something moved
_FEW = 2  # changed pixels of all pairs, if nothing moved
_SHARE = 0.05  # of the compared pixels
_PAINTED = 0.8  # share of a painted slot's changes that lie inside the paint


@dataclass(frozen=True)
class _Difference:
    """Colour difference of a pair that differs in one number, for K parts."""

    # (2, K), pixels that show the same place of a part in both pictures: opaque, then translucent
    compared: npt.NDArray[np.int64]
    changed: npt.NDArray[np.int64]  # (2, K), those of them with another colour
    shift: npt.NDArray[np.float64]  # (K,), change of the mean colour, of 255; NaN if not visible
    moved: bool  # whether anything moved
    all_changed: int  # changed pixels
    in_paint: int  # those of them inside the paint


def set_input_masks(
    layout: Layout, network: MeshImitator, pairs: Pairs, rows: Rows, device: Device
) -> None:
    """Hide from each shader the numbers that change no colour of its part.

    Most sliders only move the surface. A pair that differs in one number shows whether the number
    changes a colour: at points of the surface that did not move. Choices that are visible only in
    the paint, as brows, are hidden from the textured part: its textures know them, and otherwise
    they would tint all of the skin.
    """
    for group in [*(slice(k, k + 1) for k in range(layout.n_continuous)), *layout.slots]:
        found = [
            _compare(network, torch.from_numpy(pair).to(device.name), after - before.astype("f4"))
            for pair, before, after in pairs.differing(rows, group, _PAIRS)
        ]
        painted = group in layout.slots and _only_in_paint(found)
        for k, shader in enumerate(network.shaders):
            hidden = painted and k == network.textured_part
            if found and (hidden or not _changes_colour(found, k)):
                assert isinstance(shader, Shader)
                shader.sees[group] = 0


def _compare(network: MeshImitator, pair: Tensor, change: npt.NDArray[np.float32]) -> _Difference:
    """Compare the pictures of a pair (2, D), whose difference is ``change`` (S, S, 3)."""
    count, size, geometry = len(network.shaders), network.size, network.geometry
    compared, changed = np.zeros((2, 2, count), np.int64)
    shift = np.full(count, np.nan)
    visible = visible_uncropped(geometry, pair, network.pieces_of(pair), size)
    places = paint_coordinates(geometry, pair, visible, 2 * size * size)
    painted = (places.abs() < 1).all(dim=1).view(2, size, size).any(dim=0).cpu().numpy()
    differs = (np.abs(change) > _COLOUR).any(axis=2)
    moved = False
    for row, translucent in enumerate((False, True)):
        found = compare_surfaces(geometry, pair, visible, size, translucent=translucent)
        part, still = (t.cpu().numpy() for t in found)
        moved |= bool(((part >= 0) & ~still).any())
        for k in range(count):
            own = part == k
            compared[row, k] = (own & still).sum()
            changed[row, k] = (own & still & differs).sum()
            if own.sum() > _ENOUGH and not translucent:
                shift[k] = np.abs(change[own].mean(axis=0)).max()
    all_changed, in_paint = int(differs.sum()), int((differs & painted).sum())
    return _Difference(compared, changed, shift, moved, all_changed, in_paint)


def _only_in_paint(found: list[_Difference]) -> bool:
    changed, inside = sum(p.all_changed for p in found), sum(p.in_paint for p in found)
    return changed > _ENOUGH and inside > _PAINTED * changed


def _changes_colour(found: list[_Difference], part: int) -> bool:
    """Return True if a number changes the colour of a part.

    If all of the part moved, its mean colour decides. A part that is never opaque, as lashes, is
    compared where it is translucent.
    """
    compared = np.array([pair.compared[:, part] for pair in found])
    changed = np.array([pair.changed[:, part] for pair in found])
    enough = compared.sum(axis=0) > _ENOUGH
    if not enough.any():
        shifts = [pair.shift[part] for pair in found if not np.isnan(pair.shift[part])]
        return not shifts or bool(max(shifts) > _COLOUR)
    compared, changed = compared[:, enough.argmax()], changed[:, enough.argmax()]
    if not any(pair.moved for pair in found):
        return bool(changed.sum() > _FEW)
    # in some pairs a few pixels that moved pass for pixels that did not
    typical = np.median(changed[compared > 0]) > _TYPICAL
    return bool(typical or changed.sum() > _SHARE * compared.sum())
