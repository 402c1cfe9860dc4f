"""A game for tests of the real command: its engine lays a colour over a photo of a face.

Run as a program it is the engine. ``F2P_TOY_ENGINE`` makes it misbehave: ``dies`` at its third
picture, ``hangs`` at its third picture.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import f2p_sdk

HERE = Path(__file__).parent
HOME = Path(os.environ.get("F2P_TOY", HERE))
PASSES = ("color", "labels")
PHOTO = HERE.parents[1] / "examples" / "photos" / "astronaut.png"


def _kind(name: str) -> f2p_sdk.Kind:
    return f2p_sdk.Kind(
        "toy",
        name,
        HERE / f"{name}.toml",
        HERE / "framing.toml",
        {"tiny": HOME / f"{name}.safetensors"},
        lambda endpoint: [sys.executable, __file__, "--connect", endpoint],
    )


@f2p_sdk.hookimpl
def f2p_games() -> list[f2p_sdk.Game]:
    return [f2p_sdk.Game("toy", "Toy", (_kind("hero"), _kind("villain")))]


class Engine:
    def __init__(self) -> None:
        photo = f2p_sdk.load_image(PHOTO)[20:220, 120:320]
        self.photo = photo.astype(np.float32)
        self.manner = os.environ.get("F2P_TOY_ENGINE", "")
        self.drawn = 0

    def info(self) -> f2p_sdk.EngineInfo:
        kinds = {kind.kind: kind.layout.hash for kind in f2p_games()[0].kinds}
        return f2p_sdk.EngineInfo("toy", kinds, "toy-engine", "1.0", passes=PASSES)

    def render(
        self,
        kind: str,
        values: Mapping[str, float | str],
        size: tuple[int, int],
        passes: Sequence[str],
        scene: Mapping[str, Any],
    ) -> dict[str, np.ndarray[Any, Any]]:
        self.drawn += 1
        if self.manner == "dies" and self.drawn >= 3:
            time.sleep(0.5)  # on a busy machine the second picture may still be on its way
            os._exit(9)
        if self.manner == "hangs" and self.drawn >= 3:
            time.sleep(3600)
        tint = np.array([values["red"], values["green"], 0.5], dtype=np.float32)
        picture = np.clip(self.photo * (0.5 + tint), 0, 255).astype(np.uint8)
        color = f2p_sdk.resize_image(picture, size)
        # no parts of a face, but eleven of them, which move with the colours
        drawn = {"color": color, "labels": np.minimum(color[..., 1] // 23, 10).astype(np.uint8)}
        return {name: drawn[name] for name in passes}

    def apply(self, kind: str, values: Mapping[str, float | str]) -> None:
        pass


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--connect", required=True)
    parser.add_argument("--exit-with-host", action="store_true")
    options = parser.parse_args()
    f2p_sdk.serve_engine(options.connect, Engine(), exit_with_host=options.exit_with_host)
