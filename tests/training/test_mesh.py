"""Training of a mesh imitator: the geometry is probed, colours are learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import f2p_toy_mesh
import numpy as np
import pytest
import torch
from f2p_toy import HERO

from f2p_sdk.errors import TrainingError
from f2p_sdk.mesh import Mesh, probe_mesh
from f2p_sdk.mesh.geometry import Geometry, mesh_sizes
from f2p_sdk.mesh.shader import Shader
from f2p_sdk.mesh.visibility import visible_uncropped
from f2p_sdk.training import RECIPES, Pictures, Plan, train_imitator
from f2p_sdk.training.device import pick_device
from f2p_sdk.training.mesh import initialise_mesh, replace_geometry
from f2p_sdk.training.pairs import Pairs
from f2p_sdk.weights import load_card, load_imitator

SIZE, COUNT = 64, 80


def _pictures(neighbours: bool) -> Pictures:
    layout = HERO
    people = [layout.neighbour(i) if neighbours else layout.random(i) for i in range(COUNT)]
    return Pictures(
        np.stack([f2p_toy_mesh.draw(p, SIZE) for p in people]),
        np.stack([layout.encode(p) for p in people]),
        np.arange(COUNT),
        {"data": "toy", "pictures": COUNT, "size": SIZE},
    )


@pytest.fixture(scope="module")
def data() -> tuple[Mesh, Pictures, Pictures]:
    mesh = probe_mesh(HERO, f2p_toy_mesh.probe, SIZE, random=80)
    return mesh, _pictures(False), _pictures(True)


def _plan(epochs: int) -> Plan:
    chosen = replace(RECIPES["mesh"], batch=16, crop=24, warmup=5)
    return Plan(chosen, "", {"bends": 4}, epochs=epochs)


@pytest.mark.slow
def test_shaders_see_only_numbers_that_change_colours(data) -> None:
    mesh, pictures, neighbours = data
    pairs = Pairs(pictures, neighbours)
    network = initialise_mesh(HERO, mesh, pairs, np.arange(COUNT), _plan(1), pick_device("cpu"))
    face = network.shaders[0]
    assert isinstance(face, Shader)
    # the nose changes no colour, red does
    assert face.sees[[0, 2]].tolist() == [0, 1]


@pytest.mark.slow
def test_new_geometry_keeps_the_learned_colours(data) -> None:
    mesh, pictures, neighbours = data
    layout, cpu = HERO, pick_device("cpu")
    trained = initialise_mesh(
        layout, mesh, Pairs(pictures, neighbours), np.arange(COUNT), _plan(1), cpu
    ).eval()
    larger = replace(mesh, body=replace(mesh.body, rest=mesh.body.rest * [1.1, 1.1, 1, 1, 1]))
    now = replace_geometry(layout, larger, trained, cpu).eval()
    vector = torch.from_numpy(layout.encode(layout.default()))[None]
    assert torch.equal(now.shaders[0].sees, trained.shaders[0].sees)
    background = trained(vector)[0, :, 0, 0]
    covered = [
        int(((net(vector)[0].permute(2, 1, 0) - background).abs() > 0.02).any(-1).sum())
        for net in (trained, now)
    ]
    assert covered[1] > 1.1 * covered[0]
    same = replace_geometry(layout, mesh, trained, cpu).eval()
    assert torch.allclose(same(vector), trained(vector))
    fewer = replace(mesh, body=replace(mesh.body, attributes=mesh.body.attributes[:, :-1]))
    with pytest.raises(TrainingError, match="other parts or attributes"):
        replace_geometry(layout, fewer, trained, cpu)


@pytest.mark.slow
def test_a_trained_mesh_imitator_is_close_to_the_engine(data, tmp_path: Path) -> None:
    mesh, pictures, neighbours = data
    inspected: list[tuple[int, int]] = []
    out = tmp_path / "toy.safetensors"
    result = train_imitator(
        HERO,
        pictures,
        out,
        _plan(30),
        mesh=mesh,
        neighbours=neighbours,
        preparing=lambda done, of: inspected.append((done, of)),
    )
    assert inspected[-1][0] == inspected[-1][1]
    assert result.figures["psnr_db"] > 27
    card = load_card(out)
    assert card["training"]["mesh"] is True
    again = load_imitator(out, HERO)
    assert again.size == SIZE


@pytest.mark.slow
def test_data_without_meshes_are_refused(data, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="the data have none") as caught:
        train_imitator(HERO, data[1], tmp_path / "a.safetensors", _plan(1))
    assert "capture again" in caught.value.remedy


def test_pruning_keeps_triangles_that_only_bare_heads_and_slider_ends_show(data) -> None:
    mesh, pictures, neighbours = data
    network = initialise_mesh(
        HERO,
        mesh,
        Pairs(pictures, neighbours),
        np.arange(COUNT),
        _plan(1),
        pick_device("cpu"),
    )
    whole = Geometry(HERO.n_continuous, mesh_sizes(mesh))
    whole.set(mesh)
    vector = torch.zeros(2, HERO.size)
    vector[1, : HERO.n_continuous] = 1
    vector[:, HERO.n_continuous] = 1  # no hair
    found = [visible_uncropped(g, vector, [[], []], SIZE) for g in (whole, network.geometry)]
    assert len(found[0].opaque) == len(found[1].opaque)
