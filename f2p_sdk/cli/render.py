"""``f2p render``: a character to a picture."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import UsageError
from ._bridge import character_argument, host_keys, listen_options, load_character, tell_refusal
from ._common import emit_json, json_option, progress, say

if TYPE_CHECKING:
    from ..hookspecs import Kind
    from ..images import Picture
    from ..parameters import Character

SIZE = 512


@click.command()
@character_argument
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="OUT.png",
    help="The picture to write: .png, .jpg or .webp.",
)
@click.option(
    "--via", type=click.Choice(["imitator", "engine"]), default="imitator", show_default=True
)
@click.option(
    "--size",
    type=click.IntRange(1, 4096),
    metavar="PIXELS",
    help=f"Side of the picture; the imitator's own, or {SIZE} by the engine.",
)
@click.option("--weights", metavar="NAME|FILE", help="Which imitator; see `f2p games`.")
@click.option(
    "--deadline",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the engine may take.",
)
@listen_options()
@json_option
def command(
    path: Path,
    out: Path,
    via: str,
    size: int | None,
    weights: str | None,
    deadline: float,
    listen: str | None,
    keys: Path | None,
    plaintext: bool,
    as_json: bool,
) -> None:
    """Draw a character, by the imitator or by the game's engine.

    An engine is started and ended, unless one is to connect from elsewhere (--listen).
    """
    if via == "imitator" and listen is not None:
        raise UsageError("--listen waits for an engine", remedy="add --via engine")
    kind, character = load_character(path)
    started = time.perf_counter()
    title = "drawing" if listen is None else f"waiting for an engine at {listen}"
    with progress(title, quiet=as_json):
        if via == "imitator":
            # Imported here: `f2p render --help` does not wait for torch.
            from ..pipeline import render

            picture = render(character, kind, via="imitator", size=size, weights=weights)
        else:
            picture = _by_engine(
                kind, character, size or SIZE, deadline, listen, host_keys(keys), plaintext
            )
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


def _by_engine(
    kind: Kind,
    character: Character,
    size: int,
    deadline: float,
    listen: str | None,
    keys: Path | None,
    plaintext: bool,
) -> Picture:
    from ..bridge import open_engine

    with open_engine(
        kind, listen=listen, keys=keys, plaintext=plaintext, on_refusal=tell_refusal
    ) as host:
        return host.render(character, size=size, deadline=deadline).color
