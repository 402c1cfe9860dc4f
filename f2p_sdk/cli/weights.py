"""``f2p weights``: bring in weights that others trained, and look at what a weights file is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ._common import emit_json, json_option, progress, say, table

__all__ = ["command"]


@click.group()
def command() -> None:
    """Bring in weights that others trained, and look at weights files."""


@command.command("import")
@click.argument("network", type=click.Choice(["light-cnn"]))
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Write here instead of the user's folder, where they are found.",
)
@json_option
def import_command(network: str, file: Path, out: Path | None, as_json: bool) -> None:
    """Bring in weights as their authors publish them.

    light-cnn: LightCNN_29Layers_V2_checkpoint.pth.tar, linked in the README of
    https://github.com/AlfredXiangWu/LightCNN; then Light CNN is the default recognizer.

    FILE is read without running anything in it, checked tensor by tensor, and written as
    safetensors with a card. The user's folder is that of F2P_HOME, or where the system keeps such
    files: %LOCALAPPDATA%\\f2p, ~/Library/Application Support/f2p, ~/.local/share/f2p.
    """
    from ..recognizers.upstream import import_light_cnn
    from ..weights import imported_weights

    found_there = imported_weights(network)
    path = found_there if out is None else out
    with progress(f"reading {file.name}", quiet=as_json):
        card = import_light_cnn(file, path)
    used = path.resolve() == found_there.resolve()
    if as_json:
        emit_json({"path": str(path), "default": used, "card": card})
        return
    say(f"wrote {path}")
    say(f"licence: {card['licence']}")
    if used:
        say(f"{network} is now the default recognizer; see `f2p plugins`")
    else:
        say(f"to use it, put it at {found_there}")


@command.command("show")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def show_command(file: Path, as_json: bool) -> None:
    """Show what a weights FILE is, for what, and its licence."""
    from ..weights import load_card

    card = load_card(file, remedy="give a .safetensors file of f2p; see `f2p games`, `f2p plugins`")
    if as_json:
        emit_json(card)
        return
    # The golden pair is hundreds of numbers that say nothing to people.
    rows = [[key, value] for key, value in _flat(card) if not key.startswith("golden.")]
    table(["card", ""], rows)


def _flat(card: dict[str, Any], under: str = "") -> list[tuple[str, str]]:
    """Each value with its path, ``training.seed``."""
    rows: list[tuple[str, str]] = []
    for key, value in card.items():
        if isinstance(value, dict) and value:
            rows += _flat(value, f"{under}{key}.")
        elif value not in ({}, [], "", None):
            rows.append((f"{under}{key}", str(value)))
    return rows
