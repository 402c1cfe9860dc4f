"""``f2p render``: a character to a picture."""

from __future__ import annotations

import time
from pathlib import Path

import click

from ._bridge import Listening, listen_options, load_character
from ._common import emit_json, progress, say
from ._options import (
    character_argument,
    json_option,
    out_option,
    seconds_option,
    via_option,
    weights_option,
)

SIZE = 512


@click.command()
@character_argument
@out_option("OUT.png", "The picture to write: .png, .jpg or .webp.")
@via_option("imitator", "engine")
@click.option(
    "--size",
    type=click.IntRange(1, 4096),
    metavar="PIXELS",
    help=f"Side of the picture; the imitator's own, or {SIZE} by the engine.",
)
@weights_option
@seconds_option("--deadline", 30.0, "How long the engine may take.")
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
    """Draw a character, by the imitator or by the game's engine.

    An engine is started and ended, unless one is to connect from elsewhere (--listen).
    """
    if via == "imitator":
        listening.refuse("add --via engine")
    kind, character = load_character(path)
    started = time.perf_counter()
    at = listening.endpoint
    title = "drawing" if at is None else f"waiting for an engine at {at}"
    with progress(title, quiet=as_json):
        if via == "imitator":
            # Imported here: `f2p render --help` does not wait for torch.
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
