"""The mesh imitator: silhouette, gradient, mixing of choices, configuration."""

from __future__ import annotations

from dataclasses import replace

import f2p_toy_mesh
import numpy as np
import pytest
import torch
from f2p_toy import HERO

from f2p_sdk.mesh import Mesh, probe_mesh
from f2p_sdk.mesh.geometry import Geometry, mesh_sizes
from f2p_sdk.mesh.network import MeshImitator
from f2p_sdk.mesh.visibility import Crops
from f2p_sdk.networks import from_config

SIZE = 64


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    return probe_mesh(HERO, f2p_toy_mesh.probe, SIZE, random=120)


@pytest.fixture(scope="module")
def network(mesh: Mesh) -> MeshImitator:
    torch.manual_seed(0)
    parts = [
        {"body": True, "textures": True, "width": 16, "covers": False},
        {"body": True, "textures": False, "width": 8, "covers": True},
        {"body": False, "textures": False, "width": 8, "covers": False},
    ]
    made = MeshImitator(
        HERO.size,
        mesh_sizes(mesh),
        [3],
        SIZE,
        parts,
        [[-0.7, 0.7, -0.7, 0.7]] * 2,
        bends=4,
    )
    made.geometry.set(mesh)
    return made.eval()


def _vector(seed: int = 0, **values: object) -> torch.Tensor:
    character = HERO.random(seed).replace(**values)
    return torch.from_numpy(HERO.encode(character))[None]


@pytest.mark.slow
def test_draws_the_surface_where_the_engine_does(network) -> None:
    for seed in range(4):
        character = HERO.random(seed)
        engine = f2p_toy_mesh.draw(character, SIZE).astype(float) / 255
        with torch.no_grad():
            drawn = network(torch.from_numpy(HERO.encode(character))[None])[0]
        surface = (drawn - network.behind.detach()[:, None, None]).abs().sum(dim=0) > 1e-6
        wanted = np.abs(engine - np.array(f2p_toy_mesh.BACK)).sum(axis=2) > 0.02
        assert (surface.numpy() != wanted).mean() < 0.004


def test_a_crop_is_a_part_of_the_picture(network) -> None:
    vector = torch.cat([_vector(1), _vector(2)])
    top, left = torch.tensor([5, 30]), torch.tensor([20, 11])
    with torch.no_grad():
        whole = network(vector)
        part = network(vector, Crops(top, left, 24))
    assert part.shape == (2, 3, 24, 24)
    for i in range(2):
        wanted = whole[i, :, top[i] : top[i] + 24, left[i] : left[i] + 24]
        assert (part[i] - wanted).abs().amax() < 1e-4


def test_pictures_do_not_depend_on_the_gradient(network) -> None:
    vector = _vector(3)
    with torch.no_grad():
        plain = network(vector)
    assert (network(vector.clone().requires_grad_()) - plain).abs().max() < 1e-5


def test_the_gradient_is_that_of_motion(network) -> None:
    """Against the difference of two pictures: the centre of the surface moves up and down."""
    row = torch.arange(SIZE).view(1, 1, SIZE, 1).float()

    def height(vector: torch.Tensor) -> torch.Tensor:
        surface = (network(vector) - network.behind[:, None, None]).abs().sum(dim=1, keepdim=True)
        return (surface * row).sum() / surface.sum()

    vector = _vector(4, nose=0.2, eyes=0.7, hair="none")
    with torch.no_grad():
        up, down = vector.clone(), vector.clone()
        up[0, 1], down[0, 1] = up[0, 1] + 0.1, down[0, 1] - 0.1
        wanted = float(height(up) - height(down)) / 0.2
    leaf = vector.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(height(leaf), leaf)
    assert wanted < -5
    assert float(gradient[0, 1]) == pytest.approx(wanted, rel=0.25)


def test_undecided_choices_are_mixed(network) -> None:
    bare, tall = _vector(5, hair="none"), _vector(5, hair="long")
    # the choice also changes colours: only the geometry is compared here
    for shader in network.shaders:
        shader.sees[4:] = 0
    half = (bare + tall) / 2
    with torch.no_grad():
        mixed = network(half)
        wanted = (network(bare) + network(tall)) / 2
    assert (mixed - wanted).abs().max() < 1e-5
    leaf = half.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(leaf)[:, :, :20].sum(), leaf)
    assert (gradient[0, [4, 6]] != 0).all()


def test_config_builds_the_same_network(network) -> None:
    again = from_config(network.config())
    again.load_state_dict(network.state_dict())
    vector = _vector(6)
    with torch.no_grad():
        assert torch.equal(again.eval()(vector), network(vector))


def test_a_mesh_without_pieces_has_a_geometry(mesh) -> None:
    sliders = HERO.n_continuous
    bare = replace(mesh, pieces=(), guides=np.zeros((0, 2 * sliders, 0, 3), np.float32))
    geometry = Geometry(sliders, mesh_sizes(bare))
    geometry.set(bare)
    posed = geometry(_vector())
    assert posed.guides.shape == (1, 0, 0, 3)
    assert torch.isfinite(posed.normals).all()
