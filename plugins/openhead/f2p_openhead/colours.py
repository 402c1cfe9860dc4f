"""Colours of skin, hair, iris, lips and eyeshadow, from material values.

All functions return linear RGB (3,) in [0, 1], except where noted. Gradient stops are sRGB, 0 to
255.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["beard", "brow", "eyeshadow", "hair", "iris", "linear", "lips", "skin"]

Colour = NDArray[np.float64]


def linear(rgb: object) -> Colour:
    """Convert sRGB (0 to 255, any shape) to linear (0 to 1) with gamma 2.2, as the shaders do."""
    return np.asarray(np.asarray(rgb, np.float64) / 255) ** 2.2


def _gradient(t: float, stops: list[tuple[int, int, int]]) -> Colour:
    table = linear(stops)
    x = np.linspace(0, 1, len(stops))
    return np.array([np.interp(np.clip(t, 0, 1), x, table[:, k]) for k in range(3)])


def _saturate(colour: Colour, amount: float) -> Colour:
    grey = colour @ np.array((0.3, 0.6, 0.1))
    return np.asarray(np.clip(grey + (colour - grey) * amount, 0, 1))


SKIN = [
    (240, 206, 188),
    (231, 190, 168),
    (220, 174, 149),
    (197, 146, 118),
    (161, 112, 86),
    (117, 78, 60),
    (74, 50, 41),
]


def skin(material: Mapping[str, float]) -> Colour:
    """Skin: ``skin_tone`` 0 lightest to 1 darkest, ``undertone`` -1 cool to 1 warm."""
    colour = _gradient(material["skin_tone"], SKIN)
    warm = material["undertone"]
    colour = colour * np.array((1 + 0.01 * warm, 1 + 0.015 * warm, 1 - 0.12 * warm))
    return _saturate(colour, material["skin_sat"])


def hair(material: Mapping[str, float], light: float, warm: float) -> Colour:
    """Hair: ``light`` 0 black to 1 blond, ``warm`` 0 ash to 1 red; ``hair_grey`` adds grey."""
    ash = _gradient(
        light,
        [(20, 17, 17), (42, 33, 29), (74, 59, 47), (118, 98, 74), (178, 155, 117), (222, 203, 164)],
    )
    red = _gradient(
        light,
        [(26, 13, 9), (58, 27, 15), (104, 46, 22), (158, 78, 35), (204, 128, 62), (232, 178, 110)],
    )
    colour = ash + (red - ash) * np.clip(warm, 0, 1) ** 1.4
    grey = np.clip(material["hair_grey"], 0, 1)
    return np.asarray(colour + (linear((176, 174, 172)) - colour) * 0.75 * grey)


def brow(material: Mapping[str, float]) -> Colour:
    """Brows: a muted hair colour, shifted by ``brow_lightness`` and ``brow_warmth``."""
    light = 0.19 + 0.40 * material["hair_light"] + 0.6 * material["brow_lightness"]
    warm = np.clip(0.15 + 0.5 * material["hair_warm"] + material["brow_warmth"], 0, 1)
    colour = hair({"hair_grey": material["hair_grey"] * 0.7}, max(light, 0.06), float(warm))
    return np.asarray(colour * np.array((0.86 + 0.3 * warm, 0.86, 0.86 - 0.2 * warm)))


def beard(material: Mapping[str, float]) -> tuple[Colour, float]:
    """Beard colour, and its grey share in [0, 1]; slightly darker and redder than the hair.

    Beards on dark skin stay dark, also grey ones. A beard lighter than the skin around it makes the
    mouth hard to find for people and for detectors.
    """
    dark = np.clip((material["skin_tone"] - 0.4) / 0.4, 0, 1)
    light = min(0.85 * material["hair_light"], 1 - 0.85 * dark)
    grey = float(np.clip(material["hair_grey"], 0, 1) * (0.9 - 0.78 * dark))
    return hair({"hair_grey": grey}, light, material["hair_warm"] + 0.1), grey


def iris(material: Mapping[str, float]) -> Colour:
    """Iris: ``iris_hue`` 0 brown, hazel, green, blue, 1 grey."""
    colour = _gradient(
        material["iris_hue"],
        [
            (62, 36, 20),
            (92, 56, 28),
            (122, 96, 48),
            (88, 112, 74),
            (78, 122, 150),
            (70, 108, 156),
            (128, 140, 150),
        ],
    )
    light = 0.50 + 1.15 * material["iris_light"]
    return np.asarray(np.clip(_saturate(colour, material["iris_sat"]) * light, 0, 1))


def lips(material: Mapping[str, float], skin_colour: Colour) -> Colour:
    """Lips without lipstick: a redder, darker skin colour; ``lip_hue`` 0 plum to 1 coral."""
    hue = material["lip_hue"]
    tint = np.array((0.76 + 0.18 * hue, 0.36 + 0.10 * hue, 0.56 - 0.26 * hue))
    colour = _saturate(skin_colour * tint + np.array((0.045, 0.006, 0.010)), material["lip_sat"])
    return np.asarray(np.clip(colour * material["lip_light"] ** 1.6, 0, 1))


def eyeshadow(material: Mapping[str, float]) -> Colour:
    """Eyeshadow: ``shadow_hue`` 0 brown, plum, rose, gold, 1 teal."""
    return _gradient(
        material["shadow_hue"],
        [(70, 42, 34), (92, 40, 82), (176, 74, 88), (176, 126, 58), (36, 112, 116)],
    )
