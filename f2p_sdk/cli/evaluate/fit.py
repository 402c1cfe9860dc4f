"""``f2p evaluate fit``: evaluation of fits on the engine's pictures."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ...errors import UnknownNameError, UsageError
from .. import _options as options
from .._common import emit_json, flatten, load_kind, progress, say, say_verdict, table, warn
from .._html import write_page

METHODS = (
    *("best", "slides", "paper", "exact"),
    *("identity-only", "parts-only", "both", "no-landmarks", "no-prior", "scene"),
)


@click.command()
@options.game
@options.path("--photos", folder=True, exists=True, help="Fit every photo in this folder.")
@options.path(
    "--identities",
    folder=False,
    exists=True,
    metavar="CSV",
    help="Table with the columns file, identity, kind: the photos to fit and their persons.",
)
@options.number(
    "--recover", help="Fit the engine's pictures of N random characters, and compare the values."
)
@options.number(
    "--first",
    low=0,
    default=0,
    metavar="K",
    help="Number of the first character of --recover, to share the work between machines.",
)
@options.seed
@click.option(
    "--method",
    "methods",
    type=click.Choice(METHODS),
    multiple=True,
    default=("best",),
    show_default=True,
    help="Search method; can be repeated for a comparison. The last five are variants of `best`: "
    "without some terms, or with scene estimation (scene).",
)
@options.number("--steps", help="Number of steps of the search.")
@options.weights
@options.recognizer
@options.number(
    "--engines",
    help="Number of engines to start; default: at most two, depending on the number of cores.",
)
@options.number("--limit", help="Fit only the first N photos.")
@click.option(
    "--robustness",
    is_flag=True,
    help="Also fit perturbed photos (noise, illumination, colour, blur) or, with --recover, turned "
    "heads, and compare the figures.",
)
@options.page
@options.as_json
def command(
    game: str,
    photos: Path | None,
    identities: Path | None,
    recover: int | None,
    first: int,
    seed: int,
    methods: tuple[str, ...],
    steps: int | None,
    weights: str | None,
    recognizer: str | None,
    engines: int | None,
    limit: int | None,
    robustness: bool,
    page: Path | None,
    as_json: bool,
) -> int:
    """Fit photos or characters drawn by the engine, and measure the engine's pictures.

    With the name of a game (-g justice), the column kind of the identities file selects the kind
    for each photo. With the name of a kind (-g justice/female), all photos are fitted as that kind.
    Ends with a verdict on the mean of the fits: good, usable or poor.
    """
    if (photos is None) == (recover is None):
        remedy = "f2p evaluate fit --help"
        raise UsageError("give either --photos DIR or --recover N", remedy=remedy)
    if first and recover is None:
        raise UsageError("--first requires --recover", remedy="add --recover N")
    methods = tuple(dict.fromkeys(methods))
    kind = load_kind(game)
    listed = [] if photos is None else _photos(photos, identities)[:limit]
    names = [(row.get("kind") if "/" not in game else "") or kind.kind for row in listed]
    kinds = {kind.kind: kind}
    for row, name in zip(listed, names, strict=True):
        if name not in kinds:
            try:
                kinds[name] = load_kind(f"{kind.game}/{name}")
            except UnknownNameError as error:
                raise UsageError(
                    f"{identities}: {row['file']} is of the kind {name!r}, which {kind.game} "
                    "does not have",
                    remedy=f"{error.remedy}; or fit all photos as one kind: -g {kind.name}",
                ) from None

    from ...pipeline import Fitter, engine_count, engine_for, weights_file
    from ._fits import Runs

    for name in dict.fromkeys(names or [kind.kind]):
        weights_file(kinds[name], weights)  # report missing weights before the engine starts
    numbers = range(first, first + (recover or 0))
    with engine_for(kind, engines=engines or engine_count()) as host:

        def fitter(name: str) -> Fitter:
            return Fitter(kinds[name], host, weights=weights, recognizer=recognizer)

        runs = Runs(fitter, seed, steps)
        rounds = len(methods) * runs.rounds(robustness, photos=photos is not None)
        total = rounds * (recover or len(listed))
        with progress("fitting", total=total, quiet=as_json) as update:
            runs.update = update
            for method in methods:
                if photos is not None:
                    runs.photos(method, listed, names, robustness)
                else:
                    runs.recover(method, kind.kind, numbers, robustness)
    name = kind.name if "/" in game else kind.game
    document: dict[str, Any] = {"game": name, "seed": seed, "steps": steps}
    if len(methods) == 1:
        document |= {"method": methods[0], **runs.documents[methods[0]]}
    else:
        document["methods"] = runs.documents
    if page is not None:
        figures = {k: v for k, v in flatten(document).items() if not isinstance(v, list)}
        path = write_page(page, f"f2p evaluate fit, {name}", runs.rows(), figures=figures)
        document["page"] = str(path)
    if as_json:
        emit_json(document)
    else:
        _report(document, runs.documents)
    # Every photo must be fitted. The detector may miss the face of a random character.
    found = runs.documents.values()
    return int(any(d["failed"] if photos is not None else not d["recovered"] for d in found))


def _photos(folder: Path, identities: Path | None) -> list[dict[str, str]]:
    """Return the rows of the identities file, or one row per picture in the folder."""
    if identities is None:
        from ...images import photos_in

        rows = [{"file": path.name} for path in photos_in(folder)]
    else:
        rows = _read_identities(identities)
    if not rows:
        raise UsageError(f"{folder}: there are no photos in this folder", remedy="add photos")
    missing = [row["file"] for row in rows if not (folder / row["file"]).is_file()]
    if missing:
        raise UsageError(
            f"{identities}: {missing[0]} is not in {folder}", remedy="add the photo or drop its row"
        )
    return [{**row, "path": str(folder / row["file"])} for row in rows]


def _read_identities(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read as CSV: {error}") from error
    for number, row in enumerate(rows, start=2):
        if not row.get("file"):
            raise UsageError(
                f"{path}, line {number}: the column 'file' is empty or missing",
                remedy="the first line is file,identity,kind",
            )
    return [{str(k): v for k, v in row.items() if k is not None and v} for row in rows]


def _report(document: Mapping[str, Any], methods: Mapping[str, Mapping[str, Any]]) -> None:
    for found in methods.values():
        rows = found["rows"]
        if rows:
            columns = list(rows[0])
            table(columns, [[_cell(row.get(name, "")) for name in columns] for row in rows])
        for failure in found["failed"]:
            known = failure["file"] in failure["error"]
            warn(failure["error"] if known else f"{failure['file']}: {failure['error']}")
    figures = {name: flatten(found) for name, found in methods.items()}
    names = dict.fromkeys(
        name for found in figures.values() for name in found if not name.startswith("verdict.")
    )
    single = [n for n in names if not any(isinstance(f.get(n), list) for f in figures.values())]
    rows = [[n, *(_cell(f.get(n, "")) for f in figures.values())] for n in single]
    table(["figure", *methods], rows)
    if "page" in document:
        say(f"page: {document['page']}")
    for name, found in methods.items():
        if "verdict" in found:
            counts = found["verdict"]["counts"].items()
            say(f"{name}: {', '.join(f'{count} {word}' for word, count in counts)}")
            say_verdict(found["verdict"], f"verdict on the mean of {name}")


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
