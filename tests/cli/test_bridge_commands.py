"""f2p render, apply, engine and capture, with real engine processes of the toy game."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq

from f2p_sdk.bridge import Host
from f2p_sdk.capture import read_records
from f2p_sdk.images import load
from f2p_sdk.parameters import Layout
from f2p_sdk.testing import FakeEngine, pattern

HERO = Layout.load(Path(__file__).parents[1] / "toy" / "hero.toml")
KINDS = {"hero": HERO.hash}
Run = Callable[..., Any]
MAIN = "import sys; from f2p_sdk.cli import main; sys.argv[0] = 'f2p'; main()"


@pytest.fixture
def character(tmp_path: Path) -> Path:
    return HERO.random(1).save(tmp_path / "character.json")


@pytest.fixture
def endpoint() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"tcp://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def start(toy: None) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """The command in a process of its own."""
    processes: list[subprocess.Popen[str]] = []

    def run(*arguments: object) -> subprocess.Popen[str]:
        argv = [sys.executable, "-c", MAIN, *map(str, arguments)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.terminate()
        process.communicate(timeout=20)


def expected(values: Any, size: int) -> Any:
    """What the toy engine draws, worked out here."""
    from f2p_toy import Engine  # type: ignore[import-not-found]

    return Engine().render("hero", values, (size, size), ["color"], {})["color"]


# ---- render


def test_render_by_an_engine_started_for_it(f2p: Run, character: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    done = f2p("render", character, "-o", out, "--via", "engine", "--size", 40, "--json")
    assert done.code == 0
    document = json.loads(done.out)
    assert (document["kind"], document["via"], document["size"]) == ("toy/hero", "engine", [40, 40])
    assert np.array_equal(load(out), expected(HERO.random(1).values, 40))


def test_render_by_the_imitator(f2p: Run, character: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    done = f2p("render", character, "-o", out)
    assert done.code == 0
    assert f"{out}: toy/hero drawn by the imitator" in done.text
    assert load(out).shape == (64, 64, 3)


def test_render_by_an_engine_that_runs_elsewhere(
    f2p: Run, character: Path, tmp_path: Path, endpoint: str
) -> None:
    out = tmp_path / "out.png"
    with FakeEngine(endpoint, game="toy", kinds=KINDS):
        done = f2p(
            "render", character, "-o", out, "--via", "engine", "--size", 40, "--listen", endpoint
        )
    assert done.code == 0
    assert np.array_equal(load(out), pattern(HERO.random(1).values, (40, 40)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hang_after": 0}, "did not answer within 0.7 s"),
        ({"die_after": 0}, "was lost"),
        ({"fail_after": 0}, "the hair shader does not compile next: update the graphics driver"),
        ({"lie": True}, "broke the protocol"),
        ({"garbage": True}, "broke the protocol"),
    ],
)
def test_an_engine_that_fails(
    f2p: Run,
    character: Path,
    tmp_path: Path,
    endpoint: str,
    options: dict[str, Any],
    said: str,
) -> None:
    out = tmp_path / "out.png"
    # Long enough for what is to happen first, however slow this machine is.
    deadline = 0.7 if "hang_after" in options else 5
    with FakeEngine(endpoint, game="toy", kinds=KINDS, **options):
        begun = time.monotonic()
        done = f2p(
            "render",
            character,
            *("-o", out, "--via", "engine", "--listen", endpoint, "--deadline", deadline),
        )
    assert done.code == 1
    assert said in done.text
    assert "next:" in done.text
    assert not out.exists()
    assert time.monotonic() - begun < 20


def test_render_in_wrong_use(f2p: Run, character: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert f2p("render", character, "-o", out, "--listen", "tcp://127.0.0.1:*").code == 2
    done = f2p("render", character, "-o", out, "--via", "engine", "--keys", tmp_path)
    assert done.code == 2
    assert "--keys and --plaintext are for --listen" in done.text
    done = f2p("render", character, "-o", out, "--via", "engine", "--listen", "ipc:///tmp/x")
    assert done.code == 2
    assert "is not an endpoint" in done.text
    done = f2p("render", character, "-o", out, "--via", "engine", "--listen", "tcp://0.0.0.0:9")
    assert done.code == 2
    assert "--keys" in done.text


def test_render_larger_than_the_engine_draws(f2p: Run, character: Path, tmp_path: Path) -> None:
    done = f2p("render", character, "-o", tmp_path / "o.png", "--via", "engine", "--size", 2000)
    assert done.code == 1
    assert "up to 1024 pixels" in done.text


# ---- apply


def test_apply(f2p: Run, character: Path, endpoint: str) -> None:
    with FakeEngine(endpoint, game="toy", kinds=KINDS):
        done = f2p("apply", character, "--listen", endpoint, "--json")
    assert done.code == 0
    assert json.loads(done.out) == {
        "character": str(character),
        "kind": "toy/hero",
        "game": "fake",
        "version": "1.0",
    }


def test_apply_without_a_game(f2p: Run, character: Path, endpoint: str) -> None:
    done = f2p("apply", character, "--listen", endpoint, "--wait", 0.3)
    assert done.code == 1
    assert "0 of 1 engines connected" in done.text
    assert f"f2p engine -g GAME --connect {endpoint}" in done.text


def test_apply_to_a_game_with_another_layout(f2p: Run, character: Path, endpoint: str) -> None:
    with FakeEngine(endpoint, game="toy", kinds={"hero": "0123"}):
        done = f2p("apply", character, "--listen", endpoint, "--wait", 2)
    assert done.code == 1
    assert "warning: an engine was refused" in done.text
    assert "0123" in done.text
    assert HERO.hash in done.text


def test_garbage_and_an_old_protocol_do_not_disturb_apply(
    start: Callable[..., subprocess.Popen[str]], character: Path, endpoint: str
) -> None:
    process = start("apply", character, "--listen", endpoint, "--wait", 60)
    port = int(endpoint.rpartition(":")[2])
    deadline = time.monotonic() + 30
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as bare:
                bare.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(range(256)))
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context, context.socket(zmq.DEALER) as old:
        old.setsockopt(zmq.LINGER, 0)
        old.connect(endpoint)
        old.send_multipart([b"F2P\x00\x09\x01", b"\x80"])
        assert old.poll(10_000)
        preamble, header = old.recv_multipart()
        assert preamble == b"F2P\x01\x00\x03"
        assert b"protocol 0.9, this side 1.0" in header
        old.send_multipart([b"\x00" * 500] * 3)
        assert old.poll(10_000)
    with FakeEngine(endpoint, game="toy", kinds=KINDS):
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "is in fake 1.0" in out
    assert "Traceback" not in err


# ---- engine


def test_engine_runs_the_games_engine(
    start: Callable[..., subprocess.Popen[str]], endpoint: str
) -> None:
    options = {"game": "toy", "layouts": KINDS, "heartbeat": 0.1, "silence": 1.0}
    with Host(endpoint, **options) as host:  # type: ignore[arg-type]
        process = start("engine", "-g", "toy", "--connect", endpoint, "--exit-with-host", "--json")
        assert host.wait(30).name == "toy-engine"
        character = HERO.random(2)
        assert np.array_equal(host.render(character, size=32).color, expected(character.values, 32))
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert json.loads(out) == {"kind": "toy/hero", "endpoint": endpoint, "exit_code": 0}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes without asking them")
def test_ending_the_command_ends_the_engine(
    start: Callable[..., subprocess.Popen[str]], endpoint: str
) -> None:
    options = {"game": "toy", "layouts": KINDS, "heartbeat": 0.1, "silence": 1.0}
    with Host(endpoint, **options) as host:  # type: ignore[arg-type]
        process = start("engine", "-g", "toy", "--connect", endpoint)
        host.wait(30)
        process.terminate()
        process.communicate(timeout=20)
        assert process.returncode == 0
        deadline = time.monotonic() + 10
        while host.engines:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_engine_in_wrong_use(f2p: Run) -> None:
    done = f2p("engine", "-g", "toy", "--connect", "nowhere")
    assert done.code == 2
    assert "is not an endpoint" in done.text


def test_an_engine_that_is_refused_says_why(
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    with Host(game="chess", heartbeat=0.1) as host:
        process = start("engine", "-g", "toy", "--connect", host.endpoint)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "an engine of 'toy', wanted is 'chess'" in err
    assert "the engine of toy/hero ended with exit code 1" in err


# ---- capture


def test_capture_goes_on(f2p: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"
    capture = ("capture", "-g", "toy", "-o", data, "--size", 16, "--shard-size", 4)
    done = f2p(*capture, "-n", 5, "--json")
    assert done.code == 0
    document = json.loads(done.out)
    assert (document["records"], document["drawn"], document["engines_lost"]) == (5, 5, 0)
    assert document["pictures_per_second"] > 0
    done = f2p(*capture, "-n", 9)
    assert done.code == 0
    assert re.search(r"9 records, 4 drawn now, [\d.]+ a second", done.text)
    done = f2p(*capture, "-n", 9)
    assert done.code == 0
    assert "all 9 records are there" in done.text
    for number, values, png in read_records(data):
        assert values == HERO.random(number).values
        assert np.array_equal(load(png), expected(values, 16))
    done = f2p(*capture, "-n", 9, "--seed", 1)
    assert done.code == 1
    assert "holds a dataset of seed 0, asked was 1" in done.text


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


def test_capture_with_engines_that_die(
    f2p: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("F2P_TOY_ENGINE", "dies")  # each draws two pictures
    data = tmp_path / "data"
    done = f2p("capture", "-g", "toy", "-o", data, "-n", 5, "--size", 16)
    assert done.code == 0
    assert "engines were lost" in done.text
    assert [record.number for record in read_records(data)] == list(range(5))


def test_capture_with_an_engine_that_hangs(
    f2p: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("F2P_TOY_ENGINE", "hangs")
    data = tmp_path / "data"
    done = f2p("capture", "-g", "toy", "-o", data, "-n", 5, "--size", 16, "--deadline", 0.5)
    assert done.code == 1
    assert "did not answer within 0.5 s" in done.text
    assert len(list(read_records(data))) == 2


def test_capture_by_engines_elsewhere_with_keys(f2p: Run, tmp_path: Path, endpoint: str) -> None:
    data, keys = tmp_path / "data", tmp_path / "keys"
    engine: list[FakeEngine] = []

    def connect() -> None:
        while not (keys / "engine.key_secret").exists():
            time.sleep(0.05)
        time.sleep(0.2)  # the secret is there before it is written
        engine.append(FakeEngine(endpoint, game="toy", kinds=KINDS, keys=str(keys)))

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


def test_capture_in_wrong_use(f2p: Run, tmp_path: Path) -> None:
    capture = ("capture", "-g", "toy", "-o", tmp_path / "data", "-n")
    assert f2p(*capture, 0).code == 2
    assert f2p(*capture, 5, "--engines", 0).code == 2
    assert f2p(*capture, 5, "--plaintext").code == 2
    (tmp_path / "file").write_text("")
    done = f2p("capture", "-g", "toy", "-n", 5, "-o", tmp_path / "file" / "data")
    assert done.code == 1
    assert "cannot be written to" in done.text
