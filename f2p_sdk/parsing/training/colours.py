"""Augmentations that change colours and no label: light, lens, sensor, compression."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from ...faceparts import CLASSES

__all__ = ["developed", "lit", "recoloured"]

Random = np.random.Generator
_CLASS = {name: k for k, name in enumerate(CLASSES)}
_LIPS = (_CLASS["upper_lip"], _CLASS["lower_lip"])
_BROWS = (_CLASS["left_brow"], _CLASS["right_brow"])
_HAIRS = np.array(
    [
        *([18, 15, 14], [52, 36, 26], [96, 64, 40], [150, 108, 64], [205, 170, 120]),
        *([150, 60, 30], [120, 118, 116], [215, 212, 206]),
    ]
)


def recoloured(picture: Image.Image, labels: Image.Image, rng: Random) -> Image.Image:
    """Shift lips and brows towards the skin colour or away from it, and change the hair colour."""
    plane = np.asarray(labels)
    pixels = np.asarray(picture)
    changed = picture
    skin = pixels[plane == _CLASS["face_skin"]]
    if len(skin) < 50:
        return picture
    tone = np.median(skin, axis=0)
    if rng.random() < 0.4:
        changed = _towards(changed, plane, _LIPS, tone, rng.uniform(-0.3, 0.9))
    if rng.random() < 0.35:
        changed = _towards(changed, plane, _BROWS, tone, rng.uniform(-0.7, 0.75))
    if rng.random() < 0.35:
        goal = _HAIRS[rng.integers(len(_HAIRS))] * rng.uniform(0.7, 1.2) + rng.normal(0, 6, 3)
        changed = _towards(changed, plane, (_CLASS["hair"],), goal, 1.0)
    return changed


def _towards(
    picture: Image.Image,
    plane: npt.NDArray[np.uint8],
    classes: Sequence[int],
    goal: npt.NDArray[np.float64],
    share: float,
) -> Image.Image:
    """Shift classes by ``share`` of the way from their mean colour to ``goal``, with shading."""
    mask = np.isin(plane, classes)
    pixels = np.asarray(picture)
    if mask.sum() < 8:
        return picture
    mean = pixels[mask].mean(axis=0)
    step = np.clip(mean + share * (goal - mean), 4, 251)
    # a curve per channel keeps the strands when black hair turns fair
    tables = [
        np.clip(255 * (np.arange(256) / 255) ** _power(mean[c] / 255, step[c] / 255), 0, 255)
        for c in range(3)
    ]
    over = picture.point([round(float(v)) for table in tables for v in table])
    soft = Image.fromarray(mask.astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(1.0))
    return Image.composite(over, picture, soft)


def _power(at: float, to: float) -> float:
    """The exponent that maps ``at`` to ``to``, both in (0, 1)."""
    at, to = min(max(at, 0.02), 0.98), min(max(to, 0.02), 0.98)
    return min(max(math.log(to) / math.log(at), 0.3), 3.5)


def lit(picture: Image.Image, rng: Random) -> Image.Image:
    """Apply smooth light and shade, sometimes a shadow with an edge."""
    side = picture.width
    cells = np.exp(rng.normal(0.05, 0.3, (4, 4))).astype(np.float32)
    field = np.asarray(Image.fromarray(cells).resize((side, side), Image.Resampling.BICUBIC))
    if rng.random() < 0.4:
        turn, y, x = rng.uniform(0, 2 * math.pi), *np.mgrid[:side, :side].astype(np.float32)
        across = (x - side / 2) * math.cos(turn) + (y - side / 2) * math.sin(turn)
        sharp = float(np.exp(rng.uniform(math.log(0.02), math.log(0.5))))
        step = (across - float(rng.uniform(-0.3, 0.3)) * side) * sharp
        field = field * (1 - float(rng.uniform(0.2, 0.7)) / (1 + np.exp(-np.clip(step, -30, 30))))
    shaded = np.asarray(picture, np.float32) * field[..., None]
    return Image.fromarray(np.clip(shaded, 0, 255).astype(np.uint8))


def developed(picture: Image.Image, rng: Random) -> Image.Image:
    """Apply colour cast, gamma, contrast, saturation, blur, low resolution, noise and JPEG."""
    side = picture.width
    if rng.random() < 0.8:
        picture = _graded(picture, rng)
    kind = rng.random()
    if kind < 0.08:
        picture = picture.convert("L").convert("RGB")
    elif kind < 0.5:
        grey = picture.convert("L").convert("RGB")
        picture = Image.blend(grey, picture, float(rng.uniform(0.2, 1.6)))
    if rng.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 2.5))))
    if rng.random() < 0.25:
        small = int(side * np.exp(rng.uniform(math.log(0.2), math.log(0.8))))
        down = Image.Resampling.BOX if rng.random() < 0.5 else Image.Resampling.BILINEAR
        up = Image.Resampling.BICUBIC if rng.random() < 0.7 else Image.Resampling.NEAREST
        picture = picture.resize((small, small), down).resize((side, side), up)
    elif rng.random() < 0.3:  # sharpened, as phones do
        picture = picture.filter(ImageFilter.UnsharpMask(2, int(rng.uniform(40, 200)), 1))
    if rng.random() < 0.4:
        grain = rng.standard_normal((side, side, 1 if rng.random() < 0.3 else 3), np.float32)
        noisy = np.asarray(picture, np.float32) + grain * float(rng.uniform(1, 16))
        picture = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    if rng.random() < 0.4:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=int(rng.integers(12, 95)))
        picture = Image.open(file).convert("RGB")
    return picture


def _graded(picture: Image.Image, rng: Random) -> Image.Image:
    """Apply gain, gamma, contrast and cast as one curve per channel."""
    gamma = np.exp(rng.normal(-0.05, 0.22)) * np.exp(rng.normal(0, 0.06, 3))
    gain = np.exp(rng.normal(0.03, 0.12)) * np.exp(rng.normal(0, 0.08, 3))
    contrast, lift = np.exp(rng.normal(0, 0.2)), rng.normal(0, 0.05)
    x = np.linspace(0, 1, 256)
    table: list[int] = []
    for c in range(3):
        curve = ((x ** gamma[c]) * gain[c] - 0.45) * contrast + 0.45 + lift
        table += [int(v) for v in np.clip(curve * 255, 0, 255)]
    return picture.point(table)
