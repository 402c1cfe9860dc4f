"""The plugin of f2p-sdk: the face of MakeHuman and its file format."""

from __future__ import annotations

from pathlib import Path

from f2p_sdk import FormatSpec, Game, Kind, hookimpl

from . import mhm

LAYOUT = Path(__file__).parent / "face.toml"


@hookimpl
def f2p_games() -> list[Game]:
    kind = Kind(game="makehuman", kind="face", layout_path=LAYOUT)
    return [Game(name="makehuman", title="MakeHuman", kinds=(kind,), licence="Apache-2.0")]


@hookimpl
def f2p_formats() -> list[FormatSpec]:
    return [
        FormatSpec(
            name="mhm",
            title="MakeHuman model",
            game="makehuman",
            extensions=(".mhm",),
            read=mhm.read,
            write=mhm.write,
        )
    ]
