"""Recognition of pictures by the game's own engine."""

from __future__ import annotations

import numpy as np

from f2p_sdk.pipeline.own_picture import is_own_picture

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


def test_a_portrait_by_the_engine_is_recognised() -> None:
    assert is_own_picture(_portrait(1), _portrait(2), EYES, EYES)
    assert is_own_picture(_portrait(1, 192), _portrait(2), EYES + 0.01, EYES)


def test_hair_may_reach_into_the_corners() -> None:
    curly = _portrait(1)
    curly[20:, :] = _portrait(1)[20:24, 24:25].mean(axis=(0, 1))
    assert is_own_picture(curly, _portrait(2), EYES, EYES)
    curly[10:, :] = curly[20]
    assert not is_own_picture(curly, _portrait(2), EYES, EYES)


def test_a_photo_is_not_recognised() -> None:
    average = _portrait(2)
    rng = np.random.default_rng(0)
    studio = _portrait(3).astype(int) + rng.integers(-6, 7, (96, 96, 3))  # a wall of that colour
    assert not is_own_picture(studio.clip(0, 255).astype(np.uint8), average, EYES, EYES)
    assert not is_own_picture(_portrait(3)[:, :80], average, EYES, EYES)
    darker = _portrait(3)
    darker[:, :20] = (darker[:, :20] * 0.9).astype(np.uint8)
    assert not is_own_picture(darker, average, EYES, EYES)


def test_a_rotated_head_is_not_recognised() -> None:
    for offset in ((0.04, 0.0), (-0.04, 0.0), (0.0, 0.04), (0.0, -0.04)):
        assert not is_own_picture(_portrait(1), _portrait(2), EYES + offset, EYES)
