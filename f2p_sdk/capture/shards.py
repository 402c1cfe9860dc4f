"""Tar shards: written so that a killed process loses no complete record; repair; reading.

A record has the members ``{i:08d}.png`` and ``{i:08d}.json`` in this order, with those of other
passes (``PASS_FILES``) between them. Records are in the order of i, but those that were drawn again
after a failure are at the end of their shard. Each record is written together
with the two empty blocks that end an archive, and the next record overwrites them. So a shard is a
valid archive whenever no write is in progress.
"""

from __future__ import annotations

import io
import json
import os
import re
import tarfile
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..errors import DatasetError
from .manifest import read_manifest
from .png import fast_png

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)
_AGAIN = "delete this shard and run f2p capture again: it draws the missing records"

PASS_FILES: Mapping[str, str] = {
    "labels": ".labels.png",
    "landmarks": ".landmarks.npy",
    "depth": ".depth.npy",
}
"""Pass -> end of its member's name; WebDataset decodes by the part after the last dot."""


class Record(NamedTuple):
    """Number of a record, the character's values by name, and the picture as PNG bytes."""

    number: int
    values: Mapping[str, float | str]
    png: bytes


def suffixes(passes: Sequence[str] = ()) -> tuple[str, ...]:
    """Ends of the names of a record's members, in order."""
    return (".png", *(PASS_FILES[name] for name in passes), ".json")


class _Member(NamedTuple):
    name: str
    start: int  # of the content
    size: int
    end: int  # of the last block


def shard_path(folder: Path, shard: int) -> Path:
    """Path of a shard: ``000000.tar``, ``000001.tar``, ..."""
    return folder / f"{shard:06d}.tar"


def shard_range(shard: int, size: int) -> range:
    """Numbers of the records that a shard may have; ``size`` is the manifest's."""
    return range(shard * size, (shard + 1) * size)


def read_records(folder: str | Path, numbers: Container[int] | None = None) -> Iterator[Record]:
    """All complete records of a data set, in order, or those with these numbers.

    The data set may be unfinished.

    Raises:
        DatasetError: there is no data set, or a record's JSON is damaged.
    """
    plain = partial(_complete_records, Path(folder), lambda m: m.name.count(".") == 1)
    for number, name, files in plain(numbers):
        yield Record(number, _document(files[".json"], name), files[".png"])


def record_numbers(folder: str | Path) -> list[int]:
    """Numbers of all complete records, in order; reads no contents. DatasetError."""
    return [number for number, _, _ in _complete_records(Path(folder), lambda m: False)]


def read_planes(folder: str | Path) -> Iterator[tuple[int, dict[str, npt.NDArray[Any]]]]:
    """Number and kept passes of all complete records: ``labels`` uint8 (H, W), ``landmarks``
    float32 (73, 3), ``depth`` float32 (H, W).

    Raises:
        DatasetError: there is no data set, or a plane is damaged.
    """
    for number, name, files in _complete_records(Path(folder), lambda m: m.name.count(".") == 2):
        try:
            yield number, {p: _plane(files[end]) for p, end in PASS_FILES.items() if end in files}
        except (OSError, ValueError):
            raise DatasetError(f"{name}: a pass of this record is damaged", remedy=_AGAIN) from None


def _complete_records(
    folder: Path, select: Callable[[_Member], bool], wanted: Container[int] | None = None
) -> Iterator[tuple[int, str, dict[str, bytes]]]:
    """Number, name, and contents of the selected members by the ends of their names."""
    manifest = read_manifest(folder)
    ends = suffixes(manifest.kept_passes)
    for path in sorted(folder.glob("[0-9]" * 6 + ".tar")):
        numbers = shard_range(int(path.stem), manifest.shard_size)
        try:
            with path.open("rb") as file:
                for number, members in sorted(_records(file, numbers, path, ends)):
                    if wanted is not None and number not in wanted:
                        continue
                    named = zip(ends, members, strict=True)
                    files = {end: _content(file, m) for end, m in named if select(m)}
                    yield number, f"{path}: {members[-1].name}", files
        except OSError as error:
            raise DatasetError(f"{path} cannot be read: {error}") from None


def encode_plane(plane: npt.NDArray[Any]) -> bytes:
    """Content of a pass's file: PNG of uint8 planes, else NumPy's format."""
    if plane.dtype == np.uint8:
        return fast_png(plane)
    buffer = io.BytesIO()
    np.save(buffer, plane, allow_pickle=False)
    return buffer.getvalue()


def _plane(content: bytes) -> npt.NDArray[Any]:
    if content[:4] == b"\x89PNG":
        with Image.open(io.BytesIO(content)) as picture:
            return np.asarray(picture)
    plane: npt.NDArray[Any] = np.load(io.BytesIO(content), allow_pickle=False)
    return plane


