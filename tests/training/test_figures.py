"""Figures of networks whose quality is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from f2p_toy import HERO, SIDE, draw, draw_all
from torch import Tensor

from f2p_sdk.networks import Imitator
from f2p_sdk.training import by_parameter, compare, sensitivity


class Perfect(Imitator):
    """Draws what the toy engine draws, then changes it."""

    def __init__(self, change=lambda picture, vector: picture) -> None:
        super().__init__(HERO.size, SIDE, {})
        self.change = change

    def forward(self, vector: Tensor) -> Tensor:
        pictures = [
            torch.from_numpy(draw(HERO.decode(v.numpy())).astype(np.float32)) for v in vector
        ]
        drawn = torch.stack(pictures).permute(0, 3, 1, 2) / 255
        return self.change(drawn, vector)


def test_a_network_equal_to_the_engine_is_perfect() -> None:
    network = Perfect()
    figures, _ = compare(network, HERO, draw_all, 20, seed=5)
    assert figures == {"psnr_db": 100.0, "l1": 0.0}
    rows = sensitivity(network, HERO, draw_all, seed=5)
    assert [r.name for r in rows[:4]] == ["nose", "eyes", "red", "green"]
    assert [r.name for r in rows[4:]] == ["hair=none", "hair=short", "hair=long"]
    assert [r.discrete for r in rows] == [False] * 4 + [True] * 3
    assert all(r.correlation == pytest.approx(1) for r in rows)
    assert all(r.change > 0.002 for r in rows)
    assert by_parameter(rows) == {"nose": 1.0, "eyes": 1.0, "red": 1.0, "green": 1.0, "hair": 1.0}


def test_an_offset_changes_the_figures_and_not_the_sensitivity() -> None:
    network = Perfect(lambda picture, vector: picture * 0.5)
    network_off = Perfect(lambda picture, vector: picture + 0.1)
    figures, kept = compare(network_off, HERO, draw_all, 18, seed=5, keep=17)
    assert figures["l1"] == pytest.approx(0.1, abs=1e-5)
    assert figures["psnr_db"] == pytest.approx(20, abs=1e-3)
    assert [c.number for c in kept] == list(range(17))
    assert np.array_equal(kept[16].engine, draw(HERO.random(16, seed=5)))
    assert kept[16].l1 == pytest.approx(0.1, abs=1e-5)
    assert all(
        r.correlation == pytest.approx(1) for r in sensitivity(network, HERO, draw_all, seed=5)
    )


def test_an_ignored_or_inverted_parameter_lowers_its_correlation_alone() -> None:
    def correlations(change) -> dict[str, float]:
        def wrong(picture: Tensor, vector: Tensor) -> Tensor:
            other = vector.clone()
            change(other)
            return Perfect()(other)

        network = Perfect(wrong)
        rows = sensitivity(network, HERO, draw_all, seed=5, characters=2)
        hair = np.mean([r.correlation for r in rows[4:]])
        assert by_parameter(rows)["hair"] == pytest.approx(hair, abs=5e-4)
        return {r.name: r.correlation for r in rows}

    def ignore(vector: Tensor) -> None:
        vector[:, 3] = 0.5

    def turn(vector: Tensor) -> None:
        vector[:, 3] = 1 - vector[:, 3]

    ignored, turned = correlations(ignore), correlations(turn)
    assert ignored["green"] == 0
    assert turned["green"] == pytest.approx(-1, abs=1e-6)
    assert min(ignored["nose"], turned["nose"], ignored["hair=short"]) > 0.99


def test_correlation_equals_numpy() -> None:
    """For a network that adds a pattern to the engine's picture."""

    def noise(picture: Tensor, vector: Tensor) -> Tensor:
        pattern = torch.sin(torch.arange(32 * 32 * 3.0)).reshape(3, 32, 32)
        return picture * 0.3 + vector[:, 2, None, None, None] * pattern * 0.2

    network = Perfect(noise)
    drawn_by_engine: list[np.ndarray] = []

    def engine(characters):
        for c in characters:
            drawn_by_engine.append(draw(c))
            yield drawn_by_engine[-1]

    rows = sensitivity(network, HERO, engine, seed=9)
    low, high = drawn_by_engine[4].astype(float), drawn_by_engine[5].astype(float)
    ends = [HERO.random(2, seed=9).replace(red=v) for v in (0.0, 1.0)]
    drawn = network(torch.from_numpy(np.stack([HERO.encode(c) for c in ends]))).numpy()
    change = (drawn[1] - drawn[0]).transpose(1, 2, 0)
    wanted = np.corrcoef(change.ravel(), (high - low).ravel())[0, 1]
    assert rows[2].correlation == pytest.approx(wanted, abs=1e-6)
    assert rows[2].change == pytest.approx(np.abs(high - low).mean() / 255, abs=1e-7)


def test_an_invisible_change_is_measured_on_another_character() -> None:
    """With an engine that ignores the green slider where there is no hair."""

    def engine(characters):
        for c in characters:
            bald = c.replace(green=0.5) if c.values["hair"] == "none" else c
            yield draw(bald)

    class Hidden(Perfect):
        def forward(self, vector: Tensor) -> Tensor:
            return torch.cat([self.one(v) for v in vector])

        def one(self, vector: Tensor) -> Tensor:
            shown = next(engine([HERO.decode(vector.numpy())])).astype(np.float32)
            return torch.from_numpy(shown).permute(2, 0, 1)[None] / 255

    rows = sensitivity(Hidden(), HERO, engine, seed=5, characters=6)
    green = rows[3]
    assert green.change > 0.002
    assert green.correlation == pytest.approx(1)

    still = sensitivity(Hidden(), HERO, _frozen(), seed=5)
    assert [r.change for r in still] == [0.0] * 7
    assert set(by_parameter(still).values()) == {0.0}


def _frozen():
    return lambda characters: (draw(HERO.default()) for _ in characters)
