"""``f2p evaluate imitator``: the imitator's pictures against fresh ones of the engine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ...errors import PluginError, UsageError, WeightsError
from .._common import emit_json, game_option, json_option, load_kind, progress, say, table
from .._page import Row, write_page

if TYPE_CHECKING:
    from ...kinds import Kind
    from ...training import Comparison, Sensitivity

#: Datasets are captured with small seeds; these characters no training has seen.
UNSEEN = 1_000_000
BOUND = 0.8


@click.command()
@game_option
@click.option("--weights", metavar="NAME|FILE", help="Which imitator; see `f2p games`.")
@click.option("--count", type=click.IntRange(min=1), default=500, show_default=True)
@click.option(
    "--characters",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Random characters that each parameter's sensitivity is the mean over.",
)
@click.option("--engines", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--device",
    default="cpu",
    show_default=True,
    help="Where the imitator runs.",
)
@click.option(
    "--page",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Also write an HTML page with engine, imitator and their difference.",
)
@click.option("--rows", type=click.IntRange(min=0), default=24, show_default=True, help="On it.")
@json_option
def command(
    game: str,
    weights: str | None,
    count: int,
    characters: int,
    engines: int,
    seed: int,
    device: str,
    page: Path | None,
    rows: int,
    as_json: bool,
) -> None:
    """Compare the imitator with the engine on characters it has never seen.

    Sensitivity: a slider goes from end to end, or one choice takes another's place, at a random
    character; how far do the imitator's and the engine's change of picture correlate?
    """
    kind = load_kind(game)
    if kind.engine is None:
        raise PluginError(f"{kind.name} has no engine that can be started from here")
    path = _weights(kind, weights)

    from ... import training
    from ...bridge import open_engine
    from ...weights import load_card, load_imitator

    network = load_imitator(path, kind.layout, device=device)
    layout, size = kind.layout, network.size
    begun = time.perf_counter()
    with open_engine(kind, engines=engines) as host:

        def draw(wanted: Sequence[Any]) -> Any:
            return (p.color for _, p in host.render_many(wanted, size=size, ordered=True))

        with progress("pictures", total=count, quiet=as_json) as update:
            figures, compared = training.compare(
                network,
                layout,
                draw,
                count,
                seed=UNSEEN + seed,
                keep=rows if page else 0,
                device=device,
                progress=lambda done: update(done),
            )
        total = 2 * layout.size * characters
        with progress("sensitivity", total=total, quiet=as_json) as update:
            changes = training.sensitivity(
                network,
                layout,
                draw,
                seed=UNSEEN + seed + 1,
                characters=characters,
                device=device,
                progress=lambda done: update(done, max(total, done)),
            )
    document = {
        "game": kind.name,
        "weights": str(path),
        "layout_hash": layout.hash,
        "size": size,
        "pictures": count,
        **figures,
        "sensitivity": _summary(changes, characters),
        "card_figures": load_card(path).get("figures", {}),
        "seconds": round(time.perf_counter() - begun, 1),
    }
    if page is not None:
        document["page"] = str(_page(page, kind, compared, document))
    if as_json:
        emit_json(document)
    else:
        _tell(document)


def _weights(kind: Kind, wanted: str | None) -> Path:
    """A file, or the kind's weights of that name; the first that is there if none is named."""
    if wanted is not None and wanted not in kind.weights:
        if Path(wanted).is_file():
            return Path(wanted)
        raise UsageError(
            f"{kind.name} has no weights named {wanted!r}, and there is no such file",
            remedy=f"use one of: {', '.join(kind.weights) or 'none are offered'}",
        )
    names = [wanted] if wanted is not None else list(kind.weights)
    for name in names:
        if kind.weights[name].is_file():
            return kind.weights[name]
    raise WeightsError(
        f"{kind.name}: no imitator has been trained yet",
        remedy=f"f2p capture and f2p train imitator -g {kind.name}",
    )


def _summary(changes: Sequence[Sensitivity], characters: int) -> dict[str, Any]:
    from ...training import share_above

    def group(rows: Sequence[Sensitivity]) -> dict[str, Any]:
        return {
            "count": len(rows),
            "share_above_0.8": round(share_above(rows, BOUND), 4),
            "median": round(median(r.correlation for r in rows), 4) if rows else None,
        }

    def row(r: Sensitivity) -> dict[str, Any]:
        return {
            "name": r.name,
            "correlation": round(r.correlation, 4),
            "change": round(r.change, 6),
        }

    worst = sorted(changes, key=lambda r: r.correlation)
    return {
        **group(changes),
        "characters": characters,
        "sliders": group([r for r in changes if not r.discrete]),
        "choices": group([r for r in changes if r.discrete]),
        "worst": [row(r) for r in worst[:20]],
        "parameters": [row(r) for r in changes],
    }


def _page(
    folder: Path, kind: Kind, compared: Sequence[Comparison], document: dict[str, Any]
) -> Path:
    rows = []
    for c in compared:
        apart = np.abs(c.engine.astype(np.int16) - c.imitator)
        shown = np.minimum(apart * 4, 255).astype(np.uint8)
        pictures = [("engine", c.engine), ("imitator", c.imitator), ("difference x 4", shown)]
        rows.append(Row(f"character {c.number}", pictures, {"psnr_db": c.psnr_db, "l1": c.l1}))
    sensitivity = document["sensitivity"]
    figures = {
        "psnr_db": document["psnr_db"],
        "l1": document["l1"],
        "sensitivity, share above 0.8": sensitivity["share_above_0.8"],
        "sensitivity, median": sensitivity["median"],
        **{f"worst: {w['name']}": w["correlation"] for w in sensitivity["worst"]},
    }
    note = f"f2p evaluate imitator -g {kind.name}; {document['pictures']} pictures, unseen seeds"
    return write_page(
        folder, f"f2p evaluate imitator, {kind.name}", rows, figures=figures, note=note
    )


def _tell(document: dict[str, Any]) -> None:
    sensitivity = document["sensitivity"]
    say(
        f"{document['weights']}, {document['pictures']} fresh pictures of {document['size']} pixels"
    )
    say(f"  psnr_db {document['psnr_db']:.2f}   l1 {document['l1']:.4f}")
    groups = {"all": sensitivity, **{k: sensitivity[k] for k in ("sliders", "choices")}}
    table(
        ["sensitivity", "numbers", "share above 0.8", "median"],
        [
            [name, str(g["count"]), f"{g['share_above_0.8']:.3f}", f"{g['median'] or 0:.3f}"]
            for name, g in groups.items()
        ],
    )
    table(
        ["worst", "correlation", "engine's change"],
        [
            [w["name"], f"{w['correlation']:.3f}", f"{w['change']:.5f}"]
            for w in sensitivity["worst"]
        ],
    )
    if "page" in document:
        say(f"  page {document['page']}")
