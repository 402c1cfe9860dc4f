"""Formats: reading and writing the games' own files of characters, and their checks."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from f2p_sdk import (
    Character,
    CharacterError,
    FormatSpec,
    Game,
    Kind,
    Layout,
    PluginError,
    UnknownNameError,
    UsageError,
    hookimpl,
    load_character,
    plugins,
    save_character,
)
from f2p_sdk.conformance import check_formats
from f2p_sdk.pipeline import render
from f2p_sdk.plugins import PluginInfo, PluginManager
from f2p_sdk.plugins.character_files import extension_of, format_of
from f2p_sdk.testing import AdapterTests

TOML = """
game = "{game}"
kind = "{kind}"
[[continuous]]
name = "width"
group = "eye"
default = 0
step = "1/255"
[[continuous]]
name = "age"
group = "face"
low = 18
high = 80
default = 30
{step}
[[discrete]]
name = "hair"
group = "hair"
choices = ["none", "bob"]
default = "none"
"""
STEP = "step = 1"


def read(data: bytes, layout: Layout) -> Character:
    width, age, hair = struct.unpack("<3B", data)
    choice = layout.discrete[0].choices[hair]
    return layout.character({"width": width / 255, "age": age, "hair": choice})


def write(character: Character, layout: Layout, picture: Any) -> bytes:
    values = character.values
    hair = layout.discrete[0].choices.index(str(values["hair"]))
    return struct.pack("<3B", round(float(values["width"]) * 255), int(values["age"]), hair)  # type: ignore[arg-type]


def spec(name: str = "bytes", **changes: Any) -> FormatSpec:
    given = {"game": "elves", "extensions": (".preset",), "read": read, "write": write}
    return FormatSpec(name=name, title="Bytes", **{**given, **changes})


Install = Callable[..., PluginInfo]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Function that installs games, by their kinds, and formats in place of all plugins."""
    manager = PluginManager()
    monkeypatch.setattr(plugins, "manager", lambda: manager)

    def run(*formats: FormatSpec, step: str = STEP, **kinds: tuple[str, ...]) -> PluginInfo:
        games = []
        for game, names in (kinds or {"elves": ("hero",)}).items():
            made = []
            for name in names:
                path = tmp_path / f"{game}-{name}.toml"
                path.write_text(TOML.format(game=game, kind=name, step=step), encoding="utf-8")
                made.append(Kind(game, name, path))
            games.append(Game(game, game, tuple(made)))
        module, info = ModuleType("a_plugin"), PluginInfo("one")
        module.f2p_games = hookimpl(lambda: games)  # type: ignore[attr-defined]
        module.f2p_formats = hookimpl(lambda: list(formats))  # type: ignore[attr-defined]
        manager.register(module, info)
        return info

    return run


# ---- description


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "My Format"}, "the name of a format must be lower-case"),
        ({"game": "The Game"}, "the name of a game must be lower-case"),
        ({"extensions": ()}, "extensions must be a list of texts, got ()"),
        ({"extensions": ".preset"}, "extensions must be a list of texts, got '.preset'"),
        ({"extensions": ("preset",)}, "an extension must be a dot and lower-case"),
        ({"extensions": (".Preset",)}, "an extension must be a dot and lower-case"),
        ({"extensions": (3,)}, "an extension must be a dot and lower-case"),
        ({"extensions": (".json",)}, "the extension .json is the SDK's own"),
    ],
)
def test_wrong_descriptions(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginError) as caught:
        spec(**changes)
    assert message in caught.value.message


def test_the_manager_lists_formats(install: Install) -> None:
    info = install(spec(), spec("bytes"))
    assert [one.name for one in plugins.formats()] == ["bytes"]
    assert "format bytes" in info.provides
    assert "format bytes is already provided" in info.error


def test_the_hook_must_return_formats(install: Install) -> None:
    info = install("bytes")  # type: ignore[arg-type]
    assert plugins.formats() == []
    assert "must return formats, got 'bytes'" in info.error


# ---- files


def test_a_character_survives(install: Install, tmp_path: Path) -> None:
    install(spec())
    layout = plugins.game("elves").layout
    for number in range(20):
        character = layout.random(number)
        path = save_character(tmp_path / "me.preset", character)
        assert len(path.read_bytes()) == 3
        assert load_character(path) == character
        assert load_character(path, "elves/hero") == character
        assert load_character(path, plugins.game("elves")) == character
    assert load_character(save_character(tmp_path / "me.json", character)) == character
    assert load_character(save_character(tmp_path / "ME.PRESET", character)) == character


