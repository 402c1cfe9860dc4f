"""``f2p sheet``: contact sheets of a game's characters, sliders and choices."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import UsageError, did_you_mean
from ._bridge import Listening, listen_options
from ._common import emit_json, load_kind, progress, say
from ._draw import drawing
from ._options import (
    game_option,
    json_option,
    seconds_option,
    seed_option,
    via_option,
    weights_option,
)

if TYPE_CHECKING:
    from ..kinds import Kind
    from ..parameters import Character, Continuous, Discrete, Layout
    from ._contact import Page, Painter

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


@click.command()
@game_option
@click.option("--random", "count", type=click.IntRange(1, 10_000), help="So many random ones.")
@click.option(
    "--evenly",
    is_flag=True,
    help="Random ones as `f2p capture` draws them, every value as likely, not as people are.",
)
@click.option(
    "--sliders", is_flag=True, help="Each slider at low, default and high, with what it changes."
)
@click.option("--choices", is_flag=True, help="Each choice of each slot.")
@click.option("--group", multiple=True, help="Only sliders and choices of this group.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this slider or slot.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=Path("sheets"),
    show_default=True,
    metavar="OUT",
    help="A folder, or one picture (.png, .jpg) where one page is enough.",
)
@click.option(
    "--size",
    type=click.IntRange(16, 1024),
    default=192,
    show_default=True,
    metavar="PIXELS",
    help="Side of each picture on a sheet.",
)
@click.option(
    "--character",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="CHARACTER.json",
    help="Sliders and choices on this one instead of the default.",
)
@seed_option
@via_option("engine", "imitator")
@weights_option
@click.option("--engines", type=click.IntRange(1, 256), default=1, show_default=True)
@seconds_option("--deadline", 60.0, "How long the engine may take for one picture.")
@listen_options()
@json_option
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

    What to look at before capturing: is each random character somebody, does each slider do what
    its name says. Random ones vary as people do, where the layout says how (`spread`).
    """
    if evenly and not count:
        raise UsageError("--evenly is about random characters", remedy="add --random 64")
    if not (count or sliders or choices):
        raise UsageError(
            "a sheet of what?", remedy="add --random 64, --sliders or --choices, or several"
        )
    # Imported here: help texts do not wait for pillow.
    from . import _contact

    kind = load_kind(game)
    base = _base(kind.layout, character)
    on = "the default" if character is None else character.name
    wanted = _wanted(kind.layout, group, only)
    random = kind.layout.random if evenly else kind.layout.person
    pages = _pages(kind.layout, count, random, seed, sliders, choices, base, wanted, on)
    paths = _paths(out, kind, pages)
    begun = time.perf_counter()
    total = _contact.pictures(pages)
    with (
        progress(f"drawing {kind.name}", total, quiet=as_json) as update,
        drawing(
            kind,
            via,
            size,
            listening,
            weights=weights,
            engines=engines,
            deadline=deadline,
        ) as draw,
    ):
        painter = _contact.Painter(draw, base.values, update, total)
        for page, path in zip(pages, paths, strict=True):
            painter.write(page, path)
    _tell(kind, via, painter, total, time.perf_counter() - begun, as_json)


def _base(layout: Layout, path: Path | None) -> Character:
    from ..parameters import Character

    return layout.default() if path is None else Character.load(path, layout)


def _wanted(
    layout: Layout, groups: Sequence[str], names: Sequence[str]
) -> tuple[list[Continuous], list[Discrete]]:
    """The parameters that --group and --only leave; UsageError for one that is not there."""
    for what, asked, known in (
        ("group", groups, tuple(layout.groups)),
        ("parameter", names, layout.names),
    ):
        for name in asked:
            if name not in known:
                remedy = did_you_mean(name, known) or f"use one of: {', '.join(known[:12])}"
                raise UsageError(f"{layout.name} has no {what} {name!r}", remedy=remedy)

    def left(p: Continuous | Discrete) -> bool:
        return (not groups or p.group in groups) and (not names or p.name in names)

    return [p for p in layout.continuous if left(p)], [p for p in layout.discrete if left(p)]


def _pages(
    layout: Layout,
    count: int | None,
    random: Callable[[int, int], Character],
    seed: int,
    sliders: bool,
    choices: bool,
    base: Character,
    wanted: tuple[list[Continuous], list[Discrete]],
    on: str,
) -> list[Page]:
    from ._contact import choices_pages, random_pages, slider_pages

    pages: list[Page] = []
    if count:
        pages += random_pages(layout, count, random, seed)
    if sliders:
        pages += slider_pages(layout, base.values, wanted[0], on)
    if choices:
        pages += choices_pages(layout, base.values, wanted[1], on)
    if not pages:
        raise UsageError(f"{layout.name}: nothing is left to draw", remedy="drop --group or --only")
    return pages


def _paths(out: Path, kind: Kind, pages: Sequence[Page]) -> list[Path]:
    """Where each page goes; said before anything is drawn."""
    if out.is_dir() or not out.suffix:
        stem = f"{kind.game}-{kind.kind}"
        return [out / f"{stem}-{page.name}.png" for page in pages]
    if out.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"{out}: a sheet is a .png, .jpg or .webp, got {out.suffix!r}",
            remedy="give such a name, or a folder",
        )
    if len(pages) > 1:
        raise UsageError(
            f"{out}: one picture is named, and there are {len(pages)} pages",
            remedy=f"give a folder: -o {out.with_suffix('')}",
        )
    return [out]


def _tell(
    kind: Kind, via: str, painter: Painter, total: int, seconds: float, as_json: bool
) -> None:
    still = [s["name"] for s in painter.sliders if not s["changed_at_low"] + s["changed_at_high"]]
    if as_json:
        emit_json(
            {
                "kind": kind.name,
                "via": via,
                "pages": painter.pages,
                "sliders": painter.sliders,
                "pictures": total,
                "seconds": round(seconds, 3),
            }
        )
        return
    for page in painter.pages:
        say(f"{page['path']}: {page['title']}")
    say(f"{total} pictures of {kind.name} drawn by the {via} in {seconds:.1f} s")
    if still:
        say(f"no visible change by {', '.join(still)}")
