"""``f2p weights``: import weights of published networks, and show weights files."""

from __future__ import annotations

from pathlib import Path

import click

from . import _options as options
from ._common import emit_json, flatten, progress, say, table


@click.group()
def command() -> None:
    """Import weights of published networks, and show weights files."""


@command.command("import")
@click.argument("network", type=click.Choice(["light-cnn"]))
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    *("-o", "--out"),
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="File to write; default: in the user's folder, where the SDK finds it.",
)
@options.as_json
def import_command(network: str, file: Path, out: Path | None, as_json: bool) -> None:
    """Import weights from the file that the authors of a network publish.

    light-cnn: LightCNN_29Layers_V2_checkpoint.pth.tar, linked in the README of
    https://github.com/AlfredXiangWu/LightCNN. Then Light CNN is the default recognizer.

    The command reads FILE without executing code in it, checks every tensor, and writes safetensors
    with a card. The user's folder is F2P_HOME or, by default, %LOCALAPPDATA%\\f2p,
    ~/Library/Application Support/f2p or ~/.local/share/f2p.
    """
    from ..recognizers.upstream import import_light_cnn
    from ..weights import imported_weights

    default = imported_weights(network)
    path = default if out is None else out
    with progress(f"reading {file.name}", quiet=as_json):
        card = import_light_cnn(file, path)
    used = path.resolve() == default.resolve()
    if as_json:
        emit_json({"path": str(path), "default": used, "card": card})
        return
    say(f"wrote {path}")
    say(f"licence: {card['licence']}")
    if used:
        say(f"{network} is now the default recognizer; see `f2p plugins`")
    else:
        say(f"to use it, move it to {default}")


@command.command("show")
@click.argument("file", type=click.Path(path_type=Path))
@options.as_json
def show_command(file: Path, as_json: bool) -> None:
    """Show the card of a weights FILE: network, layout, training, figures and licence."""
    from ..weights import load_card

    card = load_card(file, remedy="give a .safetensors file of f2p; see `f2p games`")
    if as_json:
        emit_json(card)
        return
    rows = [
        [name, str(value)] for name, value in flatten(card).items() if value not in ([], "", None)
    ]
    # The golden pair has hundreds of numbers.
    table(["card", ""], [row for row in rows if not row[0].startswith("golden.")])
