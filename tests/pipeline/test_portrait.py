"""Pictures that the game itself drew are known from their backdrop, and taken as they stand."""

from __future__ import annotations

import numpy as np

from f2p_sdk.pipeline.appearance import exact, is_own

WALL = (120, 127, 135)
EYES = np.array([[0.67, 0.5], [0.57, 0.51], [0.33, 0.5], [0.43, 0.51]])  # of the frame


def _portrait(seed: int, side: int = 96) -> np.ndarray:
    """A picture of a game: noise where the person is, the wall in the upper corners."""
    rng = np.random.default_rng(seed)
    picture = np.full((side, side, 3), WALL, np.uint8)
    picture[side // 8 :, side // 4 : -side // 4] = rng.integers(
        0, 255, (side - side // 8, side // 2, 3)
    )
    return picture


def test_a_portrait_of_the_game_is_known() -> None:
    assert is_own(_portrait(1), _portrait(2), EYES, EYES)
    assert is_own(_portrait(1, 192), _portrait(2), EYES + 0.01, EYES)


def test_hair_may_reach_into_its_corners() -> None:
    """Curls as wide as the picture did, and their picture was taken for a photo."""
    curly = _portrait(1)
    curly[20:, :] = _portrait(1)[20:24, 24:25].mean(axis=(0, 1))
    assert is_own(curly, _portrait(2), EYES, EYES)
    curly[10:, :] = curly[20]
    assert not is_own(curly, _portrait(2), EYES, EYES)


def test_a_photo_is_not() -> None:
    average = _portrait(2)
    rng = np.random.default_rng(0)
    studio = _portrait(3).astype(int) + rng.integers(-6, 7, (96, 96, 3))  # a wall of that colour
    assert not is_own(studio.clip(0, 255).astype(np.uint8), average, EYES, EYES)
    assert not is_own(_portrait(3)[:, :80], average, EYES, EYES)
    darker = _portrait(3)
    darker[:, :20] = (darker[:, :20] * 0.9).astype(np.uint8)
    assert not is_own(darker, average, EYES, EYES)


def test_nor_is_a_head_that_is_turned() -> None:
    for offset in ((0.04, 0.0), (-0.04, 0.0), (0.0, 0.04), (0.0, -0.04)):
        assert not is_own(_portrait(1), _portrait(2), EYES + offset, EYES)


def test_all_of_it_counts() -> None:
    picture = _portrait(4)
    look = exact(picture, 32)
    assert look.weight.shape == (32, 32)
    assert float(look.weight.min()) == 1
    cell = picture[30:33, 51:54].mean(axis=(0, 1)) / 255
    assert np.allclose(look.colours[:, 10, 17].numpy(), cell, atol=1e-5)