class Shard:
    """A shard opened for writing. Complete records stay; an incomplete record is removed.

    Args:
        path: path of the file, which need not exist.
        allowed: numbers of its records.
        ends: ends of the names of a record's members.

    Attributes:
        numbers: numbers of its complete records.

    Raises:
        DatasetError: the file has other members, or cannot be written.
    """

    def __init__(self, path: Path, allowed: range, ends: Sequence[str] = suffixes()) -> None:
        self.path, self._ends = path, tuple(ends)
        try:
            self._file = path.open("r+b" if path.exists() else "w+b")
            records = list(_records(self._file, allowed, path, self._ends))
            self.numbers = {number for number, _ in records}
            self._file.seek(_end_of(records))
            self._file.truncate()
            # Truncating has also removed the end marks.
            self._write(b"")
        except OSError as error:
            raise DatasetError(f"{path} cannot be written: {error}") from None

    @staticmethod
    def inspect(
        path: Path, allowed: range, ends: Sequence[str] = suffixes()
    ) -> tuple[set[int], bool]:
        """Numbers of the complete records of a shard, none if it does not exist; True with end
        marks."""
        try:
            with path.open("rb") as file:
                records = list(_records(file, allowed, path, ends))
                file.seek(_end_of(records))
                ended = file.read(len(_END) + 1) == _END
                return {number for number, _ in records}, ended
        except FileNotFoundError:
            return set(), False
        except OSError as error:
            raise DatasetError(f"{path} cannot be read: {error}") from None

    def add(self, number: int, planes: Sequence[bytes], document: Mapping[str, object]) -> None:
        """Append a record: the contents of its members, with the document last."""
        text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
        key = f"{number:08d}"
        try:
            named = zip(self._ends, (*planes, text), strict=True)
            self._write(b"".join(_member(key + end, content) for end, content in named))
        except OSError as error:
            raise DatasetError(
                f"{self.path} cannot be written: {error.strerror or error}",
                remedy="free disk space and run the same command again: it continues from here",
            ) from None
        self.numbers.add(number)

    def close(self) -> None:
        """Write all data to the disk and close the file."""
        with self._file:
            os.fsync(self._file.fileno())

    def _write(self, data: bytes) -> None:
        self._file.write(data + _END)
        self._file.flush()  # to the system, so that it survives a kill of this process
        self._file.seek(-len(_END), os.SEEK_CUR)


def _member(name: str, content: bytes) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    padding = bytes(-len(content) % _BLOCK)
    return info.tobuf(tarfile.USTAR_FORMAT) + content + padding


def _members(file: IO[bytes]) -> Iterator[_Member]:
    """The complete members of an archive, up to the first damaged one."""
    length = file.seek(0, os.SEEK_END)
    position = 0
    while True:
        file.seek(position)
        try:
            info = tarfile.TarInfo.frombuf(file.read(_BLOCK), "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError):
            return  # end marks, end of the file, or an incomplete block
        start = position + _BLOCK
        position = start + info.size + -info.size % _BLOCK
        if not info.isreg() or position > length:
            return
        yield _Member(info.name, start, info.size, position)


_Found = tuple[int, tuple[_Member, ...]]


def _records(file: IO[bytes], allowed: range, path: Path, ends: Sequence[str]) -> Iterator[_Found]:
    """Number and members of the complete records, in the order of the file.

    Raises:
        DatasetError: a member is of no record with an allowed number, or of one that came before.
    """
    seen: set[int] = set()
    key = allowed.start
    record: list[_Member] = []
    for member in _members(file):
        if not record and re.fullmatch(r"\d{8}\.png", member.name):
            number = int(member.name[:8])
            key = number if number in allowed and number not in seen else key
        expected = f"{key:08d}{ends[len(record)]}"
        if member.name != expected or key in seen:
            raise DatasetError(
                f"{path} has {member.name!r} in the place of {expected!r}",
                remedy="it is not from f2p capture: move it away and run the command again",
            )
        record.append(member)
        if len(record) == len(ends):
            yield key, tuple(record)
            seen.add(key)
            key, record = key + 1, []


def _end_of(records: Sequence[_Found]) -> int:
    """Position after the last record."""
    return records[-1][1][-1].end if records else 0


def _content(file: IO[bytes], member: _Member) -> bytes:
    file.seek(member.start)
    return file.read(member.size)


def _document(text: bytes, name: str) -> Mapping[str, float | str]:
    try:
        values = json.loads(text)["values"]
    except (ValueError, KeyError, TypeError):
        values = None
    if not isinstance(values, dict):
        raise DatasetError(f"{name} is damaged", remedy=_AGAIN)
    return values
