"""Capture jobs: engines draw the missing records of a folder, which are written in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..bridge import Host, Rendering, warn_assets
from ..errors import DatasetError, F2PError, UsageError
from ..parameters import Character, Layout
from .failures import (
    DEFAULT_LIMIT,
    FAILURES,
    Failure,
    failure_limit,
    read_failures,
    write_failures,
)
from .manifest import MANIFEST, Manifest, locked, read_manifest
from .png import fast_png
from .scenes import check_aspects, random_scene
from .shards import PASS_FILES, Shard, encode_plane, shard_path, shard_range, suffixes

SHARD_SIZE = 1000
DEADLINE = 60.0
# Enough threads to keep up with an engine; the other cores are for the engines.
_WORKERS = max(1, min(4, (os.cpu_count() or 1) // 2))
_WINDOW = 16  # renderings in memory beyond those that the engines hold

Progress = Callable[[int, int], None]
"""Called with the number of written records and their total number."""


class Job(AbstractContextManager["Job"]):
    """Completion of a data set; the folder is locked during the block.

    Args:
        layout: layout of the characters.
        count: number of records. A number larger than in an earlier run extends its data set.
        folder: folder of the data set, made if missing.
        seed: record i is ``layout.random(i, seed)``.
        size: side of the square pictures, in pixels.
        shard_size: records per shard; None takes that of the existing data set, else 1000.
        neighbours: record i is ``layout.neighbour(i, seed)`` instead.
        vary: random parts of the scene, names of ``ASPECTS``.
        passes: passes to keep besides colour: ``labels``, ``landmarks``, ``depth``.
        max_failures: allowed number of characters that no engine can draw, such as "3", or share of
            ``count``, such as "1%". They are skipped and listed in ``failures.jsonl``.
        retry_failures: draw the characters that failed in earlier runs again.

    Attributes:
        total: number of records of the completed data set.
        done: number of records that are written.
        failures: characters that failed, by the numbers of their records.
        limit: allowed number of failures.

    Raises:
        DatasetError: the folder has another data set or other files, or is in use.
        UsageError: a number is out of range, or a name is unknown.
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
        max_failures: str = DEFAULT_LIMIT,
        retry_failures: bool = False,
    ) -> None:
        if count < 1 or seed < 0 or size < 1 or (shard_size is not None and shard_size < 1):
            raise UsageError("count, size and shard size must be at least 1, seed at least 0")
        unknown = [name for name in passes if name not in PASS_FILES]
        if unknown:
            raise UsageError(
                f"the pass {unknown[0]!r} cannot be kept",
                remedy=f"choose from {', '.join(PASS_FILES)}",
            )
        self.layout = layout
        self.folder = Path(folder)
        self.limit = failure_limit(max_failures, count)
        requested = Manifest(
            layout.game,
            layout.kind,
            layout.hash,
            seed,
            size,
            shard_size or SHARD_SIZE,
            count,
            "neighbour" if neighbours else "random",
            ",".join(check_aspects(vary)),
            ",".join(name for name in PASS_FILES if name in passes),
        )
        with ExitStack() as stack:
            stack.enter_context(locked(self.folder))
            self.manifest = self._merge_manifest(requested, shard_size is None)
            listed = {} if retry_failures else read_failures(self.folder)
            absent = [i for numbers in self._absent_by_shard() for i in numbers]
            self.failures = {i: listed[i] for i in absent if i in listed}
            self._missing = [i for i in absent if i not in listed]
            if retry_failures:
                write_failures(self.folder, {})
            self._stack = stack.pop_all()
        self.total = self.manifest.count
        self.done = self.total - len(absent)

    @property
    def missing(self) -> int:
        """Number of records that are neither written nor failed."""
        return self.total - self.done - len(self.failures)

    def run(
        self, host: Host, *, progress: Progress | None = None, deadline: float = DEADLINE
    ) -> int:
        """Draw the missing records with the engines of ``host``; return their number.

        Every written record stays if the run fails or is killed, and the next run continues. A
        character that the engine reports as failed, or that ends or stalls engines repeatedly, is
        added to ``failures.jsonl``.

        Raises:
            BridgeError: an engine failed and no other engine could take over.
            DatasetError: too many characters failed, or the disk is full.
        """
        self._check_limit()
        self._note_assets(host)
        characters: dict[int, Character] = {}
        renderings = host.render_many(
            self._characters(self._missing, characters),
            size=self.manifest.size,
            passes=("color", *self.manifest.kept_passes),
            scene=lambda position: self._scene(self._missing[position]),
            deadline=deadline,
            ordered=True,
            label=lambda position: f"record {self._missing[position]}",
            # Renderings behind a record that is drawn again must not fill the memory.
            window=_WINDOW + 8 * max(1, len(host.engines)),
            failed=lambda position, error: self._fail(
                self._missing[position], characters.pop(self._missing[position]), error
            ),
        )
        before = self.done
        encoding: deque[tuple[int, Future[list[bytes]]]] = deque()

        def write(limit: int) -> None:
            """Write finished records; wait until at most ``limit`` are left."""
            while len(encoding) > limit or (encoding and encoding[0][1].done()):
                index, files = encoding.popleft()
                try:
                    writer.add(characters.pop(index), index, files.result())
                except DatasetError:
                    encoding.clear()  # the records after it cannot be written either
                    raise
                if progress is not None:
                    progress(self.done, self.total)

        with _Writer(self) as writer, ThreadPoolExecutor(_WORKERS, "f2p-png") as pool:
            try:
                for position, rendering in renderings:
                    files = pool.submit(_encode, rendering, self.manifest.kept_passes)
                    encoding.append((self._missing[position], files))
                    write(2 * _WORKERS)
            finally:
                write(0)  # renderings before a failure are kept
        return self.done - before

    def _fail(self, index: int, character: Character, error: F2PError) -> None:
        """List a failed character."""
        scene = self._scene(index) or None
        self.failures[index] = Failure(index, dict(character.values), error.message, scene)
        write_failures(self.folder, self.failures)
        self._check_limit()

    def _check_limit(self) -> None:
        """Raise DatasetError if too many characters have failed."""
        if len(self.failures) > self.limit:
            last = list(self.failures.values())[-1]
            raise DatasetError(
                f"{self.folder}: {len(self.failures)} characters failed, {self.limit} are allowed; "
                f"the last, record {last.index}: {last.reason}",
                remedy=f"mend the engine, see {self.folder / FAILURES}, and run the same command "
                "with --retry-failures; or allow more with --max-failures",
            )

    def _note_assets(self, host: Host) -> None:
        """Keep the engine's assets; warn if earlier records were drawn with others."""
        given = next((e.assets for e in host.engines if e.assets), "")
        if given and not self.manifest.assets and not self.done:
            self.manifest = replace(self.manifest, assets=given)
            self.manifest.save(self.folder)
        remedy = "capture into another folder, or connect the engine of the first run"
        warn_assets(str(self.folder), self.manifest.assets, given, remedy)

    def document(self, character: Character, index: int) -> dict[str, object]:
        """Content of a record's JSON file."""
        return {
            "index": index,
            "seed": self.manifest.seed,
            "game": character.game,
            "kind": character.kind,
            "layout": character.layout_hash,
            "values": dict(character.values),
            **({"scene": self._scene(index)} if self.manifest.vary else {}),
        }

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _scene(self, index: int) -> dict[str, Any]:
        return random_scene(index, self.manifest.seed, self.manifest.varied_aspects)

    def _merge_manifest(self, requested: Manifest, any_shard_size: bool) -> Manifest:
        """Combine the request with the existing manifest, and save the result."""
        if (self.folder / MANIFEST).exists():
            existing = read_manifest(self.folder)
            if any_shard_size:
                requested = replace(requested, shard_size=existing.shard_size)
            existing.require_same(requested, self.folder)
            count = max(requested.count, existing.count)
            requested = replace(requested, count=count, assets=existing.assets)
            if requested == existing:
                return existing
        elif any(self.folder.glob("*.tar")):
            raise DatasetError(
                f"{self.folder} has tar files but no {MANIFEST}: they are not from f2p capture",
                remedy="use an empty folder",
            )
        requested.save(self.folder)
        return requested

    def _absent_by_shard(self) -> Iterator[list[int]]:
        """Numbers of the records that each shard lacks; mends shards without end marks."""
        size, count = self.manifest.shard_size, self.manifest.count
        ends = suffixes(self.manifest.kept_passes)
        for shard in range(-(-count // size)):
            allowed, path = shard_range(shard, size), shard_path(self.folder, shard)
            complete, ended = Shard.inspect(path, allowed, ends)
            absent = [i for i in allowed if i < count and i not in complete]
            if not absent and not ended:
                Shard(path, allowed, ends).close()
            yield absent

    def _characters(
        self, indices: Sequence[int], drawn: dict[int, Character]
    ) -> Iterator[Character]:
        neighbours = self.manifest.characters == "neighbour"
        character = self.layout.neighbour if neighbours else self.layout.random
        for index in indices:
            drawn[index] = character(index, self.manifest.seed)
            yield drawn[index]


class _Writer(AbstractContextManager["_Writer"]):
    """Writes records to their shards; one shard is open at a time."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._shard: Shard | None = None

    def add(self, character: Character, index: int, files: Sequence[bytes]) -> None:
        job = self._job
        number = index // job.manifest.shard_size
        path = shard_path(job.folder, number)
        if self._shard is None or self._shard.path != path:
            self.close()
            allowed = shard_range(number, job.manifest.shard_size)
            self._shard = Shard(path, allowed, suffixes(job.manifest.kept_passes))
        if index in self._shard.numbers:
            raise DatasetError(f"{path} was changed by another program")
        self._shard.add(index, files, job.document(character, index))
        job.done += 1

    def close(self) -> None:
        if self._shard is not None:
            self._shard.close()
            self._shard = None

    def __exit__(self, *_: object) -> None:
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
    """Complete ``folder`` to ``count`` random characters and their pictures.

    Arguments and errors are those of :class:`Job` and :meth:`Job.run`.
    """
    with Job(layout, count, folder, seed=seed, size=size, shard_size=shard_size) as job:
        if job.missing:
            job.run(host, progress=progress, deadline=deadline)
        return job.manifest


def _encode(rendering: Rendering, passes: Sequence[str]) -> list[bytes]:
    """Contents of a record's files before its JSON."""
    return [fast_png(rendering.color), *(encode_plane(getattr(rendering, p)) for p in passes)]
