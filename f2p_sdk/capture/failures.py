"""Characters that an engine failed to draw: the file ``failures.jsonl`` of a data set.

A line is a JSON object with ``index``, ``values`` of the character and the engine's ``reason``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import DatasetError, UsageError
from ..files import atomic_write
from .manifest import read_manifest
from .shards import record_numbers

FAILURES = "failures.jsonl"
DEFAULT_LIMIT = "1%"
_REMEDY = "delete it and run f2p capture again: it draws these characters once more"


@dataclass(frozen=True)
class Failure:
    """A character that was not drawn: number of its record, values by name, the engine's message,
    and its scene if it had one."""

    index: int
    values: Mapping[str, float | str]
    reason: str
    scene: Mapping[str, Any] | None = None


def read_failures(folder: str | Path) -> dict[int, Failure]:
    """Failures of a data set by the numbers of their records; none without the file.

    Raises:
        DatasetError: a line is damaged.
    """
    path = Path(folder) / FAILURES
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read: {error}", remedy=_REMEDY) from None
    found: dict[int, Failure] = {}
    for number, line in enumerate(lines, 1):
        try:
            failure = Failure(**json.loads(line))
            found[int(failure.index)] = failure
        except (ValueError, TypeError):
            raise DatasetError(f"{path}: line {number} is damaged", remedy=_REMEDY) from None
    return found


def write_failures(folder: Path, failures: Mapping[int, Failure]) -> None:
    """Replace the file; remove it without failures. DatasetError if it cannot be written."""
    path = folder / FAILURES
    if failures:
        text = "".join(_line(failure) for failure in failures.values())
        atomic_write(path, text, error=DatasetError)
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise DatasetError(f"{path} cannot be removed: {error}") from None


def _line(failure: Failure) -> str:
    row = {name: value for name, value in asdict(failure).items() if value is not None}
    return json.dumps(row, allow_nan=False) + "\n"


def failure_limit(text: str, count: int) -> int:
    """Number of allowed failures: a number such as "3", or a share of ``count`` such as "1%".

    A share above 0 allows at least one.

    Raises:
        UsageError: neither a number nor a share from 0 to 100 %.
    """
    match = re.fullmatch(r"(\d+)|(\d+(?:\.\d+)?) *%", text.strip())
    if match is None or float(match[2] or 0) > 100:
        raise UsageError(
            f"--max-failures must be a number such as 3, or a share such as 1%, got {text!r}"
        )
    if match[1] is not None:
        return int(match[1])
    share = float(match[2]) / 100
    return max(1, int(share * count)) if share else 0


def missing_records(folder: str | Path) -> list[int]:
    """Numbers of the records that the manifest promises, but that are neither there nor failed.

    Raises:
        DatasetError: there is no data set, or it is damaged.
    """
    there = {*record_numbers(folder), *read_failures(folder)}
    return [i for i in range(read_manifest(folder).count) if i not in there]


def require_complete(folder: str | Path) -> None:
    """Raise DatasetError if records of a data set are missing that are not listed as failed."""
    missing = missing_records(folder)
    if missing:
        count = read_manifest(folder).count
        raise DatasetError(
            f"{folder}: {len(missing)} of {count} records are missing, the first is {missing[0]}",
            remedy="run the command of this capture again, it draws them; or add --partial to "
            "train on the others",
        )
