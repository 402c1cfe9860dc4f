"""``f2p framing``: measure the place of the face in a game's pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ..alignment import Face
from ..errors import F2PError, NoFaceError, UsageError
from ..kinds import Framing
from . import _options as options
from ._bridge import Listening, listen_options
from ._common import load_kind, progress, warn
from ._common import show as show_result

if TYPE_CHECKING:
    from ..conformance.faces import RandomFaces
    from ..hookspecs import Detector
    from ..images import Picture
    from ..kinds import Kind

SIZE = 256  # pixels of a new framing
SIDE = 768  # pixels of the picture


@click.command()
@options.game
@options.path(
    *("-o", "--out"),
    folder=False,
    metavar="FILE.toml",
    help="Framing to write; default: the file that the adapter names, else LAYOUT.framing.toml "
    "beside the layout.",
)
@options.number(
    "--size",
    low=16,
    high=4096,
    metavar="PIXELS",
    show_default=False,
    help="Side of the imitator's pictures; default: that of the present framing, else 256.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing framing.")
@click.option(
    "--show", is_flag=True, help="Only draw the points of the present framing; measure nothing."
)
@listen_options()
@options.as_json
def command(
    game: str,
    out: Path | None,
    size: int | None,
    overwrite: bool,
    show: bool,
    listening: Listening,
    as_json: bool,
) -> None:
    """Measure the place of the face in a game's pictures: the framing.

    Draws the default character, finds its face, averages left and right, and writes the points to a
    TOML file. Also looks for the faces of 20 random characters. A picture FILE.points.png beside
    the framing shows the points on the default character: look at it. An existing framing stays
    unless --overwrite is given; the picture is always replaced.
    """
    kind = load_kind(game)
    out = out or kind.framing_path or _beside(kind.layout_path)
    picture = out.with_suffix(".points.png")
    if show:
        if size is not None or overwrite:
            raise UsageError("--show writes no framing: leave out --size and --overwrite")
        _show(kind, picture, listening, as_json)
        return
    if out.exists() and not overwrite:
        raise UsageError(
            f"{out}: this framing exists",
            remedy="add --overwrite to replace it, write to another file with -o, or draw its "
            "points with --show",
        )
    present = _present(kind)
    points, random = _measure(kind, picture, present, listening, as_json)
    made = Framing(size or (present.size if present else SIZE), points)
    made.save(out)
    _report(kind, made, out, picture, present, random, as_json)


def _beside(layout: Path) -> Path:
    return layout.with_name(f"{layout.stem}.framing.toml")


def _present(kind: Kind) -> Framing | None:
    """The present framing; None without a valid one."""
    try:
        return kind.framing
    except F2PError:
        return None


def _show(kind: Kind, path: Path, listening: Listening, as_json: bool) -> None:
    """Draw the points of the present framing on the default character."""
    framing = kind.framing
    with (
        progress(f"drawing {kind.name}", 1, quiet=as_json) as update,
        listening.open_engine(kind) as host,
    ):
        side = min(SIDE, host.wait().max_size)
        picture = host.render(kind.layout.default(), size=side, deadline=60.0).color
        update(1)
    _save_picture(path, picture, None, framing, grid=True)
    show_result(as_json, {"kind": kind.name, "picture": str(path)}, f"{path}: look at the points")


def _measure(
    kind: Kind, path: Path, present: Framing | None, listening: Listening, quiet: bool
) -> tuple[Any, RandomFaces]:
    """Measured points, (5, 2) in fractions, and the faces of random characters.

    The picture is written also without a face.

    Raises:
        NoFaceError: no detector is installed, or it finds no face.
    """
    from ..conformance import faces

    detector, problem = _detector()
    total = len(faces.SIZES) + faces.CHARACTERS
    with (
        progress(f"measuring {kind.name}", total, quiet=quiet) as update,
        listening.open_engine(kind) as host,
    ):
        face = faces.default_face(kind, host, detector, update)
        _save_picture(path, face.picture, face.points, present, grid=face.points is None)
        if detector is not None and face.points is not None:
            first = len(faces.SIZES)
            random = faces.random_faces(kind, host, detector, lambda n: update(first + n))
            return face.points, random
    grid = f"{path} shows it with a grid"
    if problem is not None:
        remedy = f"{problem.remedy}; or measure the five points by eye in that picture"
        raise NoFaceError(
            f"the default character's face cannot be measured: {problem.message}; {grid}",
            remedy=remedy,
        )
    raise NoFaceError(
        f"{kind.name}: no face is found in the picture of the default character; {grid}",
        remedy=faces.no_face_remedy(kind),
    )


def _detector() -> tuple[Detector | None, F2PError | None]:
    """The best detector, or the reason why there is none."""
    from ..plugins import detector

    try:
        return detector(), None
    except F2PError as error:
        return None, error


def _save_picture(
    path: Path, picture: Picture, points: Any, framing: Framing | None, *, grid: bool
) -> None:
    from ..images import save
    from ._points import draw_points

    framed = None if framing is None else np.array(framing.landmarks)
    save(path, draw_points(picture, points, framed, grid=grid))


def _report(
    kind: Kind,
    made: Framing,
    out: Path,
    picture: Path,
    present: Framing | None,
    random: RandomFaces,
    as_json: bool,
) -> None:
    from ..conformance import faces

    points = np.array(made.landmarks)
    eyes = Face((0, 0, 1, 1), points).eye_distance
    off = None if present is None else faces.deviation(present, points)
    document = {
        "kind": kind.name,
        "framing": str(out),
        "picture": str(picture),
        "size": made.size,
        "landmarks": points.round(4).tolist(),
        "off": None if off is None else round(off, 4),
        "characters": random.count,
        "missed": list(random.missed),
    }
    lines = [f"{out}: {made.size} pixels, eyes {eyes:.3f} of the width apart"]
    if off is not None:
        lines.append(f"the framing before was off by {off:.1%} of the eye distance")
    lines.append(f"random characters: {random}")
    lines.append(f"{picture}: look at the points")
    show_result(as_json, document, "\n".join(lines))
    if not random.enough:
        warn(f"few faces are found: {faces.few_faces_remedy(kind)}")
    if kind.framing_path is None or kind.framing_path.resolve() != out.resolve():
        warn(f"{kind.name} does not use {out}: set framing_path of its Kind to this file")
