"""Contact sheets: what is on each page, and pages as pictures."""

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

__all__ = [
    "Block",
    "Page",
    "Painter",
    "choices_pages",
    "compose",
    "marked",
    "pictures",
    "random_pages",
    "slider_pages",
]

MOST = 100  # pictures of random characters on a page
ROWS = 8  # of sliders on a page, three beside each other
VISIBLE = 6  # of 255: what an eye can see side by side
INK, PAPER, QUIET = (24, 24, 26), (250, 250, 250), (110, 110, 116)


@dataclass(frozen=True)
class Block:
    """Pictures that belong together: one character, one choice, or the ends of one slider.

    Attributes:
        caption: beneath it.
        values: the characters to draw, in order.
        labels: one for each picture of a slider; empty otherwise.
        slider: its name, where the block is a slider's.
    """

    caption: str
    values: tuple[Values, ...]
    labels: tuple[str, ...] = ()
    slider: str = ""


@dataclass(frozen=True)
class Page:
    """A sheet: ``name`` is for its file, ``columns`` how many blocks stand beside each other."""

    name: str
    title: str
    blocks: tuple[Block, ...]
    columns: int


def random_pages(
    layout: Layout, count: int, random: Callable[[int, int], Character], seed: int
) -> Iterator[Page]:
    """Random characters, from their number and the seed."""
    for start in range(0, count, MOST):
        these = range(start, min(start + MOST, count))
        blocks = tuple(Block(str(i), (random(i, seed).values,)) for i in these)
        title = f"{layout.name}: random characters {these[0]} to {these[-1]}, seed {seed}"
        yield Page(
            _numbered("random", start // MOST, count > MOST), title, blocks, _columns(blocks)
        )


def slider_pages(
    layout: Layout, base: Values, sliders: Sequence[Continuous], seed_title: str
) -> Iterator[Page]:
    """Each slider of ``sliders`` at low and high on the character ``base``, by group."""
    groups = dict.fromkeys(p.group for p in sliders)
    for group in groups:
        members = [p for p in sliders if p.group == group]
        # Pages of about one length: none with a single slider on it.
        count = math.ceil(len(members) / (3 * ROWS))
        for k in range(count):
            these = members[k * len(members) // count : (k + 1) * len(members) // count]
            blocks = tuple(_slider(base, p) for p in these)
            name = _numbered(f"sliders-{group}", k, count > 1)
            title = f"{layout.name}: sliders of {group}, on {seed_title}; red is what changes"
            yield Page(name, title, blocks, min(3, len(blocks)))


def _slider(base: Values, p: Continuous) -> Block:
    ends = tuple({**base, p.name: value} for value in (p.low, p.high))
    labels = (f"{p.low:g}", f"{float(base[p.name]):g}", f"{p.high:g}", "")
    return Block(f"{p.name}{f' ({p.unit})' if p.unit else ''}", ends, labels, p.name)


def choices_pages(
    layout: Layout, base: Values, slots: Sequence[Discrete], seed_title: str
) -> Iterator[Page]:
    """Each choice of each slot, on the character ``base``."""
    for slot in slots:
        blocks = tuple(Block(c, ({**base, slot.name: c},)) for c in slot.choices)
        title = f"{layout.name}: {slot.name}, {len(blocks)} choices, on {seed_title}"
        yield Page(f"choices-{slot.name}", title, blocks, _columns(blocks))


def _columns(blocks: Sequence[Block]) -> int:
    return min(len(blocks), math.ceil(math.sqrt(1.3 * len(blocks))))


def _numbered(name: str, index: int, several: bool) -> str:
    return f"{name}-{index + 1:02d}" if several else name


def pictures(pages: Sequence[Page]) -> int:
    """How many pictures have to be drawn for these pages; the base of all sliders is one."""
    blocks = [block for page in pages for block in page.blocks]
    return sum(len(b.values) for b in blocks) + any(b.slider for b in blocks)


# ------------------------------------------------------------------- pictures


def marked(base: Picture, ends: Sequence[Picture]) -> tuple[Picture, list[float]]:
    """``base`` in grey with red where any of ``ends`` differs, and each one's share of pixels
    that differ visibly (by 6 of 255 in some channel)."""
    apart = [np.abs(base.astype(np.int16) - end).max(-1) for end in ends]
    grey = base.mean(-1, keepdims=True) * 0.55 + 90
    # Full red from 40 of 255 on: weak changes stay weaker than strong ones.
    amount = np.maximum.reduce(apart).astype(np.float32)[..., None]
    strength = np.where(amount >= VISIBLE, 0.35 + 0.65 * np.minimum(amount / 40, 1), 0)
    red = np.array((225, 20, 40), np.float32)
    picture = grey * (1 - strength) + red * strength
    return picture.astype(np.uint8), [float((a >= VISIBLE).mean()) for a in apart]


def compose(page: Page, pictures: Sequence[Sequence[Picture]], captions: Sequence[str]) -> Picture:
    """The page: for each block its pictures, all of one size, in a row with a caption beneath."""
    side = pictures[0][0].shape[0]
    size = max(10, side // 12)
    font, small = ImageFont.load_default(size=size), ImageFont.load_default(size=max(9, size - 2))
    gap, strip = max(4, side // 24), round(size * 1.6)
    wide = max(len(row) for row in pictures) * side + gap
    high = side + strip + gap
    rows = math.ceil(len(page.blocks) / page.columns)
    head = round(size * 2.6)
    sheet = Image.new("RGB", (page.columns * wide + gap, head + rows * high), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((gap, head / 2), _fitted(page.title, sheet.width - 2 * gap, font), INK, font, "lm")
    for k, (block, row) in enumerate(zip(page.blocks, pictures, strict=True)):
        x, y = gap + k % page.columns * wide, head + k // page.columns * high
        for j, picture in enumerate(row):
            sheet.paste(Image.fromarray(picture), (x + j * side, y))
            if block.labels and block.labels[j]:
                at = (x + j * side + side / 2, y + side - 3)
                # An outline of paper is read on any picture.
                draw.text(at, block.labels[j], INK, small, "mb", stroke_width=2, stroke_fill=PAPER)
        text = _fitted(captions[k], len(row) * side, font)
        middle = (x + len(row) * side / 2, y + side + strip / 2)
        draw.text(middle, text, INK if not block.labels else QUIET, font, "mm")
    return np.array(sheet, dtype=np.uint8)


def _fitted(text: str, width: float, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """``text``, cut where it is wider than ``width`` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."


class Painter:
    """Draws pages and writes them; keeps what is to be told."""

    def __init__(self, draw: Draw, base: Values, update: Progress, total: int) -> None:
        self._draw, self._base, self._update, self._total = draw, base, update, total
        self._resting: Picture | None = None
        self._done = 0
        self.pages: list[dict[str, Any]] = []
        self.sliders: list[dict[str, Any]] = []

    def write(self, page: Page, path: Path) -> None:
        values = [v for block in page.blocks for v in block.values]
        if page.blocks[0].slider and self._resting is None:
            (self._resting,) = self._count(self._draw([self._base]))
        drawn = self._count(self._draw(values))
        rows, captions = [], []
        for block in page.blocks:
            row, caption = [next(drawn) for _ in block.values], block.caption
            if block.slider:
                row, caption = self._slider(block.slider, caption, row)
            rows.append(row)
            captions.append(caption)
        sheet = compose(page, rows, captions)
        save(path, sheet)
        height, width = sheet.shape[:2]
        tiles = {"path": str(path), "title": page.title, "size": [width, height]}
        self.pages.append({**tiles, "pictures": len(values)})

    def _slider(self, name: str, caption: str, ends: list[Picture]) -> tuple[list[Picture], str]:
        assert self._resting is not None
        change, shares = marked(self._resting, ends)
        low, high = (round(share, 5) for share in shares)
        self.sliders.append({"name": name, "changed_at_low": low, "changed_at_high": high})
        caption = f"{caption}: {low:.1%} and {high:.1%} of the picture"
        return [ends[0], self._resting, ends[1], change], caption

    def _count(self, pictures: Iterable[Picture]) -> Iterator[Picture]:
        for picture in pictures:
            self._done += 1
            self._update(self._done, self._total)
            yield picture
