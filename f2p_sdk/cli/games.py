"""``f2p games``: list the installed games."""

from __future__ import annotations

from typing import Any

import click

from ..errors import F2PError
from ..kinds import Kind
from . import _options as options
from ._common import emit_json, say, table, warn


def describe(kind: Kind) -> dict[str, Any]:
    """Return sizes and hash of the layout, available weights, and extensions of file formats."""
    from ..plugins import formats

    layout = kind.layout
    return {
        "game": kind.game,
        "kind": kind.kind,
        "continuous": layout.n_continuous,
        "discrete": layout.size - layout.n_continuous,
        "size": layout.size,
        "layout_hash": layout.hash,
        "weights": kind.weights_state(),
        "formats": [e for one in formats() if one.game == kind.game for e in one.extensions],
    }


@click.command()
@options.as_json
def command(as_json: bool) -> None:
    """List the installed games with the sizes of their layouts."""
    from ..plugins import kinds

    rows: list[dict[str, Any]] = []
    for kind in kinds():
        try:
            rows.append(describe(kind))
        except F2PError as error:  # one broken layout must not hide other games
            empty = dict.fromkeys(("continuous", "discrete", "size", "layout_hash"))
            row: dict[str, Any] = {"game": kind.game, "kind": kind.kind, **empty, "weights": {}}
            row["formats"] = []
            rows.append({**row, "error": error.message})
            warn(f"{kind.name} is broken: {error}")
    if as_json:
        emit_json(rows)
    elif not rows:
        say("No game is installed. Install an adapter: pip install f2p-justice")
    else:
        columns = ["game", "continuous", "discrete", "size", "layout", "weights"]
        table(columns, [_cells(row) for row in rows])


def _cells(row: dict[str, Any]) -> list[str]:
    numbers = [row[key] for key in ("continuous", "discrete", "size", "layout_hash")]
    weights = [name if exists else f"{name} (missing)" for name, exists in row["weights"].items()]
    return [
        f"{row['game']}/{row['kind']}",
        *("broken" if number is None else str(number) for number in numbers),
        ", ".join(weights) or "none",
    ]
