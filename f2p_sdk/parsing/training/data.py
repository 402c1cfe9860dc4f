"""Engine pictures with their labels, decoded once into files that are mapped into memory.

The cache lies beside the data, in ``.f2p-cache``: raw uint8 (N, S, S, 3) and twice (N, S, S), the
record numbers, and last a small JSON file that says the others are whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...errors import DatasetError, ImageError
from ...faceparts import CLASSES
from ...files import atomic_write
from ...images import decode, resize
from ...training.pictures import HELD_OUT, MAX_HELD_OUT

__all__ = ["Face", "Faces", "Scan", "open_faces"]

Bytes = npt.NDArray[np.uint8]
Scan = tuple[int, bytes, Mapping[str, npt.NDArray[Any]]]
"""A record: its number, the picture as a file's bytes, and its planes: ``labels``, ``depth``."""

FORMAT = 1


class Face(NamedTuple):
    """One picture.

    Attributes:
        picture: uint8 (S, S, 3) RGB sRGB.
        labels: uint8 (S, S), classes of ``faceparts.CLASSES``.
        drawn: uint8 (S, S), 255 where something stands before the backdrop, else 0.
    """

    picture: Bytes
    labels: Bytes
    drawn: Bytes


@dataclass(frozen=True)
class _Part:
    folder: str
    numbers: npt.NDArray[np.int64]
    pictures: Bytes
    labels: Bytes
    drawn: Bytes


