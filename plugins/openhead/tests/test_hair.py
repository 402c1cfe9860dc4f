"""Hair and beards stay on the head and off the face; edges are soft; styles differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from f2p_openhead import colours
from f2p_openhead.beard import AREAS, SEGMENTS, area_weights, coverage, grow_beard
from f2p_openhead.engine import Engine
from f2p_openhead.facemap import HALF, SIZE, _raster
from f2p_openhead.hair import grow
from f2p_openhead.head import Head, VertexNormals
from f2p_openhead.rig import Rig, load_rig
from f2p_openhead.scalp import SKULL_CENTRE, Scalp, outward

from f2p_sdk import Layout

KINDS = ("female", "male")


@pytest.fixture(scope="module", params=KINDS)
def rig(request: pytest.FixtureRequest, rigs: Path, head: Head) -> Rig:
    layout = Layout.load(rigs / f"{request.param}.toml")
    return load_rig(rigs / f"{request.param}.rig.toml", layout, head)


@pytest.fixture(scope="module")
def scalp(rig: Rig, head: Head) -> Scalp:
    normals = VertexNormals(head.skin.triangles, len(head.skin.rows))
    return Scalp(head, rig.base, normals(rig.base[head.skin.rows]))


def _depth_below_skin(head: Head, skin: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Depth (N,) of points (N, 3) below the nearest skin vertex, along its normal, decimetres.

    Brute force over all vertices, independent of the table by direction that hair grows on.
    """
    normals = VertexNormals(head.skin.triangles, len(skin))(skin)
    out = np.empty(len(points))
    for at in range(0, len(points), 512):
        part = points[at : at + 512]
        near = ((part[:, None] - skin[None]) ** 2).sum(-1).argmin(1)
        out[at : at + 512] = -((part - skin[near]) * normals[near]).sum(1)
    return out


@pytest.mark.slow
def test_hair_is_not_in_the_face_or_before_the_eyes(rig: Rig, head: Head, scalp: Scalp) -> None:
    styles = rig.choices["hairstyle"]
    for k in range(3):
        values = rig.layout.random(k, seed=12).values
        posed = rig.pose(values)
        skin = posed[head.skin.rows]
        eyes = np.stack([posed[head.left_eye].mean(0), posed[head.right_eye].mean(0)])
        motion = scalp.control_motion(posed - rig.base)
        for name, style in styles.items():
            hair = grow(style, scalp, 1)
            if hair is None:
                continue
            points = hair.deformed(motion)[hair.strand[:, 3] > 0.3]
            # No hair in front of the eyes.
            before = points[points[:, 2] > eyes[:, 2].min()]
            away = np.abs(before[:, None, :2] - eyes[None, :, :2]) / (0.13, 0.07)
            assert not (away < 1).all(-1).any(), (name, k)
            # Almost no hair inside the face, below the brows and in front of the ears.
            face = points[(points[:, 1] < 0.1) & (points[:, 2] > -0.2) & (points[:, 1] > -0.9)]
            if len(face):
                deep = _depth_below_skin(head, skin, face) > 0.03
                assert deep.sum() < 0.002 * len(points), (name, k)


def test_hair_follows_the_head_smoothly(rig: Rig, head: Head, scalp: Scalp) -> None:
    hair = grow(rig.choices["hairstyle"][list(rig.choices["hairstyle"])[-1]], scalp, 1)
    assert hair is not None
    # A translation of the head moves hair exactly.
    shift = np.array((0.1, -0.2, 0.05), np.float32)
    moved = hair.deformed(scalp.control_motion(np.broadcast_to(shift, rig.base.shape)))
    np.testing.assert_allclose(moved - hair.points, np.broadcast_to(shift, moved.shape), atol=1e-5)
    # One displaced vertex moves hair only a little.
    spike = np.zeros_like(rig.base)
    spike[scalp.rows[int(np.argmax(scalp.points[:, 1]))]] = (0, 0.5, 0)
    assert np.abs(hair.deformed(scalp.control_motion(spike)) - hair.points).max() < 0.25 * 0.5


