"""Lids do not penetrate the eyeball, and lashes are along their rims."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from f2p_openhead import lids
from f2p_openhead.head import Head
from f2p_openhead.rig import Rig, load_rig

from f2p_sdk import Layout


@pytest.fixture(scope="module")
def rig(rigs: Path, layout: Layout, head: Head) -> Rig:
    return load_rig(rigs / "female.rig.toml", layout, head)


def test_lids_do_not_penetrate_the_eyeball(rig: Rig, layout: Layout, head: Head) -> None:
    rest = rig.base
    pushed = 0
    for eye in (head.left_eye, head.right_eye):
        opening = lids.find_opening(head, rest, rest[eye])
        for k in range(12):
            points = rig.pose(layout.random(k, seed=3).values)
            centre, radius = lids.eyeball_sphere(points[eye])
            before = np.linalg.norm(points[opening.rim] - centre, axis=1).min()
            pushed += before < radius
            opening.resolve_penetration(points, centre, radius)
            assert np.linalg.norm(points[opening.rim] - centre, axis=1).min() >= 0.99 * radius
    # Sliders must push some lids into the eyeball, otherwise the test is empty.
    assert pushed > 0


def test_resting_head_is_unchanged(rig: Rig, head: Head) -> None:
    points = rig.base.copy()
    for eye in (head.left_eye, head.right_eye):
        opening = lids.find_opening(head, rig.base, rig.base[eye])
        opening.resolve_penetration(points, *lids.eyeball_sphere(rig.base[eye]))
    np.testing.assert_allclose(points, rig.base, atol=1e-5)


def test_opening_has_the_size_of_an_eye(rig: Rig, head: Head) -> None:
    """25 to 32 mm wide, 8 to 13 mm high, symmetric about the middle."""
    middles = []
    for eye in (head.left_eye, head.right_eye):
        (middle, half), (corner, rise, fall, _) = lids.find_opening(head, rig.base, rig.base[eye])(
            rig.base
        )
        middles.append(middle)
        assert 0.25 < 2 * half < 0.32
        assert 0.08 < rise + fall < 0.13
        assert abs(corner) < 0.03
    assert middles[0] == pytest.approx(-middles[1], abs=0.005)


def test_lashes_run_from_behind_the_rim_to_their_tips(rig: Rig, head: Head) -> None:
    along = lids.lash_coordinates(head, rig.base)
    grown = along[along[:, 1] <= 1, 1]
    assert grown.min() == 0
    assert grown.max() == 1
    # None at the corners of the eye.
    assert 0.05 < (along[:, 1] > 1).mean() < 0.5
