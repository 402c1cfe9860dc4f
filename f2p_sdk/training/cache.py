"""Parts that the caches of decoded datasets share.

A cache lies beside the data, in ``.f2p-cache``. Its note, a small JSON file, is written last: a
cache without a valid note is incomplete and is rebuilt.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DatasetError, ImageError
from ..files import atomic_write
from ..images import decode

__all__ = [
    "MAX_HELD_OUT",
    "Rows",
    "decode_record",
    "fingerprint",
    "read_note",
    "rebuilding",
    "split_rows",
    "write_note",
]

Rows = npt.NDArray[np.int64]

HELD_OUT = 20  # one record in so many is held out
MAX_HELD_OUT = 512
_FORMAT = 1
_NOTE = "cache.json"


def fingerprint(folder: Path, *key: object) -> list[Any]:
    """Identify a cache: ``key``, and names and sizes of the shards; JSON types. DatasetError."""
    try:
        shards = sorted((p.name, p.stat().st_size) for p in folder.glob("*.tar"))
    except OSError as problem:
        raise DatasetError(f"{folder}: cannot be read: {problem}") from None
    return [_FORMAT, *key, [list(s) for s in shards]]


def read_note(cache: Path) -> Any:
    """The note of a cache; None without a valid one."""
    try:
        return json.loads((cache / _NOTE).read_text("utf-8"))
    except (OSError, ValueError):
        return None


def write_note(cache: Path, note: Any) -> None:
    """Write the note, which makes the cache valid."""
    atomic_write(cache / _NOTE, json.dumps(note), error=DatasetError)


@contextmanager
def rebuilding(cache: Path, bytes_per_pixel: int, command: str) -> Iterator[list[int]]:
    """Remove the old note of a cache, and write the numbers of its records.

    The block appends the numbers to the list that it gets. DatasetError if it appends none, or if
    the disk fails; ``command`` captures a dataset.
    """
    numbers: list[int] = []
    folder = cache.parent.parent
    try:
        cache.mkdir(parents=True, exist_ok=True)
        (cache / _NOTE).unlink(missing_ok=True)
        yield numbers
        np.save(cache / "numbers.npy", np.array(numbers, dtype=np.int64))
    except OSError as problem:
        raise DatasetError(
            f"{cache}: the decoded pictures cannot be written: {problem}",
            remedy=f"free disk space: a picture needs side x side x {bytes_per_pixel} bytes",
        ) from None
    if not numbers:
        raise DatasetError(
            f"{folder}: there are no records in this folder",
            remedy=f"capture some first: {command} -o {folder}",
        )


def decode_record(
    data: bytes, folder: Path, number: int, size: int, labels: npt.NDArray[Any] | None = None
) -> npt.NDArray[np.uint8]:
    """Decode the picture of a record: uint8 (S, S, 3), S at least ``size``. DatasetError."""
    try:
        picture = decode(data)
    except ImageError as error:
        raise DatasetError(
            f"{folder}: the picture of record {number} cannot be decoded: {error.message}",
            remedy="delete that shard and run f2p capture again: it draws what is missing",
        ) from None
    height, width = picture.shape[:2]
    if height != width or height < size or not (labels is None or labels.shape == (height, width)):
        labelled = "" if labels is None else "with labels of the same size, "
        raise DatasetError(
            f"{folder}: the network takes square pictures of {size} pixels or more, {labelled}"
            f"record {number} is {width}x{height}",
            remedy=f"capture again with --size {size}, into another folder",
        )
    return picture


def split_rows(numbers: Rows, remedy: str) -> tuple[Rows, Rows]:
    """Rows to train on and all rows held out. DatasetError if either is empty.

    A record's side depends on its number alone: it stays there when the dataset grows.
    """
    held = numbers % HELD_OUT == HELD_OUT - 1
    if held.all() or not held.any():
        raise DatasetError(
            f"the data have {len(numbers)} records, too few to hold out one in {HELD_OUT}",
            remedy=f"capture at least {HELD_OUT}: {remedy}",
        )
    return np.flatnonzero(~held), np.flatnonzero(held)
