"""The look of each choice in the drawn face: hairstyles, shapes, colours and painted spots."""

from __future__ import annotations

import colorsys
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from ..parameters import Discrete
from .words import normal_words

Look: TypeAlias = "dict[str, Any]"
"""Values of LOOKS in templates/drawing, and ``mark``: x, y, radius and colour of a spot."""

_COLOURS: Mapping[str, tuple[float, float, float]] = {
    "black": (0.10, 0.08, 0.08),
    "brown": (0.36, 0.23, 0.15),
    "chestnut": (0.42, 0.22, 0.13),
    "blond": (0.84, 0.70, 0.45),
    "blonde": (0.84, 0.70, 0.45),
    "ginger": (0.70, 0.34, 0.14),
    "red": (0.68, 0.16, 0.16),
    "grey": (0.60, 0.60, 0.61),
    "white": (0.90, 0.89, 0.87),
    "blue": (0.28, 0.44, 0.70),
    "green": (0.30, 0.52, 0.30),
    "hazel": (0.48, 0.38, 0.18),
    "amber": (0.72, 0.46, 0.14),
    "violet": (0.48, 0.30, 0.62),
    "purple": (0.48, 0.25, 0.58),
    "pink": (0.90, 0.52, 0.60),
    "rose": (0.78, 0.36, 0.44),
    "coral": (0.90, 0.44, 0.36),
    "plum": (0.42, 0.14, 0.30),
    "nude": (0.78, 0.54, 0.46),
    "gold": (0.80, 0.64, 0.24),
    "silver": (0.74, 0.75, 0.78),
    "orange": (0.90, 0.50, 0.18),
    "yellow": (0.90, 0.80, 0.30),
    "pale": (0.97, 0.86, 0.79),
    "fair": (0.95, 0.80, 0.70),
    "medium": (0.86, 0.66, 0.53),
    "tan": (0.76, 0.56, 0.42),
    "dark": (0.52, 0.36, 0.27),
}
# The hairstyle of LOOKS in templates/drawing.
_USUAL_STYLE: Mapping[str, float] = {
    "style_length": 0.15,
    "style_volume": 0.35,
    "style_fringe": 0.2,
    "style_parting": 0,
    "style_waves": 0,
}
# Places of painted spots, one for each parameter that gets them.
_MARKS = ((0.155, 0.625), (0.035, 0.845), (0.165, 0.54), (0.105, 0.70), (0.06, 0.60), (0.0, 0.36))


def assign_looks(slots: Sequence[Discrete]) -> dict[str, dict[str, Look]]:
    """Return a look for each choice of each parameter. The looks of a parameter differ."""
    used: set[str] = set()
    marks = itertools.count()
    found: dict[str, dict[str, Look]] = {}
    for slot in slots:
        look = _look_of(slot)
        if look in used:
            look = "mark"
        if look != "mark":
            used.add(look)
        found[slot.name] = dict(zip(slot.choices, _looks(slot, look, marks), strict=True))
    return found


def _look_of(slot: Discrete) -> str:
    """The look that a parameter changes: style, beard, brow, mark, or what it paints."""
    words = normal_words(slot.name.replace("_", " ")) | normal_words(slot.label)
    if words & {"beard", "mustache", "goatee", "stubble"}:
        return "beard"
    if slot.group == "hair":
        return "hair_paint" if words & {"colour", "dye"} else "style"
    if slot.group == "eyebrow":
        return "brow"
    if slot.group == "mouth" or words & {"lipstick", "lip"}:
        return "lip_paint"
    if words & {"eyeshadow", "shadow", "lid", "liner", "eyeliner"}:
        return "lid_paint"
    if words & {"blush", "rouge"}:
        return "blush_paint"
    if slot.group == "eye":
        return "iris_paint"
    if slot.group == "face" and words & {"skin", "complexion", "colour"}:
        return "skin_paint"
    return "mark"


