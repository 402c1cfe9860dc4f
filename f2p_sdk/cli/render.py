"""``f2p render``: draw a character."""

from __future__ import annotations

import time
from pathlib import Path

import click

from ._bridge import Listening, listen_options, load_character
from ._common import emit_json, progress, say
from ._options import (
    character_argument,
    json_option,
    number_option,
    out_option,
    seconds_option,
    via_option,
    weights_option,
)

SIZE = 512


@click.command()
@character_argument
@out_option("OUT.png", "Picture file to write: .png, .jpg or .webp.")
@via_option("imitator", "engine")
@number_option(
    "--size",
    high=4096,
    metavar="PIXELS",
    help=f"Side of the picture; default: the imitator's own, or {SIZE} by the engine.",
)
@weights_option
@seconds_option("--deadline", 30.0, "Time limit of the engine.")
@listen_options()
@json_option
def command(
    path: Path,
    out: Path,
    via: str,
    size: int | None,
    weights: str | None,
    deadline: float,
    listening: Listening,
    as_json: bool,
) -> None:
    """Draw a character with the imitator or with the game's engine.

    With --via engine, the command starts and stops the engine, unless --listen is given.
    """
    if via == "imitator":
        listening.refuse("add --via engine")
    kind, character = load_character(path)
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
    if as_json:
        height, width = picture.shape[:2]
        emit_json(
            {
                "out": str(out),
                "kind": kind.name,
                "via": via,
                "size": [width, height],
                "seconds": round(seconds, 3),
            }
        )
    else:
        say(f"{out}: {kind.name} drawn by the {via} in {seconds:.1f} s")
