"""Entry point of f2p-sdk's plugin group `f2p`: the game and its kinds."""

from __future__ import annotations

import sys
from pathlib import Path

from f2p_sdk import Game, Kind, hookimpl

HERE = Path(__file__).parent


def engine(endpoint: str) -> list[str]:
    """Return the command that starts the stand-in engine with this game's rigs."""
    return [sys.executable, "-m", "f2p_openhead", "--rigs", str(HERE), "--connect", endpoint]


def _kind(name: str) -> Kind:
    return Kind(
        game="justice",
        kind=name,
        layout_path=HERE / f"{name}.toml",
        framing_path=HERE / f"{name}.framing.toml",
        weights={"mesh": HERE / "weights" / f"{name}-mesh.safetensors"},
        engine=engine,
        landmarks_path=HERE / "weights" / f"{name}-landmarks.safetensors",
    )


@hookimpl
def f2p_games() -> list[Game]:
    kinds = (_kind("female"), _kind("male"))
    return [Game(name="justice", title="Justice", kinds=kinds, licence="Apache-2.0")]
