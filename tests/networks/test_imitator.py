"""Imitators: shapes and ranges, gradients against finite differences, published layers."""

from __future__ import annotations

import pytest
import torch

from f2p_sdk.errors import UnknownNameError, WeightsError
from f2p_sdk.networks import (
    CompactImitator,
    PublishedImitator,
    build,
    from_config,
)

TINY = {
    "compact": {
        "size": 32,
        "channels": (8, 6),
        "planes": (0, 2),
    },
    "published": {"filters": (8, 6, 4)},
}


@pytest.fixture(autouse=True)
def _quiet() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("name", sorted(TINY))
def test_pictures_have_the_size_and_lie_in_range(name: str) -> None:
    network = build(name, 9, slots=(2, 3), **TINY[name]).eval()
    pictures = network(torch.rand(3, 9) * 4 - 1)  # even for vectors out of range
    assert pictures.shape == (3, 3, 32, 32)
    assert network.size == 32
    assert pictures.dtype == torch.float32
    assert pictures.min() >= 0
    assert pictures.max() <= 1


@pytest.mark.parametrize("name", sorted(TINY))
def test_config_builds_the_same_network(name: str) -> None:
    network = build(name, 9, slots=(2, 3), **TINY[name]).eval()
    twin = from_config(network.config()).eval()
    twin.load_state_dict(network.state_dict())
    vector = torch.rand(2, 9)
    assert torch.equal(network(vector), twin(vector))


@pytest.mark.parametrize("name", sorted(TINY))
def test_gradient_is_that_of_finite_differences(name: str) -> None:
    network = build(name, 5, slots=(2,), **TINY[name]).double().eval()
    vector = torch.rand(1, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.rand(1, 3, 32, 32, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((network(vector) * weight).sum(), vector)
    for i in range(5):
        step = torch.zeros_like(vector)
        step[0, i] = 1e-6
        with torch.no_grad():
            change = ((network(vector + step) - network(vector - step)) * weight).sum() / 2e-6
        assert float(change) == pytest.approx(float(gradient[0, i]), rel=1e-3, abs=1e-6)


def test_published_layers_are_those_of_the_paper() -> None:
    network = PublishedImitator(310)
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.ConvTranspose2d)]
    assert [c.out_channels for c in convolutions] == [512, 512, 512, 256, 128, 64, 64, 3]
    assert {c.kernel_size for c in convolutions} == {(4, 4)}
    assert [c.stride[0] for c in convolutions] == [1, 2, 2, 2, 2, 2, 2, 2]
    assert sum(isinstance(m, torch.nn.BatchNorm2d) for m in network.modules()) == 7
    assert network.size == 512
    with torch.no_grad():
        assert network.eval()(torch.rand(1, 310)).shape == (1, 3, 512, 512)


def test_compact_is_small_enough_to_ship() -> None:
    network = build("compact", 310, slots=(22, 36, 19, 25))
    assert network.size == 256
    half = sum(2 * t.numel() for t in network.state_dict().values())
    assert half <= 16 * 10**6


def test_compact_normalises_uniformly_random_vectors() -> None:
    network = build("compact", 12, slots=(3, 4), **TINY["compact"])
    assert isinstance(network, CompactImitator)
    generator = torch.Generator().manual_seed(1)
    sliders = torch.rand(20000, 5, generator=generator)
    slots = [
        torch.nn.functional.one_hot(torch.randint(k, (20000,), generator=generator), k).float()
        for k in (3, 4)
    ]
    x = (torch.cat([sliders, *slots], 1) - network.mean) * network.scale
    assert x.mean(0).abs().max() < 0.03
    assert (x.std(0) - 1).abs().max() < 0.03


def test_unknown_names_and_options_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="no imitator network named 'compct'") as error:
        build("compct", 3)
    assert "did you mean 'compact'" in error.value.remedy
    with pytest.raises(ValueError, match="no option 'depth'"):
        build("compact", 3, depth=2)
    with pytest.raises(ValueError, match="compact imitator of 3 numbers cannot have"):
        build("compact", 3, size=100)
    with pytest.raises(ValueError, match=r"takes vectors of shape \(B, 3\)"):
        build("compact", 3, **TINY["compact"])(torch.zeros(1, 4))


@pytest.mark.parametrize(
    "config", [{}, {"name": "compact"}, {"name": 3, "dimension": 3}, {"name": "x", "dimension": 3}]
)
def test_invalid_configs_are_refused(config: dict[str, object]) -> None:
    with pytest.raises(WeightsError):
        from_config(config)
