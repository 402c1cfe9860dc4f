"""The plugin that describes the small game of face.c to f2p-sdk."""

from pathlib import Path

from f2p_sdk import Game, Kind, hookimpl

HERE = Path(__file__).parent


@hookimpl
def f2p_games():
    kind = Kind(
        game="sketch",
        kind="face",
        layout_path=HERE / "face.toml",
        framing_path=HERE / "framing.toml",
    )
    return [Game(name="sketch", title="Face of the C example", kinds=(kind,))]
