"""A small game for training tests: a layout of seven numbers, and an engine in numpy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
import torch

from f2p_sdk.images import encode_png
from f2p_sdk.parameters import Character, Continuous, Discrete, Layout
from f2p_sdk.training import Record

HAIR = {"black": (0.1, 0.1, 0.1), "red": (0.7, 0.3, 0.1), "grey": (0.6, 0.6, 0.6)}


@dataclass(frozen=True)
class Toy:
    """The layout, and the engine: a face whose jaw, skin, eyes and mouth are sliders."""

    layout: Layout
    size: int = 32

    def draw(self, character: Character) -> npt.NDArray[np.uint8]:
        """uint8 (S, S, 3)."""
        v = {k: x for k, x in character.values.items() if not isinstance(x, str)}
        side = self.size
        y, x = (np.mgrid[0:side, 0:side] + 0.5) / side
        picture = np.full((side, side, 3), 0.45)

        def paint(distance: npt.NDArray[np.float64], colour: Sequence[float]) -> None:
            cover = np.clip(0.5 - distance * side, 0, 1)[..., None]
            picture[:] = picture * (1 - cover) + np.array(colour) * cover

        wide = 0.25 + 0.1 * v["jaw"]
        paint(np.hypot(x - 0.5, y - 0.4) - 0.36, HAIR[str(character.values["hair"])])
        face = (np.hypot((x - 0.5) / wide, (y - 0.52) / 0.36) - 1) * wide
        paint(face, (0.4 + 0.5 * v["skin"], 0.25 + 0.4 * v["skin"], 0.2 + 0.35 * v["skin"]))
        for sign in (-1, 1):
            apart = 0.1 + 0.05 * v["eyes"]
            paint(np.hypot(x - 0.5 - sign * apart, y - 0.45) - 0.05, (0.1, 0.2, 0.4))
        mouth = np.maximum(abs(x - 0.5) - 0.12, abs(y - 0.62 - 0.08 * v["mouth"]) - 0.03)
        paint(mouth, (0.7, 0.2, 0.25))
        return (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)

    def draw_all(self, characters: Sequence[Character]) -> Iterator[npt.NDArray[np.uint8]]:
        return map(self.draw, characters)

    def records(self, count: int, seed: int = 0) -> list[Record]:
        """Records of a captured dataset of ``count`` characters."""
        characters = [self.layout.random(i, seed) for i in range(count)]
        return [(i, c.values, encode_png(self.draw(c))) for i, c in enumerate(characters)]


@pytest.fixture(scope="session")
def toy() -> Toy:
    torch.set_num_threads(1)
    sliders = [Continuous(name, "face") for name in ("jaw", "skin", "eyes", "mouth")]
    hair = Discrete("hair", "hair", tuple(HAIR), "red")
    return Toy(Layout("toy", "face", (*sliders, hair)))
