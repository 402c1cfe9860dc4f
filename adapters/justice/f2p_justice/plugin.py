"""What this package offers to f2p-sdk (entry point group `f2p`)."""

from __future__ import annotations

import sys
from pathlib import Path

from f2p_sdk import Game, Kind, hookimpl

HERE = Path(__file__).parent


def engine(endpoint: str) -> list[str]:
    """Command that starts the stand-in engine with this game's rigs, connected to ``endpoint``."""
    return [sys.executable, "-m", "f2p_openhead", "--rigs", str(HERE), "--connect", endpoint]


@hookimpl
def f2p_games() -> list[Game]:
    female = Kind(
        game="justice",
        kind="female",
        layout_path=HERE / "female.toml",
        framing_path=HERE / "female.framing.toml",
        weights={"compact": HERE / "weights" / "female-compact.safetensors"},
        engine=engine,
    )
    return [Game(name="justice", title="Justice", kinds=(female,), licence="Apache-2.0")]
