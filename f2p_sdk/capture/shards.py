"""Tar shards: written so that a kill loses nothing that is whole, repaired, read.

A record is two members, ``{i:08d}.png`` and ``{i:08d}.json``, always in this order and in the order
of i. Each is written together with the two empty blocks that end an archive, and the next one goes
over them: so a shard is a whole archive whenever nobody is just writing to it.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple

from ..errors import DatasetError
from .manifest import read_manifest

__all__ = ["Record", "Shard", "read_records", "shard_path"]

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)
_SUFFIXES = (".png", ".json")


class Record(NamedTuple):
    """Number of a record, the character's values by name, and the picture as PNG bytes."""

    number: int
    values: Mapping[str, float | str]
    png: bytes


class _Member(NamedTuple):
    name: str
    start: int  # of the content
    size: int
    end: int  # of the last block


def shard_path(folder: Path, shard: int) -> Path:
    """``000000.tar`` and so on."""
    return folder / f"{shard:06d}.tar"


def read_records(folder: str | Path) -> Iterator[Record]:
    """All whole records of a dataset, in order; those of an unfinished one as far as it goes.

    Raises:
        DatasetError: there is no dataset, or a record's JSON is damaged.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    for path in sorted(folder.glob("[0-9]" * 6 + ".tar")):
        first = int(path.stem) * manifest.shard_size
        try:
            with path.open("rb") as file:
                for number, (png, text) in enumerate(_pairs(file, first, path)):
                    document = _document(_content(file, text), f"{path}: {text.name}")
                    yield Record(first + number, document, _content(file, png))
        except OSError as error:
            raise DatasetError(f"{path} cannot be read: {error}") from None


class Shard:
    """A shard that is being written. What is whole in it stays; a torn tail is cut off.

    Args:
        path: the file, which need not exist.
        first: number of its first record.

    Raises:
        DatasetError: it holds something else, or cannot be written.
    """

    def __init__(self, path: Path, first: int) -> None:
        self.path = path
        try:
            self._file = path.open("r+b" if path.exists() else "w+b")
            members = list(_pairs(self._file, first, path))
            self.next = first + len(members)
            self._file.seek(members[-1][1].end if members else 0)
            self._file.truncate()
            # Truncating took the end marks too, also those of a shard that was whole.
            self._write(b"")
        except OSError as error:
            raise DatasetError(f"{path} cannot be written: {error}") from None

    @staticmethod
    def inspect(path: Path, first: int) -> tuple[int, bool]:
        """Whole records in a shard, which need not exist, and whether it ends as it should."""
        try:
            with path.open("rb") as file:
                members = list(_pairs(file, first, path))
                file.seek(members[-1][1].end if members else 0)
                return len(members), file.read(len(_END) + 1) == _END
        except FileNotFoundError:
            return 0, False
        except OSError as error:
            raise DatasetError(f"{path} cannot be read: {error}") from None

    def add(self, png: bytes, document: Mapping[str, object]) -> None:
        """Write record :attr:`next`."""
        text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
        key = f"{self.next:08d}"
        try:
            self._write(_member(key + ".png", png) + _member(key + ".json", text))
        except OSError as error:
            raise DatasetError(
                f"{self.path} cannot be written: {error.strerror or error}",
                remedy="make room on the disk and run the same command again: it goes on from here",
            ) from None
        self.next += 1

    def close(self) -> None:
        """Make sure that it is on the disk."""
        try:
            os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def _write(self, data: bytes) -> None:
        self._file.write(data + _END)
        self._file.flush()  # to the system: what a kill of this process cannot take away
        self._file.seek(-len(_END), os.SEEK_CUR)


def _member(name: str, content: bytes) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    padding = bytes(-len(content) % _BLOCK)
    return info.tobuf(tarfile.USTAR_FORMAT) + content + padding


def _members(file: IO[bytes]) -> Iterator[_Member]:
    """The whole members of an archive, as far as it is sound."""
    length = file.seek(0, os.SEEK_END)
    position = 0
    while True:
        file.seek(position)
        try:
            info = tarfile.TarInfo.frombuf(file.read(_BLOCK), "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError):
            return  # the end marks, the end of the file, or a torn block
        start = position + _BLOCK
        position = start + info.size + -info.size % _BLOCK
        if not info.isreg() or position > length:
            return
        yield _Member(info.name, start, info.size, position)


def _pairs(file: IO[bytes], first: int, path: Path) -> Iterator[tuple[_Member, _Member]]:
    """The whole records, which must have the numbers ``first`` and on."""
    key, png = first, None
    for member in _members(file):
        expected = f"{key:08d}{_SUFFIXES[png is not None]}"
        if member.name != expected:
            raise DatasetError(
                f"{path} holds {member.name!r} where {expected!r} belongs",
                remedy="it is not from f2p capture: move it away and run the command again",
            )
        if png is None:
            png = member
        else:
            yield png, member
            key, png = key + 1, None


def _content(file: IO[bytes], member: _Member) -> bytes:
    file.seek(member.start)
    return file.read(member.size)


def _document(text: bytes, name: str) -> Mapping[str, float | str]:
    try:
        values = json.loads(text)["values"]
    except (ValueError, KeyError, TypeError):
        values = None
    if not isinstance(values, dict):
        raise DatasetError(
            f"{name} is damaged",
            remedy="delete this shard and run f2p capture again: it draws what is missing",
        )
    return values
