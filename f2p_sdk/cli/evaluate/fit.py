"""``f2p evaluate fit``: how near fitted characters come, measured on the engine's pictures."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ...errors import UsageError
from .._common import emit_json, game_option, json_option, load_kind, progress, say, table, warn
from .._page import Row, write_page

METHODS = ("best", "slides", "paper", "identity-only", "content-only", "both", "no-prior")
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
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--method", type=click.Choice(METHODS), default="best", show_default=True)
@click.option("--steps", type=click.IntRange(min=1), help="Steps of the search.")
@click.option("--weights", metavar="NAME|FILE", help="Which imitator; see `f2p games`.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N photos.")
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
    seed: int,
    method: str,
    steps: int | None,
    weights: str | None,
    limit: int | None,
    page: Path | None,
    as_json: bool,
) -> int:
    """Fit photos, or characters of the engine's own, and measure on the engine's pictures."""
    if (photos is None) == (recover is None):
        raise UsageError(
            "give either --photos DIR or --recover N", remedy="f2p evaluate fit --help"
        )
    kind = load_kind(game)
    listed = [] if photos is None else _photos(photos, identities)[:limit]
    options = {"seed": seed, "method": method, "steps": steps}

    from ...pipeline import Fitter, engine_for, weights_file
    from . import _fits

    weights_file(kind, weights)  # before an engine is started for nothing
    rows: list[Row] = []
    with engine_for(kind) as host:
        fitter = Fitter(kind, host, weights=weights)
        with progress("fitting", total=recover or len(listed), quiet=as_json) as update:
            if photos is not None:
                document = _fits.photos(fitter, listed, options, rows, update)
            else:
                document = _fits.recover(fitter, recover or 0, options, rows, update)
    document = {"game": kind.name, **options, **document}
    if page is not None:
        figures = {k: v for k, v in _fits.flat(document).items() if not isinstance(v, list)}
        path = write_page(page, f"f2p evaluate fit, {kind.name}", rows, figures=figures)
        document["page"] = str(path)
    if as_json:
        emit_json(document)
    else:
        _tell(document, _fits.flat(document))
    return 1 if document.get("failed") else 0


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


def _tell(document: Mapping[str, Any], figures: Mapping[str, Any]) -> None:
    rows = document.get("rows", [])
    if rows:
        columns = [name for name in rows[0] if name != "report"]
        table(columns, [[_cell(row.get(name, "")) for name in columns] for row in rows])
    for name, value in figures.items():
        if not isinstance(value, list):
            say(f"{name:42} {_cell(value)}")
    for failure in document.get("failed", []):
        warn(f"{failure['file']}: {failure['error']}")


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
