"""Input masks: which numbers of a vector change a part's colour."""

from __future__ import annotations

import f2p_toy_mesh
import numpy as np
import pytest
import torch
from f2p_toy import HERO

from f2p_sdk.mesh import probe_mesh
from f2p_sdk.mesh.geometry import mesh_sizes
from f2p_sdk.mesh.network import MeshImitator
from f2p_sdk.mesh.visibility import paint_coordinates, visible_uncropped
from f2p_sdk.training.masks import _changes_colour, _compare, _Difference, _only_in_paint


def _pair(compared: int, changed: int, shift: float = 0.0, moved: bool = True) -> _Difference:
    return _Difference(
        np.array([[compared], [0]]), np.array([[changed], [0]]), np.array([shift]), moved, 0, 0
    )


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        # nothing moved: any change of colour counts
        ([_pair(20000, 3, moved=False), _pair(20000, 0, moved=False)], True),
        ([_pair(20000, 1, moved=False), _pair(20000, 0, moved=False)], False),
        # moved pixels pass for still ones in one pair of three
        ([_pair(20000, 70), _pair(20000, 0), _pair(20000, 1)], False),
        ([_pair(20000, 17), _pair(20000, 20), _pair(20000, 3)], True),
        # many of few still pixels changed
        ([_pair(100, 0), _pair(100, 40), _pair(100, 0)], True),
        # all of the part moved: its mean colour decides
        ([_pair(0, 0, shift=9.0), _pair(10, 0, shift=0.2)], True),
        ([_pair(0, 0, shift=1.0), _pair(10, 0, shift=np.nan)], False),
        # never visible: the number stays unmasked
        ([_pair(0, 0, shift=np.nan)], True),
    ],
)
def test_a_number_counts_if_it_changes_the_colour_of_still_points(pairs, expected) -> None:
    assert _changes_colour(pairs, 0) is expected


def test_a_part_that_is_never_opaque_is_compared_where_it_is_translucent() -> None:
    compared, changed = np.array([[0], [500]]), np.array([[0], [90]])
    assert _changes_colour([_Difference(compared, changed, np.array([np.nan]), True, 0, 0)], 0)
    assert not _changes_colour(
        [_Difference(compared, 0 * changed, np.array([np.nan]), True, 0, 0)], 0
    )


def test_changes_are_counted_inside_and_outside_of_the_paint() -> None:
    layout, size = HERO, 64
    mesh = probe_mesh(layout, f2p_toy_mesh.probe, size, random=40)
    parts = [
        {"body": True, "textures": True, "width": 8, "covers": False},
        {"body": True, "textures": False, "width": 8, "covers": True},
        {"body": False, "textures": False, "width": 8, "covers": False},
    ]
    boxes = [[-1.0, 1.0, -1.0, 1.0]] * 2
    network = MeshImitator(layout.size, mesh_sizes(mesh), [3], size, parts, boxes, bends=4)
    network.geometry.set(mesh)
    pair = torch.from_numpy(np.stack([layout.encode(layout.random(0))] * 2))
    visible = visible_uncropped(network.geometry, pair, network.pieces_of(pair), size)
    places = paint_coordinates(network.geometry, pair, visible, 2 * size * size)[: size * size]
    inside = (places.abs() < 1).all(dim=1).view(size, size).numpy()
    assert 0 < inside.sum() < size * size
    change = np.where(inside[..., None], 200.0, 0.0).repeat(3, axis=2).astype(np.float32)
    within, beside = _compare(network, pair, change), _compare(network, pair, 200 - change)
    assert (within.all_changed, within.in_paint) == (inside.sum(), inside.sum())
    assert (beside.all_changed, beside.in_paint) == (size * size - inside.sum(), 0)
    assert _only_in_paint([within] * 8)
    assert not _only_in_paint([within, beside])
