"""Random occluders in front of a face: glasses, hats, hands and other objects.

Labels of opaque occluders are background, transparent ones change no label. So clear glasses with
their frames change no label; dark lenses, hats, hands and objects are background, also in front of
hair. Otherwise the content loss would treat a hat as hair, or sunglasses as eyes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from ...faceparts import CLASSES
from .backdrops import backdrop, colour

__all__ = ["Marks", "find_marks", "glasses", "hand", "hat", "patch"]

Random = np.random.Generator
Point = npt.NDArray[np.float64]
Drawn = tuple[Image.Image, Image.Image]

_FINE = 2  # supersampling of masks, for smooth edges
_CLASS = {name: k for k, name in enumerate(CLASSES)}
_FEWEST = 8  # pixels of a visible eye


class Marks(NamedTuple):
    """Reference points for glasses and hats, in pixels."""

    left: Point  # centre of the eye on the left of the picture
    right: Point
    brow: float  # y of the upper edge of the brows
    head: tuple[float, float, float]  # left, top and right edge of skin and hair
    unit: float  # distance between the eyes


def find_marks(labels: Image.Image) -> Marks | None:
    """Marks from labels (L); None unless both eyes are visible."""
    plane = np.asarray(labels)
    eyes = []
    for name in ("left_eye", "right_eye"):
        y, x = np.nonzero(plane == _CLASS[name])
        if len(x) < _FEWEST:
            return None
        eyes.append(np.array([x.mean(), y.mean()]))
    left, right = sorted(eyes, key=lambda eye: float(eye[0]))
    unit = float(np.hypot(*(right - left)))
    if unit < 8:
        return None
    brows = np.flatnonzero(
        ((plane == _CLASS["left_brow"]) | (plane == _CLASS["right_brow"])).any(axis=1)
    )
    brow = float(brows[0]) if len(brows) else float(left[1]) - 0.4 * unit
    head = plane > 0
    columns, rows = np.flatnonzero(head.any(axis=0)), np.flatnonzero(head.any(axis=1))
    ends = float(columns[0]), float(rows[0]), float(columns[-1])
    return Marks(left, right, brow, ends, unit)


def glasses(picture: Image.Image, labels: Image.Image, marks: Marks, rng: Random) -> Drawn:
    """Draw glasses, with or without rims: clear, tinted, or dark."""
    left, right, unit = marks.left, marks.right, marks.unit
    along = (right - left) / unit
    down = np.array([-along[1], along[0]])
    half = unit * rng.uniform(0.3, 0.48)
    tall = half * rng.uniform(0.55, 1.05)
    power = float(rng.choice([2.0, 2.5, 4.0]))  # of a superellipse: round to square
    drop = down * unit * rng.uniform(-0.05, 0.15)
    lenses = [_outline(eye + drop, along * half, down * tall, power) for eye in (left, right)]
    lens, frame = _Mask(picture.width), _Mask(picture.width)
    for outline in lenses:
        lens.polygon(outline)
    thick = unit * float(np.exp(rng.uniform(math.log(0.015), math.log(0.12))))
    if rng.random() < 0.85:
        upper_only = rng.random() < 0.2
        for outline in lenses:
            frame.line(
                outline[len(outline) // 2 :] if upper_only else [*outline, outline[0]], thick
            )
    bridge = drop + down * unit * rng.uniform(-0.15, 0.05)
    frame.line([left + bridge + along * half, right + bridge - along * half], thick)
    for eye, out, end in ((left, -1, marks.head[0]), (right, 1, marks.head[2])):
        start = eye + bridge + out * along * half
        reach = max(0.1, out * (end - start[0]) / unit) * rng.uniform(0.6, 1.0)
        frame.line([start, start + out * along * reach * unit + down * 0.05 * unit], thick)
    dark = rng.random() < 0.3
    tint = tuple(int(v) for v in rng.uniform(0, 60, 3)) if dark else colour(rng)
    strength = rng.uniform(0.82, 1.0) if dark else rng.choice([0.0, rng.uniform(0, 0.35)])
    picture = _blend(picture, Image.new("RGB", picture.size, tint), lens.smooth(), float(strength))
    if rng.random() < 0.4:  # a reflection in the lenses
        sheen = _Mask(picture.width)
        for eye in (left, right):
            at = eye + along * half * rng.uniform(-0.5, 0.5)
            sheen.line([at - down * tall, at + down * tall + along * half * 0.5], half * 0.4)
        reflection = Image.fromarray(
            np.minimum(np.asarray(sheen.smooth()), np.asarray(lens.smooth()))
        )
        white = Image.new("RGB", picture.size, (255, 255, 255))
        picture = _blend(picture, white, reflection, float(rng.uniform(0.05, 0.4)))
    rim = Image.new("RGB", picture.size, colour(rng))
    picture = _blend(picture, rim, frame.smooth(), float(rng.uniform(0.75, 1.0)))
    return picture, _occlude(labels, lens) if dark else labels


def hat(picture: Image.Image, labels: Image.Image, marks: Marks, rng: Random) -> Drawn:
    """Draw a cap, a hat with a brim, or a scarf, from above the brows to above the head."""
    left, top, right = marks.head
    side, unit = picture.width, marks.unit
    edge = marks.brow - unit * rng.uniform(0.02, 0.6)
    wide = unit * rng.uniform(-0.05, 0.2)
    x0, x1 = left - wide, right + wide
    middle, high = (x0 + x1) / 2, max(unit * 0.4, edge - top + unit * rng.uniform(-0.1, 0.5))
    sag = unit * rng.uniform(-0.25, 0.3)  # the edge bends up or down in the middle
    mask, brim = _Mask(side), _Mask(side)
    t = np.linspace(0, math.pi, 24)
    crown = [(middle - (x1 - x0) / 2 * math.cos(v), edge - high * math.sin(v) ** 0.6) for v in t]
    lower = [(middle + (x1 - x0) / 2 * math.cos(v), edge - sag * math.sin(v)) for v in t]
    mask.polygon([*crown, *lower])
    kind = rng.random()
    if kind < 0.35:  # a brim all around
        over = unit * rng.uniform(0.2, 0.8)
        tall = unit * rng.uniform(0.06, 0.2)
        brim.ellipse((x0 - over, edge - sag - tall, x1 + over, edge - sag + tall))
    elif kind < 0.7:  # a peak
        brim.polygon(
            [(x, y + unit * 0.18 * math.sin(v)) for (x, y), v in zip(lower, t, strict=True)]
        )
    cloth = (
        backdrop(rng, side) if rng.random() < 0.4 else Image.new("RGB", (side, side), colour(rng))
    )
    picture = _blend(picture, _shaded(cloth, rng), mask.smooth(), 1.0)
    darker = cloth.point([int(v * 0.7) for v in range(256)] * 3)
    picture = _blend(picture, darker, brim.smooth(), 1.0)
    return picture, _occlude(_occlude(labels, mask), brim)


def hand(picture: Image.Image, labels: Image.Image, rng: Random) -> Drawn:
    """Draw fingers from the edge of the face, with the face's skin colour or another one."""
    side = picture.width
    skin = np.asarray(picture)[np.asarray(labels) == _CLASS["face_skin"]]
    own = len(skin) > 50 and rng.random() < 0.7
    tone = np.median(skin, axis=0) * rng.uniform(0.75, 1.2) if own else np.array(colour(rng))
    mask, gaps = _Mask(side), _Mask(side)
    turn = rng.uniform(0, 2 * math.pi)
    to = np.array([math.cos(turn), math.sin(turn)])
    across = np.array([-to[1], to[0]])
    tip = side / 2 + to * side * rng.uniform(0.12, 0.4)
    thick = side * rng.uniform(0.05, 0.1)
    for k in range(int(rng.integers(1, 5))):
        at = tip + across * thick * 0.95 * k + to * thick * rng.uniform(0, 0.8)
        mask.line([at, at + to * side], thick)
        gaps.line([at + across * thick / 2, at + across * thick / 2 + to * side], thick * 0.08)
    plain = Image.new("RGB", picture.size, tuple(int(v) for v in np.clip(tone, 0, 255)))
    picture = _blend(picture, _shaded(plain, rng), mask.smooth(), 1.0)
    dark = Image.new("RGB", picture.size, tuple(int(v) for v in np.clip(tone * 0.6, 0, 255)))
    return _blend(picture, dark, gaps.smooth(), 0.7), _occlude(labels, mask)


