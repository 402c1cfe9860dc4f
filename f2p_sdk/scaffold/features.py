"""The feature of the drawn face that each slider moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from ..parameters import Continuous
from .words import normal_words

Relief: TypeAlias = "tuple[float, float, float]"
"""A bump of the drawn face: x, y and radius."""

# Feature -> words of sliders that move it; the names are those of templates/drawing.
FEATURES: Mapping[str, Mapping[str, str]] = {
    "face": {
        "face_width": "face head width",
        "jaw_width": "jaw width",
        "chin_length": "chin length height",
        "cheek_fullness": "cheek thickness",
        "face_length": "face head length",
        "chin_width": "chin width size",
        "cheekbone_width": "cheekbone width",
        "skin_tone": "skin colour complexion darkness brightness",
        "forehead_height": "forehead hairline height size",
        "temple_width": "temple width",
        "ear_size": "ear size",
        "neck_width": "neck width thickness",
        "skin_red": "skin red redness warmth",
        "skin_shine": "skin shine gloss oil",
        "chin_dimple": "chin dimple cleft",
    },
    "eyebrow": {
        "brow_height": "brow height",
        "brow_thickness": "brow thickness size width",
        "brow_tilt": "brow tilt",
        "brow_arch": "brow arch curve shape",
        "brow_length": "brow length",
        "brow_distance": "brow distance",
        "brow_colour": "brow colour darkness",
    },
    "eye": {
        "eye_size": "eye size",
        "eye_distance": "eye distance",
        "eye_height": "eye height",
        "eye_tilt": "eye tilt",
        "eye_opening": "eye opening",
        "eye_width": "eye width length",
        "iris_size": "iris size",
        "iris_colour": "iris eye colour",
        "eye_depth": "eye depth socket",
        "eyelid_fold": "lid fold crease",
        "eye_bags": "eye bag under",
        "pupil_size": "pupil size",
    },
    "nose": {
        "nose_width": "nose width wing",
        "nose_length": "nose length height",
        "bridge_width": "bridge width nose",
        "bridge_depth": "bridge depth nose",
        "tip_size": "tip size nose",
        "nostril_size": "nostril size",
    },
    "mouth": {
        "mouth_width": "mouth lip width size",
        "mouth_height": "mouth height",
        "lip_thickness": "lip mouth thickness size",
        "upper_lip": "upper lip thickness height",
        "lower_lip": "lower lip thickness height",
        "mouth_corners": "mouth lip corner tilt",
        "lip_colour": "lip mouth colour",
        "lip_bow": "lip bow cupid",
        "mouth_depth": "mouth lip depth",
    },
    "hair": {
        "hair_colour": "hair colour brightness lightness",
        "hair_volume": "hair thickness volume size",
        "hair_length": "hair length",
        "fringe": "fringe bang",
        "parting": "parting part side",
        "hair_red": "hair red redness warmth",
        "hair_grey": "hair grey age",
        "hair_shine": "hair shine gloss",
        "beard": "beard stubble shadow",
    },
    "makeup": {
        "blush": "blush rouge cheek",
        "lipstick": "lipstick lip",
        "eyeshadow": "eyeshadow shadow lid eye",
        "eyeliner": "eyeliner liner mascara lash",
        "freckles": "freckle spot",
    },
}
# Middles of the areas where bumps of a group's further sliders are, and the areas' half sizes.
_AREAS: Mapping[str, tuple[float, float, float, float]] = {
    "face": (0.13, 0.68, 0.09, 0.12),
    "eyebrow": (0.11, 0.37, 0.08, 0.03),
    "eye": (0.12, 0.52, 0.07, 0.03),
    "nose": (0.035, 0.57, 0.03, 0.08),
    "mouth": (0.06, 0.78, 0.05, 0.04),
    "hair": (0.09, 0.15, 0.08, 0.04),
    "makeup": (0.14, 0.60, 0.07, 0.05),
}
_RADIUS = 0.028


def assign_features(sliders: Sequence[Continuous]) -> dict[str, str | Relief]:
    """Choose a feature for each slider: by their words, then a free one of the group.

    Every slider gets a feature of its own. After the last one of a group, its sliders get bumps at
    different places of the group's area.
    """
    found: dict[str, str | Relief] = {}
    used: set[str] = set()
    ranked = sorted(
        (-score, order, k, feature)
        for k, slider in enumerate(sliders)
        for order, (feature, score) in enumerate(_scores(slider))
        if score > 0
    )
    for _, _, k, feature in ranked:
        if sliders[k].name not in found and feature not in used:
            found[sliders[k].name] = feature
            used.add(feature)
    bumps: dict[str, int] = {}
    for slider in sliders:
        if slider.name in found:
            continue
        group = slider.group if slider.group in FEATURES else "face"
        free = [feature for feature in FEATURES[group] if feature not in used]
        if free:
            found[slider.name] = free[0]
            used.add(free[0])
        else:
            bumps[group] = bumps.get(group, 0) + 1
            found[slider.name] = _relief(group, bumps[group])
    return {slider.name: found[slider.name] for slider in sliders}


def _scores(slider: Continuous) -> list[tuple[str, float]]:
    """Features with the number of common words, and a half for the slider's own group."""
    words = normal_words(slider.name.replace("_", " ")) | normal_words(slider.label)
    scores = []
    for group, features in FEATURES.items():
        for feature, listed in features.items():
            common = len(words & normal_words(listed))
            own = group == slider.group
            scores.append((feature, common + 0.5 * own if common > (0 if own else 1) else 0.0))
    return scores


def _relief(group: str, number: int) -> Relief:
    """Place of the bump ``number`` from 1: a Halton sequence in the group's area."""
    x, y, half_x, half_y = _AREAS[group]
    across, down = (2 * _halton(number, base) - 1 for base in (2, 3))
    radius = _RADIUS / (1 + number // 12)
    return (round(x + half_x * across, 4), round(y + half_y * down, 4), round(radius, 4))


def _halton(number: int, base: int) -> float:
    value, fraction = 0.0, 1.0
    while number:
        fraction /= base
        value += fraction * (number % base)
        number //= base
    return value
