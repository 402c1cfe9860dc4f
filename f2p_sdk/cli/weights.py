"""``f2p weights``: import weights of published networks, show and calibrate weights files."""

from __future__ import annotations

from pathlib import Path

import click

from . import _options as options
from ._common import emit_json, flatten, load_kind, progress, say, table


@click.group()
def command() -> None:
    """Import weights of published networks, show and calibrate weights files."""


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


@command.command("calibrate")
@options.game
@options.weights
@options.recognizer
@options.number("--count", default=4, help="Number of random characters.")
@options.seed
@options.as_json
def calibrate_command(
    game: str, weights: str | None, recognizer: str | None, count: int, seed: int, as_json: bool
) -> None:
    """Calibrate the published loss, for the methods slides and paper, and write it to the card.

    The engine draws random characters, and `slides` searches for them: the scale of the loss is the
    largest power of 1/2 with which the ten steps at rate 10 descend. The result belongs to one
    imitator, recognizer and parser. The tensors of the weights stay as they are.
    """
    kind = load_kind(game)

    from ..bridge import open_engine
    from ..pipeline import Fitter, weights_file
    from ..pipeline.calibration import calibrate
    from ..pipeline.loss_units import CARD_KEY
    from ..weights import load_card, write_card

    path = weights_file(kind, weights)
    load_card(path)  # a damaged file fails before the engine starts
    with progress("searches", quiet=as_json) as update, open_engine(kind) as host:
        fitter = Fitter(kind, host, weights=weights, recognizer=recognizer)
        show = lambda done, note: update(done, note=note)  # noqa: E731
        found = calibrate(fitter, count, seed=seed, progress=show)
    write_card(path, {CARD_KEY: found.as_dict()})
    document = {"game": kind.name, "weights": str(path), CARD_KEY: found.as_dict()}
    if as_json:
        emit_json(document)
        return
    units = ", ".join(f"{term} {unit:.4g}" for term, unit in found.units.items())
    say(f"{path}: the card has the loss's units now")
    say(f"  scale {found.scale:g}, rises {found.rises:.1%} of the falls, on {count} characters")
    say(f"  units {units}, by {found.recognizer} and {found.parser or 'no parser'}")