def patch(picture: Image.Image, labels: Image.Image, rng: Random) -> Drawn:
    """Draw a patch: a microphone, a cup, a scarf, a shoulder."""
    side = picture.width
    mask = _Mask(side)
    turn = rng.uniform(0, 2 * math.pi)
    middle = side / 2 + np.array([math.cos(turn), math.sin(turn)]) * side * rng.uniform(0.2, 0.5)
    size = side * rng.uniform(0.05, 0.22)
    bend = rng.uniform(0.6, 1.0, 12)
    outline = [
        middle + size * bend[k] * np.array([math.cos(k * math.pi / 6), math.sin(k * math.pi / 6)])
        for k in range(12)
    ]
    mask.polygon(outline)
    if rng.random() < 0.5:
        mask.line([middle, middle + (middle - side / 2) * 3], size * rng.uniform(0.3, 1))
    surface = (
        backdrop(rng, side) if rng.random() < 0.5 else Image.new("RGB", picture.size, colour(rng))
    )
    return _blend(picture, _shaded(surface, rng), mask.smooth(), 1.0), _occlude(labels, mask)


class _Mask:
    """A supersampled mask; points in pixels of the picture."""

    def __init__(self, side: int) -> None:
        self._side = side
        self._image = Image.new("L", (side * _FINE, side * _FINE))
        self._draw = ImageDraw.Draw(self._image)

    def polygon(self, points: object) -> None:
        self._draw.polygon(_fine(points), fill=255)

    def ellipse(self, box: tuple[float, float, float, float]) -> None:
        self._draw.ellipse([v * _FINE for v in box], fill=255)

    def line(self, points: object, thick: float) -> None:
        """Draw a line with round ends and joints."""
        at = _fine(points)
        width = max(1, round(thick * _FINE))
        self._draw.line(at, fill=255, width=width, joint="curve")
        r = width / 2
        if r > 2:
            for x, y in (at[0], at[-1]):
                self._draw.ellipse([x - r, y - r, x + r, y + r], fill=255)

    def smooth(self) -> Image.Image:
        return self._image.reduce(_FINE)


