"""Labels, landmarks, depth and meshes are consistent with the picture and each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from f2p_openhead.engine import PASSES, Engine
from f2p_openhead.landmarks import ALIGNMENT
from f2p_openhead.scene import read_scene

from f2p_sdk import Layout

SIZE = 256
SKIN, LEFT_BROW, RIGHT_BROW, LEFT_EYE, RIGHT_EYE, NOSE, UPPER, INNER, LOWER, HAIR = range(1, 11)
Values = dict[str, float | str]


def draw(engine: Engine, values: Any, size: int = SIZE, **scene: Any) -> dict[str, np.ndarray]:
    return engine.draw(values, size, PASSES, read_scene(scene))


def middle(labels: np.ndarray, label: int) -> np.ndarray:
    """Mean x and y of a class."""
    y, x = np.nonzero(labels == label)
    return np.array((x.mean(), y.mean()))


@pytest.fixture(scope="module")
def characters(layout: Layout) -> list[Values]:
    return [dict(layout.default().values)] + [dict(layout.random(k, 9).values) for k in range(3)]


def test_shapes_and_dtypes(engine: Engine, characters: list[Values]) -> None:
    drawn = engine.draw(characters[0], (96, 64), PASSES)
    shapes = {name: (plane.shape, plane.dtype.name) for name, plane in drawn.items()}
    assert shapes["labels"] == ((64, 96), "uint8")
    assert shapes["depth"] == ((64, 96), "float32")
    assert shapes["landmarks"] == ((73, 3), "float32")
    assert shapes["vertices"][0][1] == 5
    assert shapes["triangles"][0][1] == 3
    assert set(np.unique(drawn["labels"])) <= set(range(11))
    assert np.array_equal(drawn["color"], engine.render(characters[0], (96, 64)))


def test_labelled_parts_have_the_order_of_a_face(engine: Engine, characters: list[Values]) -> None:
    for character in characters:
        bare = {**character, "hairstyle": "shaved"}
        labels = draw(engine, bare)["labels"]
        at = {k: middle(labels, k) for k in range(1, 11) if k != INNER}
        # The subject's left is on the right of the picture.
        assert at[LEFT_EYE][0] > at[NOSE][0] > at[RIGHT_EYE][0]
        assert at[LEFT_BROW][0] > at[NOSE][0] > at[RIGHT_BROW][0]
        assert at[LEFT_BROW][1] < at[LEFT_EYE][1] < at[NOSE][1] < at[UPPER][1] < at[LOWER][1]
        for k in range(1, 10):
            assert k == INNER or (labels == k).sum() > 30, k


def test_labels_are_not_smoothed(engine: Engine, characters: list[Values]) -> None:
    """An average of two classes would be a third class at their border."""
    labels = draw(engine, characters[0])["labels"].astype(int)
    lips = np.isin(labels, (UPPER, LOWER))
    # 8 is between 7 and 9; all other classes are between lips (7, 9) and skin (1).
    beside = np.zeros_like(lips)
    beside[1:] |= lips[:-1]
    beside[:-1] |= lips[1:]
    assert set(np.unique(labels[beside])) <= {SKIN, UPPER, LOWER, INNER}


def test_labels_of_eyes_and_hair_match_the_picture(
    engine: Engine, characters: list[Values]
) -> None:
    character = characters[0]
    iris = [
        draw(engine, {**character, "iris_lightness": v})["color"].astype(int)
        for v in _ends(engine, "iris_lightness")
    ]
    labels = draw(engine, character)["labels"]
    changed = np.abs(iris[0] - iris[1]).max(-1) > 25
    assert changed.sum() > 20
    assert np.isin(labels[changed], (LEFT_EYE, RIGHT_EYE)).mean() > 0.95
    with_hair = draw(engine, {**character, "hairstyle": "long_straight"})
    bald = draw(engine, {**character, "hairstyle": "shaved"})
    strong = np.abs(with_hair["color"].astype(int) - bald["color"].astype(int)).max(-1) > 60
    assert (with_hair["labels"][strong] == HAIR).mean() > 0.9
    # Hair is in front of the surface that it hides.
    hidden = (with_hair["labels"] == HAIR) & (bald["depth"] > 0)
    assert (with_hair["depth"][hidden] <= bald["depth"][hidden] + 1e-3).all()


def _ends(engine: Engine, name: str) -> tuple[float, float]:
    parameter = engine.rig.layout[name]
    return parameter.low, parameter.high  # type: ignore[union-attr]


def test_ears_neck_and_clothes_are_background(engine: Engine, characters: list[Values]) -> None:
    drawn = draw(engine, {**characters[0], "hairstyle": "shaved"})
    labels, solid = drawn["labels"], drawn["depth"] > 0
    chin = int(drawn["landmarks"][8, 1])
    assert solid[chin + 6 :].sum() > 500
    assert not labels[chin + 6 :].any()
    jaw = drawn["landmarks"][[0, 16], 0]
    row = int(drawn["landmarks"][1, 1])
    beside = np.r_[0 : int(jaw[0]) - 3, int(jaw[1]) + 4 : SIZE]
    assert solid[row, beside].any()  # ears
    assert not np.isin(labels[row, beside], (SKIN,)).any()


def test_landmarks_are_at_the_borders_of_labelled_parts(
    engine: Engine, characters: list[Values]
) -> None:
    for character in characters:
        drawn = draw(engine, {**character, "hairstyle": "shaved"})
        labels, points = drawn["labels"], drawn["landmarks"][:, :2]
        for label, part in (
            (RIGHT_EYE, slice(36, 42)),
            (LEFT_EYE, slice(42, 48)),
        ):
            y, x = np.nonzero(labels == label)
            own = points[part]
            np.testing.assert_allclose(own[:, 0].min(), x.min(), atol=4)
            np.testing.assert_allclose(own[:, 0].max(), x.max(), atol=4)
            np.testing.assert_allclose(own[:, 1].min(), y.min(), atol=4)
            np.testing.assert_allclose(own[:, 1].max(), y.max(), atol=4)
        y, x = np.nonzero(np.isin(labels, (UPPER, INNER, LOWER)))
        lips = points[48:60]
        np.testing.assert_allclose((lips[:, 0].min(), lips[:, 0].max()), (x.min(), x.max()), atol=4)
        np.testing.assert_allclose((lips[:, 1].min(), lips[:, 1].max()), (y.min(), y.max()), atol=4)
        for label, part in ((RIGHT_BROW, slice(17, 22)), (LEFT_BROW, slice(22, 27))):
            inside = labels == label
            for x, y in points[part]:
                near = inside[int(y) - 4 : int(y) + 6, int(x) - 4 : int(x) + 6]
                assert near.any(), (label, x, y)
        y, x = np.nonzero(np.isin(labels, range(1, 10)))
        np.testing.assert_allclose(points[8, 1], y.max(), atol=5)
        assert np.array_equal(drawn["landmarks"][68:], drawn["landmarks"][list(ALIGNMENT)])


def test_landmark_visibility(engine: Engine, characters: list[Values]) -> None:
    bare = {**characters[0], "hairstyle": "shaved"}
    assert draw(engine, bare)["landmarks"][17:, 2].all()
    turned = draw(engine, bare, yaw=45)["landmarks"][:, 2]
    assert turned[0:6].all()  # the right side of the jaw faces the camera
    assert not turned[12:16].any()
    long = draw(engine, {**characters[0], "hairstyle": "pixie"}, pitch=-45)["landmarks"][:, 2]
    assert long.sum() < 73


def test_depth_is_the_distance_of_the_surface(engine: Engine, characters: list[Values]) -> None:
    for character in characters:
        bare = {**character, "hairstyle": "shaved"}
        depth = draw(engine, bare)["depth"]
        points = engine.rig.pose(bare)[engine.head.skin.rows]
        tip = points[np.argmax(points[:, 2])]
        distance = float(engine.rig.camera.get("distance", 9.0))
        # The nearest point is the tip of the nose.
        np.testing.assert_allclose(depth[depth > 0].min(), distance + 0.1 - tip[2], atol=0.01)
        y, x = np.unravel_index(np.argmin(np.where(depth > 0, depth, 99)), depth.shape)
        np.testing.assert_allclose((x, y), draw(engine, bare)["landmarks"][30, :2], atol=6)


@pytest.mark.parametrize("slider", ["brow_height", "brow_tilt", "brow_length"])
def test_mesh_brow_coordinates_match_the_labels(
    engine: Engine, characters: list[Values], slider: str
) -> None:
    """Skin with coordinates inside the brow has the brow's label, at both ends of a slider."""
    for end in _ends(engine, slider):
        drawn = draw(engine, {**characters[0], "hairstyle": "shaved", slider: end}, 512)
        vertices, attributes = drawn["vertices"], drawn["attributes"]
        inside = (
            (np.abs(vertices[:, 3]) < 0.55)
            & (np.abs(vertices[:, 4]) < 0.2)
            & (attributes[:, 0] == 0)
        )
        inside &= attributes[:, 6] > -0.3  # not at the back of the head
        assert inside.sum() >= 4
        column, row = vertices[inside, :2].round().astype(int).T
        assert np.isin(drawn["labels"][row, column], (LEFT_BROW, RIGHT_BROW)).mean() > 0.6


