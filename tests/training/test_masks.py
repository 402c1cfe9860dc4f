"""What a pair of pictures tells of whether a number paints."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from f2p_sdk.mesh import measure
from f2p_sdk.mesh.geometry import sizes
from f2p_sdk.mesh.network import MeshImitator
from f2p_sdk.mesh.visibility import paint_places, whole_pictures
from f2p_sdk.training.masks import _look, _only_in_paint, _paints, _Pair


def _pair(compared: int, changed: int, shift: float = 0.0, moved: bool = True) -> _Pair:
    return _Pair(
        np.array([[compared], [0]]), np.array([[changed], [0]]), np.array([shift]), moved, 0, 0
    )


@pytest.mark.parametrize(
    ("looked", "paints"),
    [
        # nothing moved: any change is paint, however small the place
        ([_pair(20000, 3, moved=False), _pair(20000, 0, moved=False)], True),
        ([_pair(20000, 1, moved=False), _pair(20000, 0, moved=False)], False),
        # something moved that seemed not to, in one pair of three
        ([_pair(20000, 70), _pair(20000, 0), _pair(20000, 1)], False),
        ([_pair(20000, 17), _pair(20000, 20), _pair(20000, 3)], True),
        # of few pixels that stayed, many changed
        ([_pair(100, 0), _pair(100, 40), _pair(100, 0)], True),
        # all of it moved: its mean colour tells
        ([_pair(0, 0, shift=9.0), _pair(10, 0, shift=0.2)], True),
        ([_pair(0, 0, shift=1.0), _pair(10, 0, shift=np.nan)], False),
        # nobody has seen it: nobody knows
        ([_pair(0, 0, shift=np.nan)], True),
    ],
)
def test_a_number_paints_where_the_colour_of_what_has_not_moved_changes(looked, paints) -> None:
    assert _paints(looked, 0) is paints


def test_a_part_that_is_never_solid_is_looked_at_where_it_is_in_front() -> None:
    compared, changed = np.array([[0], [500]]), np.array([[0], [90]])
    assert _paints([_Pair(compared, changed, np.array([np.nan]), True, 0, 0)], 0)
    assert not _paints([_Pair(compared, 0 * changed, np.array([np.nan]), True, 0, 0)], 0)


def test_only_changes_over_the_painted_place_lie_in_paint(meshtoy) -> None:
    layout, size = meshtoy.LAYOUT, 64
    mesh = measure(layout, meshtoy.ask, size, random=40)
    parts = [
        {"body": True, "textures": True, "width": 8, "covers": False},
        {"body": True, "textures": False, "width": 8, "covers": True},
        {"body": False, "textures": False, "width": 8, "covers": False},
    ]
    boxes = [[-1.0, 1.0, -1.0, 1.0]] * 2
    network = MeshImitator(layout.size, sizes(mesh), [3], size, parts, boxes, bends=4)
    network.geometry.set(mesh)
    pair = torch.from_numpy(np.stack([layout.encode(layout.random(0))] * 2))
    seen = whole_pictures(network.geometry, pair, network.worn(pair), size)
    places = paint_places(network.geometry, pair, seen, 2 * size * size)[: size * size]
    inside = (places.abs() < 1).all(dim=1).view(size, size).numpy()
    assert 0 < inside.sum() < size * size
    change = np.where(inside[..., None], 200.0, 0.0).repeat(3, axis=2).astype(np.float32)
    within, beside = _look(network, pair, change), _look(network, pair, 200 - change)
    assert (within.all_changed, within.in_paint) == (inside.sum(), inside.sum())
    assert (beside.all_changed, beside.in_paint) == (size * size - inside.sum(), 0)
    assert _only_in_paint([within] * 8)
    assert not _only_in_paint([within, beside])