def test_same_seed_gives_same_hair(rig: Rig, scalp: Scalp) -> None:
    style = next(s for s in rig.choices["hairstyle"].values() if s.get("strands"))
    one, same, other = grow(style, scalp, 3), grow(style, scalp, 3), grow(style, scalp, 4)
    assert one is not None
    assert same is not None
    assert other is not None
    assert one.points.tobytes() == same.points.tobytes()
    assert one.weights.tobytes() == same.weights.tobytes()
    assert one.points.tobytes() != other.points.tobytes()


def test_shaved_style_has_no_geometry(scalp: Scalp) -> None:
    assert grow({"strands": 0, "hull_height": 0}, scalp, 1) is None


STRAIGHT = {"length": 1.6, "strands": 120, "hull_height": 0.0}


def _strand_ends(scalp: Scalp, **keys: float) -> np.ndarray:
    """End points (S, 3) of the strands of STRAIGHT with other keys."""
    hair = grow({**STRAIGHT, **keys}, scalp, 5)
    assert hair is not None
    return hair.points[: 120 * 24].reshape(120, 12, 2, 3).mean(2)[:, -1]


def test_a_cut_without_raggedness_has_a_straight_edge(scalp: Scalp) -> None:
    height = _strand_ends(scalp, cut=-0.4, ragged=0.0)[:, 1]
    assert (np.abs(height + 0.4) < 0.005).mean() > 0.5
    # Only strands that start below the cut end there.
    assert (height < -0.41).mean() < 0.1


def test_loose_tips_stand_off_the_surface(scalp: Scalp) -> None:
    flat = _strand_ends(scalp, length=0.3, back=1.0) - SKULL_CENTRE
    loose = _strand_ends(scalp, length=0.3, back=1.0, loose=0.05) - SKULL_CENTRE
    gain = np.linalg.norm(loose, axis=1).mean() - np.linalg.norm(flat, axis=1).mean()
    assert 0.01 < gain < 0.08


def test_strands_of_rolled_hair_are_above_the_hull(scalp: Scalp) -> None:
    style = {"length": 0.5, "strands": 120, "back": 1.0, "roll": 0.3, "sides": 0.4}
    hair = grow(style, scalp, 5)
    assert hair is not None
    under = hair.points[120 * 24 :]
    tips = hair.points[: 120 * 24].reshape(120, 12, 2, 3).mean(2)[:, 6:].reshape(-1, 3)
    tips = tips[tips[:, 1] > 0.4]
    near = ((tips[:, None] - under[None]) ** 2).sum(-1).argmin(1)
    above = ((tips - under[near]) * outward(tips)).sum(1)
    assert (above > 0).mean() > 0.6


def test_hair_edges_are_soft(engine: Engine, layout: Layout) -> None:
    """Most rows have a blended pixel at the outline of long hair."""
    values = {**layout.default().values, "hairstyle": "long_straight"}
    picture = engine.render(values, 512).astype(np.float64).mean(-1)
    background = picture[2, 2]
    soft = rows = 0
    for row in picture[150:300]:
        first = int(np.argmax(np.abs(row - background) > 4))
        hair = row[first + 6 : first + 12].mean()
        share = (background - row[first : first + 4]) / (background - hair)
        soft += int(((share > 0.1) & (share < 0.9)).any())
        rows += 1
    assert soft > 0.6 * rows, (soft, rows)


def test_beard_areas_are_on_jaw_chin_and_upper_lip(head: Head) -> None:
    eyes = np.concatenate([head.left_eye, head.right_eye])
    place = head.rest - head.rest[eyes].mean(0)
    where = area_weights(head)
    assert where.shape == (len(head.rest), len(AREAS))
    assert where.min() >= 0
    assert where.max() <= 1
    grown = where.max(1) > 0.5
    # None on nose, brow, eyes or scalp; symmetric.
    assert place[grown, 1].max() < 0.2
    front = (np.abs(place[:, 0]) < 0.4) & (
        place[:, 2] > 0.0
    )  # farther back is the inside of the mouth
    assert place[grown & front, 1].max() < -0.4
    for column in where.T:
        assert abs(column[place[:, 0] > 0.01].sum() / column[place[:, 0] < -0.01].sum() - 1) < 0.05
    lips = (np.abs(place[:, 0]) < 0.15) & (np.abs(place[:, 1] + 0.665) < 0.04) & (place[:, 2] > 0.2)
    assert where[lips].max() < 0.3


