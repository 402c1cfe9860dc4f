"""Sliders with a step, with other numbers for players, and with unknown groups."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from f2p_sdk import Character, CharacterError, Continuous, Discrete, Kind, Layout, LayoutError

BYTE = Continuous("width", "nose", default=0, step="1/255")
WHOLE = Continuous("age", "face", low=18, high=80, default=30, step=1)
TENTH = Continuous("tilt", "eye", low=-0.5, high=0.7, default=0.1, step=0.1, spread=1.0)
FREE = Continuous("depth", "eye")
HAIR = Discrete("hair", "hair", ("none", "bob"), "none")
STEPS = Layout("toy", "human", (BYTE, WHOLE, TENTH, FREE, HAIR))
PLAIN = Layout(
    "toy",
    "human",
    (*(dataclasses.replace(p, step=None) for p in STEPS.continuous), HAIR),
)


def grid(low: str, step: str, count: int) -> set[float]:
    """The grid by exact fractions."""
    return {float(Fraction(low) + n * Fraction(step)) for n in range(count + 1)}


VALUES = {
    "width": grid("0", "1/255", 255),
    "age": grid("18", "1", 62),
    "tilt": grid("-0.5", "0.1", 12),
}


def on_grid(character: Character) -> bool:
    return all(character.values[name] in values for name, values in VALUES.items())


def test_step_is_kept_as_a_number() -> None:
    assert [p.step for p in STEPS.continuous] == [1 / 255, 1.0, 0.1, None]
    assert TENTH.default == 0.1


def test_grid_values_are_the_nearest_floats_of_their_decimals() -> None:
    assert TENTH.validate(0.1 + 0.2) == 0.3
    assert TENTH.unscale(1) == 0.7
    assert BYTE.validate(100 / 255) == 100 / 255


@pytest.mark.parametrize(
    ("slider", "value", "near"),
    [(BYTE, 0.5, "0.4980392157 or 0.5019607843"), (WHOLE, 18.5, "18 or 19"), (TENTH, 0.69, "0.6")],
)
def test_values_beside_the_grid_are_refused(slider: Continuous, value: float, near: str) -> None:
    with pytest.raises(CharacterError) as caught:
        slider.validate(value)
    assert "must be on its grid of step" in caught.value.message
    assert f"got {value:g}" in caught.value.message
    assert f"never rounded: give {near}" in caught.value.remedy


def test_the_rounding_of_a_float32_is_removed() -> None:
    for slider in STEPS.continuous[:3]:
        for value in sorted(VALUES[slider.name]):
            assert slider.validate(float(np.float32(value))) == value


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": 0}, "step must be more than 0"),
        ({"step": -0.1}, "step must be more than 0"),
        ({"step": True}, "step must be more than 0"),
        ({"step": float("nan")}, "step must be more than 0"),
        ({"step": "1/0"}, "step must be more than 0"),
        ({"step": "a third"}, "step must be more than 0"),
        ({"step": "1e999999999"}, "step must be more than 0"),
        ({"step": 0.3}, "with this step, high is 0.9 or 1.2"),
        ({"step": 7}, "with this step, high is 7;"),
        ({"step": 0.0039216}, 'a step may also be text such as "1/255"'),
        ({"step": 1e-7}, "step must be at least the range divided by 100000"),
        ({"step": 0.1, "default": 0.25}, "default must be 0.2 or 0.3, got 0.25"),
    ],
)
def test_wrong_steps(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(LayoutError) as caught:
        Continuous("width", "nose", **changes)
    assert str(caught.value).startswith("parameter 'width': ")
    assert message in str(caught.value)


def test_a_step_in_decimals_means_its_fraction() -> None:
    slider = Continuous("width", "nose", default=0, step=0.00392157)
    assert slider.unscale(100 / 255) == 100 / 255


def test_layout_file(tmp_path: Path) -> None:
    path = tmp_path / "layout.toml"
    head = 'game = "toy"\nkind = "human"\n[[continuous]]\nname = "width"\ngroup = "nose"\n'
    path.write_text(f'{head}default = 0\nstep = "1/255"\ndisplay = [[0, 10], [1, 40.5]]\n')
    (slider,) = Layout.load(path).continuous
    assert slider == dataclasses.replace(BYTE, display=((0, 10), (1, 40.5)))
    path.write_text(f"{head}step = 0.3\n")
    with pytest.raises(LayoutError) as caught:
        Layout.load(path)
    assert caught.value.message.startswith(f"{path}: parameter 'width': high must be low plus")


def test_steps_and_display_keep_the_hash() -> None:
    assert STEPS.hash == PLAIN.hash


def test_random_characters_lie_on_the_grid() -> None:
    for n in range(50):
        assert all(on_grid(draw(n)) for draw in (STEPS.random, STEPS.person, STEPS.neighbour))
        assert STEPS.random(n).values["depth"] == PLAIN.random(n).values["depth"]


def test_all_grid_values_are_equally_likely() -> None:
    layout = Layout("toy", "human", (Continuous("width", "nose", step=0.5),))
    counts = Counter(layout.random(n).values["width"] for n in range(900))
    assert set(counts) == {0.0, 0.5, 1.0}
    assert min(counts.values()) > 250


def test_vector_and_json_keep_characters() -> None:
    for n in range(20):
        character = STEPS.random(n)
        assert STEPS.decode(STEPS.encode(character)).values["width"] == character.values["width"]
        assert Character.from_json(character.to_json(), STEPS) == character
    document = json.loads(STEPS.default().to_json())
    document["values"]["age"] = 30.25
    with pytest.raises(CharacterError, match=r"(?s)hero.json: parameter 'age'.*give 30 or 31"):
        Character.from_json(json.dumps(document), STEPS, source="hero.json")


def test_assignments_must_be_on_the_grid() -> None:
    assert STEPS.parse("tilt=0.3") == ("tilt", 0.3)
    with pytest.raises(CharacterError, match=r"give 0.3 or 0.4"):
        STEPS.parse("tilt=0.33")


def test_vectors_are_rounded_to_the_grid() -> None:
    vector = np.random.default_rng(0).random(STEPS.size, dtype=np.float32)
    found = STEPS.on_grid(vector)
    assert on_grid(STEPS.decode(vector))
    np.testing.assert_array_equal(found, STEPS.on_grid(found))
    np.testing.assert_array_equal(found[3:], vector[3:])  # a slider without step, and choices
    steps = np.array([255, 62, 12])
    np.testing.assert_allclose(found[:3], np.round(vector[:3] * steps) / steps, atol=1e-6)
    np.testing.assert_array_equal(PLAIN.on_grid(vector), vector)


def test_characters_of_before_the_step_are_refused_and_can_be_rounded() -> None:
    older = PLAIN.random(3)
    with pytest.raises(CharacterError, match="must be on its grid"):
        STEPS.checked(older)
    assert on_grid(STEPS.decode(PLAIN.encode(older)))


# ---- display


def test_shown_numbers_are_interpolated() -> None:
    height = Continuous("height", "face", display=[[0, 150], [0.5, 160], [1, 200]], unit="cm")  # type: ignore[arg-type]
    assert [height.shown(v) for v in (0, 0.25, 0.5, 0.75, 1)] == [150, 155, 160, 180, 200]
    assert height.text(0.33) == "156.6 cm"
    falling = Continuous("size", "eye", display=((0, 3), (1, -1)))
    assert falling.text(0.5) == "1"
    assert FREE.text(0.25) == "0.25"


@pytest.mark.parametrize(
    ("display", "message"),
    [
        ("0 to 10", "must be two or more points"),
        ([[0, 1]], "must be two or more points"),
        ([0, 1], "must be two or more points"),
        ([[0, 1], [1]], "must be two or more points"),
        ([[0, 1], [1, float("nan")]], "must be two or more points"),
        ([[0, 1], [0.9, 2]], "must increase from low 0 to high 1, got [0.0, 0.9]"),
        ([[0, 1], [0.5, 2], [0.5, 3], [1, 4]], "must increase from low 0 to high 1"),
        ([[0, 1], [0.5, 3], [1, 2]], "must all increase or all decrease, got [1.0, 3.0, 2.0]"),
    ],
)
def test_wrong_displays(display: Any, message: str) -> None:
    with pytest.raises(LayoutError) as caught:
        Continuous("width", "nose", display=display)
    assert caught.value.message.startswith("parameter 'width': ")
    assert message in caught.value.message


# ---- groups


@pytest.mark.parametrize(
    ("group", "sentence"),
    [
        ("eyes", "unknown group 'eyes' of width: did you mean 'eye'?"),
        ("body", "unknown group 'body' of width: the groups are eyebrow, eye, nose"),
        ("nose", ""),
    ],
)
def test_unknown_groups_warn(
    group: str, sentence: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "hero.toml"
    path.write_text(
        f'game = "toy"\nkind = "hero"\n[[continuous]]\nname = "width"\ngroup = "{group}"\n'
    )
    kind = Kind("toy", "hero", path)
    with caplog.at_level(logging.WARNING, logger="f2p_sdk"):
        assert kind.layout.names == ("width",)
        assert kind.layout is kind.layout
    assert len(caplog.messages) == bool(sentence)
    assert all(m.startswith(f"{path}: {sentence}") for m in caplog.messages)
