"""Cell colours and background of aligned photos, without a parser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from f2p_sdk.pipeline.background import backdrop_colour, background
from f2p_sdk.pipeline.colours import photo_colours

EYES = np.array([(0.68, 0.5), (0.56, 0.5), (0.32, 0.5), (0.44, 0.5), (0.5, 0.68)])


def _portrait(hair: tuple[int, int, int], wall: tuple[int, int, int], long: bool) -> Any:
    """An aligned photo drawn from plain shapes: wall, hair around or above the head, face."""
    y, x = np.mgrid[0:128, 0:128] / 128.0
    picture = np.empty((128, 128, 3), np.uint8)
    picture[:] = wall
    cap = np.hypot((x - 0.5) / 0.30, (y - 0.45) / 0.40) < 1
    picture[cap & (y < 0.45)] = hair
    if long:
        picture[(np.abs(x - 0.5) < 0.32) & (y > 0.4)] = hair
    picture[np.hypot((x - 0.5) / 0.23, (y - 0.58) / 0.33) < 1] = (210, 160, 140)
    return picture


@pytest.mark.parametrize(
    ("hair", "wall"),
    [
        ((60, 35, 20), (200, 205, 210)),
        ((220, 190, 120), (40, 60, 90)),
        ((30, 30, 30), (90, 140, 60)),
    ],
)
def test_background_is_separated_from_hair(
    hair: tuple[int, int, int], wall: tuple[int, int, int]
) -> None:
    for long in (False, True):
        behind = background(_portrait(hair, wall, long), EYES)
        assert behind[2:10, 2:10].min() > 0.9  # the corner is wall
        assert behind[32, 32] == 0.0  # the face is not
        assert behind[10, 32] < 0.1  # nor is the crown
        beside = float(behind[42:48, 14:16].mean())  # where long hair falls
        assert beside < 0.3 if long else beside > 0.7


def test_cells_have_the_games_background_and_the_photos_hair() -> None:
    wall = np.array([0.1, 0.2, 0.3])
    cells = photo_colours(_portrait((60, 35, 20), (200, 205, 210), True), EYES, wall, grid=16)
    assert cells.colours.shape == (3, 16, 16)
    np.testing.assert_allclose(cells.colours[:, 0, 0], wall, atol=0.03)
    np.testing.assert_allclose(cells.colours[:, 11, 3] * 255, (60, 35, 20), atol=25)
    np.testing.assert_allclose(cells.colours[:, 8, 8] * 255, (210, 160, 140), atol=2)
    assert float(cells.weight.min()) >= 0.0
    assert float(cells.weight.max()) <= 1.0
    assert float(cells.weight[11, 8]) > float(cells.weight[10, 3]) > 0.1


def test_skin_keeps_its_colour_where_the_light_is_known() -> None:
    picture = _portrait((60, 35, 20), (200, 205, 210), True)
    skin = torch.from_numpy((picture == (210, 160, 140)).all(axis=2)).float()
    classes = {"face_skin": skin, "left_eye": torch.zeros(128, 128)}
    wall = np.array([0.1, 0.2, 0.3])
    drawn, photo = (
        photo_colours(picture, EYES, wall, 16, classes, drawn=own).colours[:, 8, 8] * 255
        for own in (True, False)
    )
    np.testing.assert_allclose(drawn, (210, 160, 140), atol=2)
    assert float((drawn - photo).abs().max()) > 2


def test_the_backdrop_colour_a_picture_is_its_corners_colour() -> None:
    picture = _portrait((60, 35, 20), (40, 60, 90), True)
    np.testing.assert_allclose(backdrop_colour(picture, EYES) * 255, (40, 60, 90), atol=1)


def test_a_framing_of_the_face_alone_has_no_background() -> None:
    close = np.array([(1.1, 0.4), (0.7, 0.4), (-0.1, 0.4), (0.3, 0.4), (0.5, 0.9)])
    picture = np.full((64, 64, 3), 128, np.uint8)
    assert background(picture, close).max() < 0.01
    assert np.isfinite(backdrop_colour(picture, close)).all()
