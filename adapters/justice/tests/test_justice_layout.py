"""The layouts of justice have the published sizes, and their files are consistent."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from f2p_justice.plugin import f2p_games

from f2p_sdk import Kind

KINDS = {kind.kind: kind for kind in f2p_games()[0].kinds}
CHOICES = {
    "female": {
        "hairstyle": 22,
        "eyebrow_style": 36,
        "lipstick_style": 19,
        "lipstick_colour": 25,
    },
    "male": {"hairstyle": 23, "eyebrow_style": 26, "beard": 7},
}


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


def test_published_sizes(kind: Kind) -> None:
    layout = kind.layout
    assert layout.name == f"justice/{kind.kind}"
    assert Counter(p.group for p in layout.continuous) == {
        "eyebrow": 24,
        "eye": 51,
        "nose": 25,
        "mouth": 45,
        "face": 63,
    }
    assert {p.name: len(p.choices) for p in layout.discrete} == CHOICES[kind.kind]
    assert layout.size == {"female": 310, "male": 264}[kind.kind]


def test_female_is_the_default_kind() -> None:
    assert next(iter(KINDS)) == "female"


def test_expected_sliders_exist(kind: Kind) -> None:
    layout = kind.layout
    face = {p.name for p in layout.continuous if p.group == "face"}
    own = {"female": "femininity", "male": "masculinity"}[kind.kind]
    assert {"skin_tone", "age", "weight", own} <= face
    assert all(p.label for p in layout.continuous)
    age = layout["age"]
    assert (age.low, age.high) == (18, 80)  # type: ignore[union-attr]


def test_shared_sliders_have_equal_ranges() -> None:
    female, male = KINDS["female"].layout, KINDS["male"].layout
    shared = set(female.names) & set(male.names)
    assert len(shared) >= 195
    for name in shared - {p.name for p in female.discrete}:
        a, b = female[name], male[name]
        assert (a.group, a.low, a.high) == (b.group, b.low, b.high)  # type: ignore[union-attr]


def test_framing_landmarks_are_in_order(kind: Kind) -> None:
    points = np.array(kind.framing.landmarks)
    right_outer, right_inner, left_outer, left_inner, nose = points
    assert left_outer[0] < left_inner[0] < nose[0] < right_inner[0] < right_outer[0]
    assert nose[1] > points[:4, 1].max()


def test_engine_command_names_the_endpoint(kind: Kind) -> None:
    assert kind.engine is not None
    assert "tcp://127.0.0.1:5555" in kind.engine("tcp://127.0.0.1:5555")
