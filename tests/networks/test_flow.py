"""The flow: what is told moves the picture as told, and is undone exactly where it is sampled."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from f2p_sdk.motion import Motion
from f2p_sdk.networks import CompactImitator, build
from f2p_sdk.networks.flow import Flow, centres

PIXEL = 2 / 32  # of a picture of 32 pixels, in grid_sample's unit


@pytest.fixture(autouse=True)
def _quiet() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def _flow(fields: np.ndarray, rank: int = 8) -> Flow:
    side = fields.shape[-1]
    flow = Flow(3, 2, 4, side, rank)
    flow.set_motion(fields)
    return flow


def _offset(flow: Flow, vector: list[float]) -> torch.Tensor:
    v = torch.tensor([vector])
    with torch.no_grad():
        face, ahead = flow(v, v, torch.zeros(1, 4, 4, 4))
    assert torch.equal(face, ahead)  # there is no layer in front
    return face.permute(0, 2, 3, 1)


def test_each_half_of_a_slider_moves_on_its_own() -> None:
    fields = np.zeros((4, 2, 8, 8), np.float32)
    fields[0, 0], fields[2, 1] = 0.1, 0.3  # the first slider: high end to the right, low end down
    flow = _flow(fields)
    for value, wanted in ((1.0, (-0.1, 0)), (0.75, (-0.05, 0)), (0.5, (0, 0)), (0.0, (0, -0.3))):
        offset = _offset(flow, [value, 0.5, 0.0])
        assert torch.allclose(
            offset, torch.tensor(wanted, dtype=torch.float32).expand_as(offset), atol=1e-5
        )


def test_sampling_undoes_the_motion() -> None:
    """Where a pixel is taken from, p + e, is moved by d to where the pixel is: e + d(p + e) = 0."""
    side = 16
    y, x = np.meshgrid(*[(np.arange(side) + 0.5) / side * 2 - 1] * 2, indexing="ij")
    bump = np.exp(-(x**2 + y**2) / 0.2)
    fields = np.zeros((4, 2, side, side), np.float32)
    fields[0] = np.stack([0.08 * bump, -0.05 * bump * x])
    offset = _offset(_flow(fields), [1.0, 0.5, 0.0])
    moved = functional.grid_sample(
        torch.from_numpy(fields[:1]), centres(side) + offset, align_corners=False
    ).permute(0, 2, 3, 1)
    assert (offset + moved).abs().max() < 0.05 * PIXEL
    assert offset.abs().max() > PIXEL


def test_a_low_rank_keeps_what_matters() -> None:
    generator = np.random.default_rng(0)
    few = generator.normal(size=(2, 2, 8, 8)).astype(np.float32) * 0.05
    fields = np.einsum("pk,kdyx->pdyx", generator.normal(size=(4, 2)), few).astype(np.float32)
    exact, thin = _offset(_flow(fields, 4), [1, 0, 0]), _offset(_flow(fields, 2), [1, 0, 0])
    assert torch.allclose(exact, thin, atol=1e-5)


def test_fields_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"the shape \(4, 2, 8, 8\), got \(6, 2, 8, 8\)"):
        Flow(3, 2, 4, 8, 4).set_motion(np.zeros((6, 2, 8, 8), np.float32))
    with pytest.raises(ValueError, match="without a rank"):
        Flow(3, 2, 4, 8, 0).set_motion(np.zeros((4, 2, 8, 8), np.float32))


def test_what_is_in_front_moves_by_itself() -> None:
    flow = Flow(3, 2, 4, 16, 4, front=8)
    face, hair = np.zeros((4, 2, 16, 16), np.float32), np.zeros((4, 2, 8, 8), np.float32)
    face[0, 0], hair[0, 1] = 0.1, 0.2
    flow.set_motion(face, hair)
    v = torch.tensor([[1.0, 0.5, 0.0]])
    with torch.no_grad():
        moved, ahead = flow(v, v, torch.zeros(1, 4, 4, 4))
    for found, wanted in ((moved, (-0.1, 0.0)), (ahead, (0.0, -0.2))):
        assert found.shape == (1, 2, 16, 16)
        told = torch.tensor(wanted)[None, :, None, None].expand_as(found)
        assert torch.allclose(found, told, atol=1e-5)


def test_the_picture_follows_the_motion() -> None:
    """A slider that moves every point one pixel to the right moves the picture so."""
    network = build("compact", 2, size=32, channels=(8, 6), planes=(0, 2), flow=8, motion=2)
    assert isinstance(network, CompactImitator)
    points = np.random.default_rng(0).uniform(-1, 1, (50, 2)).astype(np.float32)
    step = np.zeros((2, 50, 2), np.float32)
    step[0, :, 0] = PIXEL
    network.set_motion(Motion("", points, -step, step))
    for blind in (network.seed, *(s.spread for s in network.stages)):
        if blind is not None:
            torch.nn.init.zeros_(blind.weight)  # the painter sees no vector
    for stage in network.stages:
        torch.nn.init.zeros_(stage.tune.weight)
    torch.nn.init.normal_(network.seed.bias)
    for stage in network.stages:
        if stage.spread is not None:
            torch.nn.init.normal_(stage.spread.bias)
    with torch.no_grad():
        rest, moved = network.eval()(torch.tensor([[0.5, 0.5], [1.0, 0.5]]))
    assert (rest[..., 1:] - rest[..., :-1]).abs().mean() > 0.01
    assert torch.allclose(moved[..., 1:], rest[..., :-1], atol=1e-4)
