"""f2p capture, with real engine processes of the toy game."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from f2p_sdk.capture import read_records
from f2p_sdk.errors import TrainingError
from f2p_sdk.images import load
from f2p_sdk.kinds import Framing
from f2p_sdk.parameters import Layout
from f2p_sdk.testing import FakeEngine

Run = Callable[..., Any]
Draw = Callable[..., Any]


@pytest.mark.slow
def test_capture_continues(f2p: Run, tmp_path: Path, expected: Draw, hero: Layout) -> None:
    data = tmp_path / "data"
    capture = ("capture", "-g", "toy", "-o", data, "--size", 16, "--shard-size", 4)
    done = f2p(*capture, "-n", 5, "--json")
    assert done.code == 0
    document = json.loads(done.out)
    assert (document["records"], document["drawn"], document["engines_lost"]) == (5, 5, 0)
    assert document["pictures_per_second"] > 0
    done = f2p(*capture, "-n", 9)
    assert done.code == 0
    assert re.search(r"9 records, 4 drawn now, [\d.]+ per second", done.text)
    done = f2p(*capture, "-n", 9)
    assert done.code == 0
    assert "all 9 records exist already" in done.text
    for number, values, png in read_records(data):
        assert values == hero.random(number).values
        assert np.array_equal(load(png), expected(values, 16))
    done = f2p(*capture, "-n", 9, "--seed", 1)
    assert done.code == 1
    assert "has a data set with seed 0, requested 1" in done.text


@pytest.mark.slow
def test_capture_of_neighbours(f2p: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"
    capture = ("capture", "-g", "toy", "-o", data, "--size", 16, "-n", 5, "--json")
    assert json.loads(f2p(*capture, "--neighbours", 3).out)["neighbours"] == 3
    assert len(list(read_records(data))) == 5
    assert [r.number for r in read_records(data / "neighbours")] == [0, 1, 2]
    more = json.loads(f2p(*capture, "--neighbours", 5).out)
    assert (more["neighbours"], more["drawn"]) == (5, 2)
    wrong = f2p(*capture, "--neighbours", 6)
    assert wrong.code == 2
    assert "--neighbours 6 are more than the 5 characters" in wrong.text


@pytest.mark.slow
def test_capture_restarts_ended_engines(
    f2p: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("F2P_TOY_ENGINE", "dies")  # each draws two pictures
    data = tmp_path / "data"
    done = f2p("capture", "-g", "toy", "-o", data, "-n", 5, "--size", 16)
    assert done.code == 0
    assert "engines were lost" in done.text
    assert [record.number for record in read_records(data)] == list(range(5))


@pytest.mark.slow
def test_capture_reports_a_hanging_engine(
    f2p: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("F2P_TOY_ENGINE", "hangs")
    data = tmp_path / "data"
    # every engine hangs at its third picture, and one character may fail
    done = f2p("capture", "-g", "toy", "-o", data, "-n", 20, "--size", 16, "--deadline", 0.5)
    assert done.code == 1, done.text
    assert "did not answer within 0.5 s" in done.text
    assert 2 <= len(list(read_records(data))) < 20


def test_capture_by_external_engines_with_keys(
    f2p: Run, tmp_path: Path, endpoint: str, kinds: dict[str, str]
) -> None:
    data, keys = tmp_path / "data", tmp_path / "keys"
    engine: list[FakeEngine] = []

    def connect() -> None:
        while not (keys / "engine.key_secret").exists():
            time.sleep(0.05)
        time.sleep(0.2)  # the file exists before it is written
        engine.append(FakeEngine(endpoint, game="toy", kinds=kinds, keys=str(keys)))

    thread = threading.Thread(target=connect)
    thread.start()
    everywhere = endpoint.replace("127.0.0.1", "0.0.0.0")
    done = f2p(
        *("capture", "-g", "toy", "-o", data, "-n", 4, "--size", 16),
        *("--listen", everywhere, "--keys", keys),
    )
    thread.join()
    engine[0].kill()
    assert done.code == 0
    assert "made new keys" in done.text
    assert len(list(read_records(data))) == 4


def test_too_small_pictures_are_refused_before_an_engine_starts(
    f2p: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    capture = ("capture", "-g", "toy", "-o", data, "-n", 500)
    points = ((0.53, 0.4), (0.52, 0.4), (0.45, 0.4), (0.46, 0.4), (0.49, 0.45))
    far = Framing(256, points)
    monkeypatch.setattr("f2p_sdk.kinds.Kind.framing", far)
    done = f2p(*capture)
    assert done.code == 2
    assert "at least 24 pixels between the eyes" in done.text
    assert "the framing has 17.9 in a picture of 256 pixels" in done.text
    assert "camera closer" in done.text
    done = f2p(*capture, "--size", 255)
    assert done.code == 2
    assert "at least 256 pixels a side, to train an imitator or a parser, got 255" in done.text
    assert "--size 256" in done.text
    assert not data.exists()


def test_a_small_data_set_of_small_pictures_gets_a_warning(f2p: Run, tmp_path: Path) -> None:
    done = f2p("capture", "-g", "toy", "-o", tmp_path / "data", "-n", 2, "--size", 16)
    assert done.code == 0, done.text
    assert "warning: pictures must have at least 256 pixels a side" in done.text


def test_usage_errors_of_capture(f2p: Run, tmp_path: Path) -> None:
    capture = ("capture", "-g", "toy", "-o", tmp_path / "data", "-n")
    assert f2p(*capture, 0).code == 2
    assert f2p(*capture, 5, "--engines", 0).code == 2
    assert f2p(*capture, 5, "--plaintext").code == 2
    (tmp_path / "file").write_text("")
    done = f2p("capture", "-g", "toy", "-n", 5, "-o", tmp_path / "file" / "data")
    assert done.code == 1
    assert "cannot be written to" in done.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("fails", "toy-engine: RuntimeError: the nose shader does not compile"),
        ("ends", "the request failed with 3 engines: toy-engine 1.0 was lost"),
        ("stalls", "the request failed: toy-engine 1.0 did not answer within 6 s"),
    ],
)
def test_capture_skips_a_character_that_the_engine_cannot_draw(
    f2p: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, reason: str
) -> None:
    monkeypatch.setenv("F2P_TOY_ENGINE", fault)
    data = tmp_path / "data"
    capture = ("capture", "-g", "toy", "-o", data, "-n", 25, "--size", 256, "--deadline", 6)
    done = f2p(*capture)
    assert done.code == 0, done.text
    assert f"1 characters failed, see {data / 'failures.jsonl'}; record 2: {reason}" in done.text
    assert [r.number for r in read_records(data)] == [i for i in range(25) if i != 2]
    done = f2p(*capture, "--json")
    assert done.code == 0
    document = json.loads(done.out)
    assert (document["records"], document["failed"], document["drawn"]) == (24, 1, 0)
    monkeypatch.setenv("F2P_TOY_ENGINE", "")
    done = f2p(*capture, "--retry-failures", "--json")
    assert json.loads(done.out)["records"] == 25
    assert [r.number for r in read_records(data)] == list(range(25))


def test_capture_stops_at_too_many_failures(
    f2p: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("F2P_TOY_ENGINE", "fails")
    data = tmp_path / "data"
    capture = ("capture", "-g", "toy", "-o", data, "-n", 5, "--size", 16)
    done = f2p(*capture, "--max-failures", 0)
    assert done.code == 1
    assert "1 characters failed, 0 are allowed; the last, record 2: toy-engine" in done.text
    done = f2p(*capture, "--max-failures", "few")
    assert done.code == 2
    assert "--max-failures must be a number such as 3, or a share such as 1%" in done.text


def test_train_refuses_a_data_set_with_missing_records(
    f2p: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(layout: Layout, pictures: Any, *others: Any, **options: Any) -> Any:
        raise TrainingError(f"training begins with {len(pictures)} pictures")

    monkeypatch.setattr("f2p_sdk.training.train_imitator", train)
    data, out = tmp_path / "data", tmp_path / "made.safetensors"
    done = f2p(
        *("capture", "-g", "toy", "-o", data, "-n", 8, "--size", 256, "--neighbours", 4),
        *("--shard-size", 4),
    )
    assert done.code == 0, done.text
    line = ("train", "imitator", "-g", "toy", "--data", data, "-o", out)
    (data / "neighbours" / "000000.tar").rename(tmp_path / "kept.tar")
    done = f2p(*line)
    assert done.code == 1
    assert "neighbours: 4 of 4 records are missing, the first is 0" in done.text
    (tmp_path / "kept.tar").rename(data / "neighbours" / "000000.tar")
    assert "training begins with 8 pictures" in f2p(*line).text
    (data / "000001.tar").unlink()
    done = f2p(*line)
    assert done.code == 1
    assert f"{data}: 4 of 8 records are missing, the first is 4" in done.text
    assert "add --partial" in done.text
    done = f2p(*line, "--partial")
    assert f"warning: {data}: 4 of 8 records are missing" in done.text
    assert "training begins with 4 pictures" in done.text
