"""The rig check passes the shipped rigs and finds each injected fault."""

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
    """The rig with another field at the high end of a slider, without hair styles."""
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
def test_shipped_rigs_pass(name: str) -> None:
    (spec,) = f2p_checks()
    kind = game(name)
    assert spec.applies(kind)
    findings = list(spec.run(kind))
    assert [f for f in findings if not f.ok] == []
    assert len(findings) == 7


def test_check_does_not_apply_without_a_rig(tmp_path: Path) -> None:
    (spec,) = f2p_checks()
    assert not spec.applies(Kind("other", "hero", tmp_path / "hero.toml"))


@pytest.mark.slow
def test_sliders_without_effect_and_duplicates_are_found(rig: Rig, head: Head) -> None:
    low = rig.low.copy()
    low[rig.sliders.index("nose_shift")] = 0
    low[rig.sliders.index("jaw_width")] = -2 * rig.high[rig.sliders.index("nose_hump")]
    changed_rig = dataclasses.replace(changed(rig, "nose_shift", np.zeros_like(rig.base)), low=low)
    high = changed_rig.high.copy()
    high[changed_rig.sliders.index("nose_hump")] = rig.high[rig.sliders.index("nose_hump")]
    high[changed_rig.sliders.index("jaw_width")] = 2 * rig.high[rig.sliders.index("nose_hump")]
    low[changed_rig.sliders.index("nose_hump")] = -rig.high[rig.sliders.index("nose_hump")]
    found = faults(dataclasses.replace(changed_rig, low=low, high=high), head)
    assert found["every slider moves or paints something"] == ["justice/female nose_shift"]
    assert found["no two sliders have the same effect"] == ["justice/female nose_hump"]


@pytest.mark.slow
def test_holes_are_found(rig: Rig, head: Head) -> None:
    # Mirror the front of the nose, so that its triangles are flipped.
    near = np.linalg.norm(rig.base - np.array((0, -0.3, 0.42)), axis=1) < 0.2
    field = np.where(near[:, None], rig.base * np.array((-2.2, 0, 0)), 0).astype(np.float32)
    found = faults(changed(rig, "nose_shift", field), head)
    holes = found["the skin has no holes"]
    assert "justice/female nose_shift at high" in holes
    assert SkinHoles(rig.base, head)(rig.base) == 0


@pytest.mark.slow
def test_flipped_skin_is_a_hole_and_scaled_skin_is_not(rig: Rig, head: Head) -> None:
    moved = rig.base.copy()
    moved[:, 0] *= -1  # every triangle is flipped
    assert SkinHoles(rig.base, head)(moved) > 1000
    assert SkinHoles(rig.base, head)(rig.base * np.float32(1.1)) == 0


def test_eyeball_depth(rig: Rig, head: Head) -> None:
    pushed = rig.base.copy()
    pushed[head.skin.rows, 2] -= 5 * MM
    assert eyeball_depth(rig.base, head, rig.base) < 0.1 * MM
    assert 1 * MM < eyeball_depth(rig.base, head, pushed) < 5.5 * MM


def test_hair_penetration(rig: Rig, head: Head) -> None:
    face = rig.base[head.skin.rows[head.region_weights[head.skin.rows, 0] > 0.9]]
    face = face[face[:, 2] > 0.1]
    penetration = HairPenetration(head)
    forward = np.array((0, 0, 1), np.float32)
    assert penetration(rig.base, face + np.float32(5 * MM) * forward, 4 * MM) < 0.01
    assert penetration(rig.base, face - np.float32(20 * MM) * forward, 4 * MM) > 0.5


def test_range_beyond_the_morph_targets_is_found(rig: Rig, head: Head) -> None:
    reach = reach_of_targets(head)
    assert reach.shape == (len(head.ids),)
    chin = int(np.argmin(np.linalg.norm(rig.base - np.array((0, -0.95, 0.2)), axis=1)))
    assert 2 * MM < reach[chin] < 60 * MM
    k = rig.sliders.index("chin_width")
    assert beyond_limits(rig, head) == []
    wide = changed(rig, "chin_width", rig.high[k] * 8)
    assert [name for name, _ in beyond_limits(wide, head)] == ["chin_width at high"]
