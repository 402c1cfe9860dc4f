"""Probed meshes against the engine's own vertices."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import f2p_toy_mesh
import numpy as np
import pytest
import torch
from f2p_toy import HERO, VILLAIN

from f2p_sdk.errors import DatasetError, EngineError
from f2p_sdk.mesh import Mesh, Piece, ProbeResult, probe_mesh
from f2p_sdk.mesh.blendshapes import attach_to_guides
from f2p_sdk.mesh.geometry import Geometry, mesh_sizes

SIZE = 64


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    return probe_mesh(HERO, f2p_toy_mesh.probe, SIZE, random=120)


def _errors(mesh: Mesh, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances in pixels of the vertices of body and pieces from the engine's."""
    layout = HERO
    character = layout.random(seed, seed=99)
    geometry = Geometry(layout.n_continuous, mesh_sizes(mesh))
    geometry.set(mesh)
    posed = geometry(torch.from_numpy(layout.encode(character))[None])
    positions = [posed.positions[0]]
    for i, piece in enumerate(mesh.pieces):
        if layout.discrete[0].choices[piece.choice] == character.values["hair"]:
            positions.append(geometry.piece(i, posed.guides[0]))
    pixels = (torch.cat(positions)[:, :2].numpy() + 1) / 2 * SIZE - 0.5
    error = np.linalg.norm(pixels - f2p_toy_mesh.meshes(character, SIZE).vertices[:, :2], axis=1)
    return error[: len(mesh.body.rest)], error[len(mesh.body.rest) :]


def _assert_equal(one: object, other: object) -> None:
    """Compare the numbers and arrays of two dataclasses."""
    for field in fields(one):  # type: ignore[arg-type]
        a, b = getattr(one, field.name), getattr(other, field.name)
        if is_dataclass(a):
            _assert_equal(a, b)
        elif not isinstance(a, tuple):
            np.testing.assert_array_equal(a, b, err_msg=field.name)


def test_vertices_are_those_of_the_engine(mesh) -> None:
    for seed in range(8):
        body, piece = _errors(mesh, seed)
        assert body.max() < 0.06
        assert piece.max(initial=0) < 0.25


def test_corrective_blendshapes_model_pairs_of_sliders(mesh) -> None:
    """The engine moves vertices by the product of two sliders."""
    shapes = mesh.positions
    assert [0, 1] in shapes.pairs.tolist()
    plain = replace(shapes, pairs=shapes.pairs[:0], coefficients=shapes.coefficients[:0])
    meshes = (mesh, replace(mesh, positions=plain))
    with_, without = (max(_errors(m, s)[0].max() for s in range(8)) for m in meshes)
    assert with_ < 0.2 * without


def test_vertices_that_a_slider_does_not_move_have_no_entry(mesh) -> None:
    """Otherwise rounding would change pixels far away."""
    red, green = 2, 3
    assert not np.isin(mesh.positions.half, (red, green, red + 4, green + 4)).any()
    assert mesh.guides[0].any(axis=(1, 2)).tolist() == 2 * [True, True, False, False]


def test_only_choices_that_add_vertices_have_pieces(mesh) -> None:
    assert [(p.slot, p.choice) for p in mesh.pieces] == [(0, 1), (0, 2)]
    assert len(mesh.body.rest) == len(f2p_toy_mesh.FACE) + 4
    assert mesh.body.attributes.shape[1] == 6  # without the slot, which the piece has


def test_a_mesh_is_saved_and_loaded(mesh, tmp_path: Path) -> None:
    path = mesh.save(tmp_path / "mesh.npz")
    again = Mesh.load(path, HERO)
    for one, other in ((again, mesh), *zip(again.pieces, mesh.pieces, strict=True)):
        _assert_equal(one, other)
    other = VILLAIN
    with pytest.raises(DatasetError, match=other.hash):
        Mesh.load(path, other)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DatasetError, match=r"mesh\.npz: cannot be read"):
        Mesh.load(path, HERO)


def test_pruning_keeps_visible_triangles_and_their_positions(mesh) -> None:
    visible = [np.zeros(len(p.triangles), bool) for p in (mesh.body, *mesh.pieces)]
    visible[0][10:14] = True
    visible[1][:] = True
    small = mesh.pruned(visible)
    assert len(small.pieces[1].rest) == 0
    assert np.array_equal(small.pieces[0].rest, mesh.pieces[0].rest)
    kept = small.body.rest[small.body.triangles]
    wanted = mesh.body.rest[mesh.body.triangles[visible[0]]]
    assert all((kept == one).all(axis=(1, 2)).any() for one in wanted)
    one, other = (m.pieces[0].cluster_factors[m.pieces[0].clusters] for m in (small, mesh))
    assert np.array_equal(one, other)


def test_an_engine_with_a_varying_number_of_vertices_is_refused() -> None:
    def fewer(characters, topology):
        for i, result in enumerate(f2p_toy_mesh.probe(characters, topology)):
            yield result if topology or i < 3 else ProbeResult(result.vertices[:9])

    with pytest.raises(DatasetError, match=r"same for every character, got 9 of 53"):
        probe_mesh(HERO, fewer, SIZE, random=20)


def test_random_characters_that_the_engine_cannot_draw_are_left_out() -> None:
    def failing(*bad):
        def probe(characters, topology):
            for i, result in enumerate(f2p_toy_mesh.probe(characters, topology)):
                failed = len(characters) == 120 and i in bad
                yield EngineError(f"character {i} fails") if failed else result

        return probe

    most = probe_mesh(HERO, failing(7), SIZE, random=120)
    for seed in range(8):
        body, piece = _errors(most, seed)
        assert body.max() < 0.06
        assert piece.max(initial=0) < 0.25
    with pytest.raises(EngineError, match="character 9 fails"):
        probe_mesh(HERO, failing(7, 9), SIZE, random=120)


def test_vertices_without_triangles_are_refused() -> None:
    def bare(characters, topology):
        return (ProbeResult(r.vertices) for r in f2p_toy_mesh.probe(characters, topology))

    with pytest.raises(DatasetError, match="but no triangles"):
        probe_mesh(HERO, bare, SIZE, random=20)


def test_vertices_with_the_same_motion_form_a_cluster_that_follows_the_guides() -> None:
    """As both edges of a ribbon of hair."""
    generator = np.random.default_rng(0)
    offsets = generator.normal(size=(40, 5, 3)).astype(np.float32)
    weights = np.repeat(generator.normal(size=(4, 5)), 2, axis=0).astype(np.float32)
    rest = generator.normal(size=(8, 5)).astype(np.float32)
    nothing = np.zeros((0, 0), np.float32)
    piece = Piece(0, 1, rest, nothing, np.zeros((0, 3), np.int32), rest[:0], nothing, nothing)
    samples = [(i, rest[:, :3] + weights @ offsets[i]) for i in range(30)]
    found = attach_to_guides(piece, samples, offsets)
    assert len(found.cluster_factors) == 4
    assert found.clusters[::2].tolist() == found.clusters[1::2].tolist()
    for i in range(30, 40):
        moved = (found.cluster_factors @ (found.guide_factors @ offsets[i]))[found.clusters]
        assert np.abs(moved - weights @ offsets[i]).max() < 1e-3
