"""Data sets: contents, continuation after kills and failures, protection from mixing."""

from __future__ import annotations

import errno
import io
import json
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from f2p_toy import HERE, HERO, KINDS
from PIL import Image

from f2p_sdk.bridge import Host, serve_engine
from f2p_sdk.capture import Job, Manifest, capture, read_manifest, read_records
from f2p_sdk.capture.png import fast_png
from f2p_sdk.capture.shards import Shard
from f2p_sdk.errors import DatasetError, EngineLostError, UsageError
from f2p_sdk.parameters import Layout
from f2p_sdk.testing import FakeEngine, PatternHandler, pattern

SIZE = 12
COUNT, SHARD = 25, 10


@contextmanager
def engines(*handlers: PatternHandler) -> Iterator[Host]:
    """A host with engines in threads, which start faster than processes."""
    stop = threading.Event()
    with Host(game="toy", layouts=KINDS, heartbeat=0.1) as host:
        threads = [
            threading.Thread(target=serve_engine, args=(host.endpoint, h), kwargs={"stop": stop})
            for h in handlers
        ]
        for thread in threads:
            thread.start()
        try:
            host.wait(10, engines=len(handlers))
            yield host
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def handler(**options: Any) -> PatternHandler:
    return PatternHandler(game="toy", kinds=KINDS, **options)


def fill(folder: Path, count: int = COUNT, **options: Any) -> None:
    with engines(handler()) as host:
        capture(HERO, host, count, folder, **{"size": SIZE, "shard_size": SHARD, **options})


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("complete")
    fill(folder)
    return folder


@pytest.fixture
def copy(complete: Path, tmp_path: Path) -> Path:
    for path in complete.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def shards(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.glob("*.tar"))}


def test_tarfile_and_pillow_can_read_the_shards(complete: Path) -> None:
    indices = []
    for name, first in [("000000.tar", 0), ("000001.tar", 10), ("000002.tar", 20)]:
        with tarfile.open(complete / name) as archive:
            members = archive.getmembers()
            assert all(m.isreg() and m.mode == 0o644 for m in members)
            for i, (png, text) in enumerate(zip(members[::2], members[1::2], strict=True), first):
                assert (png.name, text.name) == (f"{i:08d}.png", f"{i:08d}.json")
                document = json.load(archive.extractfile(text))  # type: ignore[arg-type]
                expected = HERO.random(i, 0)
                assert document == {
                    "index": i,
                    "seed": 0,
                    "game": "toy",
                    "kind": "hero",
                    "layout": HERO.hash,
                    "values": dict(expected.values),
                }
                with Image.open(io.BytesIO(archive.extractfile(png).read())) as image:  # type: ignore[union-attr]
                    assert image.mode == "RGB"
                    assert np.array_equal(np.asarray(image), pattern(expected.values, (SIZE, SIZE)))
                indices.append(i)
        assert (complete / name).read_bytes().endswith(bytes(1024))
    assert indices == list(range(COUNT))


def test_read_records_yields_all_records(complete: Path) -> None:
    records = list(read_records(complete))
    assert [number for number, _, _ in records] == list(range(COUNT))
    for number, values, png in records:
        assert values == HERO.random(number, 0).values
        assert png.startswith(b"\x89PNG")


def test_the_manifest_describes_the_data_set(complete: Path) -> None:
    assert read_manifest(complete) == Manifest("toy", "hero", HERO.hash, 0, SIZE, SHARD, COUNT)


def test_the_bytes_do_not_depend_on_the_engines(complete: Path, tmp_path: Path) -> None:
    with engines(handler(), handler(delay=0.01), handler(delay=0.003)) as host:
        capture(HERO, host, COUNT, tmp_path, size=SIZE, shard_size=SHARD)
    assert shards(tmp_path) == shards(complete)


def test_another_seed_gives_other_characters(complete: Path, tmp_path: Path) -> None:
    fill(tmp_path, 3, seed=7)
    records = list(read_records(tmp_path))
    assert [r.values for r in records] == [HERO.random(i, 7).values for i in range(3)]
    assert records[0].values != next(read_records(complete)).values


