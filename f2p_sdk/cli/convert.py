"""``f2p convert``: make a character of another game or kind that looks like a given one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import UsageError
from . import _fitted as fitted
from . import _options as options
from ._bridge import load_character
from ._common import emit_json, load_kind, progress

if TYPE_CHECKING:
    from ..kinds import Kind

METHODS = ("best", "slides", "paper")


@click.command()
@options.character
@click.option(
    "--to",
    required=True,
    metavar="GAME[/KIND]",
    help="Game and kind of the new character, see `f2p games`.",
)
@options.game_of_file
@fitted.out
@fitted.keep
@options.seed
@options.choice("--method", METHODS, default="best", help="Search method.")
@fitted.steps
@options.as_json
def command(
    path: Path,
    to: str,
    game: str | None,
    out: Path,
    keep: tuple[str, ...],
    seed: int,
    method: str,
    steps: int | None,
    as_json: bool,
) -> int:
    """Make a character of another game or kind that looks like CHARACTER.

    CHARACTER is a character.json, or a file in the game's own format. Its engine draws its
    portrait, and the sliders of the new kind are fitted to the portrait as to a photo.

    Writes character.json, picture.png (the new portrait), sheet.png (both portraits side by side)
    and report.json. With -o me.preset it also writes the character in the new game's own format.
    The command starts and stops the engines of both kinds. It ends with the verdict of the fit, and
    with exit code 3 if the fit gains next to nothing over the average character.
    """
    source, character = load_character(path, game)
    target = load_kind(to)
    for kind in (source, target):
        _check_engine(kind, target)
    folder, preset = fitted.places(out, target)
    kept = fitted.kept_values(target, keep)

    # A late import: --help must not load torch.
    from ..pipeline.conversion import convert
    from ..plugins.character_files import save_character

    with progress(path.name, quiet=as_json) as update:
        result = convert(
            character,
            target,
            game=source,
            keep=kept,
            seed=seed,
            method=method,
            steps=steps,
            progress=partial(fitted.pass_on, update),
        )
    files = fitted.write(folder, path, result, source.name)
    if preset is not None:
        files["preset"] = str(save_character(preset, result.character, result.picture, target))
    if as_json:
        row = fitted.row(path, result, files)
        del row["photo"]
        emit_json({"character": str(path), "from": source.name, **row})
    else:
        fitted.report(f"{path.name} ({source.name}) as {target.name}", result, files)
    return 0 if result.report["verdict"]["gained"] else 3


def _check_engine(kind: Kind, target: Kind) -> None:
    if kind.engine is None:
        raise UsageError(
            f"{kind.name} has no engine that can be started, and a conversion starts both engines",
            remedy="let the game connect: `f2p render CHARACTER -o portrait.png --via engine "
            f"--listen ENDPOINT`, then `f2p fit portrait.png -g {target.name} --listen ENDPOINT`",
        )
