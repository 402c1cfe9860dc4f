"""``f2p apply``: a character into the running game."""

from __future__ import annotations

from pathlib import Path

import click

from ..bridge.sockets import DEFAULT_ENDPOINT
from ._bridge import character_argument, host_keys, listen_options, load_character, tell_refusal
from ._common import emit_json, json_option, progress, say


@click.command()
@character_argument
@listen_options(DEFAULT_ENDPOINT)
@click.option(
    "--wait",
    type=click.FloatRange(min=0.1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the game to connect.",
)
@click.option(
    "--deadline",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the game may take.",
)
@json_option
def command(
    path: Path,
    listen: str,
    keys: Path | None,
    plaintext: bool,
    wait: float,
    deadline: float,
    as_json: bool,
) -> None:
    """Put a character into the running game.

    Waits for the game to connect, or for the stand-in engine: `f2p engine -g GAME`.
    """
    from ..bridge import Host

    kind, character = load_character(path)
    with Host(
        listen,
        game=kind.game,
        layouts={kind.kind: kind.layout.hash},
        keys=host_keys(keys),
        plaintext=plaintext,
    ) as host:
        with progress(f"waiting for {kind.game} at {host.endpoint}", quiet=as_json):
            host.wait(wait, on_refusal=tell_refusal)
        game = host.apply(character, deadline=deadline)
    if as_json:
        emit_json(
            {"character": str(path), "kind": kind.name, "game": game.name, "version": game.version}
        )
    else:
        say(f"{path} is in {game}")
