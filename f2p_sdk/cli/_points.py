"""Pictures of landmarks: points of a framing, or a grid to measure them by eye."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from ..images import Picture

_SIDE = 768  # pixels of the written picture
_MEASURED, _FRAMED, _GRID = (255, 60, 60), (90, 200, 255), (255, 255, 255)
_DARK = (20, 20, 20)

Points = npt.NDArray[np.float64]


def draw_points(
    picture: Picture, measured: Points | None, framed: Points | None, *, grid: bool
) -> Picture:
    """Draw points on a picture uint8 (S, S, 3), enlarged to 768 pixels.

    Args:
        measured: (5, 2) in fractions, red with their numbers; None without them.
        framed: (5, 2), the points of the present framing, blue; None without one.
        grid: draw lines at every twentieth of the side.
    """
    scaled = Image.fromarray(picture).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    pen, font = ImageDraw.Draw(scaled), ImageFont.load_default(16)
    if grid:
        _grid(pen, font)
    legend = []
    if framed is not None:
        legend.append((_FRAMED, "the present framing"))
        _marks(pen, framed, _FRAMED, 9)
    if measured is not None:
        legend.append((_MEASURED, "measured"))
        _marks(pen, measured, _MEASURED, 6)
        for number, (x, y) in enumerate(measured * _SIDE, 1):
            _text(pen, font, (x, y - 10), str(number), _MEASURED, "mb")
    for row, (colour, words) in enumerate(legend):
        _text(pen, font, (10, _SIDE - 10 - 22 * row), words, colour, "lb")
    return np.array(scaled, dtype=np.uint8)


def _marks(pen: ImageDraw.ImageDraw, points: Points, colour: Any, reach: int) -> None:
    """A cross at each point."""
    for x, y in points * _SIDE - 0.5:
        for dx, dy in ((reach, 0), (0, reach)):
            pen.line([x - dx, y - dy, x + dx, y + dy], fill=_DARK, width=4)
        for dx, dy in ((reach, 0), (0, reach)):
            pen.line([x - dx, y - dy, x + dx, y + dy], fill=colour, width=2)


def _grid(pen: ImageDraw.ImageDraw, font: Any) -> None:
    """Lines at every twentieth, with numbers at every tenth."""
    for twentieth in range(1, 20):
        at, bold = twentieth * _SIDE / 20 - 0.5, twentieth % 2 == 0
        colour = _GRID if bold else (150, 150, 150)
        pen.line([at, 0, at, _SIDE], fill=colour)
        pen.line([0, at, _SIDE, at], fill=colour)
        if bold:
            _text(pen, font, (at, 4), f"{twentieth / 20:.1f}", _GRID, "ma")
            _text(pen, font, (4, at), f"{twentieth / 20:.1f}", _GRID, "lm")


def _text(
    pen: ImageDraw.ImageDraw,
    font: Any,
    at: tuple[float, float],
    text: str,
    colour: Any,
    anchor: str,
) -> None:
    pen.text(at, text, colour, font, anchor, stroke_width=2, stroke_fill=_DARK)
