"""Grain is told from detail, and smoothed."""

from __future__ import annotations

import numpy as np
import pytest

from f2p_sdk.pipeline.denoising import grain_of, smoothed

SIDE = 160


def _picture(side: int = SIDE) -> np.ndarray:
    """A face's worth of steady shades and sharp edges, uint8 RGB."""
    y, x = np.mgrid[:side, :side] / side
    picture = np.stack([80 + 100 * x, 90 + 60 * y, 70 + 40 * x * y], axis=-1)
    picture[(x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.1] *= 1.4
    picture[:: side // 4] = 20
    return np.asarray(picture.round().clip(0, 255), dtype=np.uint8)


@pytest.mark.parametrize("strength", [8.0, 15.0, 25.0])
def test_grain_is_measured_and_smoothed(strength: float) -> None:
    plain = _picture()
    rng = np.random.default_rng(0)
    noise = rng.normal(0, strength, (SIDE, SIDE, 1))  # the same in all channels: as bright
    grainy = (plain + noise).round().clip(0, 255).astype(np.uint8)
    assert grain_of(grainy) == pytest.approx(strength, rel=0.15)
    smooth = smoothed(grainy)
    assert smooth.dtype == np.uint8
    assert smooth.shape == plain.shape

    def off(picture: np.ndarray) -> float:
        return float(np.abs(picture.astype(float) - plain)[8:-8].mean())

    assert off(smooth) < 0.85 * off(grainy)


def test_a_clear_picture_is_left_as_it_is() -> None:
    plain = _picture()
    assert grain_of(plain) < 1
    assert smoothed(plain) is plain


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 40, 3), (40, 2, 3)])
def test_pictures_too_small_to_have_grain(shape: tuple[int, ...]) -> None:
    tiny = np.zeros(shape, dtype=np.uint8)
    assert smoothed(tiny) is tiny
