"""``f2p fit``: fit characters to photos."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import errors
from ..errors import F2PError, UsageError
from . import _fitted as fitted
from . import _options as options
from ._bridge import Listening, listen_options
from ._common import emit_json, fail, load_kind, progress, say, warn

if TYPE_CHECKING:
    from ..kinds import Kind
    from ..parameters import Character

#: Errors that all other photos would cause too.
COMMON_ERRORS = (errors.BridgeError, errors.PluginError, UsageError, errors.WeightsError)
_FEWER = (
    "fewer candidates than asked for: hairstyles are compared by the method best, with an engine "
    "and a parser"
)


@click.command()
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.game
@fitted.out
@fitted.keep
@click.option("--face", type=int, metavar="N", help="Number of the face; 1 is the largest.")
@click.option(
    "--same-person",
    is_flag=True,
    help="All photos show one person: fit one character to them, into DIR.",
)
@options.seed
@fitted.method
@fitted.steps
@options.number(
    "--candidates",
    default=1,
    help="Number of characters per person; those after the first have the next likeliest "
    "hairstyles: candidate-2.json, candidate-2.png ...",
)
@options.weights
@options.recognizer
@options.path(
    "--population",
    folder=True,
    exists=True,
    help="Characters of this kind (JSON or the game's own format, also in subfolders); their "
    "covariance whitens the prior. "
    "Default: all values of a slider are equally likely.",
)
@options.seconds("--deadline", 30.0, "Time limit of the engine for one picture.")
@options.number(
    "--engines",
    help="Number of engines to start or, with --listen, to wait for; default: one with --listen, "
    "otherwise at most two, depending on the number of cores.",
)
@click.option("--no-engine", is_flag=True, help="Search and verify without the engine.")
@listen_options()
@options.as_json
def command(
    photos: tuple[Path, ...],
    game: str,
    out: Path,
    keep: tuple[str, ...],
    face: int | None,
    same_person: bool,
    seed: int,
    method: str,
    steps: int | None,
    candidates: int,
    weights: str | None,
    recognizer: str | None,
    population: Path | None,
    deadline: float,
    engines: int | None,
    no_engine: bool,
    listening: Listening,
    as_json: bool,
) -> int:
    """Fit characters of a game to PHOTOS of faces; a folder stands for all photos in it.

    Writes character.json (can be edited, and applied with `f2p apply`), picture.png (the portrait
    by the game's engine), as_photo.png (in the photo's expression, turn and light, where the engine
    can draw them), sheet.png (photo and pictures side by side) and report.json. The command starts
    and stops the engine, unless --listen is given. With -o me.preset it also writes the character
    in the game's own format.

    Ends with a verdict: good, usable or poor. The exit code is 3 if a fit gains next to nothing
    over the average character; its files are written.
    """
    if no_engine:
        listening.refuse("leave out --no-engine")
    kind = load_kind(game)
    out, preset = fitted.places(out, kind)
    kept = fitted.kept_values(kind, keep)
    search: dict[str, Any] = {"seed": seed, "method": method, "steps": steps, "face": face}
    search["candidates"] = candidates
    rows: list[dict[str, Any]] = []
    with ExitStack() as stack:
        # A late import: --help must not load torch.
        from ..images import named, photos_in, read
        from ..pipeline import Fitter, engine_count, weights_file
        from ..plugins import recognizer as recognizer_of
        from ..plugins.character_files import save_character
        from ..weights import load_card

        fitter: Fitter | None = None
        files_of = [photos_in(one) if one.is_dir() else [one] for one in photos]
        every = tuple(file for found in files_of for file in found)
        several = not same_person and (len(every) > 1 or (photos != every and preset is None))
        if several and preset is not None:
            raise UsageError(
                f"{preset}: a file holds one character, and there are {len(every)} photos",
                remedy=f"give a folder: -o {out}, or add --same-person",
            )
        people = (every,) if same_person else tuple((photo,) for photo in every)
        folders = _folders(every, out) if several else [out]
        for (photo, *also), folder in zip(people, folders, strict=True):
            try:
                picture, *others = [read(one) for one in (photo, *also)]
                if fitter is None:
                    # Report invalid input before the engine starts.
                    load_card(weights_file(kind, weights))
                    recognizer_of(recognizer)
                    known = [] if population is None else _characters(population, kind)
                    with progress("starting", quiet=as_json):
                        host = None
                        if not no_engine:
                            count = engines or (1 if listening.endpoint else engine_count())
                            host = stack.enter_context(listening.open_engine(kind, engines=count))
                        fitter = Fitter(
                            kind,
                            host,
                            weights=weights,
                            recognizer=recognizer,
                            population=known,
                            deadline=deadline,
                        )
                with progress(photo.name, quiet=as_json) as update:
                    show = partial(fitted.pass_on, update)
                    result = fitter.fit(picture, also=others, keep=kept, **search, progress=show)
                files = fitted.write(folder, photo, result)
                if preset is not None:
                    files["preset"] = str(
                        save_character(preset, result.character, result.picture, kind)
                    )
                if len(result.candidates) < candidates - 1:
                    warn(f"{photo.name}: {_FEWER}")
            except F2PError as error:
                if not several or isinstance(error, COMMON_ERRORS):
                    raise
                message = named(photo, error)
                rows.append({"photo": str(photo), "error": message, "next": error.remedy})
                fail(message, error.remedy)
                continue
            rows.append(fitted.row(photo, result, files))
            if not as_json:
                fitted.report(photo.name, result, files)
    failed = [row["photo"] for row in rows if "error" in row]
    if as_json:
        emit_json({"fits": rows, "failed": failed} if several else rows[0])
    elif several:
        say(f"{len(rows) - len(failed)} of {len(rows)} photos fitted, in {out}")
    if failed:
        warn(f"not fitted: {', '.join(failed)}")
        return 1
    return 0 if all(row["verdict"]["gained"] for row in rows) else 3


def _characters(folder: Path, kind: Kind) -> list[Character]:
    """Load the characters in a folder and its subfolders. UsageError for fewer than two.

    Files in the game's own format count only where there is no JSON: a fit writes both.
    """
    from ..plugins.character_files import format_of, load_character

    others = ("report.json", "candidate-")  # candidates have the same face
    files = sorted(path for path in folder.rglob("*.json") if not path.name.startswith(others))
    files = files or sorted(path for path in folder.rglob("*.*") if format_of(path, kind.game))
    found = [load_character(path, kind) for path in files]
    if len(found) < 2:
        raise UsageError(
            f"{folder}: a population needs two or more characters, got {len(found)}",
            remedy="give the output folder of `f2p fit` with several photos",
        )
    return found


def _folders(photos: tuple[Path, ...], out: Path) -> list[Path]:
    """Return the output folder of each photo; photos of the same name get numbers."""
    folders: list[Path] = []
    for photo in photos:
        name, n = photo.stem or "photo", 2
        while out / name in folders:
            name, n = f"{photo.stem}-{n}", n + 1
        folders.append(out / name)
    return folders
