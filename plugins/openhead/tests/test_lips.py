"""Posed lips do not penetrate each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from f2p_openhead.head import Head
from f2p_openhead.lips import Lips, lip_crossing
from f2p_openhead.rig import Rig, load_rig

from f2p_sdk import Layout

MM = 0.01  # decimetres


@pytest.fixture(scope="module")
def rig(rigs: Path, layout: Layout, head: Head) -> Rig:
    return load_rig(rigs / "female.rig.toml", layout, head)


def test_posed_lips_do_not_cross(rig: Rig, layout: Layout) -> None:
    assert rig.lips is not None
    before, after = [], []
    for k in range(30):
        values = layout.random(k, seed=3).values
        before.append(lip_crossing(rig.lips, rig.blend(values)))
        after.append(lip_crossing(rig.lips, rig.pose(values)))
    assert max(before) > 0.5 * MM
    assert max(after) < 0.3 * MM


def test_both_lips_move_back_by_half(rig: Rig, head: Head) -> None:
    lips = Lips(rig.base, head)
    points = rig.base.copy()
    points[lips.upper, 1] -= 2 * MM
    moved = lips(points.copy()) - points
    assert lip_crossing(lips, points) == pytest.approx(2 * MM, abs=0.2 * MM)
    assert moved[lips.upper, 1].max() == pytest.approx(MM, abs=0.2 * MM)
    assert moved[lips.lower, 1].min() == pytest.approx(-MM, abs=0.2 * MM)
    far = np.linalg.norm(rig.base - rig.base[lips.upper].mean(0), axis=1) > 0.6
    assert np.abs(moved[far & (rig.base[:, 1] < -0.3)]).max() == 0


def test_resting_head_is_unchanged(rig: Rig, head: Head) -> None:
    np.testing.assert_allclose(Lips(rig.base, head)(rig.base.copy()), rig.base, atol=1e-6)
