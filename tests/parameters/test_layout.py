"""Layouts: validation, hash, TOML files and random people."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from f2p_sdk import Character, Continuous, Discrete, Layout, LayoutError

WIDTH = Continuous("eye.width", "eye", low=-1.0, high=3.0, default=0.0, unit="mm")
TONE = Continuous("skin.tone", "face")
HAIR = Discrete("hair.style", "hair", ("bald", "bob", "plait"), "bob")
LIPS = Discrete("lips", "makeup", ("none", "red"), "none")
TOY = Layout("toy", "human", (HAIR, WIDTH, LIPS, TONE))

TOML = """
game = "toy"
kind = "human"

[[discrete]]
name = "hair.style"
group = "hair"
choices = ["bald", "bob", "plait"]
default = "bob"

[[continuous]]
name = "eye.width"
group = "eye"
low = -1
high = 3
default = 0
unit = "mm"
label = "Width of the eyes"

[[discrete]]
name = "lips"
group = "makeup"
choices = ["none", "red"]
default = "none"

[[continuous]]
name = "skin.tone"
group = "face"
"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "layout.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_vector_has_continuous_parameters_first() -> None:
    assert TOY.names == ("eye.width", "skin.tone", "hair.style", "lips")
    assert (TOY.n_continuous, TOY.size) == (2, 7)
    assert TOY.slices == {
        "eye.width": slice(0, 1),
        "skin.tone": slice(1, 2),
        "hair.style": slice(2, 5),
        "lips": slice(5, 7),
    }
    assert TOY.slots == (slice(2, 5), slice(5, 7))
    assert TOY.groups == {
        "hair": ("hair.style",),
        "eye": ("eye.width",),
        "makeup": ("lips",),
        "face": ("skin.tone",),
    }


def test_loads_from_toml(tmp_path: Path) -> None:
    layout = Layout.load(write(tmp_path, TOML))
    assert layout.name == "toy/human"
    assert layout.continuous == (dataclasses.replace(WIDTH, label="Width of the eyes"), TONE)
    assert layout.discrete == (HAIR, LIPS)
    assert layout.hash == TOY.hash


@pytest.mark.parametrize("text", ["﻿" + TOML, TOML.replace("\n", "\r\n")], ids=["bom", "crlf"])
def test_loads_bom_and_crlf(tmp_path: Path, text: str) -> None:
    assert Layout.load(write(tmp_path, text)).hash == TOY.hash


def test_size_of_layouts_of_one_parameter() -> None:
    assert Layout("g", "k", (TONE,)).size == 1
    assert Layout("g", "k", (LIPS,)).size == 2


def changed(**changes: Layout | tuple[object, ...] | str) -> Layout:
    return dataclasses.replace(TOY, **changes)  # type: ignore[arg-type]


def replaced(old: object, new: object) -> Layout:
    return changed(parameters=tuple(new if p is old else p for p in TOY.parameters))


def test_hash_is_pinned() -> None:
    # A change would invalidate all existing characters and weights.
    assert TOY.hash == "43f4b1bf19c85088"


@pytest.mark.parametrize(
    "other",
    [
        changed(game="other"),
        changed(kind="other"),
        changed(parameters=(HAIR, TONE, LIPS, WIDTH)),
        changed(parameters=(LIPS, WIDTH, HAIR, TONE)),
        changed(parameters=(HAIR, WIDTH, LIPS)),
        replaced(WIDTH, dataclasses.replace(WIDTH, name="eye.size")),
        replaced(WIDTH, dataclasses.replace(WIDTH, low=-2.0)),
        replaced(WIDTH, dataclasses.replace(WIDTH, high=3.0000001)),
        replaced(HAIR, dataclasses.replace(HAIR, name="hair")),
        replaced(HAIR, dataclasses.replace(HAIR, choices=("bob", "bald", "plait"))),
        replaced(HAIR, dataclasses.replace(HAIR, choices=("bald", "bob", "plait", "bun"))),
        replaced(LIPS, Continuous("lips", "makeup")),
    ],
    ids=lambda layout: layout.name,
)
def test_hash_covers_everything_that_defines_the_vector(other: Layout) -> None:
    assert other.hash != TOY.hash


