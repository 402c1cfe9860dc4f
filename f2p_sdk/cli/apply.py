"""``f2p apply``: put a character into the running game."""

from __future__ import annotations

from pathlib import Path

import click

from ..bridge.sockets import DEFAULT_ENDPOINT
from . import _options as options
from ._bridge import Listening, host_keys, listen_options, load_character
from ._common import progress, show


@click.command()
@options.character
@listen_options(DEFAULT_ENDPOINT)
@options.seconds("--wait", 60.0, "Time for the game to connect.")
@options.seconds("--deadline", 30.0, "Time for the game to apply it.")
@options.as_json
def command(path: Path, listening: Listening, wait: float, deadline: float, as_json: bool) -> None:
    """Put a character into the running game.

    Wait until the game or the stand-in engine (`f2p engine -g GAME`) connects.
    """
    from ..bridge import Host, warn_assets

    kind, character = load_character(path)
    with Host(
        listening.endpoint or DEFAULT_ENDPOINT,
        game=kind.game,
        layouts={kind.kind: kind.layout.hash},
        keys=host_keys(listening.keys),
        plaintext=listening.plaintext,
    ) as host:
        with progress(f"waiting for {kind.game} at {host.endpoint}", quiet=as_json):
            info = host.wait(wait)
        remedy = "fit the photo again with this version of the game"
        warn_assets(str(path), character.assets, info.assets, remedy)
        game = host.apply(character, deadline=deadline)
    document = {"character": str(path), "kind": kind.name, "game": game.name}
    show(as_json, {**document, "version": game.version}, f"{path} is in {game}")
