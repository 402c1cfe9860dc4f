"""``f2p sheet``: contact sheets of random characters, sliders and choices."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError, did_you_mean
from . import _options as options
from ._bridge import Listening, listen_options
from ._common import emit_json, load_kind, progress, say
from ._draw import drawing

if TYPE_CHECKING:
    from ..kinds import Kind
    from ..parameters import Continuous, Discrete, Layout
    from ._sheets import Sheet, SheetWriter

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


@click.command()
@options.game
@options.number("--random", "count", high=10_000, help="Number of random characters.")
@click.option(
    "--evenly",
    is_flag=True,
    help="Draw random characters as `f2p capture` does, with uniform values, instead of "
    "plausible people.",
)
@click.option(
    "--sliders", is_flag=True, help="Each slider at low, default and high, with the changed pixels."
)
@click.option("--choices", is_flag=True, help="Each choice of each discrete parameter.")
@click.option("--group", multiple=True, metavar="NAME", help="Only parameters of this group.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this parameter.")
@click.option(
    *("-o", "--out"),
    type=click.Path(path_type=Path),
    default=Path("sheets"),
    show_default=True,
    metavar="OUT",
    help="Folder, or picture file (.png, .jpg, .webp) for a single sheet.",
)
@options.number(
    "--size",
    low=16,
    high=1024,
    default=192,
    metavar="PIXELS",
    help="Side of each picture on a sheet.",
)
@options.path(
    "--character",
    folder=False,
    metavar="CHARACTER",
    help="Base character of sliders and choices in place of the default.",
)
@options.seed
@options.via("engine", "imitator")
@options.weights
@options.number("--engines", high=256, default=1, help="Number of engines to start or to wait for.")
@options.seconds("--deadline", 60.0, "Time limit of the engine for one picture.")
@listen_options()
@options.as_json
def command(
    game: str,
    count: int | None,
    evenly: bool,
    sliders: bool,
    choices: bool,
    group: tuple[str, ...],
    only: tuple[str, ...],
    out: Path,
    size: int,
    character: Path | None,
    seed: int,
    via: str,
    weights: str | None,
    engines: int,
    deadline: float,
    listening: Listening,
    as_json: bool,
) -> None:
    """Draw contact sheets: random characters, every slider, every choice.

    Check them before a capture: random characters must look plausible, and each slider must have
    the effect that its name describes. Random characters follow the `spread` of the layout's
    sliders.
    """
    if evenly and not count:
        raise UsageError("--evenly requires --random", remedy="add --random 64")
    if not (count or sliders or choices):
        raise UsageError(
            "no content of the sheets is given", remedy="add --random 64, --sliders or --choices"
        )
    # A late import: --help must not load pillow.
    from ..plugins.character_files import load_character
    from . import _sheets

    kind = load_kind(game)
    base, base_name = kind.layout.default(), "the default"
    if character is not None:
        base, base_name = load_character(character, kind), character.name
    continuous, discrete = _selected(kind.layout, group, only)
    sheets: list[Sheet] = []
    if count:
        random = kind.layout.random if evenly else kind.layout.person
        sheets += _sheets.random_sheets(kind.layout, count, random, seed)
    if sliders:
        sheets += _sheets.slider_sheets(kind.layout, base.values, continuous, base_name)
    if choices:
        sheets += _sheets.choice_sheets(kind.layout, base.values, discrete, base_name)
    if not sheets:
        raise UsageError(f"{kind.name}: nothing is left to draw", remedy="drop --group or --only")
    paths = _paths(out, kind, sheets)
    start = time.perf_counter()
    total = _sheets.picture_count(sheets)
    drawer = drawing(
        kind, via, size, listening, weights=weights, engines=engines, deadline=deadline
    )
    with progress(f"drawing {kind.name}", total, quiet=as_json) as update, drawer as draw:
        writer = _sheets.SheetWriter(draw, base.values, update, total)
        for sheet, path in zip(sheets, paths, strict=True):
            writer.write(sheet, path)
    _report(kind, via, writer, total, time.perf_counter() - start, as_json)


def _selected(
    layout: Layout, groups: Sequence[str], names: Sequence[str]
) -> tuple[list[Continuous], list[Discrete]]:
    """Return the parameters that match --group and --only. UsageError for an unknown name."""
    groups_and_names = (("group", groups, tuple(layout.groups)), ("parameter", names, layout.names))
    for what, given, known in groups_and_names:
        for name in given:
            if name not in known:
                remedy = did_you_mean(name, known) or f"use one of: {', '.join(known[:12])}"
                raise UsageError(f"{layout.name} has no {what} {name!r}", remedy=remedy)

    def matches(p: Continuous | Discrete) -> bool:
        return (not groups or p.group in groups) and (not names or p.name in names)

    return [*filter(matches, layout.continuous)], [*filter(matches, layout.discrete)]


def _paths(out: Path, kind: Kind, sheets: Sequence[Sheet]) -> list[Path]:
    """Return the path of each sheet. UsageError if ``out`` is not suitable."""
    if out.is_dir() or not out.suffix:
        stem = f"{kind.game}-{kind.kind}"
        return [out / f"{stem}-{sheet.name}.png" for sheet in sheets]
    if out.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"{out}: the suffix of a sheet must be .png, .jpg or .webp, got {out.suffix!r}",
            remedy="use one of these suffixes, or give a folder",
        )
    if len(sheets) > 1:
        raise UsageError(
            f"{out}: a single file cannot hold {len(sheets)} sheets",
            remedy=f"give a folder: -o {out.with_suffix('')}",
        )
    return [out]


def _report(
    kind: Kind, via: str, writer: SheetWriter, total: int, seconds: float, as_json: bool
) -> None:
    if as_json:
        document: dict[str, Any] = {"kind": kind.name, "via": via, "pages": writer.sheets}
        document |= {"sliders": writer.sliders, "pictures": total, "seconds": round(seconds, 3)}
        emit_json(document)
        return
    for sheet in writer.sheets:
        say(f"{sheet['path']}: {sheet['title']}")
    say(f"{total} pictures of {kind.name} drawn by the {via} in {seconds:.1f} s")
    still = [s["name"] for s in writer.sliders if not s["changed_at_low"] + s["changed_at_high"]]
    if still:
        say(f"no visible change by {', '.join(still)}")