@pytest.mark.parametrize(
    "same",
    [
        # The vector has continuous parameters first in any case.
        changed(parameters=(WIDTH, TONE, HAIR, LIPS)),
        replaced(WIDTH, dataclasses.replace(WIDTH, label="w", description="d", unit="cm")),
        replaced(WIDTH, dataclasses.replace(WIDTH, default=1.0, group="face")),
        replaced(WIDTH, dataclasses.replace(WIDTH, low=-1, high=3)),
        replaced(HAIR, dataclasses.replace(HAIR, default="bald", label="Hair")),
    ],
    ids=["order of types", "texts", "default and group", "whole numbers", "choice's default"],
)
def test_hash_ignores_everything_else(same: Layout) -> None:
    assert same.hash == TOY.hash


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ""}, "name must be 1 to 100 printable characters"),
        ({"name": "a b"}, "no blanks"),
        ({"name": "a=b"}, "'a=b'"),
        ({"name": "a\n"}, "name"),
        ({"name": 3}, "got 3"),
        ({"group": ""}, "parameter 'x': group"),
        ({"low": "0"}, "low must be a finite number, got '0'"),
        ({"low": True}, "low must be a finite number, got True"),
        ({"high": math.nan}, "high must be a finite number, got nan"),
        ({"high": math.inf}, "high must be a finite number, got inf"),
        ({"high": 10**400}, "high must be a finite number"),
        ({"low": -1.7e308, "high": 1.7e308}, "low must be less than high"),
        ({"low": 1.0, "default": 1.0}, "low must be less than high, got 1 and 1"),
        ({"low": 2.0}, "low must be less than high, got 2 and 1"),
        ({"default": 1.5}, "default must be from 0 to 1, got 1.5"),
        ({"unit": 3}, "unit must be text, got 3"),
        ({"spread": 0}, "spread must be more than 0, at most 3, got 0"),
        ({"spread": math.nan}, "spread must be more than 0, at most 3, got nan"),
        ({"spread": "wide"}, "spread must be more than 0, at most 3, got 'wide'"),
    ],
)
def test_continuous_refuses(fields: dict[str, object], message: str) -> None:
    with pytest.raises(LayoutError) as caught:
        Continuous(**{"name": "x", "group": "eye", **fields})  # type: ignore[arg-type]
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"choices": ()}, "two or more"),
        ({"choices": ("a",)}, "two or more"),
        ({"choices": "ab"}, "choices must be a list of names, got 'ab'"),
        ({"choices": ("a", "a")}, "'a' is there twice"),
        ({"choices": ("a", 3)}, "got 3"),
        ({"default": "c"}, "default must be one of its choices, got 'c'"),
        ({"label": None}, "label must be text"),
    ],
)
def test_discrete_refuses(fields: dict[str, object], message: str) -> None:
    good = {"name": "x", "group": "eye", "choices": ("a", "b"), "default": "a"}
    with pytest.raises(LayoutError) as caught:
        Discrete(**{**good, **fields})  # type: ignore[arg-type]
    assert message in caught.value.message


