"""Options, files and output that ``f2p fit`` and ``f2p convert`` share."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import CharacterError, UsageError
from . import _options as options
from ._common import Progress, say, say_verdict, warn

if TYPE_CHECKING:
    from ..kinds import Kind
    from ..pipeline import FitResult

METHODS = ("best", "slides", "paper", "exact")

out = click.option(
    *("-o", "--out"),
    required=True,
    metavar="DIR|FILE",
    type=click.Path(path_type=Path),
    help="Output folder. Or a file for the character, in the game's own format or .json by its "
    "extension; the folder is then beside it: me.preset and me/. Several photos get one folder "
    "each in DIR.",
)
keep = click.option(
    "--keep",
    multiple=True,
    metavar="NAME=VALUE",
    help="Keep a parameter at this value; can be repeated.",
)
method = options.choice("--method", METHODS, default="best", help="Search method.")
steps = options.number("--steps", help="Number of steps of the search.")


def pass_on(update: Progress, stage: str, done: int, total: int) -> None:
    """Show the progress of a fit as a bar; partial in ``update``."""
    update(done, total or None, stage)


def kept_values(kind: Kind, assignments: Iterable[str]) -> dict[str, float | str]:
    """Parse ``NAME=VALUE`` arguments. UsageError for invalid ones."""
    kept: dict[str, float | str] = {}
    for assignment in assignments:
        try:
            name, value = kind.layout.parse(assignment)
        except CharacterError as error:
            raise UsageError(f"--keep {assignment}: {error.message}", remedy=error.remedy) from None
        if name in kept:
            raise UsageError(f"--keep {name} was given twice", remedy="give one value")
        kept[name] = value
    return kept


def places(out: Path, kind: Kind) -> tuple[Path, Path | None]:
    """Return the output folder, and the file of the character if ``out`` names one."""
    from ..plugins.character_files import extension_of

    extension = "" if out.is_dir() else extension_of(out, kind.game)
    if extension:
        return out.with_name(out.name[: -len(extension)]), out
    if out.is_file():
        raise UsageError(
            f"{out}: is a file, and not of a format of {kind.game}", remedy="give a folder"
        )
    return out, None


def write(
    folder: Path, photo: Path | str, result: FitResult, title: str = "photo"
) -> dict[str, str]:
    """Write all files of one fit and return their paths by content; ``title`` is the photo's."""
    from ..files import atomic_write
    from ..images import save, side_by_side

    pictures = {
        **(
            {title: result.photo}
            if len(result.photos) == 1
            else {f"{title} {number}": one for number, one in enumerate(result.photos, start=1)}
        ),
        "as in the photo": result.as_photo,
        "engine": result.picture,
        **{f"candidate {n}": one.picture for n, one in enumerate(result.candidates, start=2)},
        "imitator": result.imitation if result.picture is None else None,
    }
    shown = {name: picture for name, picture in pictures.items() if picture is not None}
    document = json.dumps({"photo": str(photo), **result.report}, indent=1, allow_nan=False)
    files = {
        "character": result.character.save(folder / "character.json"),
        "report": atomic_write(folder / "report.json", document + "\n"),
        "sheet": save(folder / "sheet.png", side_by_side(list(shown.values()), list(shown))),
    }
    if result.picture is not None:
        files["picture"] = save(folder / "picture.png", result.picture)
    if result.as_photo is not None:
        files["as_photo"] = save(folder / "as_photo.png", result.as_photo)
    for number, one in enumerate(result.candidates, start=2):
        name = f"candidate-{number}"
        files[name] = one.character.save(folder / f"{name}.json")
        files[f"{name}-picture"] = save(folder / f"{name}.png", one.picture)
    return {name: str(path) for name, path in files.items()}


def row(photo: Path | str, result: FitResult, files: dict[str, str]) -> dict[str, Any]:
    """Return the JSON of one photo; the report has the losses of all steps."""
    keys = ("game", "method", "seed", "face", "kept", "held", "chosen", "verdict", "seconds")
    losses = {k: {"first": v[0], "last": v[-1]} for k, v in result.report["losses"].items()}
    figures = {key: result.report[key] for key in (*keys, "identity_distance")}
    return {"photo": str(photo), **figures, "losses": losses, "files": files}


def report(name: str, result: FitResult, files: dict[str, str]) -> None:
    """Print hints, likeness and files of one fit; ``name`` is the photo's."""
    face, distance = result.report["face"], result.report["identity_distance"]
    for hint in (face["message"], *face["hints"]):
        if hint:
            warn(f"{name}: {hint}")
    if "engine" in distance:
        average = f"(average character {distance['average_character']:.3f})"
        measured = f"{distance['engine']:.3f} in the engine {average}"
    else:
        measured = f"{distance['imitator']:.3f} in the imitator, not verified by the engine"
    seconds = result.report["seconds"]["total"]
    say(f"{name}: identity distance {measured}, {seconds:.1f} s")
    for content, path in files.items():
        say(f"  {content:9} {path}")
    if held := result.report["held"]:
        say(f"  held {len(held)} parameters that the imitator does not know: {', '.join(held)}")
        if "engine" in distance:
            say("  only the stages that draw with the engine moved them")
    say_verdict(result.report["verdict"])
