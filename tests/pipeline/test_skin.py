"""Skin colour under unknown light."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from f2p_sdk.metrics import lab_to_srgb, srgb_to_lab
from f2p_sdk.pipeline.skin import corrected, skin_shift

SIDE = 64
SKIN = torch.zeros(SIDE, SIDE)
SKIN[16:56, 16:48] = 1.0
EYES = torch.zeros(SIDE, SIDE)
EYES[24:28, 20:44] = 1.0
WHITES = np.array((75.0, 9.0, 6.0))  # as in most photos


def _photo(skin: tuple[float, float, float], whites: Any = WHITES) -> Any:
    """A photo of skin with eyes, colours in CIE Lab."""
    lab = np.tile((50.0, 0.0, 0.0), (SIDE, SIDE, 1))
    lab[SKIN.numpy() > 0] = skin
    lab[EYES.numpy() > 0] = whites
    return lab_to_srgb(lab).round().astype(np.uint8)


def _skin_of(lab: tuple[float, float, float], whites: Any = WHITES) -> Any:
    return np.array(lab) + skin_shift(_photo(lab, whites), SKIN - EYES, EYES)


def test_usual_skin_stays() -> None:
    assert np.abs(_skin_of((68, 13, 17)) - (68, 13, 17)).max() < 0.5


def test_orange_and_red_skin_move_to_usual_skin_and_lightness_hardly() -> None:
    found = _skin_of((45, 30, 40))
    assert found[1] == pytest.approx(13 + 0.6 * 17, abs=0.7)
    assert found[2] == pytest.approx(17 + 0.6 * 23, abs=0.7)
    assert found[0] == pytest.approx(68 - 0.9 * 23, abs=0.7)  # dark skin stays dark


def test_the_whites_of_the_eyes_show_the_light() -> None:
    warm = _skin_of((60, 22, 30), WHITES + np.array((0, 12, 18)))
    neutral = _skin_of((60, 22, 30))
    assert warm[1] < neutral[1] - 1
    assert warm[2] < neutral[2] - 1
    assert warm[0] == pytest.approx(neutral[0], abs=0.5)


def test_without_skin_nothing_changes() -> None:
    assert not skin_shift(_photo((45, 30, 40)), torch.zeros(SIDE, SIDE), EYES).any()


def test_only_skin_is_corrected() -> None:
    colours = torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(1)) * 0.6 + 0.2
    share = torch.zeros(4, 4)
    share[1, 2] = 1.0
    moved = corrected(colours, np.array((5.0, 0.0, 0.0)), share)
    lab = srgb_to_lab(255 * moved.permute(1, 2, 0).numpy())
    before = srgb_to_lab(255 * colours.permute(1, 2, 0).numpy())
    assert lab[1, 2, 0] == pytest.approx(before[1, 2, 0] + 5, abs=0.05)
    share[1, 2] = 0.0
    assert torch.allclose(corrected(colours, np.ones(3), share), colours, atol=1e-3)
