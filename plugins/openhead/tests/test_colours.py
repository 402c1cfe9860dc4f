"""Colours of skin, brows and hair follow their material values."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from f2p_openhead import colours

MATERIAL = {
    "undertone": 0.0,
    "skin_sat": 1.0,
    "hair_light": 0.4,
    "hair_warm": 0.3,
    "hair_grey": 0.0,
    "brow_lightness": 0.0,
    "brow_warmth": 0.0,
}


def _luminance(colour: np.ndarray) -> float:
    return float(colour @ (0.2126, 0.7152, 0.0722))


def test_skin_tone_darkens_skin() -> None:
    tones = [_luminance(colours.skin({**MATERIAL, "skin_tone": t})) for t in np.linspace(0, 1, 21)]
    assert all(a > b for a, b in pairwise(tones))
    # Human skin reflects about 3 to 65 % of the light.
    assert tones[0] > 0.55
    assert tones[-1] < 0.05


def test_brows_follow_hair_unless_brow_lightness_is_set() -> None:
    brows = [_luminance(colours.brow({**MATERIAL, "hair_light": t})) for t in np.linspace(0, 1, 9)]
    assert all(a < b for a, b in pairwise(brows))
    dark = colours.brow({**MATERIAL, "hair_light": 1.0, "brow_lightness": -0.5})
    assert _luminance(dark) < 0.25 * brows[-1]


@pytest.mark.parametrize("warm", [-0.5, 0.0, 0.5])
def test_brow_warmth_adds_red(warm: float) -> None:
    cool = colours.brow({**MATERIAL, "brow_warmth": warm - 0.1})
    red = colours.brow({**MATERIAL, "brow_warmth": warm + 0.1})
    assert red[0] / red[2] >= cool[0] / cool[2]


def test_grey_hair_has_no_hue() -> None:
    grey = colours.hair({"hair_grey": 1.0}, 0.3, 0.8)
    brown = colours.hair({"hair_grey": 0.0}, 0.3, 0.8)
    assert grey.max() / grey.min() < 0.5 * brown.max() / brown.min()
