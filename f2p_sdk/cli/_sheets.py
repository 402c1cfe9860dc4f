"""Contact sheets: the characters on each sheet, and the pictures of sheets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..images import save

if TYPE_CHECKING:
    from ..images import Picture
    from ..parameters import Character, Continuous, Discrete, Layout
    from ._common import Progress
    from ._draw import Draw, Values

MOST = 100  # random characters on a sheet
ROWS = 8  # of three sliders on a sheet
VISIBLE = 6  # smallest visible difference, of 255
INK, PAPER, GREY = (24, 24, 26), (250, 250, 250), (110, 110, 116)


@dataclass(frozen=True)
class Tile:
    """Pictures with a common caption: one character, one choice, or both ends of one slider.

    Attributes:
        caption: text below the pictures.
        values: values of the characters to draw, in order.
        labels: one per picture of a slider; otherwise empty.
        slider: name of the slider; otherwise empty.
    """

    caption: str
    values: tuple[Values, ...]
    labels: tuple[str, ...] = ()
    slider: str = ""


@dataclass(frozen=True)
class Sheet:
    """A contact sheet: part of its file name, title, tiles, and number of tiles in a row."""

    name: str
    title: str
    tiles: tuple[Tile, ...]
    columns: int


def random_sheets(
    layout: Layout, count: int, random: Callable[[int, int], Character], seed: int
) -> Iterator[Sheet]:
    """Sheets of random characters; ``random`` draws one from its number and the seed."""
    for start in range(0, count, MOST):
        numbers = range(start, min(start + MOST, count))
        tiles = tuple(Tile(str(i), (random(i, seed).values,)) for i in numbers)
        title = f"{layout.name}: random characters {numbers[0]} to {numbers[-1]}, seed {seed}"
        yield Sheet(_numbered("random", start // MOST, count > MOST), title, tiles, _columns(tiles))


def slider_sheets(
    layout: Layout, base: Values, sliders: Sequence[Continuous], base_name: str
) -> Iterator[Sheet]:
    """Sheets of sliders by group: the character ``base`` with each slider at low and high."""
    for group in dict.fromkeys(p.group for p in sliders):
        members = [p for p in sliders if p.group == group]
        # Sheets of similar length, so that no sheet has a single slider.
        count = math.ceil(len(members) / (3 * ROWS))
        for k in range(count):
            part = members[k * len(members) // count : (k + 1) * len(members) // count]
            tiles = tuple(_slider_tile(base, p) for p in part)
            title = f"{layout.name}: sliders of {group}, on {base_name}; changes are red"
            name = _numbered(f"sliders-{group}", k, count > 1)
            yield Sheet(name, title, tiles, min(3, len(tiles)))


def _slider_tile(base: Values, p: Continuous) -> Tile:
    ends = tuple({**base, p.name: value} for value in (p.low, p.high))
    shown = (p.shown(value) for value in (p.low, float(base[p.name]), p.high))
    labels = (*(f"{number:g}" for number in shown), "")
    return Tile(f"{p.name}{f' ({p.unit})' if p.unit else ''}", ends, labels, p.name)


def choice_sheets(
    layout: Layout, base: Values, parameters: Sequence[Discrete], base_name: str
) -> Iterator[Sheet]:
    """One sheet per discrete parameter: the character ``base`` with each of its choices."""
    for p in parameters:
        tiles = tuple(Tile(choice, ({**base, p.name: choice},)) for choice in p.choices)
        title = f"{layout.name}: {p.name}, {len(tiles)} choices, on {base_name}"
        yield Sheet(f"choices-{p.name}", title, tiles, _columns(tiles))


def _columns(tiles: Sequence[Tile]) -> int:
    return min(len(tiles), math.ceil(math.sqrt(1.3 * len(tiles))))


def _numbered(name: str, index: int, several: bool) -> str:
    return f"{name}-{index + 1:02d}" if several else name


def picture_count(sheets: Sequence[Sheet]) -> int:
    """Number of pictures to draw, including one of the base character for all sliders."""
    tiles = [tile for sheet in sheets for tile in sheet.tiles]
    return sum(len(tile.values) for tile in tiles) + any(tile.slider for tile in tiles)


def change_map(base: Picture, ends: Sequence[Picture]) -> tuple[Picture, list[float]]:
    """Mark the changes of ``ends`` in red on a grey ``base``; all pictures are uint8 (S, S, 3).

    Returns:
        The picture, and for each end its share of visibly changed pixels: by 6 of 255 or more in
        any channel.
    """
    changes = [np.abs(base.astype(np.int16) - end).max(-1) for end in ends]
    grey = base.mean(-1, keepdims=True) * 0.55 + 90
    # Full red from 40 of 255: weak changes stay weaker than strong ones.
    amount = np.maximum.reduce(changes).astype(np.float32)[..., None]
    strength = np.where(amount >= VISIBLE, 0.35 + 0.65 * np.minimum(amount / 40, 1), 0)
    red = np.array((225, 20, 40), np.float32)
    picture = grey * (1 - strength) + red * strength
    return picture.astype(np.uint8), [float((change >= VISIBLE).mean()) for change in changes]


def compose(
    sheet: Sheet, pictures: Sequence[Sequence[Picture]], captions: Sequence[str]
) -> Picture:
    """Draw a sheet: the pictures of each tile, all of one size, in a row above the caption."""
    side = pictures[0][0].shape[0]
    size = max(10, side // 12)
    font, small = ImageFont.load_default(size=size), ImageFont.load_default(size=max(9, size - 2))
    gap, strip = max(4, side // 24), round(size * 1.6)
    wide = max(len(row) for row in pictures) * side + gap
    high = side + strip + gap
    rows = math.ceil(len(sheet.tiles) / sheet.columns)
    head = round(size * 2.6)
    image = Image.new("RGB", (sheet.columns * wide + gap, head + rows * high), PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((gap, head / 2), _cut(sheet.title, image.width - 2 * gap, font), INK, font, "lm")
    for k, (tile, row) in enumerate(zip(sheet.tiles, pictures, strict=True)):
        x, y = gap + k % sheet.columns * wide, head + k // sheet.columns * high
        for j, picture in enumerate(row):
            image.paste(Image.fromarray(picture), (x + j * side, y))
            if tile.labels and tile.labels[j]:
                at = (x + j * side + side / 2, y + side - 3)
                # The outline makes the label readable on any picture.
                draw.text(at, tile.labels[j], INK, small, "mb", stroke_width=2, stroke_fill=PAPER)
        text = _cut(captions[k], len(row) * side, font)
        middle = (x + len(row) * side / 2, y + side + strip / 2)
        draw.text(middle, text, GREY if tile.labels else INK, font, "mm")
    return np.array(image, dtype=np.uint8)


def _cut(text: str, width: float, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Shorten ``text`` to ``width`` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."


class SheetWriter:
    """Draws and writes sheets.

    Attributes:
        sheets: path, title, size and number of pictures of each written sheet.
        sliders: name and shares of changed pixels of each drawn slider.
    """

    def __init__(self, draw: Draw, base: Values, update: Progress, total: int) -> None:
        self._draw, self._base, self._update, self._total = draw, base, update, total
        self._base_picture: Picture | None = None
        self._done = 0
        self.sheets: list[dict[str, Any]] = []
        self.sliders: list[dict[str, Any]] = []

    def write(self, sheet: Sheet, path: Path) -> None:
        values = [v for tile in sheet.tiles for v in tile.values]
        if sheet.tiles[0].slider and self._base_picture is None:
            (self._base_picture,) = self._counted(self._draw([self._base]))
        drawn = self._counted(self._draw(values))
        rows, captions = [], []
        for tile in sheet.tiles:
            row, caption = [next(drawn) for _ in tile.values], tile.caption
            if tile.slider:
                row, caption = self._slider(tile.slider, caption, row)
            rows.append(row)
            captions.append(caption)
        picture = compose(sheet, rows, captions)
        save(path, picture)
        height, width = picture.shape[:2]
        written = {"path": str(path), "title": sheet.title, "size": [width, height]}
        self.sheets.append({**written, "pictures": len(values)})

    def _slider(self, name: str, caption: str, ends: list[Picture]) -> tuple[list[Picture], str]:
        assert self._base_picture is not None
        changes, shares = change_map(self._base_picture, ends)
        low, high = (round(share, 5) for share in shares)
        self.sliders.append({"name": name, "changed_at_low": low, "changed_at_high": high})
        caption = f"{caption}: {low:.1%} and {high:.1%} of the picture"
        return [ends[0], self._base_picture, ends[1], changes], caption

    def _counted(self, pictures: Iterable[Picture]) -> Iterator[Picture]:
        for picture in pictures:
            self._done += 1
            self._update(self._done, self._total)
            yield picture
