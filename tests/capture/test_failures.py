"""Characters that the engine cannot draw: listed, skipped, limited, drawn again."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from f2p_toy import HERO, KINDS

from f2p_sdk.bridge import Host, serve_engine
from f2p_sdk.capture import (
    FAILURES,
    Job,
    failure_limit,
    missing_records,
    read_failures,
    read_records,
    record_numbers,
    require_complete,
)
from f2p_sdk.errors import DatasetError, UsageError
from f2p_sdk.testing import PatternHandler

SIZE, COUNT, SHARD = 12, 25, 10


class Fails(PatternHandler):
    """Cannot draw some of the characters, by their numbers."""

    def __init__(self, *bad: int) -> None:
        super().__init__(game="toy", kinds=KINDS)
        self.bad = {HERO.random(i).values["nose"] for i in bad}

    def render(self, kind: str, values: Any, *others: Any) -> Any:
        if values["nose"] in self.bad:
            raise ValueError("the nose does not compile")
        return super().render(kind, values, *others)


@contextmanager
def host_of(handler: PatternHandler) -> Iterator[Host]:
    stop = threading.Event()
    with Host(game="toy", layouts=KINDS, heartbeat=0.1) as host:
        thread = threading.Thread(
            target=serve_engine, args=(host.endpoint, handler), kwargs={"stop": stop}
        )
        thread.start()
        try:
            host.wait(10)
            yield host
        finally:
            stop.set()
            thread.join()


def capture(folder: Path, *bad: int, count: int = COUNT, **options: Any) -> tuple[int, int]:
    """Run a job with an engine that fails on ``bad``; numbers of drawn records and of requests."""
    handler = Fails(*bad)
    settings = {"size": SIZE, "shard_size": SHARD, **options}
    with host_of(handler) as host, Job(HERO, count, folder, **settings) as job:
        return job.run(host), handler.drawn


def test_failed_characters_are_listed_and_skipped(tmp_path: Path) -> None:
    assert capture(tmp_path, 3, 10, 24, max_failures="3")[0] == COUNT - 3
    rows = [json.loads(line) for line in (tmp_path / FAILURES).read_text().splitlines()]
    assert [row["index"] for row in rows] == [3, 10, 24]
    assert [row["values"] for row in rows] == [dict(HERO.random(i).values) for i in (3, 10, 24)]
    assert {row["reason"] for row in rows} == {"fake: ValueError: the nose does not compile"}
    expected = [i for i in range(COUNT) if i not in (3, 10, 24)]
    assert record_numbers(tmp_path) == expected
    for record in read_records(tmp_path):
        assert record.values == HERO.random(record.number).values
    require_complete(tmp_path)  # listed failures are no missing records
    # A later run does not try them again, also if the data set grows.
    with Job(HERO, COUNT, tmp_path, size=SIZE) as job:
        assert (job.missing, len(job.failures)) == (0, 3)
    assert capture(tmp_path, count=COUNT + 2, max_failures="3") == (2, 2)
    assert record_numbers(tmp_path) == [*expected, 25, 26]


def test_failures_are_drawn_again_on_request(tmp_path: Path) -> None:
    capture(tmp_path, 3, 10, 24, max_failures="3")
    # Number 10 still fails.
    assert capture(tmp_path, 10, max_failures="3", retry_failures=True)[0] == 2
    assert list(read_failures(tmp_path)) == [10]
    expected = [i for i in range(COUNT) if i != 10]
    records = list(read_records(tmp_path))
    assert [record.number for record in records] == expected  # in order, though 3 was appended
    assert all(r.values == HERO.random(r.number).values for r in records)
    assert capture(tmp_path, retry_failures=True)[0] == 1
    assert not (tmp_path / FAILURES).exists()
    assert record_numbers(tmp_path) == list(range(COUNT))
    with Job(HERO, COUNT, tmp_path, size=SIZE) as job:
        assert job.missing == 0


def test_too_many_failures_end_the_capture(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="2 characters failed, 1 are allowed") as caught:
        capture(tmp_path, 3, 10, 24)
    assert "the last, record 10: fake: ValueError: the nose does not" in caught.value.message
    assert "--retry-failures" in caught.value.remedy
    assert list(read_failures(tmp_path)) == [3, 10]
    written = record_numbers(tmp_path)
    assert set(written) >= set(range(10)) - {3}
    with pytest.raises(DatasetError, match="2 characters failed"):  # at once
        capture(tmp_path)
    assert record_numbers(tmp_path) == written
    assert capture(tmp_path, 24, max_failures="10%", retry_failures=True)[0] > 0
    assert list(read_failures(tmp_path)) == [24]


def test_a_failure_keeps_its_scene(tmp_path: Path) -> None:
    capture(tmp_path, 3, count=5, vary=["background"])
    (failure,) = read_failures(tmp_path).values()
    assert set(failure.scene or {}) == {"background"}


@pytest.mark.parametrize(
    ("text", "limit"),
    [("1%", 200), ("0.5 %", 100), ("3", 3), ("0", 0), ("0%", 0), (" 25000 ", 25000)],
)
def test_limits(text: str, limit: int) -> None:
    assert failure_limit(text, 20_000) == limit


def test_a_share_allows_at_least_one() -> None:
    assert failure_limit("1%", 24) == 1


@pytest.mark.parametrize("text", ["", "-1", "many", "101%", "1.5", "%", "1 % of all"])
def test_wrong_limits_are_errors(text: str) -> None:
    with pytest.raises(UsageError, match="must be a number such as 3, or a share such as 1%"):
        failure_limit(text, 100)


def test_missing_records_are_found(tmp_path: Path) -> None:
    capture(tmp_path, 3)
    (tmp_path / "000001.tar").unlink()
    assert missing_records(tmp_path) == list(range(10, 20))
    with pytest.raises(DatasetError, match="10 of 25 records are missing, the first is 10") as e:
        require_complete(tmp_path)
    assert "--partial" in e.value.remedy


@pytest.mark.parametrize("line", ["{", "[]", '{"index": 3}', '{"index": "a", "values": {}}'])
def test_a_damaged_list_is_an_error(tmp_path: Path, line: str) -> None:
    (tmp_path / FAILURES).write_text(line + "\n")
    with pytest.raises(DatasetError, match=r"failures\.jsonl: line 1 is damaged"):
        read_failures(tmp_path)
