"""``f2p fit``: photos to characters."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import BridgeError, CharacterError, F2PError, UsageError
from ._bridge import Listening, listen_options
from ._common import Progress, emit_json, fail, load_kind, progress, say, warn
from ._options import (
    game_option,
    json_option,
    out_option,
    seconds_option,
    seed_option,
    weights_option,
)

if TYPE_CHECKING:
    from ..kinds import Kind
    from ..parameters import Character
    from ..pipeline import FitResult

METHODS = ("best", "slides", "paper", "exact")


@click.command()
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path))
@game_option
@out_option("DIR", "Where to write; with several photos, one folder each in it.", folder=True)
@click.option(
    "--keep",
    multiple=True,
    metavar="NAME=VALUE",
    help="Hold a parameter at this value; may be given again.",
)
@click.option("--face", type=int, metavar="N", help="Which face, 1 is the largest.")
@seed_option
@click.option("--method", type=click.Choice(METHODS), default="best", show_default=True)
@click.option("--steps", type=click.IntRange(min=1), help="Steps of the search.")
@weights_option
@click.option(
    "--recognizer",
    metavar="NAME",
    help="Whose likeness is sought, of `f2p plugins`; default: the first that can be used.",
)
@click.option(
    "--population",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Characters of this kind (JSON, also in folders within) that say what is usual: the "
    "prior is whitened by them. Default: all values of a slider are equally likely.",
)
@seconds_option("--deadline", 30.0, "How long the engine may take for one picture.")
@click.option(
    "--engines",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many engines to start, or, with --listen, to wait for; default: two where there are "
    "cores for them, one with --listen.",
)
@click.option("--no-engine", is_flag=True, help="Neither search nor verify with the engine.")
@listen_options()
@json_option
def command(
    photos: tuple[Path, ...],
    game: str,
    out: Path,
    keep: tuple[str, ...],
    face: int | None,
    seed: int,
    method: str,
    steps: int | None,
    weights: str | None,
    recognizer: str | None,
    population: Path | None,
    deadline: float,
    engines: int | None,
    no_engine: bool,
    listening: Listening,
    as_json: bool,
) -> int:
    """Turn PHOTOS of faces into characters of a game.

    Writes character.json (edit it by hand, apply it with `f2p apply`), picture.png (drawn by the
    game's engine), sheet.png (photo, imitator and engine side by side) and report.json.
    An engine is started and ended, unless one is to connect from elsewhere (--listen).
    """
    if no_engine:
        listening.refuse("leave out --no-engine")
    kind = load_kind(game)
    kept = _kept(kind, keep)
    folders = _folders(photos, out)
    rows: list[dict[str, Any]] = []
    with ExitStack() as stack:
        # Imported here: `f2p fit --help` does not wait for torch.
        from ..images import load
        from ..pipeline import Fitter, engine_count, weights_file
        from ..plugins import recognizer as recognizer_of

        fitter: Fitter | None = None
        for photo, folder in zip(photos, folders, strict=True):
            try:
                picture = load(photo)  # the cheapest thing that can be wrong comes first
                if fitter is None:
                    weights_file(kind, weights)  # before an engine is started for nothing
                    recognizer_of(recognizer)  # likewise
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
                    result = fitter.fit(
                        picture,
                        keep=kept,
                        seed=seed,
                        method=method,
                        steps=steps,
                        face=face,
                        progress=partial(_pass_on, update),
                    )
                files = _write(folder, photo, result)
            except F2PError as error:
                if len(photos) == 1 or _hopeless(error):
                    raise
                rows.append({"photo": str(photo), "error": error.message, "next": error.remedy})
                fail(f"{photo}: {error.message}", error.remedy)
                continue
            rows.append(_row(photo, result, files))
            if not as_json:
                _tell(photo, result, files)
    failed = [row["photo"] for row in rows if "error" in row]
    if as_json:
        emit_json(rows[0] if len(photos) == 1 else {"fits": rows, "failed": failed})
    elif len(photos) > 1:
        say(f"{len(rows) - len(failed)} of {len(rows)} photos fitted, in {out}")
    if failed:
        warn(f"not fitted: {', '.join(failed)}")
    return 1 if failed else 0


def _pass_on(update: Progress, stage: str, done: int, total: int) -> None:
    update(done, total or None, stage)


def _characters(folder: Path, kind: Kind) -> list[Character]:
    """The characters in a folder and the folders within; UsageError for fewer than two."""
    from ..parameters import Character

    files = sorted(path for path in folder.rglob("*.json") if path.name != "report.json")
    found = [Character.load(path, kind.layout) for path in files]
    if len(found) < 2:
        raise UsageError(
            f"{folder}: a population is two characters or more, there are {len(found)}",
            remedy="give a folder that `f2p fit` wrote several characters to",
        )
    return found


def _kept(kind: Kind, assignments: Iterable[str]) -> dict[str, float | str]:
    """``NAME=VALUE`` to values of the layout; wrong ones are wrong use."""
    kept: dict[str, float | str] = {}
    for assignment in assignments:
        try:
            name, value = kind.layout.parse(assignment)
        except CharacterError as error:
            raise UsageError(f"--keep {assignment}: {error.message}", remedy=error.remedy) from None
        if name in kept:
            raise UsageError(f"--keep {name} was given twice")
        kept[name] = value
    return kept


def _folders(photos: tuple[Path, ...], out: Path) -> list[Path]:
    """Where each photo's files go; photos of one name get numbers."""
    if len(photos) == 1:
        return [out]
    folders: list[Path] = []
    for photo in photos:
        name, n = photo.stem or "photo", 2
        while out / name in folders:
            name, n = f"{photo.stem}-{n}", n + 1
        folders.append(out / name)
    return folders


def _hopeless(error: F2PError) -> bool:
    """Whether the next photo would fail in the same way."""
    from ..errors import PluginError, WeightsError

    return isinstance(error, (BridgeError, PluginError, WeightsError, UsageError))


def _write(folder: Path, photo: Path, result: FitResult) -> dict[str, str]:
    """All files of one fit; returns what each is and where."""
    from ..files import atomic_write
    from ..images import save, side_by_side

    shown = [("photo", result.photo), ("imitator", result.imitation)]
    if result.picture is not None:
        shown.append(("engine", result.picture))
    report = {"photo": str(photo), **result.report}
    files = {
        "character": result.character.save(folder / "character.json"),
        "report": atomic_write(
            folder / "report.json", json.dumps(report, indent=1, allow_nan=False) + "\n"
        ),
        "sheet": save(
            folder / "sheet.png", side_by_side([p for _, p in shown], [name for name, _ in shown])
        ),
    }
    if result.picture is not None:
        files["picture"] = save(folder / "picture.png", result.picture)
    return {name: str(path) for name, path in files.items()}


def _row(photo: Path, result: FitResult, files: dict[str, str]) -> dict[str, Any]:
    """What ``--json`` says of a photo; the losses of each step are in the report."""
    keys = ("game", "method", "seed", "face", "kept", "identity_distance", "chosen", "seconds")
    return {
        "photo": str(photo),
        **{key: result.report[key] for key in keys},
        "losses": {
            stage: {"first": steps[0], "last": steps[-1]}
            for stage, steps in result.report["losses"].items()
        },
        "files": files,
    }


def _tell(photo: Path, result: FitResult, files: dict[str, str]) -> None:
    report = result.report
    for remark in (report["face"]["message"], *report["face"]["hints"]):
        if remark:
            warn(f"{photo.name}: {remark}")
    distance = report["identity_distance"]
    if "engine" in distance:
        say(
            f"{photo.name}: identity distance {distance['engine']:.3f} in the engine "
            f"(average character {distance['average_character']:.3f}), "
            f"{report['seconds']['total']:.1f} s"
        )
    else:
        say(
            f"{photo.name}: identity distance {distance['imitator']:.3f} in the imitator, "
            f"not verified by the engine, {report['seconds']['total']:.1f} s"
        )
    for name, path in files.items():
        say(f"  {name:9} {path}")
