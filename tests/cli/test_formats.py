"""Commands with files in the game's own format: the toy's hero with a byte per slider."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import f2p_toy
import numpy as np
import pytest
from f2p_toy import PHOTO

from f2p_sdk import Character, FormatSpec, Layout, hookimpl, load_image, plugins

Run = Callable[..., Any]
FAST = ["--method", "slides", "--steps", "1"]


def read(data: bytes, layout: Layout) -> Character:
    *sliders, hair = data
    values: dict[str, object] = {
        p.name: p.unscale(byte / 255) for p, byte in zip(layout.continuous, sliders, strict=True)
    }
    return layout.character({**values, "hair": layout.discrete[0].choices[hair]})


def write(character: Character, layout: Layout, picture: Any) -> bytes:
    values = character.values
    sliders = [round(p.scale(float(values[p.name])) * 255) for p in layout.continuous]
    return bytes([*sliders, layout.discrete[0].choices.index(str(values["hair"]))])


@pytest.fixture(autouse=True)
def byte_format(toy: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The toy game with 256 values per slider, and with a format of one byte per slider."""
    home = tmp_path / "toy"
    shutil.copytree(f2p_toy.HERE, home)
    path = home / "hero.toml"
    text = path.read_text(encoding="utf-8").replace("default = 0\n", "default = -0.2\n")
    for slider in Layout.load(path).continuous:
        step = '"2/255"' if slider.low else '"1/255"\ndefault = 0.2'
        text = text.replace(f'"{slider.name}"\n', f'"{slider.name}"\nstep = {step}\n', 1)
    path.write_text(text, encoding="utf-8")
    spec = FormatSpec("toy-bytes", "A byte per slider", "toy", (".toy",), read, write)
    monkeypatch.setattr(f2p_toy, "HERE", home)
    monkeypatch.setattr(f2p_toy, "f2p_formats", hookimpl(lambda: [spec]), raising=False)
    plugins.manager.cache_clear()
    yield
    plugins.manager.cache_clear()


@pytest.fixture
def layout() -> Layout:
    return plugins.game("toy/hero").layout


@pytest.mark.slow
def test_a_preset_gives_the_picture_of_the_fit(f2p: Run, layout: Layout, tmp_path: Path) -> None:
    """Photo to preset, and preset to picture: the same as straight from the fit."""
    preset, drawn = tmp_path / "me.toy", tmp_path / "drawn.png"
    done = f2p("fit", PHOTO, "-g", "toy", "-o", preset, *FAST, "--json")
    assert done.code in (0, 3), done.text  # a fit of one step may gain next to nothing
    files = {name: Path(path) for name, path in json.loads(done.out)["files"].items()}
    assert files["preset"] == preset
    assert files["character"] == tmp_path / "me" / "character.json"
    assert len(preset.read_bytes()) == 5
    assert read(preset.read_bytes(), layout) == Character.load(files["character"], layout)
    done = f2p(
        *("render", preset, "-g", "toy/hero", "-o", drawn), *("--via", "engine", "--size", 512)
    )
    assert done.code == 0, done.text
    np.testing.assert_array_equal(load_image(drawn), load_image(files["picture"]))


@pytest.mark.slow
def test_photos_need_a_folder_and_a_population_may_be_presets(
    f2p: Run, layout: Layout, tmp_path: Path
) -> None:
    done = f2p("fit", PHOTO, PHOTO, "-g", "toy", "-o", tmp_path / "me.toy", *FAST)
    assert done.code == 2
    assert f"give a folder: -o {tmp_path / 'me'}" in done.text
    people = tmp_path / "people"
    people.mkdir()
    for number in range(3):
        (people / f"{number}.toy").write_bytes(write(layout.random(number), layout, None))
    (people / "0.txt").write_text("no preset")
    argv = ("fit", PHOTO, "-g", "toy", "-o", tmp_path / "me.toy", *FAST, "--no-engine")
    (tmp_path / "me.toy").touch()  # an existing file is replaced
    done = f2p(*argv, "--population", people)
    assert done.code in (0, 3), done.text
    assert len((tmp_path / "me.toy").read_bytes()) == 5


def test_a_file_of_no_format_is_no_folder(f2p: Run, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.touch()
    done = f2p("fit", PHOTO, "-g", "toy", "-o", path)
    assert done.code == 2
    assert "is a file, and not of a format of toy" in done.text


def test_apply_converts_without_a_game(f2p: Run, layout: Layout, tmp_path: Path) -> None:
    character = layout.random(3)
    source, preset, back = (tmp_path / name for name in ("a.json", "a.toy", "b.json"))
    character.save(source)
    done = f2p("apply", source, "-o", preset)
    assert done.code == 0, done.text
    assert f"{preset}: toy/hero of {source}" in done.text
    done = f2p("apply", preset, "-g", "toy/hero", "-o", back, "--json")
    assert json.loads(done.out) == {
        "character": str(preset),
        "kind": "toy/hero",
        "out": str(back),
    }
    assert Character.load(back, layout) == character
    done = f2p("apply", source, "-o", tmp_path / "a.toys")
    assert done.code == 2
    assert "did you mean '.toy'?" in done.text
    done = f2p("apply", preset, "-o", back)
    assert done.code == 2
    assert "name the kind: -g toy/hero" in done.text


def test_render_and_sheet_read_presets(f2p: Run, layout: Layout, tmp_path: Path) -> None:
    preset, json_file = tmp_path / "a.toy", tmp_path / "a.json"
    character = layout.random(5)
    preset.write_bytes(write(character, layout, None))
    character.save(json_file)
    pictures = []
    for path in (preset, json_file):
        out = tmp_path / f"{path.suffix}.png"
        assert f2p("render", path, "-g", "toy/hero", "-o", out).code == 0
        pictures.append(load_image(out))
        sheet = tmp_path / f"{path.suffix}.sheet.png"
        argv = ("sheet", "-g", "toy", "--choices", "--character", path, "--via", "imitator")
        assert f2p(*argv, "-o", sheet, "--size", 32).code == 0
        pictures.append(load_image(sheet))
    np.testing.assert_array_equal(pictures[0], pictures[2])
    preset.write_bytes(b"\0\0")
    done = f2p("render", preset, "-g", "toy/hero", "-o", tmp_path / "x.png")
    assert done.code == 1
    assert f"{preset}: as format 'toy-bytes' of toy: cannot be read" in done.text


def test_check_and_games_know_the_format(f2p: Run) -> None:
    rows = json.loads(f2p("games", "--json").out)
    assert next(row for row in rows if row["kind"] == "hero")["formats"] == [".toy"]
    findings = json.loads(f2p("check", "-g", "toy/hero", "--no-engine", "--json").out)["findings"]
    assert {f["status"] for f in findings if f["check"] == "formats"} == {"ok"}
    assert "format toy-bytes" in f2p("plugins").text