class Faces:
    """All pictures of some datasets, one after the other, by row."""

    def __init__(self, parts: Sequence[_Part], size: int) -> None:
        self._parts, self.size = tuple(parts), size
        self._starts = np.cumsum([0, *(len(part.numbers) for part in parts)])
        self.numbers = np.concatenate([part.numbers for part in parts])

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, row: int) -> Face:
        k = int(np.searchsorted(self._starts, row, side="right")) - 1
        part, i = self._parts[k], int(row - self._starts[k])
        return Face(part.pictures[i], part.labels[i], part.drawn[i])

    @property
    def source(self) -> dict[str, Any]:
        """For the card: which folders, how many pictures, which size."""
        folders = [part.folder for part in self._parts]
        return {"data": folders, "pictures": len(self), "size": self.size}

    def split(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Rows to train on and rows held out, as :meth:`Pictures.split` does it. DatasetError."""
        held = np.flatnonzero(self.numbers % HELD_OUT == HELD_OUT - 1)
        train = np.flatnonzero(self.numbers % HELD_OUT != HELD_OUT - 1)
        if not len(held) or not len(train):
            raise DatasetError(
                f"the datasets have {len(self)} records, too few to hold one in {HELD_OUT} out",
                remedy=f"capture at least {HELD_OUT}: f2p capture --passes labels,depth",
            )
        # of every dataset some, where there are more than are looked at
        return train, held[:: -(-len(held) // MAX_HELD_OUT)]


def open_faces(
    folders: Sequence[Path],
    records: Callable[[Path], Iterable[Scan]],
    size: int,
    *,
    progress: Callable[[int], None] | None = None,
) -> Faces:
    """The pictures and labels of datasets at ``size``, from their caches or decoded into them.

    Args:
        folders: of the datasets; names and sizes of their ``*.tar`` tell whether a cache is good.
        records: reads one of them from the start. Without depth nothing is known of the backdrop,
            and all of a picture counts as drawn.
        size: S. Larger pictures are scaled down; smaller ones are refused.
        progress: called with the number of pictures decoded so far.

    Raises:
        DatasetError: no records, no labels, a picture that cannot be decoded, is not square or is
            too small, a class that is not known, a disk that is full.
    """
    if not folders:
        raise DatasetError("a parser is trained on one dataset or more, got none")
    done = 0
    parts = []
    for folder in folders:
        cache = folder / ".f2p-cache" / f"faces-{size}"
        fingerprint = _fingerprint(folder, size)
        if _note(cache) != fingerprint:

            def tell(count: int, before: int = done) -> None:
                if progress is not None:
                    progress(before + count)

            _decode(cache, folder, records(folder), size, fingerprint, tell)
        numbers = np.load(cache / "numbers.npy")
        n = len(numbers)
        shapes = {"pictures": (n, size, size, 3), "labels": (n, size, size)}
        shapes["drawn"] = shapes["labels"]
        planes = {
            name: np.memmap(cache / f"{name}.u8", dtype=np.uint8, mode="r", shape=shape)
            for name, shape in shapes.items()
        }
        parts.append(_Part(folder.name, numbers, **planes))
        done += n
    return Faces(parts, size)


def _fingerprint(folder: Path, size: int) -> list[Any]:
    try:
        shards = sorted((p.name, p.stat().st_size) for p in folder.glob("*.tar"))
    except OSError as problem:
        raise DatasetError(f"{folder}: cannot be read: {problem}") from None
    return [FORMAT, size, [list(s) for s in shards]]


def _note(cache: Path) -> object:
    """What the cache was made of; it is written last, so a torn cache has none."""
    try:
        return json.loads((cache / "cache.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _decode(
    cache: Path,
    folder: Path,
    records: Iterable[Scan],
    size: int,
    fingerprint: list[Any],
    progress: Callable[[int], None],
) -> None:
    numbers: list[int] = []
    try:
        cache.mkdir(parents=True, exist_ok=True)
        (cache / "cache.json").unlink(missing_ok=True)
        with (
            (cache / "pictures.u8").open("wb") as pictures,
            (cache / "labels.u8").open("wb") as labels,
            (cache / "drawn.u8").open("wb") as drawn,
        ):
            for record in records:
                face = _face(record, folder, size)
                pictures.write(face.picture.tobytes())
                labels.write(face.labels.tobytes())
                drawn.write(face.drawn.tobytes())
                numbers.append(record[0])
                if len(numbers) % 32 == 0:
                    progress(len(numbers))
        np.save(cache / "numbers.npy", np.array(numbers, dtype=np.int64))
    except OSError as problem:
        raise DatasetError(
            f"{cache}: the decoded pictures cannot be written: {problem}",
            remedy="make room on the disk: a picture takes side x side x 5 bytes",
        ) from None
    if not numbers:
        raise DatasetError(
            f"{folder}: there are no records in this folder",
            remedy=f"draw some first: f2p capture --passes labels,depth -o {folder}",
        )
    atomic_write(cache / "cache.json", json.dumps(fingerprint), error=DatasetError)


def _face(record: Scan, folder: Path, size: int) -> Face:
    number, data, planes = record
    labels = planes.get("labels")
    if labels is None:
        raise DatasetError(
            f"{folder}: the dataset has no labels, which a parser learns from",
            remedy="capture again with --passes labels,depth, into another folder",
        )
    try:
        picture = decode(data)
    except ImageError as error:
        raise DatasetError(
            f"{folder}: the picture of record {number} cannot be decoded: {error.message}",
            remedy="delete that shard and run f2p capture again: it draws what is missing",
        ) from None
    height, width = picture.shape[:2]
    if height != width or height < size or labels.shape != (height, width):
        raise DatasetError(
            f"{folder}: the parser takes square pictures of {size} pixels or more with labels of "
            f"the same size, record {number} is {width}x{height}",
            remedy=f"capture again with --size {size}, into another folder",
        )
    if int(labels.max()) >= len(CLASSES):
        raise DatasetError(
            f"{folder}: record {number} has the class {int(labels.max())}, "
            f"the last one is {len(CLASSES) - 1}",
            remedy="the engine's labels must be those of docs/reference/protocol.md",
        )
    depth = planes.get("depth")
    drawn = np.full_like(labels, 255) if depth is None else (depth > 0).astype(np.uint8) * 255
    if height != size:
        nearest = ((np.arange(size) + 0.5) * height / size).astype(np.intp)
        labels, drawn = labels[np.ix_(nearest, nearest)], drawn[np.ix_(nearest, nearest)]
        picture = resize(picture, size)
    return Face(picture, labels.astype(np.uint8), drawn)