def test_the_longest_extension_selects_the_format(install: Install, tmp_path: Path) -> None:
    install(spec(), spec("card", extensions=(".png", ".preset.png")))
    found = {
        name: getattr(format_of(name), "name", None)
        for name in ("a.preset", "a.png", "A.Preset.PNG", "a.json", "a.preset.json", ".preset")
    }
    assert [*found.values()] == ["bytes", "card", "card", None, None, None]
    assert extension_of("a.preset.json", "elves") == ".json"
    assert extension_of("folder", "elves") == ""


def test_a_portrait_is_given_to_the_format(install: Install, tmp_path: Path) -> None:
    given = []

    def keep(character: Character, layout: Layout, picture: Any) -> bytes:
        given.append(picture)
        return write(character, layout, picture)

    install(spec(write=keep))
    character, portrait = plugins.game("elves").layout.default(), np.zeros((8, 8, 3), np.uint8)
    save_character(tmp_path / "a.preset", character)
    save_character(tmp_path / "a.preset", character, portrait)
    assert given[0] is None
    assert given[1] is portrait


def fails(*_: object) -> Any:
    raise ValueError("no such slot")


@pytest.mark.parametrize(
    ("changes", "data", "message"),
    [
        ({}, b"\0", "cannot be read: error: unpack requires"),
        ({"read": fails}, b"", "cannot be read: ValueError: no such slot"),
        ({}, b"\0\x51\0", "parameter 'age': must be from 18 to 80, got 81"),
        ({"read": lambda *_: {"age": 30}}, b"", "read must return a Character, got dict"),
        ({"kind_of": fails}, b"", "its kind cannot be read: no such slot"),
    ],
)
def test_reading_errors_name_file_and_format(
    install: Install, tmp_path: Path, changes: dict[str, Any], data: bytes, message: str
) -> None:
    install(spec(**changes))
    path = tmp_path / "me.preset"
    path.write_bytes(data)
    with pytest.raises((CharacterError, PluginError)) as caught:
        load_character(path)
    assert caught.value.message.startswith(f"{path}: as format 'bytes' of elves: {message}")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (fails, "cannot be written: ValueError: no such slot"),
        (lambda *_: "text", "write must return bytes, got str"),
    ],
)
def test_writing_errors_name_file_and_format(
    install: Install, tmp_path: Path, function: Any, message: str
) -> None:
    install(spec(write=function))
    path = tmp_path / "me.preset"
    with pytest.raises((CharacterError, PluginError)) as caught:
        save_character(path, plugins.game("elves").layout.default())
    assert caught.value.message.startswith(f"{path}: as format 'bytes' of elves: {message}")
    assert not path.exists()


def test_an_unknown_extension_names_the_known_ones(install: Install, tmp_path: Path) -> None:
    install(spec())
    character = plugins.game("elves").layout.default()
    with pytest.raises(UsageError, match=r"elves has no format.*'\.presett'(?s:.*)'\.preset'"):
        save_character(tmp_path / "a.presett", character)
    with pytest.raises(UsageError, match=r"use one of: \.json, \.preset"):
        save_character(tmp_path / "a", character)


def test_a_missing_file(install: Install, tmp_path: Path) -> None:
    install(spec())
    with pytest.raises(CharacterError, match=r"there is no such file(?s:.*)\.preset file"):
        load_character(tmp_path / "none.preset")


def test_a_file_of_a_format_that_is_not_installed(install: Install, tmp_path: Path) -> None:
    install(spec())
    path = tmp_path / "me.presett"
    path.write_bytes(b"\1\2\3")
    with pytest.raises(CharacterError) as caught:
        load_character(path)
    assert caught.value.message.startswith(f"{path}: is not JSON")
    assert "with the extension '.presett'; did you mean '.preset'?" in caught.value.remedy
    text = save_character(tmp_path / "me.json", plugins.game("elves").layout.default()).read_text()
    path.write_text(text)  # JSON is read whatever its name is
    assert load_character(path) == plugins.game("elves").layout.default()


