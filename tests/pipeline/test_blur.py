"""Blur matching: estimate of a photo's blur, and the same blur on the engine's pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from f2p_sdk.images import Picture
from f2p_sdk.kinds import Kind
from f2p_sdk.pipeline import Fitter
from f2p_sdk.pipeline.blur import Blur, match_blur
from f2p_sdk.tensors import blur as gaussian
from f2p_sdk.tensors import to_array, to_tensor


def rough(side: int) -> Picture:
    """Detail of all sizes."""
    generator = torch.Generator().manual_seed(1)
    picture = torch.zeros(1, 3, side, side)
    for cells in (8, 16, 32, 64, side):
        noise = torch.rand(1, 3, cells, cells, generator=generator)
        picture += torch.nn.functional.interpolate(noise, (side, side), mode="bicubic") / 5
    return to_array(picture.clamp(0, 1))


@pytest.mark.slow
@pytest.mark.parametrize("side", [256, 512])
@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
def test_the_blur_is_estimated_at_any_size(side: int, sigma: float) -> None:
    sharp = rough(512)
    photo = to_array(gaussian(to_tensor(rough(side)), sigma * side / 256))
    found = match_blur(photo, sharp if side == 512 else rough(side)).sigma
    assert found == pytest.approx(sigma, abs=0.26)


def test_a_sharp_photo_needs_no_blur() -> None:
    sharp = rough(256)
    noisy = np.clip(sharp + np.random.default_rng(0).normal(0, 15, sharp.shape), 0, 255)
    assert match_blur(sharp, sharp) == Blur(0.0)
    assert match_blur(noisy.astype(np.uint8), sharp) == Blur(0.0)
    assert Blur().picture(sharp) is sharp
    picture = to_tensor(sharp)
    assert Blur()(picture) is picture


def test_a_photo_of_one_colour_is_no_error() -> None:
    flat = np.full((128, 128, 3), 128, np.uint8)
    assert match_blur(flat, rough(128)).sigma > 0.7
    assert match_blur(rough(128), flat).sigma == 0


def test_small_pictures_need_no_blur() -> None:
    smooth = to_array(gaussian(to_tensor(rough(256)), 3.0))
    assert match_blur(smooth, rough(256)).sigma > 2
    assert match_blur(smooth, rough(64)) == Blur()
    assert match_blur(smooth[:64, :64], rough(256)) == Blur()


def test_blur_is_gaussian_and_differentiable() -> None:
    picture = to_tensor(rough(64)).requires_grad_()
    blurred = Blur(2.0)(picture)
    torch.testing.assert_close(blurred, gaussian(picture, 0.5))
    blurred.square().sum().backward()
    assert picture.grad is not None
    assert bool((picture.grad != 0).any())
    np.testing.assert_array_equal(Blur(2.0).picture(rough(64)), to_array(blurred))


@pytest.mark.slow
def test_a_fit_reports_and_applies_the_blur(
    kind: Kind,
    engine: Any,
    fitter: Callable[..., Fitter],
    true: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A very strong blur removes everything that distinguishes candidates."""
    photo = engine.draw(true, 64)
    plain = fitter(kind, engine).fit(photo)
    assert plain.report["blur"] == 0.0
    monkeypatch.setattr("f2p_sdk.pipeline.fitting.match_blur", lambda *_: Blur(200.0))
    blurry = fitter(kind, engine).fit(photo)
    assert blurry.report["blur"] == 200.0
    assert blurry.report["verified"] != plain.report["verified"]
    assert fitter(kind, engine).fit(photo, method="slides").report["blur"] == 0.0
