"""The engine: a process that draws and applies the characters of Mygame.

It connects to the SDK and answers its requests. `render` and `apply` are the parts that the game
replaces by its own.
"""

import argparse

from f2p_sdk import EngineInfo, serve_engine

from .drawing import draw
from .drawing.controls import features
from .plugin import KINDS


class Engine:
    def info(self):
        hashes = {name: kind.layout.hash for name, kind in KINDS.items()}
        return EngineInfo("mygame", hashes, "mygame-drawing", "1.0")

    def render(self, kind, values, size, passes, scene):
        """Draw a portrait of size (width, height): frontal, even light, plain background."""
        if scene:
            raise ValueError(f"unknown scene settings {sorted(scene)}")
        picture = draw(**features(KINDS[kind].layout, values), size=size)
        return {"color": picture}  # uint8 (height, width, 3), sRGB

    def apply(self, kind, values):
        """Show the character to the player; raise an exception if that is not possible."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--connect", required=True)
    parser.add_argument("--exit-with-host", action="store_true")
    parser.add_argument("--keys")
    options = parser.parse_args()
    serve_engine(
        options.connect, Engine(), exit_with_host=options.exit_with_host, keys=options.keys
    )
