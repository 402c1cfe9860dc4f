"""``f2p evaluate imitator``: comparison of the imitator with the engine on new characters."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ...errors import UnknownNameError, UsageError
from .. import _options as options
from .._common import emit_json, load_kind, progress, say, say_verdict, table
from .._html import Row, write_page
from . import UNSEEN

if TYPE_CHECKING:
    from ...kinds import Kind
    from ...training import Comparison, Sensitivity


@click.command()
@options.game
@options.weights
@options.number("--count", default=500, help="Number of compared pictures.")
@options.number(
    "--characters",
    default=1,
    help="Number of random characters for the sensitivity of each parameter.",
)
@options.number("--engines", default=1, help="Number of engines to start.")
@options.seed
@click.option(
    "--device", default="cpu", show_default=True, help="Device of the imitator: cpu, cuda ..."
)
@options.page
@options.number("--rows", low=0, default=24, help="Number of rows of pictures on the HTML page.")
@click.option(
    "--write-card",
    is_flag=True,
    help="Write the sensitivity of each parameter to the card of the weights; `f2p fit` reads it.",
)
@options.as_json
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
    write_card: bool,
    as_json: bool,
) -> None:
    """Compare the imitator with the engine on characters that are not in training data.

    Sensitivity: the correlation between the imitator's and the engine's change of the picture when
    a slider moves from end to end, or a choice replaces another one, on a random character. Ends
    with a verdict on the imitator: good, usable or poor.
    """
    kind = load_kind(game)

    from ... import training
    from ...bridge import open_engine
    from ...pipeline import weights_file
    from ...verdicts import imitator_verdict
    from ...weights import load_card, load_imitator
    from ...weights import write_card as write_to_card

    try:
        path = weights_file(kind, weights)
    except UnknownNameError as error:
        raise UsageError(error.message, remedy=error.remedy) from None
    network = load_imitator(path, kind.layout, device=device)
    layout, size = kind.layout, network.size
    start = time.perf_counter()
    with open_engine(kind, engines=engines) as host:

        def draw(characters: Sequence[Any]) -> Any:
            return (p.color for _, p in host.render_many(characters, size=size, ordered=True))

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
    sliders = [change.correlation for change in changes if not change.discrete]
    document = {
        "game": kind.name,
        "weights": str(path),
        "layout_hash": layout.hash,
        "size": size,
        "pictures": count,
        **figures,
        "sensitivity": _summary(changes, characters),
        "card_figures": load_card(path).get("figures", {}),
        "verdict": imitator_verdict(kind.name, figures["psnr_db"], sliders).as_dict(),
        "seconds": round(time.perf_counter() - start, 1),
    }
    if write_card:
        write_to_card(path, {"sensitivity": training.by_parameter(changes)})
        document["card_written"] = str(path)
    if page is not None:
        document["page"] = str(_page(page, kind, compared, document))
    if as_json:
        emit_json(document)
    else:
        _report(document)


def _summary(changes: Sequence[Sensitivity], characters: int) -> dict[str, Any]:
    from ...verdicts import share_above

    def group(rows: Sequence[Sensitivity]) -> dict[str, Any]:
        return {
            "count": len(rows),
            "share_above_0.8": round(share_above([r.correlation for r in rows], 0.8), 4),
            "share_above_0.5": round(share_above([r.correlation for r in rows], 0.5), 4),
            "median": round(median(r.correlation for r in rows), 4) if rows else None,
        }

    def row(r: Sensitivity) -> dict[str, Any]:
        numbers = {"correlation": round(r.correlation, 4), "change": round(r.change, 6)}
        return {"name": r.name, **numbers}

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
        difference = np.minimum(4 * np.abs(c.engine.astype(np.int16) - c.imitator), 255)
        pictures = [("engine", c.engine), ("imitator", c.imitator)]
        pictures.append(("difference x 4", difference.astype(np.uint8)))
        rows.append(Row(f"character {c.number}", pictures, {"psnr_db": c.psnr_db, "l1": c.l1}))
    sensitivity = document["sensitivity"]
    figures = {
        "psnr_db": document["psnr_db"],
        "l1": document["l1"],
        "sensitivity, share above 0.8": sensitivity["share_above_0.8"],
        "sensitivity, median": sensitivity["median"],
        **{f"worst: {w['name']}": w["correlation"] for w in sensitivity["worst"]},
    }
    note = f"{document['pictures']} pictures with seeds outside of training data"
    title = f"f2p evaluate imitator, {kind.name}"
    return write_page(folder, title, rows, figures=figures, note=note)


def _report(document: dict[str, Any]) -> None:
    sensitivity = document["sensitivity"]
    say(f"{document['weights']}, {document['pictures']} pictures of {document['size']} pixels")
    say(f"  psnr_db {document['psnr_db']:.2f}   l1 {document['l1']:.4f}")
    groups = {"all": sensitivity, **{k: sensitivity[k] for k in ("sliders", "choices")}}
    shown = {"share_above_0.8": "above 0.8", "share_above_0.5": "above 0.5", "median": "median"}
    rows = [
        [name, str(g["count"]), *(f"{g[k] or 0:.3f}" for k in shown)] for name, g in groups.items()
    ]
    table(["sensitivity", "count", *shown.values()], rows)
    worst = sensitivity["worst"]
    rows = [[w["name"], f"{w['correlation']:.3f}", f"{w['change']:.5f}"] for w in worst]
    table(["worst", "correlation", "engine's change"], rows)
    if "page" in document:
        say(f"  page {document['page']}")
    if "card_written" in document:
        say(f"  sensitivities are in the card of {document['card_written']}")
    say_verdict(document["verdict"])
