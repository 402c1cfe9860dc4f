"""What an engine's meshes are found to be, held against the engine's own account."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from f2p_sdk.errors import DatasetError
from f2p_sdk.mesh import Mesh, Piece, Told, measure
from f2p_sdk.mesh.blendshapes import following
from f2p_sdk.mesh.model import halved
from f2p_sdk.parameters import Continuous, Layout

SIZE = 64


@pytest.fixture(scope="module")
def mesh(meshtoy: ModuleType) -> Mesh:
    return measure(meshtoy.LAYOUT, meshtoy.ask, SIZE, random=120)


def _off(mesh: Mesh, meshtoy: ModuleType, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances in pixels of body and piece from where the engine has them."""
    layout = meshtoy.LAYOUT
    character = layout.random(seed, seed=99)
    told = meshtoy.tell(character, SIZE).vertices[:, :2]
    sides = layout.encode(character)[None, : layout.n_continuous] * 2 - 1
    shift = mesh.places(sides)[0]
    whole = mesh.body.rest[:, :3] + shift
    for piece in mesh.pieces:
        if layout.discrete[0].choices[piece.choice] == character.values["hat"]:
            led = np.tensordot(halved(sides), mesh.guides[0], 1)[0]
            moved = piece.follow @ (piece.mix @ led)
            whole = np.concatenate([whole, piece.rest[:, :3] + moved[piece.tied]])
    places = (whole[:, :2] / whole[:, 2:] + 1) / 2 * SIZE - 0.5
    off = np.linalg.norm(places - told, axis=1)
    return off[: len(mesh.body.rest)], off[len(mesh.body.rest) :]


def test_vertices_stand_where_the_engine_has_them(mesh, meshtoy) -> None:
    for seed in range(8):
        body, piece = _off(mesh, meshtoy, seed)
        assert body.max() < 0.06
        assert piece.max(initial=0) < 0.25


def test_what_sliders_do_together_is_told_from_what_each_does(mesh, meshtoy) -> None:
    """The engine bends the face by wide times up: without products it would be off."""
    together = {tuple(pair) for pair in mesh.places.together.tolist()}
    assert (0, 1) in together
    alone = replace(
        mesh,
        places=replace(mesh.places, together=mesh.places.together[:0], bends=mesh.places.bends[:0]),
    )
    with_, without = (max(_off(m, meshtoy, s)[0].max() for s in range(8)) for m in (mesh, alone))
    assert with_ < 0.2 * without


def test_what_a_slider_does_not_move_is_not_listed(mesh, meshtoy) -> None:
    """Else a pixel far away would change because of rounding."""
    tint = meshtoy.LAYOUT.n_continuous - 1
    assert not np.isin(mesh.places.half, (tint, tint + 3)).any()
    assert mesh.guides[0].any(axis=(1, 2)).tolist() == [True, True, False, True, True, False]


def test_only_choices_that_bring_vertices_have_pieces(mesh, meshtoy) -> None:
    assert [(p.slot, p.choice) for p in mesh.pieces] == [(0, 1), (0, 2)]
    assert len(mesh.body.rest) == len(meshtoy.FACE) + 4
    assert mesh.body.attributes.shape[1] == 6  # the slot is known from the piece


def test_is_kept_on_disk(mesh, meshtoy, tmp_path: Path) -> None:
    path = mesh.save(tmp_path / "mesh.npz")
    again = Mesh.load(path, meshtoy.LAYOUT)
    assert np.array_equal(again.places.change, mesh.places.change)
    assert np.array_equal(again.pieces[1].follow, mesh.pieces[1].follow)
    assert np.array_equal(again.guides, mesh.guides)
    assert again.deep == mesh.deep
    other = Layout("toy", "dome", (Continuous("wide", "face", -2.0, 1.0),))
    with pytest.raises(DatasetError, match=other.hash):
        Mesh.load(path, other)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DatasetError, match=r"mesh\.npz: cannot be read"):
        Mesh.load(path, meshtoy.LAYOUT)


def test_pruned_keeps_what_is_seen_and_where_it_stands(mesh, meshtoy) -> None:
    seen = [np.zeros(len(p.triangles), bool) for p in (mesh.body, *mesh.pieces)]
    seen[0][10:14] = True
    seen[1][:] = True
    small = mesh.pruned(seen)
    assert len(small.pieces[1].rest) == 0
    assert np.array_equal(small.pieces[0].rest, mesh.pieces[0].rest)
    kept = small.body.rest[small.body.triangles]
    wanted = mesh.body.rest[mesh.body.triangles[seen[0]]]
    assert all((kept == one).all(axis=(1, 2)).any() for one in wanted)
    one, other = (m.pieces[0].follow[m.pieces[0].tied] for m in (small, mesh))
    assert np.array_equal(one, other)


def test_an_engine_that_changes_its_vertices_is_refused(meshtoy) -> None:
    def fewer(characters, whole):
        for i, told in enumerate(meshtoy.ask(characters, whole)):
            yield told if whole or i < 3 else Told(told.vertices[:9])

    with pytest.raises(DatasetError, match=r"same for every character, got 9 of 53"):
        measure(meshtoy.LAYOUT, fewer, SIZE, random=20)


def test_vertices_without_triangles_are_refused(meshtoy) -> None:
    def bare(characters, whole):
        return (Told(t.vertices) for t in meshtoy.ask(characters, whole))

    with pytest.raises(DatasetError, match="no triangles"):
        measure(meshtoy.LAYOUT, bare, SIZE, random=20)


def test_vertices_that_move_as_one_share_a_knot_and_follow_their_guides() -> None:
    """Ribbons of hair: both edges of a strand move with its middle."""
    generator = np.random.default_rng(0)
    led = generator.normal(size=(40, 5, 3)).astype(np.float32)
    weights = np.repeat(generator.normal(size=(4, 5)), 2, axis=0).astype(np.float32)
    rest = generator.normal(size=(8, 5)).astype(np.float32)
    nothing = np.zeros((0, 0), np.float32)
    piece = Piece(0, 1, rest, nothing, np.zeros((0, 3), np.int32), rest[:0], nothing, nothing)
    seen = [(i, rest[:, :3] + weights @ led[i]) for i in range(30)]
    found = following(piece, seen, led)
    assert len(found.follow) == 4
    assert found.tied[::2].tolist() == found.tied[1::2].tolist()
    for i in range(30, 40):
        moved = (found.follow @ (found.mix @ led[i]))[found.tied]
        assert np.abs(moved - weights @ led[i]).max() < 1e-3