@pytest.mark.slow
def test_beard_hairs_start_on_the_skin(rigs: Path, head: Head) -> None:
    layout = Layout.load(rigs / "male.toml")
    rig = load_rig(rigs / "male.rig.toml", layout, head)
    skin_normals = VertexNormals(head.skin.triangles, len(head.skin.rows))
    scalp = Scalp(head, rig.base, skin_normals(rig.base[head.skin.rows]))
    posed = rig.pose(layout.random(5, seed=2).values)
    skin = posed[head.skin.rows]
    corners = skin[head.skin.triangles]
    middles = [corners.mean(1), *(corners[:, [k, k - 1]].mean(1) for k in range(3))]
    mesh = np.concatenate([skin, *middles])
    mesh = mesh[(mesh[:, 1] < 0.3) & (mesh[:, 1] > -1.5)]
    _, depth = _raster(head, posed, np.zeros((len(posed), 1), np.float32))
    lengths = []
    for name, style in rig.choices["beard"].items():
        grown = grow_beard(style, head, scalp, 1)
        assert (grown is None) == (not style.get("strands")), name
        if grown is None:
            continue
        hair, rows = grown
        points = hair.deformed((posed - rig.base)[rows])
        roots = points[hair.strand[:, 1] == 0]
        gap = np.sqrt(((roots[:, None] - mesh[None]) ** 2).sum(-1).min(1))
        assert np.quantile(gap, 0.98) < 0.08, (name, float(gap.max()))
        # A hair with a visible root is in front of the skin over its whole length.
        hairs = points.reshape(-1, 2 * (SEGMENTS + 1), 3)
        root = hairs[:, 0]
        front = (np.abs(root[:, 0]) < 0.35) & (root[:, 1] > -1.0) & (root[:, 2] > 0)
        pixel = ((hairs[front][..., :2] * (1, -1) / HALF + 1) / 2 * SIZE).astype(int)
        pixel = pixel.clip(0, SIZE - 1)
        behind = depth[pixel[..., 1], pixel[..., 0]] - hairs[front][..., 2]
        behind = behind[behind[:, 0] < 0.01]
        assert len(behind) > 30, name
        assert (behind > 0.03).mean() < 0.03, (name, float((behind > 0.03).mean()))
        assert points[:, 2].min() > -0.8, name  # none on the nape
        lengths.append(float(points[:, 1].min()))
    assert min(lengths) < max(lengths) - 0.2  # the long beard hangs


@pytest.mark.parametrize("tone", [0.0, 0.5, 0.9, 1.0])
def test_beard_is_darker_than_hair_and_dark_on_dark_skin(tone: float) -> None:
    for light in (0.0, 0.5, 1.0):
        for grey in (0.0, 1.0):
            material = {"skin_tone": tone, "undertone": 0.0, "skin_sat": 1.0}
            material |= {"hair_light": light, "hair_warm": 0.2, "hair_grey": grey}
            colour, share = colours.beard(material)
            assert 0 <= share <= grey
            assert colour.mean() <= colours.hair(material, light, 0.3).mean() + 1e-6
            if tone > 0.8:
                assert colour.mean() < 1.5 * colours.skin(material).mean(), (light, grey)


def test_coverage_is_the_maximum_of_the_areas() -> None:
    where = np.array([[1, 0, 0, 0], [0, 0.5, 0.2, 0], [0, 0, 0, 1]], np.float32)
    got = coverage({"jaw": 0.5, "chin": 1.0}, where)
    np.testing.assert_allclose(got, [0.5, 0.5, 0])


@pytest.mark.slow
def test_male_beards_and_hair_styles_differ_visibly(rigs: Path, head: Head) -> None:
    layout = Layout.load(rigs / "male.toml")
    engine = Engine(load_rig(rigs / "male.rig.toml", layout, head), head)
    character = {**layout.default().values, "hair_lightness": 20.0}
    for slot in ("hairstyle", "beard"):
        names = next(p.choices for p in layout.discrete if p.name == slot)
        pictures = [engine.render({**character, slot: n}, 128).astype(np.int16) for n in names]
        for a in range(len(names)):
            for b in range(a):
                changed = int((np.abs(pictures[a] - pictures[b]).max(-1) >= 6).sum())
                assert changed >= 12, (slot, names[a], names[b], changed)
