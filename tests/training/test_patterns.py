"""Patterns in closed form: those of an engine that is linear come out, noise does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from f2p_sdk.motion import Motion
from f2p_sdk.networks import CompactImitator, build
from f2p_sdk.parameters import Continuous, Discrete, Layout
from f2p_sdk.training import Pictures, Plan, Report, train_imitator
from f2p_sdk.training.device import pick_device
from f2p_sdk.training.patterns import fit_patterns, shrink
from f2p_sdk.weights import load_card, load_imitator

SIDE = 32
LAYOUT = Layout(
    "toy",
    "face",
    (
        Continuous("light", "face"),
        Continuous("spot", "face"),
        Discrete("hair", "hair", ("a", "b", "c"), "a"),
    ),
)
OPTIONS = {
    "size": SIDE,
    "channels": [8, 6],
    "planes": [0, 2],
    "shade": 0,
    "flow": 8,
    "motion": 4,
    "basis": 7,
    "basis_side": SIDE,
}


@pytest.fixture(autouse=True)
def _quiet() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def _true_patterns() -> np.ndarray:
    """Of light, spot, and the three choices, (5, 3, S, S), before the sigmoid."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    patterns = np.zeros((5, 3, SIDE, SIDE))
    patterns[0] = x - 0.5
    patterns[1, 0] = np.exp(-((x - 0.3) ** 2 + (y - 0.4) ** 2) / 0.01)
    for choice in range(3):
        patterns[2 + choice, :, 2 + 4 * choice : 6 + 4 * choice] = 0.6
    return patterns


def _pictures(count: int, noise: float = 0.0) -> Pictures:
    generator = np.random.default_rng(0)
    vectors = np.stack([LAYOUT.encode(LAYOUT.random(i)) for i in range(count)])
    argument = np.einsum("nk,kcyx->ncyx", vectors - 0.5, _true_patterns())
    argument += generator.normal(0, noise, argument.shape) if noise else 0
    pictures = 255 / (1 + np.exp(-argument))
    return Pictures(
        pictures.round().astype(np.uint8).transpose(0, 2, 3, 1),
        vectors,
        np.arange(count),
        {"data": "toy", "pictures": count, "size": SIDE},
    )


def _fitted(pictures: Pictures) -> CompactImitator:
    network = build("compact", LAYOUT.size, slots=(3,), **OPTIONS)
    assert isinstance(network, CompactImitator)
    fit_patterns(network, pictures, np.arange(len(pictures)), pick_device("cpu"))
    return network.eval()


def test_a_linear_engine_is_found_without_training() -> None:
    network = _fitted(_pictures(300))
    fresh = _pictures(340)
    with torch.no_grad():
        drawn = network(torch.from_numpy(fresh.vectors[300:])).permute(0, 2, 3, 1).numpy()
    assert np.abs(drawn - fresh.pictures[300:] / 255).max() < 0.02


def test_noise_does_not_leak_into_what_a_slider_leaves_alone() -> None:
    """The spot's pattern is nothing far from the spot, whatever noise the pictures have."""
    network = _fitted(_pictures(300, noise=0.5))
    assert network.basis is not None
    spot = (network.basis.weights @ network.basis.patterns)[1].view(3, SIDE, SIDE)
    true = torch.from_numpy(_true_patterns()[1]).float() * 12**-0.5
    away = true[0] < 1e-3
    error = 0.5 * (12 / 300) ** 0.5 * 12**-0.5  # of a coefficient that is not shrunk
    assert spot[:, away].abs().mean() < 0.25 * error * (2 / np.pi) ** 0.5
    assert torch.corrcoef(torch.stack([spot.flatten(), true.flatten()]))[0, 1] > 0.9


def test_shrinking_keeps_signal_and_drops_noise() -> None:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1, 3 * 64 * 64, generator=generator)
    signal = torch.zeros(1, 3, 64, 64)
    signal[:, :, 16:48, 16:48] = 20.0
    shrunk = shrink(noise + signal.flatten(1), torch.ones(1, 3 * 64 * 64), 64).view(3, 64, 64)
    assert torch.allclose(shrunk[:, 20:44, 20:44].mean(), torch.tensor(20.0), atol=0.3)
    outside = torch.cat([shrunk[:, :12].flatten(), shrunk[:, 52:].flatten()])
    assert outside.square().mean() < 0.02


def test_motion_is_taken_back_before() -> None:
    """Where a slider moves the picture, patterns are found on the picture that stands still."""
    points = np.random.default_rng(0).uniform(-1, 1, (80, 2)).astype(np.float32)
    step = np.zeros((2, 80, 2), np.float32)
    step[0, :, 0] = 4 * 2 / SIDE
    network = build("compact", LAYOUT.size, slots=(3,), **OPTIONS)
    assert isinstance(network, CompactImitator)
    network.set_motion(Motion("", points, -step, step))
    pictures = torch.rand(1, 3, SIDE, SIDE)
    vector = torch.tensor([[1.0, 0.5, 1.0, 0.0, 0.0]])
    still = network.still(pictures.roll(4, dims=3), vector)
    assert torch.allclose(still[..., :-4], pictures[..., :-4], atol=1e-4)


def test_training_begins_there_and_keeps_it(tmp_path: Path) -> None:
    pictures = _pictures(200)
    prepared: list[int] = []
    reports: list[Report] = []
    plan = Plan(options=OPTIONS, epochs=1)
    trained = train_imitator(
        LAYOUT,
        pictures,
        tmp_path / "w",
        plan,
        preparing=prepared.append,
        progress=reports.append,
    )
    assert prepared == sorted(prepared)
    assert prepared[-1] == 190
    assert reports[0].loss < 0.01
    assert trained.figures["psnr_db"] > 40
    assert load_card(trained.path)["network"]["basis"] == 7
    assert {"basis.weights", "basis.patterns", "basis.middle"} <= set(load_file(trained.path))
    assert load_imitator(trained.path, LAYOUT).size == SIDE


def test_networks_without_a_basis_are_what_they_were() -> None:
    network = build("compact", 5, slots=(3,), size=16, channels=(6, 4), planes=(0, 2), shade=4)
    assert "basis" not in network.config()
    assert not [name for name in network.state_dict() if "basis" in name]
