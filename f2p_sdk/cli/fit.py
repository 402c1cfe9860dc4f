"""``f2p fit``: fit characters to photos."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import errors
from ..errors import CharacterError, F2PError, UsageError
from . import _options as options
from ._bridge import Listening, listen_options
from ._common import Progress, emit_json, fail, load_kind, progress, say, say_verdict, warn

if TYPE_CHECKING:
    from ..kinds import Kind
    from ..parameters import Character
    from ..pipeline import FitResult

METHODS = ("best", "slides", "paper", "exact")
#: Errors that all other photos would cause too.
COMMON_ERRORS = (errors.BridgeError, errors.PluginError, UsageError, errors.WeightsError)
_FEWER = (
    "fewer candidates than asked for: hairstyles are compared by the method best, with an engine "
    "and a parser"
)


@click.command()
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.game
@click.option(
    *("-o", "--out"),
    required=True,
    metavar="DIR|FILE",
    type=click.Path(path_type=Path),
    help="Output folder; several photos get one folder each in it. Or a file for one character, in "
    "the game's own format or .json by its extension; the folder is then beside it: me.preset and "
    "me/.",
)
@click.option(
    "--keep",
    multiple=True,
    metavar="NAME=VALUE",
    help="Keep a parameter at this value; can be repeated.",
)
@click.option("--face", type=int, metavar="N", help="Number of the face; 1 is the largest.")
@click.option(
    "--same-person",
    is_flag=True,
    help="All photos show one person: fit one character to them, into DIR.",
)
@options.seed
@options.choice("--method", METHODS, default="best", help="Search method.")
@options.number("--steps", help="Number of steps of the search.")
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
    out, preset = _places(out, kind)
    kept = _kept(kind, keep)
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
                    show = partial(_pass_on, update)
                    result = fitter.fit(picture, also=others, keep=kept, **search, progress=show)
                files = _write(folder, photo, result)
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
            rows.append(_row(photo, result, files))
            if not as_json:
                _report(photo, result, files)
    failed = [row["photo"] for row in rows if "error" in row]
    if as_json:
        emit_json({"fits": rows, "failed": failed} if several else rows[0])
    elif several:
        say(f"{len(rows) - len(failed)} of {len(rows)} photos fitted, in {out}")
    if failed:
        warn(f"not fitted: {', '.join(failed)}")
        return 1
    return 0 if all(row["verdict"]["gained"] for row in rows) else 3


def _pass_on(update: Progress, stage: str, done: int, total: int) -> None:
    update(done, total or None, stage)


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


def _kept(kind: Kind, assignments: Iterable[str]) -> dict[str, float | str]:
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


def _places(out: Path, kind: Kind) -> tuple[Path, Path | None]:
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


def _folders(photos: tuple[Path, ...], out: Path) -> list[Path]:
    """Return the output folder of each photo; photos of the same name get numbers."""
    folders: list[Path] = []
    for photo in photos:
        name, n = photo.stem or "photo", 2
        while out / name in folders:
            name, n = f"{photo.stem}-{n}", n + 1
        folders.append(out / name)
    return folders


def _write(folder: Path, photo: Path, result: FitResult) -> dict[str, str]:
    """Write all files of one fit and return their paths by content."""
    from ..files import atomic_write
    from ..images import save, side_by_side

    pictures = {
        **(
            {"photo": result.photo}
            if len(result.photos) == 1
            else {f"photo {number}": one for number, one in enumerate(result.photos, start=1)}
        ),
        "as in the photo": result.as_photo,
        "engine": result.picture,
        **{f"candidate {n}": one.picture for n, one in enumerate(result.candidates, start=2)},
        "imitator": result.imitation if result.picture is None else None,
    }
    shown = {name: picture for name, picture in pictures.items() if picture is not None}
    report = json.dumps({"photo": str(photo), **result.report}, indent=1, allow_nan=False)
    files = {
        "character": result.character.save(folder / "character.json"),
        "report": atomic_write(folder / "report.json", report + "\n"),
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


def _row(photo: Path, result: FitResult, files: dict[str, str]) -> dict[str, Any]:
    """Return the JSON of one photo; the report has the losses of all steps."""
    keys = ("game", "method", "seed", "face", "kept", "held", "chosen", "verdict", "seconds")
    losses = {k: {"first": v[0], "last": v[-1]} for k, v in result.report["losses"].items()}
    report = {key: result.report[key] for key in (*keys, "identity_distance")}
    return {"photo": str(photo), **report, "losses": losses, "files": files}


def _report(photo: Path, result: FitResult, files: dict[str, str]) -> None:
    report = result.report
    for hint in (report["face"]["message"], *report["face"]["hints"]):
        if hint:
            warn(f"{photo.name}: {hint}")
    distance = report["identity_distance"]
    if "engine" in distance:
        average = f"(average character {distance['average_character']:.3f})"
        measured = f"{distance['engine']:.3f} in the engine {average}"
    else:
        measured = f"{distance['imitator']:.3f} in the imitator, not verified by the engine"
    say(f"{photo.name}: identity distance {measured}, {report['seconds']['total']:.1f} s")
    for name, path in files.items():
        say(f"  {name:9} {path}")
    if held := report["held"]:
        say(f"  held {len(held)} parameters that the imitator does not know: {', '.join(held)}")
        if "engine" in distance:
            say("  only the stages that draw with the engine moved them")
    say_verdict(report["verdict"])
