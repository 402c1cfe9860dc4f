"""The plugin: tells f2p-sdk the kinds of character of Mygame, and how its engine starts."""

import sys
from pathlib import Path

from f2p_sdk import Game, Kind, hookimpl

HERE = Path(__file__).parent


def start_engine(endpoint):
    """Return the command that starts the engine. The SDK adds --exit-with-host."""
    return [sys.executable, "-m", "f2p_mygame.engine", "--connect", endpoint]


def make_kind(name):
    return Kind(
        game="mygame",
        kind=name,
        layout_path=HERE / f"{name}.toml",
        framing_path=HERE / "framing.toml",
        weights={"compact": HERE / "weights" / f"{name}-compact.safetensors"},
        engine=start_engine,
    )


KINDS = {name: make_kind(name) for name in ("hero",)}


@hookimpl
def f2p_games():
    return [Game(name="mygame", title="Mygame", kinds=tuple(KINDS.values()))]
