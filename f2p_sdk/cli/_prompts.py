"""Questions of ``f2p new-adapter`` at a terminal; the answers are the rows of a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence

import click

from ..errors import LayoutError, UsageError
from ..kinds import check_name
from ..scaffold import Row, Table, make_parameter, make_table
from ..scaffold.words import GROUPS, group_of

Cells = dict[str, str]


def ask_table(kinds: Sequence[str]) -> tuple[Table, tuple[str, bytes]]:
    """Ask for kinds, sliders and choices. Returns the table, and the answers as a CSV file."""
    if not kinds:
        answer = _text("Kinds of character, separated by blanks", default="hero")
        kinds = answer.split()
    for kind in kinds:
        check_name("kind", kind)  # now, so that no answers are lost
    rows: list[Row] = []
    for title, ask in (("slider", _slider), ("list of choices", _choices)):
        while name := _text(f"Name of the next {title} (Enter: no more)"):
            rows += _valid_row(name, ask, [str(row.cells["name"]) for row in rows])
    if not rows:
        raise UsageError("no slider is given", remedy="give at least one, or add --table FILE")
    return make_table(rows, kinds), ("sliders.csv", _csv(row.cells for row in rows))


def _valid_row(name: str, ask: Callable[[str], Cells], names: Sequence[str]) -> list[Row]:
    """The answers for one parameter, or no row, with the reason, if they break a rule."""
    if name in names:
        click.echo(f"  {name!r} is there already")
        return []
    row = Row("the answers", {key: text for key, text in ask(name).items() if text})
    try:
        make_parameter(row)
    except LayoutError as error:
        click.echo(f"  {error.message}")
        if error.remedy:
            click.echo(f"  next: {error.remedy}")
        return []
    return [row]


def _slider(name: str) -> Cells:
    cells = {"name": name, "group": _group(name)}
    for column, text in (("low", "Lowest value"), ("high", "Highest value")):
        cells[column] = f"{click.prompt(f'  {text}', type=float):.12g}"
    middle = (float(cells["low"]) + float(cells["high"])) / 2
    default = click.prompt("  Default value", type=float, default=f"{middle:.6g}")
    cells["default"] = f"{default:.12g}"
    cells["step"] = _text("  Step (Enter: none)")
    cells["unit"] = _text("  Unit (Enter: none)")
    return cells | {"label": _text("  Label for players (Enter: none)")}


def _choices(name: str) -> Cells:
    cells = {"name": name, "group": _group(name)}
    cells["choices"] = _text("  Choices, separated by semicolons")
    first = cells["choices"].partition(";")[0].strip()
    cells["default"] = _text("  Default choice", default=first)
    return cells | {"label": _text("  Label for players (Enter: none)")}


def _group(name: str) -> str:
    kind = click.Choice(GROUPS, case_sensitive=False)
    return str(click.prompt("  Part of the face", type=kind, default=group_of("", name)))


def _text(question: str, default: str = "") -> str:
    answer = click.prompt(question, default=default, show_default=bool(default))
    return str(answer).strip()


def _csv(rows: Iterable[object]) -> bytes:
    columns = ("name", "group", "low", "high", "default", "step", "unit", "label", "choices")
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)  # type: ignore[arg-type]
    return text.getvalue().encode()
