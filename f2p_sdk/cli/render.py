"""``f2p render``: draw a character."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from . import _options as options
from ._bridge import Listening, listen_options, load_character
from ._common import progress, show

SIZE = 512


@click.command()
@options.character
@options.game_of_file
@options.out("OUT.png", "Picture file to write: .png, .jpg or .webp.")
@options.via("imitator", "engine")
@options.number(
    "--size",
    high=4096,
    metavar="PIXELS",
    help=f"Side of the picture; default: the imitator's own, or {SIZE} by the engine.",
)
@options.weights
@options.seconds("--deadline", 30.0, "Time limit of the engine.")
@listen_options()
@options.as_json
def command(
    path: Path,
    game: str | None,
    out: Path,
    via: str,
    size: int | None,
    weights: str | None,
    deadline: float,
    listening: Listening,
    as_json: bool,
) -> None:
    """Draw a character with the imitator or with the game's engine.

    CHARACTER is a character.json, or a file in the game's own format.

    With --via engine, the command starts and stops the engine, unless --listen is given.
    """
    if via == "imitator":
        listening.refuse("add --via engine")
    kind, character = load_character(path, game)
    started = time.perf_counter()
    at = listening.endpoint
    title = "drawing" if at is None else f"waiting for an engine at {at}"
    with progress(title, quiet=as_json):
        if via == "imitator":
            # A late import: --help must not load torch.
            from ..pipeline import render

            picture = render(character, kind, via="imitator", size=size, weights=weights)
        else:
            with listening.open_engine(kind) as host:
                picture = host.render(character, size=size or SIZE, deadline=deadline).color
    from ..images import save

    save(out, picture)
    seconds = time.perf_counter() - started
    height, width = picture.shape[:2]
    document: dict[str, Any] = {"out": str(out), "kind": kind.name, "via": via}
    document |= {"size": [width, height], "seconds": round(seconds, 3)}
    show(as_json, document, f"{out}: {kind.name} drawn by the {via} in {seconds:.1f} s")
