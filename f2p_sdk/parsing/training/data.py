"""Engine pictures with their labels, decoded once into memory-mapped files.

The cache holds raw uint8 (N, S, S, 3) and twice (N, S, S), and the record numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...errors import DatasetError
from ...faceparts import CLASSES
from ...images import resize
from ...training.cache import (
    MAX_HELD_OUT,
    Rows,
    decode_record,
    fingerprint,
    read_note,
    rebuilding,
    split_rows,
    write_note,
)

__all__ = ["Face", "Faces", "LabelledRecord", "open_faces"]

Bytes = npt.NDArray[np.uint8]
LabelledRecord = tuple[int, bytes, Mapping[str, npt.NDArray[Any]]]
"""A record: its number, the encoded picture, and its planes: ``labels``, ``depth``."""


class Face(NamedTuple):
    """One picture."""

    picture: Bytes  # uint8 (S, S, 3) RGB sRGB
    labels: Bytes  # uint8 (S, S), classes of ``faceparts.CLASSES``
    drawn: Bytes  # uint8 (S, S), 255 for the foreground, 0 for the backdrop


@dataclass(frozen=True)
class _Dataset:
    folder: str
    numbers: Rows
    pictures: Bytes
    labels: Bytes
    drawn: Bytes


class Faces:
    """All pictures of several datasets, by row."""

    def __init__(self, datasets: Sequence[_Dataset], size: int) -> None:
        self._datasets, self.size = tuple(datasets), size
        self._starts = np.cumsum([0, *(len(one.numbers) for one in datasets)])
        self.numbers = np.concatenate([one.numbers for one in datasets])

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, row: int) -> Face:
        k = int(np.searchsorted(self._starts, row, side="right")) - 1
        data, i = self._datasets[k], int(row - self._starts[k])
        return Face(data.pictures[i], data.labels[i], data.drawn[i])

    @property
    def source(self) -> dict[str, Any]:
        """Description of the data for the card."""
        folders = [one.folder for one in self._datasets]
        return {"data": folders, "pictures": len(self), "size": self.size}

    def split(self) -> tuple[Rows, Rows]:
        """Rows to train on, and rows held out of every dataset. DatasetError if too few."""
        train, held = split_rows(self.numbers, "f2p capture --passes labels,depth")
        return train, held[:: -(-len(held) // MAX_HELD_OUT)]


def open_faces(
    folders: Sequence[Path],
    records: Callable[[Path], Iterable[LabelledRecord]],
    size: int,
    *,
    progress: Callable[[int], None] | None = None,
) -> Faces:
    """Open pictures and labels of datasets at ``size``, from their caches or decoded into them.

    Args:
        folders: of the datasets; a cache is valid for names and sizes of their ``*.tar``.
        records: reads one of them from the start. Without depth all of a picture is foreground.
        size: S. Larger pictures are scaled down; smaller ones are refused.
        progress: called with the number of pictures decoded so far.

    Raises:
        DatasetError: no records, no labels, a picture that cannot be decoded, is not square or is
            too small, an unknown class, a full disk.
    """
    if not folders:
        raise DatasetError("a parser is trained on one dataset or more, got none")
    done = 0
    datasets = []
    for folder in folders:
        cache = folder / ".f2p-cache" / f"faces-{size}"
        expected = fingerprint(folder, size)
        if read_note(cache) != expected:
            _decode(cache, folder, records(folder), size, done, progress)
            write_note(cache, expected)
        numbers = np.load(cache / "numbers.npy")
        shape = (len(numbers), size, size)
        planes = [
            np.memmap(cache / f"{name}.u8", dtype=np.uint8, mode="r", shape=(*shape, *channels))
            for name, channels in (("pictures", (3,)), ("labels", ()), ("drawn", ()))
        ]
        datasets.append(_Dataset(folder.name, numbers, *planes))
        done += len(numbers)
    return Faces(datasets, size)


def _decode(
    cache: Path,
    folder: Path,
    records: Iterable[LabelledRecord],
    size: int,
    done: int,
    progress: Callable[[int], None] | None,
) -> None:
    with (
        rebuilding(cache, 5, "f2p capture --passes labels,depth") as numbers,
        (cache / "pictures.u8").open("wb") as pictures,
        (cache / "labels.u8").open("wb") as labels,
        (cache / "drawn.u8").open("wb") as drawn,
    ):
        for record in records:
            face = _face(record, folder, size)
            for file, plane in zip((pictures, labels, drawn), face, strict=True):
                file.write(plane.tobytes())
            numbers.append(record[0])
            if progress is not None and len(numbers) % 32 == 0:
                progress(done + len(numbers))


def _face(record: LabelledRecord, folder: Path, size: int) -> Face:
    number, data, planes = record
    labels = planes.get("labels")
    if labels is None:
        raise DatasetError(
            f"{folder}: the dataset has no labels, and a parser needs them",
            remedy="capture again with --passes labels,depth, into another folder",
        )
    picture = decode_record(data, folder, number, size, labels)
    if int(labels.max()) >= len(CLASSES):
        raise DatasetError(
            f"{folder}: record {number} has the class {int(labels.max())}, "
            f"the last one is {len(CLASSES) - 1}",
            remedy="the engine's labels must be those of docs/reference/protocol.md",
        )
    depth = planes.get("depth")
    drawn = np.full_like(labels, 255) if depth is None else (depth > 0).astype(np.uint8) * 255
    if len(picture) != size:
        nearest = ((np.arange(size) + 0.5) * len(picture) / size).astype(np.intp)
        labels, drawn = labels[np.ix_(nearest, nearest)], drawn[np.ix_(nearest, nearest)]
        picture = resize(picture, size)
    return Face(picture, labels.astype(np.uint8), drawn)
