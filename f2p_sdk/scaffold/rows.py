"""Rows of a slider table: CSV, TOML and XLSX files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import LayoutError, UsageError, did_you_mean
from ..files import read_limited
from ..parameters import read_toml

MAX_BYTES = 8 * 1024 * 1024
SUFFIXES = (".csv", ".tsv", ".toml", ".xlsx")
_REMEDY = "give a slider table: .csv, .toml or .xlsx"

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "name": ("parameter", "slider"),
    "group": ("part", "category"),
    "kind": ("kinds",),
    "low": ("min", "minimum"),
    "high": ("max", "maximum"),
    "default": (),
    "step": (),
    "unit": ("units",),
    "label": ("title",),
    "description": ("comment",),
    "choices": ("options",),
    "spread": (),
    "prior": (),
    "display": (),
}
"""Columns of a table, each with its other names."""

_COLUMN_OF = {name: column for column, others in COLUMNS.items() for name in (column, *others)}


@dataclass(frozen=True)
class Row:
    """One parameter as a table states it.

    Attributes:
        where: place for errors, e.g. ``"sliders.csv, row 4"``.
        cells: text, or a value of TOML or XLSX, by column; empty cells are absent.
        decimal_comma: True if the file writes 0,5 for one half.
    """

    where: str
    cells: Mapping[str, Any] = field(default_factory=dict)
    decimal_comma: bool = False


def read_rows(path: str | Path) -> list[Row]:
    """Read the rows of a CSV, TOML or XLSX file. LayoutError names file, row and column."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(
            f"{path}: the suffix of a slider table must be one of {', '.join(SUFFIXES)}, "
            f"got {suffix!r}",
            remedy="save the table as CSV",
        )
    if suffix == ".toml":
        rows = list(_toml_rows(path))
    else:
        lines, comma = _xlsx_lines(path) if suffix == ".xlsx" else _csv_lines(path)
        rows = list(_rows(path, lines, comma))
    if not rows:
        raise LayoutError(
            f"{path}: must have at least one parameter, has none",
            remedy="write one row for each slider and for each list of choices",
        )
    return rows


def _csv_lines(path: Path) -> tuple[list[tuple[int, list[Any]]], bool]:
    """Numbered lines of a CSV file, and True if it writes decimal commas."""
    data = read_limited(path, MAX_BYTES, error=LayoutError, remedy=_REMEDY)
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise LayoutError(
            f"{path}: must be UTF-8, is not at byte {error.start}",
            remedy="in a spreadsheet program, save as `CSV UTF-8`",
        ) from error
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines: list[tuple[int, list[Any]]] = []
    try:
        while True:
            number = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                return lines, delimiter != ","
            lines.append((number, list(cells)))
    except csv.Error as error:
        raise LayoutError(f"{path}, row {reader.line_num}: is not valid CSV: {error}") from error


def _xlsx_lines(path: Path) -> tuple[list[tuple[int, list[Any]]], bool]:
    """Numbered lines of the first sheet of a workbook."""
    try:
        import openpyxl
    except ImportError:
        raise UsageError(
            f"{path}: reading .xlsx needs the package openpyxl, which is not installed",
            remedy='pip install "f2p-sdk[xlsx]", or save the sheet as CSV',
        ) from None
    data = read_limited(path, MAX_BYTES, error=LayoutError, remedy=_REMEDY)
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        lines = [(i, list(row)) for i, row in enumerate(sheet.iter_rows(values_only=True), 1)]
    except Exception as error:  # the package raises many types for damaged files
        raise LayoutError(f"{path}: is not a readable workbook: {error}", remedy=_REMEDY) from error
    return lines, False


def _rows(path: Path, lines: Iterable[tuple[int, Sequence[Any]]], comma: bool) -> Iterator[Row]:
    """Convert numbered lines, the first one with the names of the columns, to rows."""
    columns: list[str] | None = None
    for number, cells in lines:
        texts = [_stripped(cell) for cell in cells]
        if not any(text != "" for text in texts):
            continue
        where = f"{path}, row {number}"
        if columns is None:
            columns = _columns(where, texts)
            continue
        if any(text != "" for text in texts[len(columns) :]):
            raise LayoutError(
                f"{where}: must have at most {len(columns)} cells, has {len(texts)}",
                remedy="put quotes around a cell with separators, or write none|short|long",
            )
        named = zip(columns, texts, strict=False)
        yield Row(where, {column: text for column, text in named if column and text != ""}, comma)


def _stripped(cell: Any) -> Any:
    if cell is None:
        return ""
    return cell.strip() if isinstance(cell, str) else cell


def _columns(where: str, names: Sequence[Any]) -> list[str]:
    """Canonical names of the columns; a column without a name is left out."""
    found: list[str] = []
    for name in names:
        key = re.sub(r"[\s-]+", "_", str(name).lower())
        column = _COLUMN_OF.get(key, "" if key == "" else None)
        if column is None:
            raise LayoutError(
                f"{where}: {name!r} is not a column here; the columns are {', '.join(COLUMNS)}",
                remedy=did_you_mean(key, _COLUMN_OF) or "rename the column, or delete it",
            )
        if column and column in found:
            raise LayoutError(f"{where}: the column {column!r} is there twice")
        found.append(column)
    if "name" not in found:
        raise LayoutError(
            f"{where}: the column 'name' is missing, got {', '.join(map(str, names))}",
            remedy="the first row names the columns: name,group,low,high,default,choices",
        )
    return found


def _toml_rows(path: Path) -> Iterator[Row]:
    """Rows of [[continuous]] and [[discrete]] tables, as a layout has them."""
    table = read_toml(path)
    for key in table:
        if key not in ("game", "kind", "continuous", "discrete"):
            raise LayoutError(
                f"{path}: {key!r} is not a key here; the keys are continuous, discrete",
                remedy=did_you_mean(key, ("continuous", "discrete")),
            )
    for key in ("continuous", "discrete"):
        entries = table.get(key, [])
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise LayoutError(f"{path}: {key} must be written as [[{key}]] tables")
        for number, entry in enumerate(entries, start=1):
            where = f"{path}, [[{key}]] number {number}"
            columns = _columns(where, list(entry))
            yield Row(where, dict(zip(columns, entry.values(), strict=True)))