def test_progress_counts_every_record(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    with engines(handler()) as host:
        capture(
            HERO, host, 7, tmp_path, size=SIZE, progress=lambda done, of: calls.append((done, of))
        )
    assert calls == [(i, 7) for i in range(1, 8)]


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (64, 33), (512, 512)])
def test_fast_png_is_lossless(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    for picture in (noise, pattern({"a": 1.0}, size), np.zeros_like(noise)):
        with Image.open(io.BytesIO(fast_png(picture))) as image:
            image.load()
            assert (image.format, image.mode) == ("PNG", "RGB")
            assert np.array_equal(np.asarray(image), picture)


# ---- continuation


CAPTURE = """
import sys
from types import SimpleNamespace
sys.path.insert(0, sys.argv[2])
from f2p_toy import HERO, KINDS
from f2p_sdk.bridge import open_engine
from f2p_sdk.capture import capture
from f2p_sdk.testing import FakeEngine
fake = lambda endpoint: FakeEngine.argv(endpoint, game="toy", kinds=KINDS, delay=0.01)
kind = SimpleNamespace(game="toy", kind="hero", layout=HERO, engine=fake)
with open_engine(kind, heartbeat=0.1, silence=1.0) as host:
    capture(HERO, host, 60, sys.argv[1], size=12, shard_size=10,
            progress=lambda done, of: print(done, flush=True))
"""


@pytest.mark.slow
def test_a_killed_capture_continues_without_loss_or_repetition(tmp_path: Path) -> None:
    data = tmp_path / "data"
    argv = [sys.executable, "-c", CAPTURE, str(data), str(HERE)]
    start = 0
    for kill_after in (3, 14, 9):
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = [int(process.stdout.readline()) for _ in range(kill_after)]
            process.kill()  # kill -9
            # communicate() would lose the lines that readline() has buffered
            lines += [int(line) for line in process.stdout]
        written = sum(1 for _ in read_records(data))
        # The reported records exist, and the next run starts after them.
        assert lines[0] == start + 1
        assert lines[-1] <= written <= lines[-1] + 1
        start = written
    final = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
    assert [int(line) for line in final.stdout.split()] == list(range(start + 1, 61))
    assert [r.number for r in read_records(data)] == list(range(60))
    names = []
    for path in sorted(data.glob("*.tar")):
        with tarfile.open(path) as archive:
            names += archive.getnames()
    assert len(names) == len(set(names)) == 120


# Positions of a cut within the last record of a shard, in bytes from its start.
OFFSETS = [0, 1, 511, 512, 513, 700, 1023, 1024, 1500, 1536, 1537, 2047, 2048, 2500]


@pytest.mark.parametrize("offset", OFFSETS)
def test_an_incomplete_record_is_removed_and_drawn_again(
    complete: Path, copy: Path, offset: int
) -> None:
    path = copy / "000002.tar"
    with tarfile.open(path) as archive:
        start = archive.getmembers()[-2].offset
    data = path.read_bytes()
    path.write_bytes(data[: start + offset])
    assert len(list(read_records(copy))) in (COUNT - 1, COUNT)
    fill(copy)
    assert shards(copy) == shards(complete)


def test_records_overwritten_with_zeros_are_drawn_again(complete: Path, copy: Path) -> None:
    path = copy / "000002.tar"
    with tarfile.open(path) as archive:
        start = archive.getmembers()[-4].offset
    data = bytearray(path.read_bytes())
    data[start:] = bytes(len(data) - start)
    path.write_bytes(data)
    with Job(HERO, COUNT, copy, size=SIZE) as job:
        assert job.missing == 2
    fill(copy)
    assert shards(copy) == shards(complete)


def test_only_missing_records_are_drawn(complete: Path, copy: Path) -> None:
    (copy / "000001.tar").unlink()
    path = copy / "000000.tar"
    path.write_bytes(path.read_bytes()[:-5000])
    counting = handler()
    with engines(counting) as host, Job(HERO, COUNT, copy, size=SIZE) as job:
        missing = job.missing
        assert 10 < missing < 20
        assert job.run(host) == missing
    assert counting.drawn == missing
    assert shards(copy) == shards(complete)


def test_a_larger_count_extends_the_data_set(complete: Path, tmp_path: Path) -> None:
    fill(tmp_path, 4)
    fill(tmp_path, 17, shard_size=None)
    fill(tmp_path, COUNT)
    assert shards(tmp_path) == shards(complete)
    with Job(HERO, 3, tmp_path, size=SIZE) as job:  # a smaller count keeps the data set
        assert (job.missing, job.total) == (0, COUNT)
    assert read_manifest(tmp_path).count == COUNT


def test_neighbours_differ_in_one_parameter_each(complete: Path, tmp_path: Path) -> None:
    with engines(handler()) as host, Job(HERO, 9, tmp_path, size=SIZE, neighbours=True) as job:
        assert job.run(host) == 9
    assert read_manifest(tmp_path).characters == "neighbour"
    plain = [r.values for r in read_records(complete)]
    parameters = []
    for record in read_records(tmp_path):
        one, other = (HERO.encode(v) for v in (plain[record.number], record.values))
        changed = [name for name in HERO.names if plain[record.number][name] != record.values[name]]
        assert len(changed) == 1
        parameters.append(HERO.names.index(changed[0]))
        if changed[0] != "hair":
            where = HERO.slices[changed[0]].start
            assert other[where] in (0, 1)
            assert abs(other[where] - one[where]) >= 0.5  # towards the farther end
    assert parameters == [0, 1, 2, 3, 4, 4, 4, 0, 1]  # each number of the vector in turn
    with pytest.raises(DatasetError, match="with characters 'neighbour', requested 'random'"):
        Job(HERO, 9, tmp_path, size=SIZE)


@pytest.mark.slow
def test_records_stay_when_an_engine_process_ends(tmp_path: Path) -> None:
    with Host(game="toy", layouts=KINDS, heartbeat=0.1) as host:
        with FakeEngine(host.endpoint, game="toy", kinds=KINDS, die_after=11):
            host.wait(20)
            with pytest.raises(EngineLostError):
                capture(HERO, host, COUNT, tmp_path, size=SIZE, shard_size=SHARD, deadline=0.3)
        # only renderings that were not received yet may be lost
        written = [r.number for r in read_records(tmp_path)]
        assert 0 < len(written) <= 11
        assert written == sorted(set(written))
        with FakeEngine(host.endpoint, game="toy", kinds=KINDS):
            host.wait(20)
            capture(HERO, host, COUNT, tmp_path, size=SIZE, shard_size=SHARD)
    assert [r.number for r in read_records(tmp_path)] == list(range(COUNT))


def test_records_stay_when_the_disk_is_full(
    complete: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Shard._write
    left = 14

    def full(self: Shard, data: bytes) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, data)

    monkeypatch.setattr(Shard, "_write", full)
    with pytest.raises(
        DatasetError, match=r"000001\.tar cannot be written: No space left"
    ) as caught:
        fill(tmp_path)
    assert "continues from here" in caught.value.remedy
    monkeypatch.undo()
    assert len(list(read_records(tmp_path))) == 12  # 14 writes, two of them for new shards
    fill(tmp_path)
    assert shards(tmp_path) == shards(complete)


# ---- errors


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"seed": 1}, "seed 0, requested 1"),
        ({"size": 13}, "size 12, requested 13"),
        ({"shard_size": 11}, "shard_size 10, requested 11"),
        ({"layout": Layout("toy", "hero", HERO.parameters[:2])}, f"layout '{HERO.hash}'"),
        ({"layout": Layout("toy", "villain", HERO.parameters)}, "kind 'hero'"),
        ({"layout": Layout("other", "hero", HERO.parameters)}, "game 'toy'"),
    ],
)
def test_different_options_are_an_error(copy: Path, change: dict[str, Any], text: str) -> None:
    before = shards(copy)
    options = {"layout": HERO, "size": SIZE, "shard_size": SHARD, **change}
    layout = options.pop("layout")
    with pytest.raises(DatasetError, match=text) as caught:
        Job(layout, COUNT + 1, copy, **options)
    assert str(copy) in caught.value.message
    assert caught.value.remedy
    assert shards(copy) == before


