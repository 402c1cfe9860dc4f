"""The game of the tests: layouts, a picture with a known formula, and an engine.

Run as a program it is the engine process. The environment variable ``F2P_TOY_ENGINE`` selects a
fault: ``dies`` at its third picture, ``hangs`` at its third picture, ``flat`` draws one colour; or,
at the character ``BAD``: ``fails``, ``ends`` its process, ``stalls``. ``F2P_TOY_ASSETS`` are its
assets, ``F2P_TOY_FRAMING`` is another framing. ``f2p_toy_mesh`` has the meshes of the same
characters.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import f2p_sdk

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PHOTO = ROOT / "examples" / "photos" / "astronaut.png"
FACE = (slice(20, 220), slice(120, 320))  # rows and columns of the face in PHOTO
HERO = f2p_sdk.Layout.load(HERE / "hero.toml")
VILLAIN = f2p_sdk.Layout.load(HERE / "villain.toml")
LANDMARKS = np.array(f2p_sdk.Framing.load(HERE / "framing.toml").landmarks)  # of the picture
BAD = HERO.random(2)
LAYOUTS = {"hero": HERO, "villain": VILLAIN}
KINDS = {name: layout.hash for name, layout in LAYOUTS.items()}
PASSES = ("color", "labels")
SIDE = 32


def draw_face(vectors: Any, side: int = SIDE, base: Any = 0.4) -> Any:
    """Draw vectors: smooth blobs whose brightness and colour are linear in the sliders.

    Args:
        vectors: (B, 7) of either layout, a NumPy array or a torch tensor.
        side: Height and width of the pictures.
        base: Picture below the blobs, which red and green tint: a number, or (3, side, side).

    Returns:
        (B, 3, side, side) in [0, 1], an array or a tensor as ``vectors``; differentiable.
    """
    xp: Any = np if isinstance(vectors, np.ndarray) else importlib.import_module("torch")
    line = xp.linspace(0, 1, side)

    def blob(x: float, y: float, width: float) -> Any:
        return xp.exp(-((line[None, :] - x) ** 2 + (line[:, None] - y) ** 2) / width)

    nose, eyes, red, green, _, short, long = (vectors[:, i, None, None] for i in range(7))
    shape = 0.25 * nose * blob(0.52, 0.57, 0.02)
    shape = shape + 0.3 * eyes * (blob(0.37, 0.42, 0.01) + blob(0.67, 0.42, 0.01))
    tint = xp.stack([0.5 + red, 0.5 + green, 1.0 + 0 * red], 1)
    hair = xp.stack([0.3 * short, 0.1 * (short + long), 0.4 * long], 1)
    return (base * tint + shape[:, None] + hair * blob(0.5, 0.05, 0.03)).clip(0, 1)


def draw(character: f2p_sdk.Character, side: int = SIDE) -> npt.NDArray[np.uint8]:
    """Draw a hero, uint8 (side, side, 3)."""
    picture = draw_face(HERO.encode(character)[None], side)[0]
    return np.asarray((picture.transpose(1, 2, 0) * 255).round(), dtype=np.uint8)


def draw_all(characters: Iterable[f2p_sdk.Character]) -> Iterator[npt.NDArray[np.uint8]]:
    """Draw heroes one after the other."""
    return map(draw, characters)


def face_of_photo(side: int = 200) -> npt.NDArray[np.float32]:
    """The face of the example photo, (3, side, side) in [0, 1]: a base for `draw_face`."""
    picture = f2p_sdk.resize_image(f2p_sdk.load_image(PHOTO)[FACE], side)
    return np.ascontiguousarray(picture.transpose(2, 0, 1), dtype=np.float32) / 255


def _kind(name: str) -> f2p_sdk.Kind:
    return f2p_sdk.Kind(
        "toy",
        name,
        HERE / f"{name}.toml",
        Path(os.environ.get("F2P_TOY_FRAMING", HERE / "framing.toml")),
        {"tiny": Path(os.environ.get("F2P_TOY", HERE)) / f"{name}.safetensors"},
        lambda endpoint: [sys.executable, __file__, "--connect", endpoint],
    )


@f2p_sdk.hookimpl
def f2p_games() -> list[f2p_sdk.Game]:
    return [f2p_sdk.Game("toy", "Toy", tuple(map(_kind, LAYOUTS)))]


class Engine:
    """Draws the blobs over the photo of a face, but no hair.

    Attributes:
        passes: Passes that it offers, those of meshes too.
        drawn: Number of the pictures so far.
    """

    def __init__(self, passes: Sequence[str] = PASSES) -> None:
        self.passes, self.drawn = tuple(passes), 0
        self.fault = os.environ.get("F2P_TOY_ENGINE", "")
        self.photo = face_of_photo()

    def info(self) -> f2p_sdk.EngineInfo:
        assets = os.environ.get("F2P_TOY_ASSETS", "")
        named = ("toy", KINDS, "toy-engine", "1.0")
        return f2p_sdk.EngineInfo(*named, passes=self.passes, assets=assets)

    def render(
        self,
        kind: str,
        values: Mapping[str, float | str],
        size: tuple[int, int],
        passes: Sequence[str],
        scene: Mapping[str, Any],
    ) -> dict[str, np.ndarray[Any, Any]]:
        self.drawn += 1
        if self.fault == "dies" and self.drawn >= 3:
            time.sleep(0.5)  # on a busy machine the second picture may still be on its way
            os._exit(9)
        if self.fault == "hangs" and self.drawn >= 3:
            time.sleep(3600)
        if self.fault in ("fails", "ends", "stalls") and values["nose"] == BAD.values["nose"]:
            if self.fault == "fails":
                raise RuntimeError("the nose shader does not compile")
            if self.fault == "ends":
                os._exit(9)
            time.sleep(3600)
        layout = LAYOUTS[kind]
        drawn: dict[str, Any] = {}
        if {"color", "labels"} & set(passes):
            vector = layout.encode(values)
            vector[layout.n_continuous :] = 0
            picture = draw_face(vector[None], self.photo.shape[1], self.photo)[0]
            picture = (picture.transpose(1, 2, 0) * 255).astype(np.uint8)
            color = f2p_sdk.resize_image(picture, size)
            if self.fault == "flat":
                color = np.full_like(color, (120, 60, 200))
            # no parts of a face, but eleven classes that follow the colours
            labels = np.minimum(color[..., 1] // 23, 10).astype(np.uint8)
            drawn = {"color": color, "labels": labels}
        if "vertices" in passes:
            from f2p_toy_mesh import meshes

            drawn.update(vars(meshes(layout.character(values), size[0])))
        return {name: drawn[name] for name in passes}

    def apply(self, kind: str, values: Mapping[str, float | str]) -> None:
        pass


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--connect", required=True)
    parser.add_argument("--exit-with-host", action="store_true")
    options = parser.parse_args()
    f2p_sdk.serve_engine(options.connect, Engine(), exit_with_host=options.exit_with_host)
