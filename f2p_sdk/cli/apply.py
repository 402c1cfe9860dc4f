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
@options.game_of_file
@options.path(
    *("-o", "--out"),
    folder=False,
    help="Write the character to this file instead: the extension selects the game's own format, "
    "or .json. No game needs to run.",
)
@listen_options(DEFAULT_ENDPOINT)
@options.seconds("--wait", 60.0, "Time for the game to connect.")
@options.seconds("--deadline", 30.0, "Time for the game to apply it.")
@options.as_json
def command(
    path: Path,
    game: str | None,
    out: Path | None,
    listening: Listening,
    wait: float,
    deadline: float,
    as_json: bool,
) -> None:
    """Put a character into the running game, or into a file in the game's own format.

    CHARACTER is a character.json, or a file in the game's own format. Without -o, wait until the
    game or the stand-in engine (`f2p engine -g GAME`) connects.
    """
    kind, character = load_character(path, game)
    document = {"character": str(path), "kind": kind.name}
    if out is not None:
        from ..plugins.character_files import save_character

        save_character(out, character, kind=kind)
        show(as_json, {**document, "out": str(out)}, f"{out}: {kind.name} of {path}")
        return
    from ..bridge import Host, warn_assets

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
        taken = host.apply(character, deadline=deadline)
    document |= {"game": taken.name, "version": taken.version}
    show(as_json, document, f"{path} is in {taken}")