def _fine(points: object) -> list[tuple[float, float]]:
    flat = np.asarray(points, np.float64).reshape(-1, 2) * _FINE
    return [(float(x), float(y)) for x, y in flat]


def _outline(middle: Point, along: Point, down: Point, power: float) -> list[Point]:
    """Points of a superellipse; the second half is the upper one."""
    found = []
    for v in np.linspace(0, 2 * math.pi, 32, endpoint=False):
        c, s = math.cos(v), math.sin(v)
        x = math.copysign(abs(c) ** (2 / power), c)
        y = math.copysign(abs(s) ** (2 / power), s)
        found.append(middle + along * x + down * y)
    return found


def _blend(
    under: Image.Image, over: Image.Image, mask: Image.Image, strength: float
) -> Image.Image:
    if strength < 1:
        mask = mask.point([round(v * strength) for v in range(256)])
    return Image.composite(over, under, mask)


def _occlude(labels: Image.Image, mask: _Mask) -> Image.Image:
    nothing = Image.new("L", labels.size, _CLASS["background"])
    return Image.composite(nothing, labels, mask.smooth().point([0] * 128 + [255] * 128))


def _shaded(picture: Image.Image, rng: Random) -> Image.Image:
    """Shade a picture as if it were round: darker on one side."""
    cells = rng.uniform(90, 255, (3, 3)).astype(np.uint8)
    light = Image.fromarray(cells).resize(picture.size, Image.Resampling.BICUBIC)
    black = Image.new("RGB", picture.size)
    return Image.composite(picture, black, light).filter(ImageFilter.GaussianBlur(0.6))