def test_a_foreign_tar_file_is_an_error_and_stays_unchanged(copy: Path) -> None:
    path = copy / "000001.tar"
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("holiday.png"))
    before = path.read_bytes()
    with pytest.raises(DatasetError, match=r"'holiday\.png' in the place of '00000010\.png'"):
        Job(HERO, COUNT, copy, size=SIZE)
    with pytest.raises(DatasetError, match="holiday"):
        list(read_records(copy))
    assert path.read_bytes() == before


def test_shards_without_a_manifest_are_an_error(copy: Path) -> None:
    (copy / "dataset.json").unlink()
    with pytest.raises(DatasetError, match=r"no dataset\.json"):
        Job(HERO, COUNT, copy, size=SIZE)
    with pytest.raises(DatasetError, match="has no data set"):
        list(read_records(copy))
    with pytest.raises(DatasetError, match="has no data set"):
        read_manifest(copy / "nowhere")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"format": 2}', '{"format": 1, "game": "toy"}', "\xff"],
)
def test_a_damaged_manifest_is_an_error(copy: Path, text: str) -> None:
    (copy / "dataset.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DatasetError, match=r"dataset\.json"):
        Job(HERO, COUNT, copy, size=SIZE)


def test_a_damaged_record_is_an_error_with_its_name(copy: Path) -> None:
    path = copy / "000000.tar"
    data = path.read_bytes()
    path.write_bytes(data.replace(b'{"index":3', b'["index":3', 1))
    with pytest.raises(DatasetError, match=r"000000\.tar: 00000003\.json is damaged"):
        list(read_records(copy))


def test_a_data_set_is_locked_for_one_writer(copy: Path) -> None:
    with (
        Job(HERO, COUNT, copy, size=SIZE),
        pytest.raises(DatasetError, match="another f2p capture is writing"),
    ):
        Job(HERO, COUNT, copy, size=SIZE)
    with Job(HERO, COUNT, copy, size=SIZE) as job:
        assert job.missing == 0


def test_numbers_out_of_range_are_errors(tmp_path: Path) -> None:
    for options in ({"count": 0}, {"seed": -1}, {"size": 0}, {"shard_size": 0}):
        with pytest.raises(UsageError):
            Job(HERO, options.pop("count", 1), tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


def test_an_impossible_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="cannot be written to"):
        Job(HERO, 1, tmp_path / "file" / "data")


def test_renderings_in_memory_are_limited_while_one_record_is_late(tmp_path: Path) -> None:
    """While one engine is slow with record 0, the other does not draw all other records."""

    class SlowFirst(PatternHandler):
        def render(self, *args: Any) -> Any:
            if not self.drawn:
                time.sleep(1.0)
            return super().render(*args)

    slow = SlowFirst(game="toy", kinds=KINDS)
    quick = handler()
    with engines(slow, quick) as host:
        thread = threading.Thread(
            target=capture, args=(HERO, host, 200, tmp_path), kwargs={"size": SIZE}
        )
        thread.start()
        time.sleep(0.7)
        ahead = quick.drawn
        thread.join()
    assert 0 < ahead < 60
    assert len(list(read_records(tmp_path))) == 200


def test_a_data_set_keeps_the_assets_of_its_engine(
    tmp_path: Path, complete: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with engines(handler(assets="build 7")) as host:
        capture(HERO, host, 3, tmp_path, size=SIZE)
    assert read_manifest(tmp_path).assets == "build 7"
    with engines(handler()) as host:  # it gives none: no warning
        capture(HERO, host, 4, tmp_path, size=SIZE)
    assert caplog.text == ""
    with engines(handler(assets="build 8")) as host:
        capture(HERO, host, 5, tmp_path, size=SIZE)
    assert "made with the assets 'build 7', the engine has 'build 8'" in caplog.text
    assert "capture into another folder" in caplog.text
    assert read_manifest(tmp_path).assets == "build 7"
    assert "assets" not in (complete / "dataset.json").read_text()
