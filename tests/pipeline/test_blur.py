"""How blurred a photo is, and the same done to what is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from f2p_sdk.images import Picture
from f2p_sdk.kinds import Kind
from f2p_sdk.pipeline import Fitter
from f2p_sdk.pipeline.blur import Lens, lens_of
from f2p_sdk.tensors import blur, to_array, to_tensor

torch.set_num_threads(1)


def rough(side: int) -> Picture:
    """Detail of all sizes."""
    generator = torch.Generator().manual_seed(1)
    picture = torch.zeros(1, 3, side, side)
    for cells in (8, 16, 32, 64, side):
        grain = torch.rand(1, 3, cells, cells, generator=generator)
        picture += torch.nn.functional.interpolate(grain, (side, side), mode="bicubic") / 5
    return to_array(picture.clamp(0, 1))


@pytest.mark.parametrize("side", [256, 512])
@pytest.mark.parametrize("blur", [1.0, 2.0, 3.0])
def test_a_blur_is_found_whatever_the_size(side: int, blur: float) -> None:
    sharp = rough(512)
    photo = to_array(blur(to_tensor(rough(side)), blur * side / 256))
    found = lens_of(photo, sharp if side == 512 else rough(side)).blur
    assert found == pytest.approx(blur, abs=0.26)


def test_a_sharp_photo_is_left_alone() -> None:
    sharp = rough(256)
    grainy = np.clip(sharp + np.random.default_rng(0).normal(0, 15, sharp.shape), 0, 255)
    assert lens_of(sharp, sharp) == Lens(0.0)
    assert lens_of(grainy.astype(np.uint8), sharp) == Lens(0.0)
    assert Lens().picture(sharp) is sharp
    picture = to_tensor(sharp)
    assert Lens()(picture) is picture


def test_a_photo_of_one_colour_is_no_error() -> None:
    flat = np.full((128, 128, 3), 128, np.uint8)
    assert lens_of(flat, rough(128)).blur > 0.7
    assert lens_of(rough(128), flat).blur == 0


def test_pictures_too_small_to_tell_are_left_alone() -> None:
    smooth = to_array(blur(to_tensor(rough(256)), 3.0))
    assert lens_of(smooth, rough(256)).blur > 2
    assert lens_of(smooth, rough(64)) == Lens()
    assert lens_of(smooth[:64, :64], rough(256)) == Lens()


def test_what_is_drawn_is_seen_through_it() -> None:
    picture = to_tensor(rough(64)).requires_grad_()
    seen = Lens(2.0)(picture)
    torch.testing.assert_close(seen, blur(picture, 0.5))
    seen.square().sum().backward()
    assert picture.grad is not None
    assert bool((picture.grad != 0).any())
    np.testing.assert_array_equal(Lens(2.0).picture(rough(64)), to_array(seen))


def test_a_fit_tells_the_blur_and_looks_through_it(
    kind: Kind,
    engine: Any,
    fitter: Callable[..., Fitter],
    true: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a lens in which nothing is left to see, pictures tell the search nothing."""
    photo = engine.draw(true, 64)
    plain = fitter(kind, engine).fit(photo)
    assert plain.report["blur"] == 0.0
    monkeypatch.setattr("f2p_sdk.pipeline.fitting.lens_of", lambda *_: Lens(200.0))
    blind = fitter(kind, engine).fit(photo)
    assert blind.report["blur"] == 200.0
    assert blind.report["verified"] != plain.report["verified"]
    assert fitter(kind, engine).fit(photo, method="slides").report["blur"] == 0.0
