"""Words of sliders' names: parts of the face, and the words that mean the same."""

from __future__ import annotations

import re
from collections.abc import Mapping

GROUPS = ("face", "eyebrow", "eye", "nose", "mouth", "hair", "makeup")

_PARTS: Mapping[str, str] = {
    "makeup": "makeup blush rouge lipstick eyeshadow eyeliner mascara tattoo paint freckle scar",
    "eyebrow": "eyebrow brow",
    "eye": "eye iris pupil lid eyelid lash eyelash",
    "nose": "nose nostril bridge",
    "mouth": "mouth lip teeth",
    "hair": "hair hairstyle hairline fringe bang beard moustache mustache goatee",
    "face": "face head jaw chin cheek cheekbone forehead temple ear neck skin complexion body",
}
_SAME: Mapping[str, str] = {
    "size": "scale big large",
    "width": "wide breadth broad flare",
    "height": "position vertical y high raise",
    "distance": "spacing gap apart separation",
    "tilt": "angle rotation slant rotate roll",
    "thickness": "thick fullness full weight plump density plumpness pout bushiness fat",
    "colour": "color hue tint tone shade",
    "length": "long drop",
    "depth": "protrusion forward projection prominence deep",
    "opening": "open openness aperture squint",
    "brow": "eyebrow",
    "lid": "eyelid",
    "corner": "smile smirk",
    "cheekbone": "zygoma",
    "mustache": "moustache",
    "grey": "gray",
    "nothing": "none no off bald natural shaved clean empty bare",
}
_NORMAL = {word: normal for normal, others in _SAME.items() for word in others.split()}
_PART_OF = {word: part for part, words in _PARTS.items() for word in words.split()}
_GROUP_OF = {**_PART_OF, "make_up": "makeup", "cosmetics": "makeup", "make": "makeup"}


def tokens(text: str) -> list[str]:
    """Lower-case words of a name such as ``eyeBrow_heights``, without a plural s."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", text)
    return [re.sub(r"(?<=\w\w[^isu])s$", "", word.lower()) for word in words]


def normal_words(text: str) -> set[str]:
    """Words of a name; words of one meaning are equal."""
    return {_NORMAL.get(word, word) for word in tokens(text)}


def group_of(given: str, text: str) -> str:
    """The group of a parameter: as given, in the spelling of layouts; without one, by its words."""
    if given:
        plain = re.sub(r"[\s-]+", "_", given.lower())
        known = [_GROUP_OF[word] for word in (plain, *tokens(given)) if word in _GROUP_OF]
        return known[0] if known else re.sub(r"\s+", "_", given)
    parts = [_PART_OF[word] for word in tokens(text) if word in _PART_OF]
    return min(parts, key=list(_PARTS).index) if parts else "face"
