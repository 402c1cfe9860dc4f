"""Grain is told from detail, and denoised."""

from __future__ import annotations

import numpy as np
import pytest

from f2p_sdk.pipeline.denoising import denoised, noise_level

SIDE = 160


def _picture(side: int = SIDE) -> np.ndarray:
    """Smooth shading and sharp edges, uint8 RGB."""
    y, x = np.mgrid[:side, :side] / side
    picture = np.stack([80 + 100 * x, 90 + 60 * y, 70 + 40 * x * y], axis=-1)
    picture[(x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.1] *= 1.4
    picture[:: side // 4] = 20
    return np.asarray(picture.round().clip(0, 255), dtype=np.uint8)


@pytest.mark.parametrize("strength", [8.0, 15.0, 25.0])
def test_noise_is_measured_and_reduced(strength: float) -> None:
    plain = _picture()
    rng = np.random.default_rng(0)
    noise = rng.normal(0, strength, (SIDE, SIDE, 1))  # the same in all channels: as bright
    noisy = (plain + noise).round().clip(0, 255).astype(np.uint8)
    assert noise_level(noisy) == pytest.approx(strength, rel=0.15)
    smooth = denoised(noisy)
    assert smooth.dtype == np.uint8
    assert smooth.shape == plain.shape

    def off(picture: np.ndarray) -> float:
        return float(np.abs(picture.astype(float) - plain)[8:-8].mean())

    assert off(smooth) < 0.85 * off(noisy)


def test_a_clear_picture_stays_as_it_is() -> None:
    plain = _picture()
    assert noise_level(plain) < 1
    assert denoised(plain) is plain


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 40, 3), (40, 2, 3)])
def test_tiny_pictures_stay_as_they_are(shape: tuple[int, ...]) -> None:
    tiny = np.zeros(shape, dtype=np.uint8)
    assert denoised(tiny) is tiny
