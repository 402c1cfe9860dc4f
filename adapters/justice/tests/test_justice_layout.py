"""The layout of justice/female has the published shape, and its files agree with each other."""

from __future__ import annotations

from collections import Counter

import numpy as np
from f2p_justice.plugin import f2p_games


def test_published_sizes() -> None:
    (game,) = f2p_games()
    (kind,) = game.kinds
    layout = kind.layout
    assert (game.name, kind.kind) == ("justice", "female")
    assert Counter(p.group for p in layout.continuous) == {
        "eyebrow": 24,
        "eye": 51,
        "nose": 25,
        "mouth": 45,
        "face": 63,
    }
    choices = {p.name: len(p.choices) for p in layout.discrete}
    assert choices == {
        "hairstyle": 22,
        "eyebrow_style": 36,
        "lipstick_style": 19,
        "lipstick_colour": 25,
    }
    assert layout.size == 310


def test_players_find_the_sliders_they_expect() -> None:
    layout = f2p_games()[0].kinds[0].layout
    face = {p.name for p in layout.continuous if p.group == "face"}
    assert {"skin_tone", "age", "weight", "femininity"} <= face
    assert all(p.label for p in layout.continuous)


def test_framing_is_a_face() -> None:
    framing = f2p_games()[0].kinds[0].framing
    points = np.array(framing.landmarks)
    right_outer, right_inner, left_outer, left_inner, nose = points
    assert left_outer[0] < left_inner[0] < nose[0] < right_inner[0] < right_outer[0]
    assert nose[1] > points[:4, 1].max()


def test_engine_command_names_the_endpoint() -> None:
    kind = f2p_games()[0].kinds[0]
    assert kind.engine is not None
    assert "tcp://127.0.0.1:5555" in kind.engine("tcp://127.0.0.1:5555")
