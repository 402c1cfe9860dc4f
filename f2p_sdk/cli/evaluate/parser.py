"""``f2p evaluate parser``: what the parser sees against what the engine says is there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import numpy.typing as npt

from ...errors import PluginError, UsageError
from .._common import emit_json, game_option, json_option, load_kind, progress, say, table, warn
from .._page import Row, write_page

if TYPE_CHECKING:
    from ...hookspecs import Parser
    from ...kinds import Kind
    from ...parsing.training import Overlap

#: Datasets are captured with small seeds; these characters no training has seen.
UNSEEN = 1_000_000
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"}
_BATCH = 8
#: Of the classes, in their order: skin and lips warm, eyes blue, brows red, nose green, hair brown.
COLOURS = (
    *((0, 0, 0), (255, 205, 160), (230, 0, 0), (140, 0, 40), (0, 60, 255), (0, 190, 255)),
    *((0, 180, 0), (255, 0, 255), (255, 255, 255), (150, 0, 170), (120, 75, 30)),
)
_OVER = 0.55

Picture = npt.NDArray[np.uint8]


@click.command()
@game_option
@click.option("--parser", "wanted", metavar="NAME|FILE", help="Which one; see `f2p plugins`.")
@click.option("--count", type=click.IntRange(min=1), default=500, show_default=True)
@click.option("--engines", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--photos",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Put every photo in this folder on the page too, aligned to the game's framing.",
)
@click.option(
    "--page",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Also write an HTML page with pictures and what was seen in them.",
)
@click.option("--rows", type=click.IntRange(min=0), default=24, show_default=True, help="On it.")
@json_option
def command(
    game: str,
    wanted: str | None,
    count: int,
    engines: int,
    seed: int,
    photos: Path | None,
    page: Path | None,
    rows: int,
    as_json: bool,
) -> None:
    """Compare the parser with the engine's labels on characters and scenes it has never seen.

    Poses, lights, expressions and backgrounds are random. IoU is the share of pixels in a class for
    both, of those in it for either, over all pictures.
    """
    if photos is not None and page is None:
        raise UsageError("--photos are shown on a page: give --page DIR too")
    kind = load_kind(game)
    if kind.engine is None:
        raise PluginError(f"{kind.name} has no engine that can be started from here")
    parser = _parser(wanted)
    begun = time.perf_counter()
    overlap, shown = _compare(parser, kind, count, seed, engines, rows if page else 0, as_json)
    document: dict[str, Any] = {
        "game": kind.name,
        "parser": parser.name,
        "pictures": count,
        "size": parser.size,
        "mean_iou": overlap.mean_iou(),
        "iou": overlap.iou(),
        "seconds": round(time.perf_counter() - begun, 1),
    }
    if page is not None:
        seen, without = _photos(parser, kind, photos) if photos is not None else ([], [])
        document |= {"photos": len(seen), "photos_without_a_face": without}
        note = f"f2p evaluate parser -g {kind.name}; {count} pictures of unseen seeds and scenes"
        figures = {"mean_iou": document["mean_iou"], **document["iou"]}
        title = f"f2p evaluate parser, {kind.name}"
        path = write_page(page, title, [*seen, *shown], figures=figures, note=note)
        document["page"] = str(path)
    if as_json:
        emit_json(document)
    else:
        _tell(document)


def _parser(wanted: str | None) -> Parser:
    """A weights file, or the parser of that name; the best one if none is named."""
    from ...parsing.store import load_parser
    from ...plugins import parser

    if wanted is not None and Path(wanted).is_file():
        found: Parser = load_parser(wanted)
        return found
    return parser(wanted)


def _compare(
    parser: Parser, kind: Kind, count: int, seed: int, engines: int, keep: int, quiet: bool
) -> tuple[Overlap, list[Row]]:
    from ...bridge import open_engine
    from ...capture import ASPECTS, random_scene
    from ...parsing.training import Overlap, find_labels
    from ...training.device import pick_device

    overlap, rows = Overlap(parser.classes), list[Row]()
    device, seeds = pick_device("cpu"), UNSEEN + seed
    characters = (kind.layout.random(k, seed=seeds) for k in range(count))
    waiting: list[tuple[int, Picture, Picture]] = []

    def look() -> None:
        found = find_labels(parser, device.pictures(np.stack([w[1] for w in waiting])))
        for (number, picture, labels), seen in zip(waiting, found, strict=True):
            overlap.add(seen, labels)
            if number < keep:
                shown = [("engine", picture), ("engine's labels", overlay(picture, labels))]
                rows.append(Row(f"character {number}", [*shown, ("seen", overlay(picture, seen))]))
        waiting.clear()

    with (
        open_engine(kind, engines=engines) as host,
        progress("pictures", total=count, quiet=quiet) as update,
    ):
        drawn = host.render_many(
            characters,
            size=parser.size,
            passes=("color", "labels"),
            scene=lambda k: random_scene(k, seeds, tuple(ASPECTS)),
            ordered=True,
        )
        for number, picture in drawn:
            if picture.labels is None:
                raise PluginError(f"the engine of {kind.name} draws no labels to compare with")
            waiting.append((number, picture.color, picture.labels))
            if len(waiting) == _BATCH or number == count - 1:
                look()
            update(number + 1)
    return overlap, rows


def _photos(parser: Parser, kind: Kind, folder: Path) -> tuple[list[Row], list[str]]:
    """A row for each photo, and the names of those without a face."""
    from dataclasses import replace

    from ... import images
    from ...alignment import align, pick_face
    from ...errors import FaceError
    from ...parsing.training import find_labels
    from ...plugins import detector
    from ...training.device import pick_device

    finds, device = detector(), pick_device("cpu")
    framing = replace(kind.framing, size=parser.size)
    rows, without = list[Row](), list[str]()
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES):
        picture = images.load(path)
        try:
            face = pick_face(finds.detect(picture)).face
            aligned = align(picture, face.landmarks, framing).picture
        except FaceError as error:
            warn(f"{path.name}: {error.message}")
            without.append(path.name)
            continue
        seen = find_labels(parser, device.pictures(aligned[None]))[0]
        rows.append(Row(path.name, [("photo", aligned), ("seen", overlay(aligned, seen))]))
    return rows, without


def overlay(
    picture: Picture, labels: Picture, colours: Sequence[Sequence[int]] = COLOURS
) -> Picture:
    """A picture with the classes' colours laid over it; the background only darkens."""
    table = np.zeros((256, 3), np.float32)
    table[: len(colours)] = colours
    mixed = picture * (1 - _OVER) + table[labels] * _OVER
    return np.clip(mixed, 0, 255).astype(np.uint8)


def _tell(document: dict[str, Any]) -> None:
    say(f"{document['game']}, {document['pictures']} fresh pictures in random scenes")
    say(f"  mean_iou {document['mean_iou']:.3f}")
    rows = [
        [name, "not seen" if value is None else f"{value:.3f}"]
        for name, value in document["iou"].items()
    ]
    table(["class", "iou"], rows)
    if "page" in document:
        say(f"  page {document['page']}")