def test_the_kind_comes_from_the_file_or_is_given(install: Install, tmp_path: Path) -> None:
    names = ("hero", "rogue")

    def kind_of(data: bytes) -> str:
        return names[data[3]]

    def named(character: Character, layout: Layout, picture: Any) -> bytes:
        return write(character, layout, picture) + bytes([names.index(layout.kind)])

    told = spec(
        "told",
        extensions=(".told",),
        kind_of=kind_of,
        write=named,
        read=lambda data, layout: read(data[:3], layout),
    )
    install(spec(), told, elves=names)
    rogue = plugins.game("elves/rogue").layout.default()
    silent, named_file = tmp_path / "a.preset", tmp_path / "a.told"
    save_character(silent, rogue)
    save_character(named_file, rogue)
    assert load_character(named_file) == rogue
    assert load_character(named_file, "elves") == rogue
    assert load_character(silent, "elves/rogue") == rogue
    with pytest.raises(UsageError, match=r"do not tell their kind(?s:.*)-g elves/hero"):
        load_character(silent)
    with pytest.raises(CharacterError, match=r"is of elves/rogue, not of elves/hero"):
        load_character(named_file, "elves/hero")
    with pytest.raises(UnknownNameError, match="did you mean"):
        load_character(silent, "elves/roge")


def test_two_games_with_one_extension(install: Install, tmp_path: Path) -> None:
    install(spec(), spec("other", game="dwarves"), elves=("hero",), dwarves=("hero",))
    character = plugins.game("dwarves").layout.default()
    path = save_character(tmp_path / "a.preset", character)
    assert load_character(path, "dwarves") == character
    with pytest.raises(UsageError, match=r"dwarves and elves have formats(?s:.*)-g dwarves"):
        load_character(path)


def test_render_reads_formats(install: Install, tmp_path: Path) -> None:
    install(spec())
    path = save_character(tmp_path / "a.preset", plugins.game("elves").layout.default())
    drawn = []

    class Engine:
        def wait(self) -> None: ...

        def render(self, values: Any, **_: Any) -> Any:
            drawn.append(values)
            return type("Rendering", (), {"color": np.zeros((8, 8, 3), np.uint8)})

    render(path, via="engine", size=8, engine=Engine())  # type: ignore[arg-type]
    assert drawn == [dict(plugins.game("elves").layout.default().values)]


# ---- checks


class Adapter(AdapterTests):
    kind = "elves/hero"


def broken(kind: Kind) -> dict[str, str]:
    return {f.rule: f.value for f in check_formats(kind) if not f.ok}


def test_a_correct_format_passes(install: Install) -> None:
    install(spec())
    findings = list(check_formats(plugins.game("elves")))
    assert [f.status for f in findings] == ["ok"] * 3
    assert findings[0].value == "21 characters, .preset"
    Adapter().test_formats()


def test_games_without_formats_pass(install: Install) -> None:
    install(spec(game="dwarves"))
    assert list(check_formats(plugins.game("elves"))) == []


def test_a_format_that_stores_fewer_values_than_the_layout_is_broken(install: Install) -> None:
    install(spec(), step="")
    value = broken(plugins.game("elves"))["characters survive writing and reading"]
    assert re.fullmatch(r"age: (\d+)\.\d+ becomes \1", value)
    with pytest.raises(AssertionError, match="give the slider their step"):
        Adapter().test_formats()


@pytest.mark.parametrize(
    ("changes", "rule", "value"),
    [
        (
            {"read": lambda data, layout: layout.default()},
            "an empty file is an error",
            "gives a character",
        ),
        ({"write": fails}, "characters survive writing and reading", "ValueError: no such slot"),
        (
            {"read": lambda data, layout: read(data[:2] + b"\0", layout)},
            "characters survive writing and reading",
            "hair: bob becomes none",
        ),
        (
            {"kind_of": lambda data: "villain"},
            "characters survive writing and reading",
            "kind_of gives 'villain'",
        ),
        ({"kind_of": fails}, "characters survive writing and reading", "its kind cannot be read"),
    ],
)
def test_broken_formats(install: Install, changes: dict[str, Any], rule: str, value: str) -> None:
    install(spec(**changes))
    assert value in broken(plugins.game("elves"))[rule]


def test_formats_of_one_game_share_no_extension(install: Install) -> None:
    install(spec(), spec("other", extensions=(".other", ".preset")))
    found = broken(plugins.game("elves"))
    assert found == {"no other format has its extensions": ".preset"}
