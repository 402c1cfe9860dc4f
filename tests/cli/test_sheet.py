"""f2p sheet: sheets of the toy game, and one of the stand-in engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from f2p_toy import HERO

from f2p_sdk.cli._sheets import change_map, random_sheets, slider_sheets
from f2p_sdk.images import load
from f2p_sdk.parameters import Continuous, Layout

Run = Callable[..., Any]


def contains(sheet: np.ndarray[Any, Any], picture: np.ndarray[Any, Any]) -> bool:
    """Return whether the upper half of ``picture`` is on the sheet; a label may be below it."""
    top = picture[: picture.shape[0] // 2]
    windows = np.lib.stride_tricks.sliding_window_view(sheet, top.shape)[:, :, 0]
    ys, xs = np.nonzero((windows[:, :, 0, 0] == top[0, 0]).all(-1))
    return any(np.array_equal(windows[y, x], top) for y, x in zip(ys, xs, strict=True))


@pytest.mark.slow
def test_even_random_characters_are_those_of_capture(
    f2p: Run, expected: Run, tmp_path: Path
) -> None:
    out = tmp_path / "random.png"
    options = ["--random", 5, "--evenly", "--seed", 7, "--size", 32, "--json"]
    done = f2p("sheet", "-g", "toy", *options, "-o", out)
    assert done.code == 0, done.text
    document = json.loads(done.out)
    assert document["pictures"] == 5
    assert [page["path"] for page in document["pages"]] == [str(out)]
    sheet = load(out)
    assert list(sheet.shape[1::-1]) == document["pages"][0]["size"]
    for index in range(5):
        assert contains(sheet, expected(HERO.random(index, 7).values, 32)), index
    assert not contains(sheet, expected(HERO.random(5, 7).values, 32))


def test_random_characters_stay_within_the_spread() -> None:
    layout = Layout("g", "k", (Continuous("nose", "nose", spread=0.1),))
    (sheet,) = random_sheets(layout, 20, layout.person, 0)
    assert all(0.45 <= tile.values[0]["nose"] <= 0.55 for tile in sheet.tiles)


@pytest.mark.slow
def test_sliders_and_choices_in_a_folder(f2p: Run, expected: Run, tmp_path: Path) -> None:
    out = tmp_path / "sheets"
    done = f2p("sheet", "-g", "toy", "--sliders", "--choices", "-o", out, "--size", 32, "--json")
    assert done.code == 0, done.text
    document = json.loads(done.out)
    names = [
        f"toy-hero-{name}.png"
        for name in ("sliders-nose", "sliders-eye", "sliders-face", "choices-hair")
    ]
    assert [Path(page["path"]).name for page in document["pages"]] == names
    sheet, base = load(out / names[2]), dict(HERO.default().values)
    for values in (base, {**base, "red": 0.0}, {**base, "green": 1.0}):
        assert contains(sheet, expected(values, 32))
    red = next(row for row in document["sliders"] if row["name"] == "red")
    difference = np.abs(
        expected(base, 32).astype(int) - expected({**base, "red": 0.0}, 32).astype(int)
    ).max(-1)
    assert red["changed_at_low"] == pytest.approx((difference >= 6).mean(), abs=1e-4)


def test_only_selects_one_slider(f2p: Run, tmp_path: Path) -> None:
    out = tmp_path / "one.jpg"
    argv = ("sheet", "-g", "toy", "--sliders", "--only", "red", "-o", out, "--size", 32)
    done = f2p(*argv)
    assert done.code == 0, done.text
    assert "3 pictures of toy/hero drawn by the engine" in done.text
    assert load(out).shape[1] < 4 * 32 + 20


def test_on_another_character_by_the_imitator(f2p: Run, tmp_path: Path) -> None:
    character = HERO.character({"nose": 0.5, "eyes": 0.2, "red": 0.9, "green": 0.1, "hair": "long"})
    path = character.save(tmp_path / "c.json")
    out = tmp_path / "s.png"
    argv = ("sheet", "-g", "toy", "--choices", "--character", path, "--via", "imitator", "-o", out)
    done = f2p(*argv, "--size", 64)
    assert done.code == 0, done.text
    rendered = tmp_path / "r.png"
    assert f2p("render", path, "-o", rendered, "--size", 64).code == 0
    assert contains(load(out), load(rendered))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "add --random 64, --sliders or --choices"),
        (["--sliders", "--only", "rad"], "did you mean 'red'?"),
        (["--sliders", "--group", "fase"], "did you mean 'face'?"),
        (["--sliders", "--group", "hair"], "nothing is left to draw"),
        (["--sliders", "--choices", "-o", "one.png"], "give a folder: -o one"),
        (["--choices", "-o", "one.gif"], "got '.gif'"),
        (["--choices", "--weights", "tiny"], "add --via imitator"),
        (["--choices", "--via", "imitator", "--listen", "tcp://127.0.0.1:*"], "add --via engine"),
        (["--choices", "--plaintext"], "need --listen"),
    ],
)
def test_wrong_use(f2p: Run, options: list[str], message: str) -> None:
    done = f2p("sheet", "-g", "toy", *options)
    assert done.code == 2
    assert message in done.text


@pytest.mark.slow
def test_no_sheet_if_the_engine_dies(
    f2p: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("F2P_TOY_ENGINE", "dies")
    out = tmp_path / "s.png"
    done = f2p("sheet", "-g", "toy", "--random", 9, "-o", out, "--size", 32)
    assert done.code == 1
    assert "next:" in done.text
    assert not out.exists()


def test_change_map_marks_visible_differences() -> None:
    base = np.full((8, 8, 3), 100, np.uint8)
    low, high = base.copy(), base.copy()
    low[2, 3] += 50
    high[5, 6, 1] -= 5  # not visible
    picture, shares = change_map(base, [low, high])
    assert shares == [1 / 64, 0]
    red = picture[..., 0].astype(int) > picture[..., 1].astype(int) + 30
    assert np.argwhere(red).tolist() == [[2, 3]]


def test_sheets_have_every_tile_once() -> None:
    (one,) = random_sheets(HERO, 100, HERO.random, 0)
    assert len(one.tiles) == 100
    several = list(random_sheets(HERO, 250, HERO.random, 0))
    assert [t.caption for sheet in several for t in sheet.tiles] == [str(i) for i in range(250)]
    many = tuple(Continuous(f"s{k}", "face") for k in range(25))
    base = {p.name: 0.5 for p in many}
    sheets = list(slider_sheets(Layout("g", "k", many), base, many, "the default"))
    assert [t.slider for sheet in sheets for t in sheet.tiles] == [p.name for p in many]
    assert [len(sheet.tiles) for sheet in sheets] == [12, 13]
    assert len({sheet.name for sheet in sheets}) == 2


@pytest.mark.slow
def test_the_stand_in_engine(f2p: Run, tmp_path: Path) -> None:
    out = tmp_path / "s.png"
    argv = ("sheet", "-g", "justice/female", "--sliders", "--only", "skin_tone", "-o", out)
    done = f2p(*argv, "--size", 96, "--json")
    assert done.code == 0, done.text
    (row,) = json.loads(done.out)["sliders"]
    assert row["changed_at_low"] > 0.1
    assert row["changed_at_high"] > 0.1


def test_sliders_have_the_numbers_that_players_read() -> None:
    height = Continuous("height", "face", display=((0, 150), (0.5, 172.5), (1, 200)), unit="cm")
    (sheet,) = slider_sheets(Layout("g", "k", (height,)), {"height": 0.5}, [height], "the default")
    (tile,) = sheet.tiles
    assert tile.labels == ("150", "172.5", "200", "")
    assert tile.caption == "height (cm)"
    assert [values["height"] for values in tile.values] == [0, 1]