def test_layout_refuses() -> None:
    with pytest.raises(LayoutError, match="at least one parameter"):
        Layout("g", "k", ())
    with pytest.raises(LayoutError, match=r"'lips' is there twice"):
        Layout("g", "k", (LIPS, TONE, LIPS))
    with pytest.raises(LayoutError, match="kind must not contain '/'"):
        Layout("g", "a/b", (LIPS,))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the key 'game' is missing"),
        ("game = ", "is not valid TOML"),
        ("[" * 10000, "is not valid TOML"),
        ('game = "g"\ngame = "h"', "is not valid TOML"),
        (b"game = \xff", "must be UTF-8, is not at byte 7"),
        ('game = "toy"\nkind = "human"', "at least one parameter"),
        (TOML.replace("[[discrete]]", "[[discreet]]"), "'discreet' is not a key here"),
        (TOML.replace("[[continuous]]", "[[continuous]]\nhihg = 2", 1), "'hihg' is not a key here"),
        (TOML.replace('name = "lips"', ""), "[[discrete]] number 2: the key 'name' is missing"),
        (TOML.replace('group = "eye"', ""), "parameter 'eye.width': the key 'group' is missing"),
        (TOML.replace('"lips"', '"eye.width"'), "'eye.width' is there twice"),
        (TOML.replace("high = 3", "high = nan"), "'eye.width': high must be a finite number"),
        (TOML.replace("high = 3", "high = -3"), "'eye.width': low must be less than high"),
        (TOML.replace('"toy"', "3"), "game must be 1 to 100"),
        ('game="g"\nkind="k"\ncontinuous = 3', "must be written as [[continuous]] tables"),
        ('game="g"\nkind="k"\ndiscrete = ["a"]', "must be written as [[discrete]] tables"),
    ],
)
def test_toml_errors_name_file_parameter_and_rule(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(LayoutError) as caught:
        Layout.load(path)
    assert caught.value.message.startswith(f"{path}: ")
    assert message in caught.value.message


def test_unknown_key_suggests(tmp_path: Path) -> None:
    path = write(tmp_path, TOML.replace("high =", "hihg ="))
    with pytest.raises(LayoutError) as caught:
        Layout.load(path)
    assert caught.value.remedy == "did you mean 'high'?"


def test_missing_file_folder_and_huge_file(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="there is no such file"):
        Layout.load(tmp_path / "none.toml")
    with pytest.raises(LayoutError, match="is a folder"):
        Layout.load(tmp_path)
    with pytest.raises(LayoutError, match="at most"):
        Layout.load(write(tmp_path, b"#" * (8 * 1024 * 1024 + 1)))


def test_unknown_parameter_suggests() -> None:
    from f2p_sdk import CharacterError

    with pytest.raises(CharacterError) as caught:
        TOY["eye.widht"]
    assert caught.value.remedy == "did you mean 'eye.width'?"
    assert TOY["lips"] is LIPS
    assert "lips" in TOY
    assert "nose" not in TOY


SHAPES = tuple(Continuous(f"shape{k}", "face", -1.0, 1.0, 0.5, spread=0.5) for k in range(24))
SKIN = Continuous("skin", "face")
PEOPLE = Layout("toy", "people", (*SHAPES, SKIN, HAIR))


def test_people_stay_within_the_spread_and_are_reproducible() -> None:
    for i in range(50):
        person = PEOPLE.person(i, 3)
        assert person == PEOPLE.person(i, 3)
        assert person != PEOPLE.person(i, 4)
        for shape in SHAPES:  # half of the distance from the default to either end
            assert -0.25 <= person.values[shape.name] <= 0.75  # type: ignore[operator]
        # Parameters without a spread are uniform.
        uniform = PEOPLE.random(i, 3)
        assert person.values["skin"] == uniform.values["skin"]
        assert person.values["hair.style"] == uniform.values["hair.style"]
    with pytest.raises(ValueError, match="0 or more"):
        PEOPLE.person(-1)


def test_sliders_of_people_are_correlated() -> None:
    def correlation(draw: Callable[[int], Character]) -> float:
        vectors = np.stack([PEOPLE.encode(draw(i))[: len(SHAPES)] for i in range(800)])
        found = np.corrcoef(vectors.T)[np.triu_indices(len(SHAPES), 1)]
        return float(np.sqrt(np.square(found).mean()))

    assert correlation(PEOPLE.random) < 0.05
    assert correlation(PEOPLE.person) > 0.08


def test_people_without_a_spread_are_uniform() -> None:
    assert TOY.person(5, 2) == TOY.random(5, 2)


def test_wide_spread_reaches_both_ends() -> None:
    wide = Layout("toy", "wide", (Continuous("a", "face", 0.0, 1.0, 0.5, spread=3.0),))
    values = [wide.person(i).values["a"] for i in range(60)]
    assert {0.0, 1.0} < set(values)
    assert all(0 <= v <= 1 for v in values)  # type: ignore[operator]


def test_spread_is_read_and_changes_no_hash(tmp_path: Path) -> None:
    path = tmp_path / "toy.toml"
    path.write_text(TOML.replace('unit = "mm"', 'unit = "mm"\nspread = 0.7'), "utf-8")
    layout = Layout.load(path)
    assert layout["eye.width"].spread == 0.7  # type: ignore[union-attr]
    path.write_text(TOML, "utf-8")
    assert layout.hash == Layout.load(path).hash
