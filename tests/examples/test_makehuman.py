"""examples/makehuman: models of MakeHuman are read and written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from f2p_toy import ROOT

from f2p_sdk import CharacterError, game, load_character, plugins, save_character
from f2p_sdk.testing import AdapterTests

SOURCE = ROOT / "examples" / "makehuman"
NOSE, BROW = "nose/nose-scale-horiz-decr|incr", "eyebrows/eyebrows-trans-down|up"

# Lines as MakeHuman 1.2 writes them, with a body, clothes and materials.
MODEL = """# Written by MakeHuman 1.2.0
version v1.2.0
tags f2p
camera 0.0 0.0 0.0 0.0 0.0 1.225
modifier head/head-round 0.118000
modifier eyebrows/eyebrows-trans-down|up -0.584000
modifier eyes/r-eye-height2-decr|incr -0.542000
modifier eyes/l-eye-height2-decr|incr -0.542000
modifier nose/nose-scale-horiz-decr|incr -0.056000
modifier torso/torso-scale-horiz-decr|incr 0.300000
modifier macrodetails/Gender 1.000000
modifier macrodetails/Age 0.701000
modifier macrodetails-universal/Muscle 0.500000
eyes HighPolyEyes 2c12f43b-1303-432c-b7ce-d78346baf2e6
clothesHideFaces True
skinMaterial skins/default.mhmat
material HighPolyEyes 2c12f43b-1303-432c-b7ce-d78346baf2e6 eyes/materials/brown.mhmat
subdivide False"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the example for this process."""
    info = tmp_path / "site" / "f2p_makehuman-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: f2p-makehuman\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[f2p]\nmakehuman = f2p_makehuman.plugin\n")
    for folder in (SOURCE, info.parent):
        monkeypatch.syspath_prepend(str(folder))
    plugins.manager.cache_clear()
    yield
    plugins.manager.cache_clear()


class TestMakeHuman(AdapterTests):
    kind = "makehuman/face"


def test_a_model_is_read(tmp_path: Path) -> None:
    path = tmp_path / "person.mhm"
    path.write_text(MODEL, encoding="utf-8")
    character = load_character(path)
    assert character.name == "makehuman/face"
    moved = {name: value for name, value in character.values.items() if value}
    assert moved == {
        "head/head-round": 0.118,
        BROW: -0.584,
        "eyes/r-eye-height2-decr|incr": -0.542,
        "eyes/l-eye-height2-decr|incr": -0.542,
        NOSE: -0.056,
    }


def test_a_written_model_has_the_lines_of_makehuman(tmp_path: Path) -> None:
    layout = game("makehuman").layout
    character = layout.default().replace(**{NOSE: -0.056, BROW: 1.0})
    path = save_character(tmp_path / "person.mhm", character)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[1] == "version v1.2.0"
    assert lines[2:] == [f"modifier {BROW} 1.000000", f"modifier {NOSE} -0.056000"]
    assert load_character(path) == character


def test_random_faces_survive(tmp_path: Path) -> None:
    layout = game("makehuman").layout
    for number in range(20):
        character = layout.random(number)
        assert load_character(save_character(tmp_path / "a.mhm", character)) == character


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version v1.2.0", "", "must have a line `version ...`"),
        ("-0.584000", "low", "line 6: must be a number, got 'low'"),
        ("-0.584000", "", "line 6: must be `modifier NAME VALUE`"),
        ("-0.584000", "-1.5", f"parameter '{BROW}': must be from -1 to 1, got -1.5"),
        ("-0.584000", "nan", f"parameter '{BROW}': must be from -1 to 1, got nan"),
    ],
)
def test_errors_name_file_format_and_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "person.mhm"
    path.write_text(MODEL.replace(old, new), encoding="utf-8")
    with pytest.raises(CharacterError) as caught:
        load_character(path)
    assert caught.value.message.startswith(f"{path}: as format 'mhm' of makehuman: {message}")


def test_the_command_converts_both_ways(f2p: Callable[..., Any], tmp_path: Path) -> None:
    model, character = tmp_path / "person.mhm", tmp_path / "character.json"
    model.write_text(MODEL, encoding="utf-8")
    plugins.manager.cache_clear()
    assert f2p("apply", model, "-o", character).code == 0
    assert f2p("apply", character, "-o", tmp_path / "again.mhm").code == 0
    assert load_character(tmp_path / "again.mhm") == load_character(model)
