"""The rig check finds nothing on the shipped rigs, and each fault that is put into one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from f2p_openhead.head import Head
from f2p_openhead.meshcheck import HairPenetration, SkinHoles, eyeball_depth
from f2p_openhead.morph_limits import beyond_limits, reach_of_targets
from f2p_openhead.plugin import f2p_checks
from f2p_openhead.rig import Rig, load_rig
from f2p_openhead.rigcheck import check_rig

from f2p_sdk import Kind, Layout, game

MM = 0.01  # decimetres


@pytest.fixture(scope="module")
def rig(rigs: Path, layout: Layout, head: Head) -> Rig:
    return load_rig(rigs / "female.rig.toml", layout, head)


def changed(rig: Rig, name: str, field: np.ndarray) -> Rig:
    """The rig with another field at the high end of a slider; its styles of hair are left out."""
    high = rig.high.copy()
    high[rig.sliders.index(name)] = field.ravel()
    return dataclasses.replace(rig, high=high, choices={**rig.choices, "hairstyle": {}})


def faults(rig: Rig, head: Head) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for finding in check_rig(rig, head, rig.layout):
        if not finding.ok:
            found.setdefault(finding.rule, []).append(finding.subject)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", ["justice/female", "justice/male"])
def test_the_shipped_rigs_are_clean(name: str) -> None:
    (spec,) = f2p_checks()
    kind = game(name)
    assert spec.applies(kind)
    findings = list(spec.run(kind))
    assert [f for f in findings if not f.ok] == []
    assert len(findings) == 7


def test_a_kind_without_a_rig_is_left_alone(tmp_path: Path) -> None:
    (spec,) = f2p_checks()
    assert not spec.applies(Kind("other", "hero", tmp_path / "hero.toml"))


def test_still_and_equal_sliders_are_named(rig: Rig, head: Head) -> None:
    low = rig.low.copy()
    low[rig.sliders.index("nose_shift")] = 0
    low[rig.sliders.index("jaw_width")] = -2 * rig.high[rig.sliders.index("nose_hump")]
    still = dataclasses.replace(changed(rig, "nose_shift", np.zeros_like(rig.base)), low=low)
    high = still.high.copy()
    high[still.sliders.index("nose_hump")] = rig.high[rig.sliders.index("nose_hump")]
    high[still.sliders.index("jaw_width")] = 2 * rig.high[rig.sliders.index("nose_hump")]
    low[still.sliders.index("nose_hump")] = -rig.high[rig.sliders.index("nose_hump")]
    found = faults(dataclasses.replace(still, low=low, high=high), head)
    assert found["every slider moves or paints something"] == ["justice/female nose_shift"]
    assert found["no slider does the same as another"] == ["justice/female nose_hump"]


def test_a_torn_nose_is_named(rig: Rig, head: Head) -> None:
    # The front of the nose is pulled apart and turned over: left goes right.
    near = np.linalg.norm(rig.base - np.array((0, -0.3, 0.42)), axis=1) < 0.2
    field = np.where(near[:, None], rig.base * np.array((-2.2, 0, 0)), 0).astype(np.float32)
    found = faults(changed(rig, "nose_shift", field), head)
    torn = found["the mesh is not torn"]
    assert "justice/female nose_shift at high" in torn
    assert SkinHoles(rig.base, head)(rig.base) == 0


def test_a_fold_that_lies_on_skin_is_no_tear(rig: Rig, head: Head) -> None:
    moved = rig.base.copy()
    moved[:, 0] *= -1  # everything is turned inside out
    assert SkinHoles(rig.base, head)(moved) > 1000
    assert SkinHoles(rig.base, head)(rig.base * np.float32(1.1)) == 0


def test_depth_in_the_eyeball_is_measured(rig: Rig, head: Head) -> None:
    pushed = rig.base.copy()
    pushed[head.skin.rows, 2] -= 5 * MM
    assert eyeball_depth(rig.base, head, rig.base) < 0.1 * MM
    assert 1 * MM < eyeball_depth(rig.base, head, pushed) < 5.5 * MM


def test_hair_in_the_face_is_measured(rig: Rig, head: Head) -> None:
    face = rig.base[head.skin.rows[head.region_weights[head.skin.rows, 0] > 0.9]]
    face = face[face[:, 2] > 0.1]
    penetration = HairPenetration(head)
    forward = np.array((0, 0, 1), np.float32)
    assert penetration(rig.base, face + np.float32(5 * MM) * forward, 4 * MM) < 0.01
    assert penetration(rig.base, face - np.float32(20 * MM) * forward, 4 * MM) > 0.5


def test_a_range_beyond_the_heads_morphs_is_named(rig: Rig, head: Head) -> None:
    reach = reach_of_targets(head)
    assert reach.shape == (len(head.ids),)
    chin = int(np.argmin(np.linalg.norm(rig.base - np.array((0, -0.95, 0.2)), axis=1)))
    assert 2 * MM < reach[chin] < 60 * MM
    k = rig.sliders.index("chin_width")
    assert beyond_limits(rig, head) == []
    wide = changed(rig, "chin_width", rig.high[k] * 8)
    assert [name for name, _ in beyond_limits(wide, head)] == ["chin_width at high"]
