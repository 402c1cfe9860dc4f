"""Augmentation of engine pictures and their labels, for a parser that is used on photos.

The engine itself varies poses, lights and expressions (``f2p capture --vary``). Augmentation adds
what the engine does not draw.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from .backdrops import backdrop
from .colours import developed, lit, recoloured
from .data import Face
from .geometry import Move, moved, random_move
from .occluders import find_marks, glasses, hand, hat, patch

__all__ = ["Variation", "augment", "shrunk"]

Random = np.random.Generator
Bytes = npt.NDArray[np.uint8]

PLAIN = 0.4
"""Share of plain pictures, which are at most moved: a parser is also used on engine pictures."""

Variation = Literal["shift", "photo"]
"""``shift``: scaling and shifting, as published. ``photo``: all augmentations."""


def augment(
    face: Face,
    rng: Random,
    variation: Variation = "photo",
    side: int | None = None,
    plain: float = PLAIN,
) -> tuple[Bytes, Bytes]:
    """Augmented picture uint8 (S, S, 3) and labels uint8 (S, S), determined by ``rng``.

    ``side`` is S, by default the picture's own. ``plain`` is the share of plain pictures: half of
    them are only mirrored at random, the others also moved.
    """
    if side is not None and side != len(face.labels):
        face = shrunk(face, side)
    picture, labels = Image.fromarray(face.picture), Image.fromarray(face.labels)
    if variation == "shift":
        picture, labels = moved(picture, labels, random_move(rng, turning=False))
        return np.asarray(picture), np.asarray(labels)
    if rng.random() < plain:
        move = random_move(rng, turning=True)
        if rng.random() < 0.5:
            move = Move(mirror=move.mirror)
        picture, labels = moved(picture, labels, move)
        return np.asarray(picture), np.asarray(labels)
    if rng.random() < 0.6:
        picture = recoloured(picture, labels, rng)
    if rng.random() < 0.6 and not face.drawn.all():
        # edge pixels contain some of the old backdrop
        drawn = Image.fromarray(face.drawn).filter(ImageFilter.MinFilter(3))
        soft = drawn.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.4, 1.2))))
        picture = Image.composite(picture, backdrop(rng, picture.width), soft)
    picture, labels = moved(picture, labels, random_move(rng, turning=True))
    picture, labels = _occluded(picture, labels, rng)
    if rng.random() < 0.4:
        picture = lit(picture, rng)
    return np.asarray(developed(picture, rng)), np.asarray(labels)


def shrunk(face: Face, side: int) -> Face:
    """The face at another side, with labels of the nearest pixels."""
    to = (side, side)
    picture = Image.fromarray(face.picture).resize(to, Image.Resampling.BILINEAR)
    planes = [
        np.asarray(Image.fromarray(plane).resize(to, Image.Resampling.NEAREST))
        for plane in (face.labels, face.drawn)
    ]
    return Face(np.asarray(picture), *planes)


def _occluded(
    picture: Image.Image, labels: Image.Image, rng: Random
) -> tuple[Image.Image, Image.Image]:
    marks = find_marks(labels)
    if marks is not None and rng.random() < 0.25:
        picture, labels = glasses(picture, labels, marks, rng)
    if marks is not None and rng.random() < 0.12:
        picture, labels = hat(picture, labels, marks, rng)
    if rng.random() < 0.1:
        picture, labels = hand(picture, labels, rng)
    if rng.random() < 0.12:
        picture, labels = patch(picture, labels, rng)
    return picture, labels
