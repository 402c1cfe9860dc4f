"""Scenes: effects of the settings, and errors of invalid ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from f2p_openhead.engine import Engine
from f2p_openhead.expression import ACTIONS
from f2p_openhead.head_rotation import rotate_head
from f2p_openhead.scene import SETTINGS, Scene, SceneError, read_scene
from f2p_toy import ROOT
from PIL import Image, ImageFilter

from f2p_sdk import Layout
from f2p_sdk.testing import SCENE

SIZE = 128
PROTOCOL = ROOT / "docs" / "reference" / "protocol.md"


def draw(engine: Engine, layout: Layout, **scene: Any) -> dict[str, np.ndarray]:
    passes = ("color", "labels", "landmarks", "depth")
    drawn = engine.draw(layout.default().values, SIZE, passes, read_scene(scene))
    return {name: plane.astype(np.float64) for name, plane in drawn.items()}


def test_empty_scene_is_the_standard_portrait(engine: Engine, layout: Layout) -> None:
    values = layout.random(3, seed=2).values
    before = engine.render(values, SIZE)
    everything = {
        "yaw": 30,
        "light_strength": 0.5,
        "expression": {"open_mouth": 1.0},
        "background": {"shapes": 5},
    }
    other = engine.draw(values, SIZE, ("color",), read_scene(everything))["color"]
    assert (other != before).mean() > 0.3
    assert np.array_equal(engine.draw(values, SIZE, ("color",), read_scene({}))["color"], before)
    assert read_scene({}) == Scene()
    assert np.array_equal(
        engine.draw(values, SIZE, ("color",), read_scene(everything))["color"], other
    )


def test_yaw_and_pitch_directions(engine: Engine, layout: Layout) -> None:
    neutral, left, up = (
        draw(engine, layout, **s)["landmarks"] for s in ({}, {"yaw": 40}, {"pitch": 30})
    )
    tip = 30
    # The subject's left is on the right of the picture; the far side of the jaw is hidden.
    assert left[tip, 0] > neutral[tip, 0] + 8
    assert up[tip, 1] < neutral[tip, 1] - 5
    assert abs(left[tip, 1] - neutral[tip, 1]) < 3
    assert not left[12:15, 2].any()
    # The shoulders do not move.
    low = [draw(engine, layout, yaw=y)["color"][-3:, SIZE // 2] for y in (0, 40)]
    assert np.abs(low[0] - low[1]).max() < 12


def test_rotation_above_the_neck_is_rigid() -> None:
    points = np.random.default_rng(0).uniform(-0.6, 0.6, (50, 3)).astype(np.float32)
    yaw, pitch = np.radians((25.0, -15.0))
    both = rotate_head(points, (yaw, pitch))
    # Distances are constant, and yaw is applied after pitch.
    gaps = [np.linalg.norm(p[:, None] - p[None], axis=2) for p in (points, both)]
    np.testing.assert_allclose(gaps[0], gaps[1], atol=1e-5)
    apart = rotate_head(rotate_head(points, (0.0, pitch)), (yaw, 0.0))
    np.testing.assert_allclose(both, apart, atol=1e-5)
    shoulders = points - np.array((0, 2.5, 0), np.float32)
    assert np.array_equal(rotate_head(shoulders, (yaw, pitch)), shoulders)


def test_light_direction_strength_and_colour(engine: Engine, layout: Layout) -> None:
    def halves(**scene: Any) -> tuple[float, float]:
        drawn = draw(engine, layout, **scene)
        skin = drawn["labels"] == 1
        picture, middle = drawn["color"].mean(-1), SIZE // 2
        return picture[:, :middle][skin[:, :middle]].mean(), picture[:, middle:][
            skin[:, middle:]
        ].mean()

    right, left = halves(light_azimuth=-80)
    assert right > left + 15
    right, left = halves(light_azimuth=80)
    assert left > right
    dark, bright = (sum(halves(light_strength=s)) for s in (0.2, 1.8))
    assert bright > dark + 60
    skin = draw(engine, layout)["labels"] == 1
    red = draw(engine, layout, light_color=[255, 60, 30])["color"][skin].mean(0)
    blue = draw(engine, layout, light_color=[30, 60, 255])["color"][skin].mean(0)
    assert red[0] > blue[0] + 30
    assert blue[2] > red[2] + 30


@pytest.mark.slow
def test_every_action_changes_the_picture(engine: Engine, layout: Layout) -> None:
    neutral = draw(engine, layout)["color"]
    without_effect = []
    for action in ACTIONS:
        changed = (
            np.abs(draw(engine, layout, expression={action: 1.0})["color"] - neutral).max(-1) > 2
        )
        if changed.sum() < 8:
            without_effect.append((action, int(changed.sum())))
    assert not without_effect


def test_smile_open_mouth_and_blink(engine: Engine, layout: Layout) -> None:
    neutral = draw(engine, layout)
    smile, wide, blink = (
        draw(engine, layout, expression={a: 1.0}) for a in ("smile", "open_mouth", "blink")
    )
    count = {
        name: [(d["labels"] == k).sum() for k in range(11)]
        for name, d in (("neutral", neutral), ("smile", smile), ("wide", wide), ("blink", blink))
    }
    assert count["neutral"][8] < 10
    assert count["smile"][8] > 60
    assert count["wide"][8] > 120
    assert count["blink"][4] + count["blink"][5] < 0.1 * (count["neutral"][4] + count["neutral"][5])
    # Teeth are the brightest part of a smile, and not red.
    teeth = smile["color"][smile["labels"] == 8]
    bright = teeth[teeth.mean(1) > np.percentile(teeth.mean(1), 75)].mean(0)
    assert bright.min() > 120
    assert bright.max() - bright.min() < 60
    # A smile widens the mouth, an open mouth lowers the chin.
    assert smile["landmarks"][54, 0] - smile["landmarks"][48, 0] > 2 + (
        neutral["landmarks"][54, 0] - neutral["landmarks"][48, 0]
    )
    assert wide["landmarks"][8, 1] > neutral["landmarks"][8, 1] + 3


@pytest.mark.slow
@pytest.mark.parametrize("size", [SIZE, (160, 64), (64, 160)])
def test_backgrounds(
    engine: Engine, layout: Layout, tmp_path: Path, size: int | tuple[int, int]
) -> None:
    values = {**layout.default().values, "hairstyle": "shaved"}

    def behind(value: Any) -> np.ndarray:
        scene = read_scene({"background": value})
        drawn = engine.draw(values, size, ("color", "labels", "depth"), scene)
        empty = drawn["depth"] == 0
        assert not drawn["labels"][empty].any()
        # Without the antialiased outline of the head.
        away = np.asarray(Image.fromarray(empty).filter(ImageFilter.MinFilter(5)))
        return np.where(away[..., None], drawn["color"].astype(np.float64), np.nan)

    plain = behind([200, 30, 90])
    assert np.nanmax(np.abs(plain - (200, 30, 90))) <= 1
    shade = behind([[250, 250, 250], [10, 10, 10]])[:, 1, 0]
    shade = shade[~np.isnan(shade)]
    assert shade[0] > shade[-1] + 60
    assert (np.diff(shade) < 1).all()
    first, again, other = (behind({"shapes": k}) for k in (1, 1, 2))
    assert np.array_equal(first, again, equal_nan=True)
    assert np.nanmean(np.abs(first - other)) > 10
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, :40] = (0, 255, 0)
    Image.fromarray(pixels).save(tmp_path / "wall.png")
    wall = behind({"picture": str(tmp_path / "wall.png")})
    assert np.nanmax(np.abs(wall[1:3, 1] - (0, 255, 0))) <= 1
    assert np.nanmax(np.abs(wall[1:3, -2])) <= 1


@pytest.mark.parametrize(
    ("scene", "message"),
    [
        ({"moon": 1}, "unknown setting 'moon'"),
        ({"yaw": 46}, "yaw must be a number from -45 to 45, got 46"),
        ({"yaw": float("nan")}, "yaw must be a number"),
        ({"pitch": True}, "pitch must be a number from -45 to 45, got True"),
        ({"light_strength": "bright"}, "light_strength must be a number from 0 to 2"),
        ({"light_color": [1, 2]}, r"light_color must be \[red, green, blue\] from 0 to 255"),
        ({"light_color": [1, 2, 256]}, "light_color must be"),
        ({"expression": ["smile"]}, "expression must be a map"),
        ({"expression": {"grin": 1}}, "unknown expression 'grin'"),
        ({"expression": {"smile": 1.5}}, "expression smile must be a number from 0 to 1, got 1.5"),
        ({"background": "red"}, "background must be"),
        ({"background": [[1, 2, 3]]}, "background must be"),
        ({"background": {"shapes": -1}}, "background must be"),
        ({"background": {"moon": 1}}, "background must be"),
    ],
)
def test_invalid_settings_raise(scene: dict[str, Any], message: str) -> None:
    with pytest.raises(SceneError, match=message):
        read_scene(scene)


def test_missing_background_picture_raises(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"nowhere\.png"):
        read_scene({"background": {"picture": str(tmp_path / "nowhere.png")}})


def test_protocol_page_lists_the_settings() -> None:
    text = PROTOCOL.read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `(\w+)` \| [\w ]+ \| ([^|]+) \| [^|]+ \|$", text.split("### Scene")[1], re.M
    )
    documented = dict(rows)
    assert set(documented) == set(SETTINGS) == SCENE
    for name, limits in SETTINGS.items():
        if limits is not None:
            assert documented[name] == f"{limits[0]:g} to {limits[1]:g}"
    for action in ("smile", "open_mouth", "blink"):
        assert action in ACTIONS
        assert f"`{action}`" in text
