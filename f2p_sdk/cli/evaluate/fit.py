"""``f2p evaluate fit``: how near fitted characters come, measured on the engine's pictures."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ...errors import UnknownNameError, UsageError
from .._common import emit_json, game_option, json_option, load_kind, progress, say, table, warn
from .._page import write_page

METHODS = (
    *("best", "slides", "paper", "exact"),
    *("identity-only", "content-only", "both", "no-prior", "scene"),
)
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"}


@click.command()
@game_option
@click.option(
    "--photos",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Fit every photo in this folder.",
)
@click.option(
    "--identities",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="CSV",
    help="Columns file, identity, kind: which photos, and whom they show.",
)
@click.option(
    "--recover",
    type=click.IntRange(min=1),
    metavar="N",
    help="Fit N pictures that the engine drew of characters it has not been asked for before.",
)
@click.option(
    "--first",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="K",
    help="With --recover: the number of the first of them, so that machines can share the work.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--method",
    "methods",
    type=click.Choice(METHODS),
    multiple=True,
    default=("best",),
    show_default=True,
    help="May be given several times, to compare; the last five are `best` less some terms, or "
    "with the photo's expression and light estimated as a scene.",
)
@click.option("--steps", type=click.IntRange(min=1), help="Steps of the search.")
@click.option("--weights", metavar="NAME|FILE", help="Which imitator; see `f2p games`.")
@click.option(
    "--recognizer",
    metavar="NAME",
    help="Whose likeness is sought, of `f2p plugins`; default: the first that can be used.",
)
@click.option(
    "--engines",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many engines to start; default: two where there are cores for them.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N photos.")
@click.option(
    "--robustness",
    is_flag=True,
    help="Also fit disturbed photos (noise, illumination, colour, blur) or, with --recover, "
    "turned heads, and say how much worse each figure becomes.",
)
@click.option(
    "--page",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Also write an HTML page with every row's pictures.",
)
@json_option
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
    """Fit photos, or characters of the engine's own, and measure on the engine's pictures.

    With a game alone (-g justice), each photo is fitted as the kind that its row in the identities
    file names; with -g justice/female all as that kind.
    """
    if (photos is None) == (recover is None):
        raise UsageError(
            "give either --photos DIR or --recover N", remedy="f2p evaluate fit --help"
        )
    if first and recover is None:
        raise UsageError("--first goes with --recover", remedy="f2p evaluate fit --help")
    methods = tuple(dict.fromkeys(methods))
    kind = load_kind(game)
    listed = [] if photos is None else _photos(photos, identities)[:limit]
    each = [(row.get("kind") if "/" not in game else "") or kind.kind for row in listed]
    kinds = {kind.kind: kind}
    for row, name in zip(listed, each, strict=True):
        if name not in kinds:
            try:
                kinds[name] = load_kind(f"{kind.game}/{name}")
            except UnknownNameError as error:
                raise UsageError(
                    f"{identities}: {row['file']} is of the kind {name!r}, which {kind.game} "
                    "does not have",
                    remedy=f"{error.remedy}; or fit all as one kind: -g {kind.name}",
                ) from None

    from ...pipeline import Fitter, engine_count, engine_for, weights_file
    from ._fits import Runs

    for needed in dict.fromkeys(each or [kind.kind]):
        weights_file(kinds[needed], weights)  # before an engine is started for nothing
    which = range(first, first + (recover or 0))
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
                    runs.photos(method, listed, each, robustness)
                else:
                    runs.recover(method, kind.kind, which, robustness)
    named = kind.name if "/" in game else kind.game
    document: dict[str, Any] = {"game": named, "seed": seed, "steps": steps}
    if len(methods) == 1:
        document |= {"method": methods[0], **runs.documents[methods[0]]}
    else:
        document["methods"] = runs.documents
    if page is not None:
        figures = {k: v for k, v in _flat(document).items() if not isinstance(v, list)}
        path = write_page(page, f"f2p evaluate fit, {named}", runs.rows(), figures=figures)
        document["page"] = str(path)
    if as_json:
        emit_json(document)
    else:
        _tell(document, runs.documents)
    # a random character's face may not be found; a photo in the list is there to be fitted
    wrong = "failed" if photos is not None else "recovered"
    return int(any(bool(d[wrong]) == (wrong == "failed") for d in runs.documents.values()))


def _photos(folder: Path, identities: Path | None) -> list[dict[str, str]]:
    """Which photos to fit: the rows of the identities file, or every picture in the folder."""
    if identities is None:
        names = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
        rows = [{"file": name} for name in names]
    else:
        rows = _read_identities(identities)
    if not rows:
        raise UsageError(f"{folder}: there are no photos in this folder")
    missing = [row["file"] for row in rows if not (folder / row["file"]).is_file()]
    if missing:
        raise UsageError(f"{identities}: names photos that are not in {folder}: {missing[0]}")
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


def _tell(document: Mapping[str, Any], methods: Mapping[str, Mapping[str, Any]]) -> None:
    for found in methods.values():
        rows = found["rows"]
        if rows:
            columns = list(rows[0])
            table(columns, [[_cell(row.get(name, "")) for name in columns] for row in rows])
        for failure in found["failed"]:
            warn(f"{failure['file']}: {failure['error']}")
    figures = {name: _flat(found) for name, found in methods.items()}
    names = dict.fromkeys(name for found in figures.values() for name in found)
    shown = [n for n in names if not any(isinstance(f.get(n), list) for f in figures.values())]
    table(
        ["figure", *methods], [[n, *(_cell(f.get(n, "")) for f in figures.values())] for n in shown]
    )
    if "page" in document:
        say(f"page: {document['page']}")


def _flat(document: Mapping[str, Any]) -> dict[str, Any]:
    from ...evaluation import flat

    return flat(document)


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
