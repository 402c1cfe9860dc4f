"""The features and looks that parameters get in the drawn face."""

from __future__ import annotations

import pytest
from f2p_toy import ROOT

from f2p_sdk.parameters import Continuous, Discrete
from f2p_sdk.scaffold import read_table
from f2p_sdk.scaffold.features import FEATURES, assign_features
from f2p_sdk.scaffold.looks import assign_looks
from f2p_sdk.scaffold.words import GROUPS, group_of, tokens

MOONFALL = ROOT / "tests" / "scaffold" / "moonfall.csv"


def sliders(*names: str, group: str = "face") -> list[Continuous]:
    return [Continuous(name, group) for name in names]


def test_words_of_names() -> None:
    assert tokens("eyeBrow_heights-2") == ["eye", "brow", "height", "2"]
    assert tokens("irisUVScale glass") == ["iris", "uv", "scale", "glass"]


@pytest.mark.parametrize(
    ("given", "name", "group"),
    [
        ("Eyebrows", "", "eyebrow"),
        ("make-up", "", "makeup"),
        ("Body", "", "face"),
        ("my jewels", "", "my_jewels"),
        ("", "LipThickness", "mouth"),
        ("", "eye_shadow_paint", "makeup"),
        ("", "x17", "face"),
    ],
)
def test_groups(given: str, name: str, group: str) -> None:
    assert group_of(given, name) == group


def test_names_choose_features() -> None:
    (parameters,) = read_table(MOONFALL).kinds.values()
    found = assign_features([p for p in parameters if isinstance(p, Continuous)])
    expected = {
        "head.width": "face_width",
        "brows.angle": "brow_tilt",
        "eyes.gap": "eye_distance",
        "eyes.slant": "eye_tilt",
        "eyes.squint": "eye_opening",
        "nose.flare": "nose_width",
        "mouth.breadth": "mouth_width",
        "mouth.smirk": "mouth_corners",
        "hair.shade": "hair_colour",
    }
    assert {name: found[name] for name in expected} == expected
    assert len(set(found.values())) == len(found)


@pytest.mark.parametrize("group", [*GROUPS, "jewels"])
def test_every_slider_gets_a_feature_or_a_bump_of_its_own(group: str) -> None:
    names = [f"x{i}" for i in range(60)]
    found = assign_features(sliders(*names, group=group))
    assert list(found) == names
    assert len(set(found.values())) == 60
    own = FEATURES.get(group, FEATURES["face"])
    assert [f for f in found.values() if isinstance(f, str)] == list(own)


@pytest.mark.parametrize("group", [*GROUPS, "jewels"])
def test_all_choices_look_different(group: str) -> None:
    choices = ("none", *(f"number_{i}" for i in range(50)))
    slots = [Discrete(f"slot{i}", group, choices, "none") for i in range(3)]
    for looks in assign_looks(slots).values():
        found = list(looks.values())
        assert all(a != b for i, a in enumerate(found) for b in found[:i])


def test_names_choose_looks() -> None:
    hair = Discrete("hair", "hair", ("bald", "short", "long_wavy"), "short")
    dye = Discrete("hair_colour", "hair", ("brown", "dark_brown"), "brown")
    lips = Discrete("lipstick", "makeup", ("none", "red"), "none")
    found = assign_looks([hair, dye, lips])
    assert found["hair"]["bald"] == {"style_length": -1}
    assert found["hair"]["long_wavy"]["style_length"] > 0.9
    assert found["hair"]["long_wavy"]["style_waves"] == 1
    brown, dark = (look["hair_paint"] for look in found["hair_colour"].values())
    assert sum(dark) < sum(brown)
    assert found["lipstick"]["none"] == {}
    assert "lip_paint" in found["lipstick"]["red"]