def _looks(slot: Discrete, look: str, marks: Iterator[int]) -> list[Look]:
    """A different look for each choice; one without anything for choices such as ``none``."""
    nothing: Look = {"style_length": -1} if look == "style" else {}
    shapes = {"style": _styles, "beard": _beards, "brow": _brows}.get(look)
    place = _MARKS[next(marks) % len(_MARKS)] if look == "mark" else _MARKS[-1]
    taken: list[Look] = []
    for number, choice in enumerate(slot.choices):
        words = normal_words(choice.replace("_", " "))
        if words & {"nothing"} and look != "brow" and nothing not in taken:
            taken.append(nothing)
            continue
        wanted: Iterator[Look]
        if shapes is None:
            wanted = (_spot(look, place, colour) for colour in _paints(words, number))
        else:
            wanted = shapes(words)
        spare = (_spot("mark", place, colour) for colour in _paints(set(), number))
        taken.append(next(w for w in itertools.chain(wanted, spare) if w not in (*taken, nothing)))
    return taken


def _spot(look: str, place: tuple[float, float], colour: tuple[float, ...]) -> Look:
    return {"mark": (*place, 0.022, colour)} if look == "mark" else {look: colour}


def _paints(words: set[str], number: int) -> Iterator[tuple[float, ...]]:
    """Colours: that of a word, darker or lighter by another, then hues."""
    for word in (*sorted(words - {"light", "dark", "deep"}), *sorted(words)):
        if word in _COLOURS:
            factor = 1.25 if "light" in words else 0.65 if words & {"dark", "deep"} else 1.0
            factor = 1.0 if word in ("dark", "deep") else factor
            yield tuple(round(min(part * factor, 1.0), 2) for part in _COLOURS[word])
    for k in itertools.count(number):
        saturation, value = ((0.65, 0.75), (0.8, 0.45), (0.35, 0.9))[k // 7 % 3]
        rgb = colorsys.hsv_to_rgb((k % 7 / 7 + 0.03 * (k // 21)) % 1, saturation, value)
        yield tuple(round(part, 2) for part in rgb)


def _styles(words: set[str]) -> Iterator[Look]:
    """Hairstyles: those that the words describe first."""
    lengths = [0.15, 0.95, 0.45, 0.7, 0.3]
    for word, length in (
        *(("short", 0.15), ("crop", 0.0), ("buzz", 0.0), ("pixie", 0.1), ("bun", 0.1)),
        *(("bob", 0.45), ("medium", 0.5), ("length", 0.95), ("ponytail", 0.05)),
    ):
        if word in words:
            lengths.insert(0, length)
            break
    wavy = bool(words & {"wave", "wavy", "curl", "curly", "afro"})
    fringe = bool(words & {"fringe", "bang"})
    side = bool(words & {"side", "part", "parted"})
    for volume, parting, low, waves, length in itertools.product(
        (0.35, 0.9),
        (1, 0, -1) if side else (0, 1, -1),
        (0.9, 0.2) if fringe else (0.2, 0.9),
        (1, 0) if wavy else (0, 1),
        lengths,
    ):
        values = (length, volume, low, parting, waves)
        style = dict(zip(_USUAL_STYLE, values, strict=True))
        yield {key: value for key, value in style.items() if value != _USUAL_STYLE[key]}


def _beards(words: set[str]) -> Iterator[Look]:
    lengths = (0.4, 0.7, 1.0) if words & {"stubble", "short"} else (1.0, 0.7, 0.4)
    widths = (0.0, 0.4, 1.0) if words & {"goatee", "chin"} else (1.0, 0.0, 0.4)
    for length, width in itertools.product(lengths, widths):
        yield {"beard_length": length, "beard_width": width}


def _brows(words: set[str]) -> Iterator[Look]:
    shapes = (0.0, 1.0, -1.0, 0.5, -0.5)
    for angle, shape in itertools.product((0.0, 1.0, -1.0), shapes):
        yield {"brow_shape": shape, "brow_angle": angle}
