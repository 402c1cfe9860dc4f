"""A captured dataset, decoded once into a file that is mapped into memory.

Training goes over the pictures dozens of times; decoding PNG each time would take longer than the
network. The cache lies beside the data, in ``.f2p-cache``: raw uint8 (N, S, S, 3), the vectors, the
record numbers, and last a small JSON file that says the others are whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import CharacterError, DatasetError, ImageError
from ..files import atomic_write
from ..images import decode, resize
from ..parameters import Layout, Value

__all__ = ["Pictures", "Record", "open_pictures"]

Record = tuple[int, Mapping[str, Value], bytes]
"""A record of a dataset: its number, the character's values, the picture as a file's bytes."""

FORMAT = 1
HELD_OUT = 20  # one record in so many is for validation
MAX_HELD_OUT = 512
_CHUNK = 64


@dataclass(frozen=True)
class Pictures:
    """Engine pictures and the vectors they were drawn from.

    Attributes:
        pictures: uint8 (N, S, S, 3), RGB sRGB, mapped from disk.
        vectors: float32 (N, D).
        numbers: int64 (N,), the record numbers.
        source: what the card says of the data: where from, how many, which size.
    """

    pictures: npt.NDArray[np.uint8]
    vectors: npt.NDArray[np.float32]
    numbers: npt.NDArray[np.int64]
    source: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def size(self) -> int:
        """S, the side of the pictures."""
        return int(self.pictures.shape[1])

    def split(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Rows to train on and rows held out. DatasetError if either would be empty.

        A record's side depends on its number alone: it stays there when the dataset grows.
        """
        held = np.flatnonzero(self.numbers % HELD_OUT == HELD_OUT - 1)
        train = np.flatnonzero(self.numbers % HELD_OUT != HELD_OUT - 1)
        if not len(held) or not len(train):
            raise DatasetError(
                f"the dataset has {len(self)} records, too few to hold one in {HELD_OUT} out",
                remedy=f"capture at least {HELD_OUT}: f2p capture -n 20000",
            )
        return train, held[:MAX_HELD_OUT]


def open_pictures(
    folder: Path,
    layout: Layout,
    size: int,
    records: Callable[[], Iterable[Record]],
    *,
    progress: Callable[[int], None] | None = None,
) -> Pictures:
    """The pictures of a dataset at ``size``, from the cache or decoded into it.

    Args:
        folder: the dataset's; names and sizes of its ``*.tar`` tell whether the cache is good.
        layout: of the characters.
        size: S. Larger pictures are scaled down; smaller ones are refused.
        records: reads the dataset from the start, e.g. ``lambda: capture.read_records(folder)``.
        progress: called with the number of pictures decoded so far.

    Raises:
        DatasetError: no records, a picture that cannot be decoded, is not square or is too small, a
            character of another layout, a disk that is full.
    """
    cache = folder / ".f2p-cache" / f"{layout.hash}-{size}"
    wanted = _fingerprint(folder, layout, size)
    note = _read_note(cache / "cache.json")
    if note is None or note.get("fingerprint") != wanted or not _whole(cache, note, size):
        note = _decode(cache, folder, layout, size, records, wanted, progress)
    shape = (int(note["count"]), size, size, 3)
    return Pictures(
        np.memmap(cache / "pictures.u8", dtype=np.uint8, mode="r", shape=shape),
        np.load(cache / "vectors.npy"),
        np.load(cache / "numbers.npy"),
        {"data": folder.name, "pictures": shape[0], "size": note["captured_size"]},
    )


def _fingerprint(folder: Path, layout: Layout, size: int) -> list[Any]:
    try:
        shards = sorted((p.name, p.stat().st_size) for p in folder.glob("*.tar"))
    except OSError as problem:
        raise DatasetError(f"{folder}: cannot be read: {problem}") from None
    return [FORMAT, layout.hash, size, [list(s) for s in shards]]


def _read_note(path: Path) -> dict[str, Any] | None:
    try:
        note = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) else None


def _whole(cache: Path, note: Mapping[str, Any], size: int) -> bool:
    try:
        bytes_there = (cache / "pictures.u8").stat().st_size
        return bytes_there == int(note["count"]) * size * size * 3 and all(
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
    fingerprint: list[Any],
    progress: Callable[[int], None] | None,
) -> dict[str, Any]:
    vectors: list[npt.NDArray[np.float32]] = []
    numbers: list[int] = []
    captured = 0
    try:
        cache.mkdir(parents=True, exist_ok=True)
        (cache / "cache.json").unlink(missing_ok=True)
        with (cache / "pictures.u8").open("wb") as file, ThreadPoolExecutor(2) as pool:
            for chunk in _chunks(records()):
                # PIL lets go of the interpreter's lock while it decodes
                decoded = pool.map(lambda r: _picture(r, folder, size), chunk)
                for (number, values, _), (side, pixels) in zip(chunk, decoded, strict=True):
                    vectors.append(_vector(layout, values, folder, number))
                    numbers.append(number)
                    captured = max(captured, side)
                    file.write(pixels.tobytes())
                if progress is not None:
                    progress(len(numbers))
            file.flush()
            os.fsync(file.fileno())
        if not numbers:
            raise DatasetError(
                f"{folder}: there are no records in this folder",
                remedy=f"draw some first: f2p capture -g {layout.name} -n 20000 -o {folder}",
            )
        np.save(cache / "vectors.npy", np.stack(vectors))
        np.save(cache / "numbers.npy", np.array(numbers, dtype=np.int64))
    except OSError as problem:
        raise DatasetError(
            f"{cache}: the decoded pictures cannot be written: {problem}",
            remedy="make room on the disk: a picture takes side x side x 3 bytes",
        ) from None
    note = {"fingerprint": fingerprint, "count": len(numbers), "captured_size": captured}
    atomic_write(cache / "cache.json", json.dumps(note), error=DatasetError)
    return note


def _chunks(records: Iterable[Record]) -> Iterator[list[Record]]:
    stream = iter(records)
    while chunk := list(islice(stream, _CHUNK)):
        yield chunk


def _picture(record: Record, folder: Path, size: int) -> tuple[int, npt.NDArray[np.uint8]]:
    """The side of the captured picture, and the picture at ``size``."""
    number, _, data = record
    try:
        pixels = decode(data)
    except ImageError as error:
        raise DatasetError(
            f"{folder}: the picture of record {number} cannot be decoded: {error.message}",
            remedy="delete that shard and run f2p capture again: it draws what is missing",
        ) from None
    height, width = pixels.shape[:2]
    if height != width or height < size:
        raise DatasetError(
            f"{folder}: the network takes square pictures of {size} pixels or more, "
            f"record {number} is {width}x{height}",
            remedy=f"capture again with --size {size}, into another folder",
        )
    return height, pixels if height == size else resize(pixels, size)


def _vector(
    layout: Layout, values: Mapping[str, Value], folder: Path, number: int
) -> npt.NDArray[np.float32]:
    try:
        return layout.encode(values)
    except CharacterError as error:
        raise DatasetError(
            f"{folder}: record {number} does not fit the layout {layout.hash} of {layout.name}: "
            f"{error.message}",
            remedy="the layout was changed since: capture again, into another folder",
        ) from None
