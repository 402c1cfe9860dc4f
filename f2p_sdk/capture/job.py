"""Capturing: what is missing in a folder is drawn by the connected engines and written in order."""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bridge import Host, Picture
from ..errors import DatasetError, UsageError
from ..parameters import Character, Layout
from .manifest import MANIFEST, Manifest, locked, read_manifest
from .png import fast_png
from .shards import PASS_FILES, Shard, shard_path, suffixes
from .vary import random_scene, read_aspects

__all__ = ["Job", "capture"]

SHARD_SIZE = 1000
DEADLINE = 60.0
_AHEAD = 16  # pictures in memory beyond those that engines hold

Progress = Callable[[int, int], None]
"""Called with how many records there are, and how many there will be."""


class Job(AbstractContextManager["Job"]):
    """A dataset that is to be completed; the folder is locked while the block lasts.

    Args:
        layout: of the characters to draw.
        count: records that there shall be. More than an earlier run asked for extends its dataset.
        folder: made if missing.
        seed: record i is ``layout.random(i, seed)``.
        size: side of the square pictures, in pixels.
        shard_size: records in a shard; None is that of the dataset if it exists, else 1000.
        neighbours: record i is ``layout.neighbour(i, seed)`` instead.
        vary: what of the scene is random, names of ``ASPECTS``.
        passes: kept besides colour: ``labels``, ``landmarks``, ``depth``.

    Raises:
        DatasetError: the folder holds another dataset, something else, or is in use.
        UsageError: a number makes no sense.
    """

    def __init__(
        self,
        layout: Layout,
        count: int,
        folder: str | Path,
        *,
        seed: int = 0,
        size: int = 512,
        shard_size: int | None = None,
        neighbours: bool = False,
        vary: Sequence[str] = (),
        passes: Sequence[str] = (),
    ) -> None:
        if count < 1 or seed < 0 or size < 1 or (shard_size is not None and shard_size < 1):
            raise UsageError("count, size and shard size must be at least 1, seed at least 0")
        unknown = [name for name in passes if name not in PASS_FILES]
        if unknown:
            raise UsageError(
                f"the pass {unknown[0]!r} cannot be kept",
                remedy=f"choose of {', '.join(PASS_FILES)}",
            )
        self.layout = layout
        self.folder = Path(folder)
        wanted = Manifest(
            layout.game,
            layout.kind,
            layout.hash,
            seed,
            size,
            shard_size or SHARD_SIZE,
            count,
            "neighbour" if neighbours else "random",
            ",".join(read_aspects(vary)),
            ",".join(name for name in PASS_FILES if name in passes),
        )
        with ExitStack() as stack:
            stack.enter_context(locked(self.folder))
            self.manifest = self._begin(wanted, shard_size is None)
            self._holes = [(s, n) for s, n in self._shards() if n]
            self._stack = stack.pop_all()
        self.total = self.manifest.count
        self.done = self.total - sum(n for _, n in self._holes)

    @property
    def missing(self) -> int:
        """Records that are to be drawn."""
        return self.total - self.done

    def run(
        self, host: Host, *, progress: Progress | None = None, deadline: float = DEADLINE
    ) -> int:
        """Draw what is missing with the engines of ``host``; how many that were.

        Whatever ends it, every record that was written stays, and another run goes on from there.

        Raises:
            BridgeError: an engine failed and no other could take over.
            DatasetError: the disk is full.
        """
        todo = [i for shard, n in self._holes for i in self._tail(shard, n)]
        drawn: dict[int, Character] = {}
        pictures = host.render_many(
            self._characters(todo, drawn),
            size=self.manifest.size,
            passes=("color", *self.manifest.kept),
            scene=lambda position: self.scene(todo[position]),
            deadline=deadline,
            ordered=True,
            # A record that waits for a new engine must not pile up those behind it in memory.
            window=_AHEAD + 8 * max(1, len(host.engines)),
        )
        before = self.done
        waiting: deque[tuple[int, Future[list[bytes]]]] = deque()

        def write(most: int) -> None:
            while len(waiting) > most or (waiting and waiting[0][1].done()):
                index, files = waiting.popleft()
                try:
                    writer.add(drawn.pop(index), index, files.result())
                except DatasetError:
                    waiting.clear()  # what comes behind cannot be written either
                    raise
                if progress is not None:
                    progress(self.done, self.total)

        with _Writer(self) as writer, ThreadPoolExecutor(_workers(), "f2p-png") as pool:
            try:
                for position, picture in pictures:
                    files = pool.submit(_files, picture, self.manifest.kept)
                    waiting.append((todo[position], files))
                    write(2 * _workers())
            finally:
                write(0)  # what was drawn is kept, also when an engine fails
        return self.done - before

    def scene(self, index: int) -> dict[str, Any]:
        """The scene of a record; empty unless something is varied."""
        return random_scene(index, self.manifest.seed, self.manifest.varied)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    # ---- inside

    def _begin(self, wanted: Manifest, any_shard_size: bool) -> Manifest:
        """The manifest to work by, saved."""
        if (self.folder / MANIFEST).exists():
            there = read_manifest(self.folder)
            if any_shard_size:
                wanted = replace(wanted, shard_size=there.shard_size)
            there.require(wanted, self.folder)
            wanted = replace(wanted, count=max(wanted.count, there.count))
            if wanted == there:
                return there
        elif any(self.folder.glob("*.tar")):
            raise DatasetError(
                f"{self.folder} holds tar files but no {MANIFEST}: they are not from f2p capture",
                remedy="use an empty folder",
            )
        wanted.save(self.folder)
        return wanted

    def _shards(self) -> Iterator[tuple[int, int]]:
        """Every shard, and how many records it lacks."""
        size, count = self.manifest.shard_size, self.manifest.count
        for shard in range(-(-count // size)):
            first = shard * size
            wanted = min(size, count - first)
            path = shard_path(self.folder, shard)
            ends = suffixes(self.manifest.kept)
            there, ended = Shard.inspect(path, first, ends)
            if there >= wanted and not ended:
                Shard(path, first, ends).close()  # only its end was torn off
            yield shard, max(0, wanted - there)

    def _characters(self, todo: list[int], drawn: dict[int, Character]) -> Iterator[Character]:
        neighbours = self.manifest.characters == "neighbour"
        of = self.layout.neighbour if neighbours else self.layout.random
        for index in todo:
            drawn[index] = of(index, self.manifest.seed)
            yield drawn[index]

    def _tail(self, shard: int, missing: int) -> range:
        size = self.manifest.shard_size
        end = min((shard + 1) * size, self.manifest.count)
        return range(end - missing, end)


class _Writer(AbstractContextManager["_Writer"]):
    """Puts records into their shards, one shard open at a time."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._shard: Shard | None = None
        self._number = -1

    def add(self, character: Character, index: int, files: Sequence[bytes]) -> None:
        job = self._job
        number = index // job.manifest.shard_size
        if self._shard is None or number != self._number:
            self.close()
            first = number * job.manifest.shard_size
            ends = suffixes(job.manifest.kept)
            self._shard = Shard(shard_path(job.folder, number), first, ends)
            self._number = number
        if self._shard.next != index:
            raise DatasetError(f"{self._shard.path} was changed by another program")
        self._shard.add(files, _document(character, index, job))
        job.done += 1

    def close(self) -> None:
        if self._shard is not None:
            self._shard.close()
            self._shard = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def capture(
    layout: Layout,
    host: Host,
    count: int,
    folder: str | Path,
    *,
    seed: int = 0,
    size: int = 512,
    shard_size: int | None = None,
    deadline: float = DEADLINE,
    progress: Progress | None = None,
) -> Manifest:
    """Fill ``folder`` with ``count`` random characters and their pictures; goes on where it
    stopped.

    Arguments and errors are those of :class:`Job` and :meth:`Job.run`.
    """
    with Job(layout, count, folder, seed=seed, size=size, shard_size=shard_size) as job:
        if job.missing:
            job.run(host, progress=progress, deadline=deadline)
        return job.manifest


def _workers() -> int:
    # Enough to keep up with an engine; the rest of the machine belongs to the engines.
    return max(1, min(4, (os.cpu_count() or 1) // 2))


def _files(picture: Picture, passes: Sequence[str]) -> list[bytes]:
    """The contents of a record's members before its document."""
    return [fast_png(picture.color), *(_file(getattr(picture, name)) for name in passes)]


def _file(plane: npt.NDArray[Any]) -> bytes:
    if plane.dtype == np.uint8:
        return fast_png(plane)
    buffer = io.BytesIO()
    np.save(buffer, plane, allow_pickle=False)
    return buffer.getvalue()


def _document(character: Character, index: int, job: Job) -> dict[str, object]:
    return {
        "index": index,
        "seed": job.manifest.seed,
        "game": character.game,
        "kind": character.kind,
        "layout": character.layout_hash,
        "values": dict(character.values),
        **({"scene": job.scene(index)} if job.manifest.vary else {}),
    }
