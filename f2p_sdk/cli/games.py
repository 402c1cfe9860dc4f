"""``f2p games``: list the installed games."""

from __future__ import annotations

from typing import Any

import click

from ..errors import F2PError
from ..kinds import Kind
from ._common import emit_json, say, table, warn
from ._options import json_option


def describe(kind: Kind) -> dict[str, Any]:
    """Return sizes and hash of the layout, and the available weights."""
    layout = kind.layout
    return {
        "game": kind.game,
        "kind": kind.kind,
        "continuous": layout.n_continuous,
        "discrete": layout.size - layout.n_continuous,
        "size": layout.size,
        "layout_hash": layout.hash,
        "weights": kind.weights_state(),
    }


@click.command()
@json_option
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
            rows.append({**row, "error": error.message})
            warn(f"{kind.name} is broken: {error}")
    if as_json:
        emit_json(rows)
    elif not rows:
        say("No game is installed. Install an adapter: pip install f2p-justice")
    else:
        table(["game", "continuous", "discrete", "size", "layout", "weights"], _cells(rows))


def _cells(rows: list[dict[str, Any]]) -> list[list[str]]:
    return [
        [
            f"{row['game']}/{row['kind']}",
            *("broken" if row[key] is None else str(row[key]) for key in _COLUMNS),
            ", ".join(
                name if exists else f"{name} (missing)" for name, exists in row["weights"].items()
            )
            or "none",
        ]
        for row in rows
    ]


_COLUMNS = ("continuous", "discrete", "size", "layout_hash")
