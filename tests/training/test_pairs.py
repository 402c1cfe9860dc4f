"""Pairs that differ in one parameter: what they show in closed form, and that training uses it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from f2p_sdk.networks import CompactImitator, build, halves
from f2p_sdk.parameters import Continuous, Discrete, Layout
from f2p_sdk.training import RECIPES, Pairs, Pictures, Plan, sensitivity, shown, train_imitator
from f2p_sdk.training.device import pick_device
from f2p_sdk.training.recipes import change
from f2p_sdk.weights import load_card, load_imitator

SIDE = 32
LAYOUT = Layout(
    "toy",
    "face",
    (
        Continuous("light", "face"),
        Continuous("spot", "face"),
        Discrete("hat", "hair", ("none", "red", "dark"), "none"),
        Discrete("brow", "eyebrow", ("fair", "black"), "fair"),
    ),
)
OPTIONS = {"size": SIDE, "channels": [12, 8], "planes": [0, 2], "flow": 8}


def _fields() -> np.ndarray:
    """What light and spot add to the logarithm of the picture at their high, then low ends."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    fields = np.zeros((4, 3, SIDE, SIDE), np.float32)
    fields[0], fields[2] = 0.3 * x, -0.2
    fields[1, 0] = 0.1 * np.exp(-((x - 0.3) ** 2 + (y - 0.6) ** 2) / 0.01)
    return fields


def _draw(vector: np.ndarray) -> np.ndarray:
    """An engine: skin that the sliders light, a brow, and a hat over all; uint8 (S, S, 3)."""
    amounts = halves(torch.from_numpy(vector[None]), 2).numpy()[0]
    light = np.einsum("k,kcyx->yxc", amounts, _fields()) - 0.9
    picture = np.array([1.2, 1.0, 0.9]) * np.exp(light)
    picture[12:14, 8:24] *= 1 - 0.8 * vector[6]
    picture[:10] = np.einsum("k,kc->c", vector[2:5], [[0.4] * 3, [0.7, 0.1, 0.1], [0.05] * 3])
    return (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)


def _pictures(count: int, neighbours: bool = False) -> Pictures:
    of = LAYOUT.neighbour if neighbours else LAYOUT.random
    vectors = np.stack([LAYOUT.encode(of(i)) for i in range(count)])
    drawn = np.stack([_draw(v) for v in vectors])
    return Pictures(drawn, vectors, np.arange(count), {"data": "toy", "pictures": count})


@pytest.fixture(autouse=True)
def _quiet() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def _network(**options: object) -> CompactImitator:
    network = build("compact", LAYOUT.size, slots=(3, 2), **{**OPTIONS, **options})
    assert isinstance(network, CompactImitator)
    return network


def test_neighbours_are_found_by_their_numbers() -> None:
    pictures = _pictures(8)
    some = replace(_pictures(8, True), numbers=np.array([1, 3, 4, 100, 101, 102, 103, 104]))
    rows, beside = Pairs(pictures, some).of(np.array([0, 1, 4, 5]))
    assert rows.tolist() == [1, 4]
    assert beside.tolist() == [0, 2]
    assert [len(x) for x in Pairs(pictures).of(np.array([0, 1]))] == [0, 0]


def test_each_half_of_a_slider_is_found_without_training() -> None:
    pairs = Pairs(_pictures(420), _pictures(420, True))
    found = shown(pairs, np.arange(420), LAYOUT, _network(), pick_device("cpu"), SIDE)
    assert found is not None
    below = (slice(None), slice(None), slice(15, None))  # where no hat and no brow is
    error = np.abs(found.response - _fields())[below]
    assert error.mean() < 0.01
    assert np.corrcoef(found.response[1][:, 15:].ravel(), _fields()[1][:, 15:].ravel())[0, 1] > 0.97


def test_slots_are_found_where_they_are() -> None:
    pairs = Pairs(_pictures(420), _pictures(420, True))
    found = shown(pairs, np.arange(420), LAYOUT, _network(), pick_device("cpu"), SIDE)
    assert found is not None
    assert found.front == 0  # the hat
    assert found.boxes[0] == (0, 12, 0, SIDE)
    top, bottom, left, right = found.boxes[1]
    assert 10 <= top <= 12
    assert 14 <= bottom <= 16
    assert 6 <= left <= 8
    assert 24 <= right <= 26
    cover = found.covers[1]
    assert cover[1, 12:14, 8:24].min() > 0.9  # the black brow
    assert cover[0].max() < 0.1
    network = _network(boxes=found.boxes, front=found.front)
    found.start(network)
    planes = network.behind[0].planes.detach()
    assert planes[1, 0, 12 - top : 14 - top].max() > 2 > -2 > planes[0, 0].max()


def test_a_change_counts_by_its_share() -> None:
    large, small = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    large[:, :, 0], small[:, :, 0] = 0.5, 0.05
    for wanted in (large, small):
        assert float(change(wanted, wanted)) < 1e-3
        assert float(change(0 * wanted, wanted)) == pytest.approx(1, abs=0.01)
        assert float(change(0.5 * wanted, wanted)) == pytest.approx(0.5, abs=0.01)
    assert float(change(small, 0 * small)) <= 4  # of nothing, any change is infinitely much


def test_training_with_neighbours_learns_the_changes(tmp_path: Path) -> None:
    recipe = replace(RECIPES["best"], warmup=10)
    plan = Plan(recipe, "", {**OPTIONS, "response": 4, "response_side": 16}, epochs=6)
    correlations = {}
    for name, neighbours in (("alone", None), ("pairs", _pictures(300, True))):
        path = tmp_path / f"{name}.safetensors"
        told: list[int] = []
        train_imitator(
            LAYOUT,
            _pictures(300),
            path,
            plan,
            neighbours=neighbours,
            preparing=lambda done, total, told=told: told.append(total - done),
        )
        network = load_imitator(path, LAYOUT)

        def draw(characters: object) -> list[np.ndarray]:
            return [_draw(LAYOUT.encode(c)) for c in characters]  # type: ignore[attr-defined]

        rows = sensitivity(network, LAYOUT, draw, seed=9, characters=4)
        correlations[name] = {r.name: r.correlation for r in rows}
        card = load_card(path)
        assert card["training"]["neighbours"] == (0 if neighbours is None else 300)
        assert bool(card["network"]["boxes"]) == (neighbours is not None)
        assert (told[-1:] == [0]) == (neighbours is not None)
    assert correlations["pairs"]["spot"] > 0.9 > correlations["alone"]["spot"]
    assert min(correlations["pairs"].values()) > 0.75
