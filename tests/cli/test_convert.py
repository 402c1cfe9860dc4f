"""``f2p convert`` and ``convert`` on the toy game: a hero becomes a villain."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import f2p_toy
import numpy as np
import pytest
from f2p_toy import HERO, VILLAIN
from PIL import Image

from f2p_sdk import convert, plugins
from f2p_sdk.errors import NoFaceError, PluginError, UsageError
from f2p_sdk.parameters import Character

Run = Callable[..., Any]
FAST = ["--method", "slides", "--steps", "1"]


class BlankHost:
    """A host whose engine draws no face."""

    def wait(self) -> Any:
        return SimpleNamespace(max_size=256)

    def render(self, values: Any, *, kind: str, size: int) -> Any:
        assert (kind, size) == ("hero", 256)
        return SimpleNamespace(color=np.full((size, size, 3), 90, np.uint8))


@pytest.mark.slow
def test_convert_writes_a_character_of_the_other_kind(
    f2p: Run, character: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "villain.json"
    to = ("--to", "toy/villain", "-o", out)
    done = f2p("convert", character, *to, *FAST, "--keep", "horns=0.25", "--json")
    assert done.code in (0, 3)  # a fit of one step may gain next to nothing
    document = json.loads(done.out)
    assert (document["from"], document["game"]) == ("toy/hero", "toy/villain")
    assert document["character"] == str(character)
    # `exact` is of no use for another kind's picture.
    assert not any("exact" in hint for hint in document["face"]["hints"])
    files = {name: Path(path) for name, path in document["files"].items()}
    assert set(files) == {"character", "picture", "report", "sheet", "preset"}
    assert files["preset"] == out
    assert files["character"] == out.with_suffix("") / "character.json"
    villain = Character.load(out, VILLAIN)
    assert villain.values["horns"] == 0.25
    with Image.open(files["sheet"]) as sheet:
        assert sheet.size[0] > 2 * sheet.size[1] * 0.8  # both portraits side by side


@pytest.mark.slow
def test_a_conversion_finds_sliders_that_both_kinds_have(toy: None) -> None:
    """Nose and eyes do the same in both kinds."""
    hero = HERO.default().replace(nose=0.9, eyes=0.8)
    stages: list[str] = []
    seen = lambda stage, done, total: stages.append(stage)  # noqa: E731
    found = convert(hero, "toy/villain", method="slides", progress=seen)
    assert found.character.name == "toy/villain"
    assert found.as_photo is None
    assert found.subject.drawn
    assert not found.subject.own
    assert {"photo", "search", "verify"} <= set(stages)
    distance = found.report["identity_distance"]
    assert distance["engine"] <= distance["average_character"]


def test_the_same_kind_is_wrong_use(f2p: Run, character: Path, tmp_path: Path) -> None:
    done = f2p("convert", character, "--to", "toy", "-o", tmp_path / "out")
    assert done.code == 2
    assert "the character is of toy/hero already" in done.text
    assert not (tmp_path / "out").exists()


def test_unknown_kinds_are_errors(f2p: Run, character: Path, tmp_path: Path) -> None:
    done = f2p("convert", character, "--to", "toy/vilain", "-o", tmp_path)
    assert done.code == 1
    assert "did you mean 'toy/villain'?" in done.text


def test_a_kind_without_framing_cannot_be_the_target(toy: None) -> None:
    bare = replace(plugins.game("toy/villain"), framing_path=None)
    with pytest.raises(PluginError, match="toy/villain has no framing"):
        convert(HERO.default(), bare)


def test_the_characters_engine_is_necessary(
    f2p: Run, character: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="needs the engine of the character"):
        convert(HERO.default(), "toy/villain", source_engine=False)
    kind = f2p_toy._kind
    monkeypatch.setattr(f2p_toy, "_kind", lambda name: replace(kind(name), engine=None))
    plugins.manager.cache_clear()
    done = f2p("convert", character, "--to", "toy/villain", "-o", tmp_path)
    assert done.code == 2
    assert "toy/hero has no engine that can be started" in done.text
    assert "f2p fit portrait.png -g toy/villain" in done.text


@pytest.mark.slow
def test_a_portrait_without_a_face_is_an_error(toy: None) -> None:
    blank: Any = BlankHost()
    with pytest.raises(NoFaceError, match="the portrait of toy/hero by its engine: no face") as got:
        convert(HERO.default(), "toy/villain", source_engine=blank, engine=False)
    assert "f2p render CHARACTER" in got.value.remedy
