"""``f2p new-adapter``: write the package of an adapter from a table of sliders."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import UsageError
from . import _options as options
from ._common import emit_json, say

if TYPE_CHECKING:
    from ..scaffold import Table


@click.command()
@click.argument("name")
@options.path(
    "--table",
    folder=False,
    help="Slider table: .csv, .toml or .xlsx. Without it, the command asks for the sliders.",
)
@options.path("-o", "--out", folder=True, help="New or empty folder; default: NAME.")
@click.option("--title", default="", metavar="TEXT", help="Name of the game for people.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND",
    help="Kind of character, if the table has no column `kind`; can be repeated; default: hero.",
)
@options.as_json
def command(
    name: str,
    table: Path | None,
    out: Path | None,
    title: str,
    kinds: tuple[str, ...],
    as_json: bool,
) -> None:
    """Write a new adapter for the game NAME from a table of its sliders.

    The package is complete: layout, framing, plugin, tests, CI file, and an engine in Python that
    draws a face which every slider changes. It passes `f2p check`, and it captures, trains and fits
    before the game's own engine draws.

    The table has one row for each slider and for each list of choices. The first row names the
    columns: name, group, low, high, default, step, unit, label, choices, kind. Only name and
    either low and high or choices are required. Choices are separated by semicolons.
    """
    from .. import scaffold

    folder = out or Path(name)
    scaffold.check_adapter_name(name, folder)
    if table is not None:
        rows = scaffold.read_table(table, kinds)
        source = (f"sliders{table.suffix.lower()}", table.read_bytes())
    elif is_terminal():
        from ._prompts import ask_table

        rows, source = ask_table(kinds)
    else:
        raise UsageError(
            "no slider table is given, and there is no terminal to ask at",
            remedy="add --table sliders.csv",
        )
    paths = scaffold.write_adapter(name, rows, folder, title=title, source=source)
    if as_json:
        counts = {kind: len(parameters) for kind, parameters in rows.kinds.items()}
        files = [path.as_posix() for path in paths]
        renamed = dict(rows.renamed)
        emit_json({"folder": str(folder), "files": files, "kinds": counts, "renamed": renamed})
    else:
        _report(name, rows, folder, len(paths))


def is_terminal() -> bool:
    """True if people can answer questions."""
    return sys.stdin.isatty()


def _report(name: str, table: Table, folder: Path, files: int) -> None:
    from ..parameters import Continuous

    say(f"{folder}: {files} files written")
    for kind, parameters in table.kinds.items():
        sliders = sum(isinstance(p, Continuous) for p in parameters)
        say(f"{name}/{kind}: {sliders} sliders, {len(parameters) - sliders} lists of choices")
    for given, joined in list(table.renamed.items())[:5]:
        say(f"{given!r} is {joined!r} in the layout: names have no blanks there")
    if len(table.renamed) > 5:
        say(f"and {len(table.renamed) - 5} more names with blanks")
    say(f"next: pip install -e {folder}")
    say(f"      f2p check -g {name}")
