"""Parameters of a slider table: rows become the parameters of each kind of character."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import LayoutError, error_prefix
from ..kinds import check_name
from ..parameters import Continuous, Discrete, Parameter
from .rows import Row, read_rows
from .words import group_of

_CONTINUOUS = {f.name for f in fields(Continuous)}
_TEXTS = ("unit", "label", "description")
_NUMBERS = ("low", "high", "default", "step", "spread", "prior")


@dataclass(frozen=True)
class Table:
    """The parameters of a game by kind of character.

    Attributes:
        kinds: parameters by kind, both in the order of the table.
        renamed: names of the table with blanks -> names in the layout.
    """

    kinds: Mapping[str, tuple[Parameter, ...]]
    renamed: Mapping[str, str]


def read_table(path: str | Path, kinds: Sequence[str] = ()) -> Table:
    """Read a CSV, TOML or XLSX file. LayoutError names file, row, column, rule and value.

    Args:
        kinds: names of the kinds, of a table without a column ``kind``; by default ``hero``.
    """
    rows = read_rows(path)
    if kinds and any("kind" in row.cells for row in rows):
        raise LayoutError(
            f"{path}: has a column 'kind', and the kinds {', '.join(kinds)} are given too",
            remedy="leave out --kind, or delete the column",
        )
    return make_table(rows, kinds)


def make_table(rows: Sequence[Row], kinds: Sequence[str] = ()) -> Table:
    """Convert rows to parameters. A row without a kind belongs to all kinds."""
    chosen: dict[str, None] = dict.fromkeys(kinds)
    for row in rows:
        chosen |= dict.fromkeys(_kinds_of(row))
    names = list(chosen) or ["hero"]
    for kind in names:
        with error_prefix("the table"):
            check_name("kind", kind)
    made: dict[str, list[Parameter]] = {kind: [] for kind in names}
    places: dict[tuple[str, str], str] = {}
    renamed: dict[str, str] = {}
    for row in rows:
        parameter = make_parameter(row)
        given = str(row.cells["name"])
        if given != parameter.name:
            renamed[given] = parameter.name
        for kind in _kinds_of(row) or names:
            first = places.setdefault((kind, parameter.name), row.where)
            if first != row.where:
                raise LayoutError(
                    f"{row.where}, column 'name': {parameter.name!r} is there already, in {first}",
                    remedy="give each parameter of a kind a name of its own",
                )
            made[kind].append(parameter)
    empty = [kind for kind, parameters in made.items() if not parameters]
    if empty:
        raise LayoutError(f"the table has no parameter of the kind {empty[0]!r}")
    return Table({kind: tuple(parameters) for kind, parameters in made.items()}, renamed)


def make_parameter(row: Row) -> Parameter:
    """Convert one row: with ``choices`` to a Discrete, otherwise to a Continuous."""
    cells = row.cells
    given = _text(row, "name")
    if not given:
        raise LayoutError(
            f"{row.where}, column 'name': must be a name, is empty",
            remedy="write the game's own name of the slider",
        )
    name = _joined(given)
    texts: dict[str, Any] = {column: _text(row, column) for column in _TEXTS}
    if name != given and not texts["label"]:
        texts["label"] = given
    group = group_of(_text(row, "group"), f"{given} {texts['label']}")
    if "choices" in cells:
        return _discrete(row, name, group, texts)
    return _continuous(row, name, group, texts)


def _continuous(row: Row, name: str, group: str, texts: Mapping[str, Any]) -> Continuous:
    values = {column: _number(row, column) for column in _NUMBERS if column in row.cells}
    for column in ("low", "high"):
        if column not in values:
            raise LayoutError(
                f"{row.where}, column {column!r}: a slider must have a number, is empty",
                remedy="write the ends of the slider into low and high, or names into choices",
            )
    if "default" not in values:
        low, high, step = values["low"], values["high"], values.get("step")
        middle = (low + high) / 2
        if step and step > 0:
            middle = low + math.floor((high - low) / 2 / step + 0.5) * step
        values["default"] = min(round(middle, 6), high)
    known: dict[str, Any] = {k: value for k, value in values.items() if k in _CONTINUOUS}
    if "display" in row.cells and "display" in _CONTINUOUS:
        known["display"] = row.cells["display"]
    with error_prefix(row.where):
        return Continuous(name, group, **known, **texts)


def _discrete(row: Row, name: str, group: str, texts: Mapping[str, Any]) -> Discrete:
    for column in ("low", "high", "step", "spread", "prior", "display"):
        if column in row.cells:
            raise LayoutError(
                f"{row.where}, column {column!r}: a list of choices has none, "
                f"got {row.cells[column]!r}",
                remedy="a row has either low and high, or choices: empty the other cells",
            )
    listed = row.cells["choices"]
    if not isinstance(listed, list):
        text = str(listed)
        separator = max(";|,", key=text.count)
        listed = [part for part in (p.strip() for p in text.split(separator)) if part]
    choices = tuple(_joined(str(choice)) for choice in listed)
    if len(choices) < 2:
        raise LayoutError(
            f"{row.where}, column 'choices': must be two or more names, got {list(choices)}",
            remedy="separate the names by semicolons: none;short;long",
        )
    default = _joined(_text(row, "default")) or choices[0]
    texts = {column: text for column, text in texts.items() if column != "unit"}
    with error_prefix(row.where):
        return Discrete(name, group, choices, default, **texts)


def _kinds_of(row: Row) -> list[str]:
    kinds = row.cells.get("kind", "")
    return kinds if isinstance(kinds, list) else re.findall(r"[^\s;,|]+", str(kinds))


def _text(row: Row, column: str) -> str:
    value = row.cells.get(column, "")
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a spreadsheet stores the choice 3 as 3.0
    return str(value)


def _number(row: Row, column: str) -> float:
    value = row.cells[column]
    if isinstance(value, str):
        text = value
        if row.decimal_comma and re.fullmatch(r"[+-]?\d*,\d+", text):
            text = text.replace(",", ".")
        try:
            value = float(Fraction(text) if column == "step" and "/" in text else text)
        except (ValueError, ZeroDivisionError):
            unit = re.fullmatch(r"[+-]?[\d.,]+\s*(\D+)", text)
            raise LayoutError(
                f"{row.where}, column {column!r}: must be a number, got {value!r}",
                remedy=f"write {unit[1]!r} into the column 'unit'" if unit else "",
            ) from None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise LayoutError(f"{row.where}, column {column!r}: must be a number, got {value!r}")
    return float(value)


def _joined(name: str) -> str:
    """The name with _ in place of blanks: a layout's names have none."""
    return re.sub(r"\s+", "_", name)