def test_mesh_iris_coordinates_follow_the_iris_size(
    engine: Engine, characters: list[Values]
) -> None:
    widths = []
    for end in _ends(engine, "iris_size"):
        drawn = draw(engine, {**characters[0], "iris_size": end}, 512)
        vertices, attributes = drawn["vertices"], drawn["attributes"]
        eye = vertices[attributes[:, 0] == 1]
        inside = eye[np.hypot(eye[:, 3], eye[:, 4]) < 1 / 1.6]
        widths.append(np.ptp(inside[:, 0]))
    assert widths[1] > widths[0] + 1


@pytest.mark.slow
def test_rasterised_meshes_match_the_labels(engine: Engine, characters: list[Values]) -> None:
    """A second rasteriser gives the same hair and eyes as the labels pass."""
    import torch

    from f2p_sdk.mesh.raster import nearest, rasterise

    for character in characters:
        drawn = draw(engine, character)
        vertices, attributes = (
            torch.from_numpy(drawn["vertices"]),
            torch.from_numpy(drawn["attributes"]),
        )
        triangles = torch.from_numpy(drawn["triangles"]).long()
        covers = attributes[triangles[:, 0], 2]
        hits = rasterise(vertices, triangles, torch.zeros(len(triangles)).long(), covers == 0, SIZE)
        corners = triangles[hits.triangle]
        values = (attributes[corners] * hits.weights[..., None]).sum(1)
        share = ((1 - values[:, 4].abs()) * values[:, 3]).clamp(0, 1)
        share = share * share * (3 - 2 * share)
        kind = attributes[corners[:, 0], 2]
        solid = ((kind == 0) | ((kind == 2) & (share > 0.5))).nonzero().flatten()
        rows, _ = nearest(hits.pixel[solid], hits.depth[solid], SIZE * SIZE)
        part = np.full(SIZE * SIZE, -1)
        part[hits.pixel[solid[rows]]] = attributes[corners[solid[rows], 0], 0]
        labels = drawn["labels"].ravel()
        for part_number, label in ((1, LEFT_EYE), (2, RIGHT_EYE)):
            assert abs(int((part == part_number).sum()) - int((labels == label).sum())) <= 4
        hair = part >= 4
        # the label hair also covers the tinted scalp
        assert ((labels == HAIR) & hair).sum() >= 0.99 * hair.sum()


def test_attributes_and_triangles_depend_only_on_choices(
    engine: Engine, characters: list[Values]
) -> None:
    one = draw(engine, {**characters[1], "hairstyle": "ear_bob"})
    other = draw(engine, {**characters[2], "hairstyle": "ear_bob"})
    for name in ("attributes", "triangles"):
        assert np.array_equal(one[name], other[name])
    assert one["vertices"].shape == other["vertices"].shape
    assert not np.array_equal(one["vertices"], other["vertices"])
    bare = draw(engine, {**characters[1], "hairstyle": "shaved"})
    body = len(bare["vertices"])
    assert np.array_equal(bare["attributes"], one["attributes"][:body])
    assert (bare["attributes"][:, 1] == 0).all()
    assert (one["attributes"][body:, 1] > 0).all()
