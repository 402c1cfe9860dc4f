"""A captured dataset, decoded once into a memory-mapped file.

Training reads the pictures dozens of times, and decoding PNG each time would take longer than the
network. The cache holds raw uint8 (N, S, S, 3), the vectors and the record numbers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import CharacterError, DatasetError
from ..images import resize
from ..parameters import Layout, Value
from .cache import (
    MAX_HELD_OUT,
    Rows,
    decode_record,
    fingerprint,
    read_note,
    rebuilding,
    split_rows,
    write_note,
)

__all__ = ["Pictures", "Record", "open_pictures"]

Record = tuple[int, Mapping[str, Value], bytes]
"""A record of a dataset: its number, the character's values, the encoded picture."""

_CHUNK = 64


@dataclass(frozen=True)
class Pictures:
    """Engine pictures and the vectors that they were drawn from.

    Attributes:
        pictures: uint8 (N, S, S, 3), RGB sRGB, mapped from disk.
        vectors: float32 (N, D).
        numbers: int64 (N,), the record numbers.
        source: description of the data for the card.
    """

    pictures: npt.NDArray[np.uint8]
    vectors: npt.NDArray[np.float32]
    numbers: Rows
    source: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def size(self) -> int:
        """S, the side of the pictures."""
        return int(self.pictures.shape[1])

    def split(self) -> tuple[Rows, Rows]:
        """Rows to train on and rows held out. DatasetError if there are too few."""
        train, held = split_rows(self.numbers, "f2p capture -n 20000")
        return train, held[:MAX_HELD_OUT]


def open_pictures(
    folder: Path,
    layout: Layout,
    size: int,
    records: Callable[[], Iterable[Record]],
    *,
    progress: Callable[[int], None] | None = None,
) -> Pictures:
    """Open the pictures of a dataset at ``size``, from the cache or decoded into it.

    Args:
        folder: the dataset's; the cache is valid for names and sizes of its ``*.tar``.
        layout: of the characters.
        size: S. Larger pictures are scaled down; smaller ones are refused.
        records: reads the dataset from the start, e.g. ``lambda: capture.read_records(folder)``.
        progress: called with the number of pictures decoded so far.

    Raises:
        DatasetError: no records, a picture that cannot be decoded, is not square or is too small, a
            character of another layout, a full disk.
    """
    cache = folder / ".f2p-cache" / f"{layout.hash}-{size}"
    expected = fingerprint(folder, layout.hash, size)
    note = read_note(cache)
    if (
        not isinstance(note, dict)
        or note.get("fingerprint") != expected
        or not _complete(cache, note, size)
    ):
        count, side = _decode(cache, folder, layout, size, records, progress)
        note = {"fingerprint": expected, "count": count, "captured_size": side}
        write_note(cache, note)
    shape = (int(note["count"]), size, size, 3)
    return Pictures(
        np.memmap(cache / "pictures.u8", dtype=np.uint8, mode="r", shape=shape),
        np.load(cache / "vectors.npy"),
        np.load(cache / "numbers.npy"),
        {"data": folder.name, "pictures": shape[0], "size": note["captured_size"]},
    )


def _complete(cache: Path, note: Mapping[str, Any], size: int) -> bool:
    try:
        length = (cache / "pictures.u8").stat().st_size
        return length == int(note["count"]) * size * size * 3 and all(
            (cache / name).is_file() for name in ("vectors.npy", "numbers.npy")
        )
    except (OSError, KeyError, TypeError, ValueError):
        return False


def _decode(
    cache: Path,
    folder: Path,
    layout: Layout,
    size: int,
    records: Callable[[], Iterable[Record]],
    progress: Callable[[int], None] | None,
) -> tuple[int, int]:
    """Write the cache; return the number of pictures and the side of the largest."""
    vectors: list[npt.NDArray[np.float32]] = []
    captured = 0
    with rebuilding(cache, 3, f"f2p capture -g {layout.name} -n 20000") as numbers:
        with (cache / "pictures.u8").open("wb") as file, ThreadPoolExecutor(2) as pool:
            stream = iter(records())
            while chunk := list(islice(stream, _CHUNK)):
                # PIL releases the interpreter's lock while it decodes
                whole = list(pool.map(lambda r: decode_record(r[2], folder, r[0], size), chunk))
                captured = max(captured, *map(len, whole))
                resized = pool.map(lambda picture: resize(picture, size), whole)
                for (number, values, _), pixels in zip(chunk, resized, strict=True):
                    vectors.append(_vector(layout, values, folder, number))
                    numbers.append(number)
                    file.write(pixels.tobytes())
                if progress is not None:
                    progress(len(numbers))
            file.flush()
            os.fsync(file.fileno())
        np.save(cache / "vectors.npy", np.array(vectors))
    return len(numbers), captured


def _vector(
    layout: Layout, values: Mapping[str, Value], folder: Path, number: int
) -> npt.NDArray[np.float32]:
    try:
        return layout.encode(values)
    except CharacterError as error:
        raise DatasetError(
            f"{folder}: record {number} does not fit the layout {layout.hash} of {layout.name}: "
            f"{error.message}",
            remedy="the layout has changed since: capture again, into another folder",
        ) from None
