"""TOML files: any file of the SDK, and layouts."""

from __future__ import annotations

import sys
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import F2PError, LayoutError, did_you_mean, error_prefix
from ..files import read_limited
from .schema import Continuous, Discrete, Parameter

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Mapping

# Far above any real layout (310 parameters take 60 kB): a wrong file must not fill the memory.
MAX_BYTES = 8 * 1024 * 1024

_TYPES: Mapping[str, type[Continuous] | type[Discrete]] = {
    "continuous": Continuous,
    "discrete": Discrete,
}


def read_toml(path: str | Path) -> dict[str, Any]:
    """Read a TOML file (UTF-8, with or without a byte order mark). Raises LayoutError."""
    remedy = "give the path of a TOML file"
    data = read_limited(path, MAX_BYTES, error=LayoutError, remedy=remedy)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LayoutError(f"{path}: must be UTF-8, is not at byte {error.start}") from error
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise LayoutError(f"{path}: is not valid TOML: {error}") from error
    return table


def parse_layout(path: str | Path) -> tuple[str, str, tuple[Parameter, ...]]:
    """Read game, kind and parameters of a layout file. LayoutError names file and parameter."""
    table = read_toml(path)
    check_keys(path, table, ("game", "kind"), ("continuous", "discrete"))
    parameters: list[Parameter] = []
    for key, cls in _TYPES.items():
        required = tuple(f.name for f in fields(cls) if f.default is MISSING)
        optional = tuple(f.name for f in fields(cls) if f.default is not MISSING)
        entries = table.get(key, [])
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise LayoutError(f"{path}: {key} must be written as [[{key}]] tables")
        for number, entry in enumerate(entries, start=1):
            name = entry.get("name")
            subject = f"{path}: " + (
                f"parameter {name!r}" if isinstance(name, str) else f"[[{key}]] number {number}"
            )
            check_keys(subject, entry, required, optional)
            with error_prefix(path):
                parameters.append(cls(**entry))
    return table["game"], table["kind"], tuple(parameters)


def check_keys(
    subject: object,
    table: Mapping[str, Any],
    required: tuple[str, ...],
    optional: tuple[str, ...] = (),
    error: type[F2PError] = LayoutError,
) -> None:
    """Raise ``error`` for an unknown or a missing key of a table."""
    known = required + optional
    for key in table:
        if key not in known:
            raise error(
                f"{subject}: {key!r} is not a key here; the keys are {', '.join(known)}",
                remedy=did_you_mean(key, known),
            )
    for key in required:
        if key not in table:
            raise error(f"{subject}: the key {key!r} is missing")
