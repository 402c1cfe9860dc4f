"""``f2p evaluate parser``: comparison of the parser's labels with the engine's labels."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ...errors import PluginError, UsageError
from ...images import Picture
from .. import _options as options
from .._common import emit_json, load_kind, progress, say, table, warn
from .._html import Row, write_page
from . import UNSEEN

if TYPE_CHECKING:
    from ...hookspecs import Parser
    from ...kinds import Kind
    from ...parsing.training import Overlap

_BATCH = 8
#: RGB by class, in the order of :data:`f2p_sdk.faceparts.CLASSES`.
COLOURS = (
    *((0, 0, 0), (255, 205, 160), (230, 0, 0), (140, 0, 40), (0, 60, 255), (0, 190, 255)),
    *((0, 180, 0), (255, 0, 255), (255, 255, 255), (150, 0, 170), (120, 75, 30)),
)
_OPACITY = 0.55


@click.command()
@options.game
@click.option("--parser", "name", metavar="NAME|FILE", help="Parser, see `f2p plugins`.")
@options.number("--count", default=500, help="Number of compared pictures.")
@options.number("--engines", default=1, help="Number of engines to start.")
@options.seed
@options.path(
    "--photos",
    folder=True,
    exists=True,
    help="Also show the photos in this folder, aligned to the game's framing, on the HTML page.",
)
@options.page
@options.number("--rows", low=0, default=24, help="Number of rows of pictures on the HTML page.")
@options.as_json
def command(
    game: str,
    name: str | None,
    count: int,
    engines: int,
    seed: int,
    photos: Path | None,
    page: Path | None,
    rows: int,
    as_json: bool,
) -> None:
    """Compare the parser with the engine's labels on new characters and random scenes.

    Scenes have random poses, lights, expressions and backgrounds. IoU is the intersection over
    union of a class over all pictures.
    """
    if photos is not None and page is None:
        raise UsageError("--photos requires --page", remedy="add --page DIR")
    kind = load_kind(game)
    parser = _parser(name)
    start = time.perf_counter()
    overlap, compared = _compare(parser, kind, count, seed, engines, rows if page else 0, as_json)
    document: dict[str, Any] = {
        "game": kind.name,
        "parser": parser.name,
        "pictures": count,
        "size": parser.size,
        "mean_iou": overlap.mean_iou(),
        "iou": overlap.iou(),
        "seconds": round(time.perf_counter() - start, 1),
    }
    if page is not None:
        parsed, without = _photos(parser, kind, photos) if photos is not None else ([], [])
        document |= {"photos": len(parsed), "photos_without_a_face": without}
        note = f"{count} pictures with seeds and scenes outside of training data"
        figures = {"mean_iou": document["mean_iou"], **document["iou"]}
        title = f"f2p evaluate parser, {kind.name}"
        path = write_page(page, title, [*parsed, *compared], figures=figures, note=note)
        document["page"] = str(path)
    if as_json:
        emit_json(document)
    else:
        _report(document)


def _parser(name: str | None) -> Parser:
    """Return the parser in a weights file, or the parser of this name, by default the best one."""
    from ...parsing.store import load_parser
    from ...plugins import parser

    if name is not None and Path(name).is_file():
        found: Parser = load_parser(name)
        return found
    return parser(name)


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
    batch: list[tuple[int, Picture, Picture]] = []

    def compare_batch() -> None:
        parsed = find_labels(parser, device.pictures(np.stack([color for _, color, _ in batch])))
        for (number, color, labels), found in zip(batch, parsed, strict=True):
            overlap.add(found, labels)
            if number < keep:
                pictures = [
                    ("engine", color),
                    ("engine's labels", overlay(color, labels)),
                    ("parser's labels", overlay(color, found)),
                ]
                rows.append(Row(f"character {number}", pictures))
        batch.clear()

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
                raise PluginError(f"the engine of {kind.name} does not draw the pass labels")
            batch.append((number, picture.color, picture.labels))
            if len(batch) == _BATCH or number == count - 1:
                compare_batch()
            update(number + 1)
    return overlap, rows


def _photos(parser: Parser, kind: Kind, folder: Path) -> tuple[list[Row], list[str]]:
    """Return a row for each photo, and the names of the photos without a face."""
    from dataclasses import replace

    from ... import images
    from ...alignment import align, pick_face
    from ...errors import FaceError, ImageError
    from ...parsing.training import find_labels
    from ...plugins import detector
    from ...training.device import pick_device

    face_detector, device = detector(), pick_device("cpu")
    framing = replace(kind.framing, size=parser.size)
    rows, without = list[Row](), list[str]()
    for path in images.photos_in(folder):
        try:
            photo = images.read(path)
            with photo.errors():
                face = pick_face(face_detector.detect(photo.picture)).face
                aligned = align(photo.picture, face.landmarks, framing).picture
        except (FaceError, ImageError) as error:
            warn(error.message)
            without.append(path.name)
            continue
        labels = overlay(aligned, find_labels(parser, device.pictures(aligned[None]))[0])
        rows.append(Row(path.name, [("photo", aligned), ("parser's labels", labels)]))
    return rows, without


def overlay(
    picture: Picture, labels: Picture, colours: Sequence[Sequence[int]] = COLOURS
) -> Picture:
    """Blend a picture uint8 (H, W, 3) with the colours of its labels uint8 (H, W)."""
    table = np.zeros((256, 3), np.float32)
    table[: len(colours)] = colours
    mixed = picture * (1 - _OPACITY) + table[labels] * _OPACITY
    return np.clip(mixed, 0, 255).astype(np.uint8)


def _report(document: dict[str, Any]) -> None:
    say(f"{document['game']}, {document['pictures']} pictures in random scenes")
    say(f"  mean_iou {document['mean_iou']:.3f}")
    iou = document["iou"].items()
    table(["class", "iou"], [[name, "none" if v is None else f"{v:.3f}"] for name, v in iou])
    if "page" in document:
        say(f"  page {document['page']}")
