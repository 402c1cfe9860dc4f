"""Engine processes: start, supervision, restart, and their end with the SDK in every case."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from f2p_sdk.bridge import open_engine
from f2p_sdk.errors import BridgeError, EngineLostError, EngineTimeoutError
from f2p_sdk.testing import FakeEngine, pattern

VALUES = {"nose": 0.5}


@dataclass(frozen=True)
class FakeLayout:
    hash: str = "0"


@dataclass(frozen=True)
class FakeKind:
    """The attributes of a Kind that the bridge uses."""

    engine: Callable[[str], list[str]] | None
    game: str = "demo"
    kind: str = "hero"
    layout: FakeLayout = FakeLayout()


def fake_kind(**options: float | bool) -> FakeKind:
    return FakeKind(lambda endpoint: FakeEngine.argv(endpoint, **options))


@pytest.fixture
def beacon() -> Iterator[socket.socket]:
    """Engines also connect here, so that a test detects the end of their process."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        yield server


def with_beacon(server: socket.socket, endpoint: str, **options: float | bool) -> list[str]:
    port = server.getsockname()[1]
    argv = FakeEngine.argv(endpoint, **options)
    code = (
        "import runpy, socket, sys;"
        f"beacon = socket.create_connection(('127.0.0.1', {port}));"
        f"sys.argv = {argv[2:]!r} + sys.argv[1:];"
        "runpy.run_module('f2p_sdk.testing', run_name='__main__')"
    )
    return [sys.executable, "-c", code]


def wait_for_end(connection: socket.socket, seconds: float) -> None:
    connection.settimeout(seconds)
    with contextlib.suppress(ConnectionResetError):  # Windows reports a reset
        assert connection.recv(1) == b""


def test_engines_start_and_end_with_the_block(beacon: socket.socket) -> None:
    fake = FakeKind(lambda endpoint: with_beacon(beacon, endpoint))
    with open_engine(fake, engines=2) as host:
        connections = [beacon.accept()[0] for _ in range(2)]
        assert len(host.engines) == 2
        assert np.array_equal(host.render(VALUES, size=8).color, pattern(VALUES, (8, 8)))
    for connection in connections:
        with connection:
            wait_for_end(connection, 1)


@pytest.mark.slow
def test_a_hanging_engine_ends_when_the_block_fails(beacon: socket.socket) -> None:
    fake = FakeKind(lambda endpoint: with_beacon(beacon, endpoint, hang_after=0))
    with contextlib.suppress(EngineTimeoutError), open_engine(fake) as host:
        connection = beacon.accept()[0]
        host.render(VALUES, size=8, deadline=0.3)
    with connection:
        wait_for_end(connection, 1)  # it hangs, so it was terminated


@pytest.mark.parametrize("hang", [False, True], ids=["drawing", "hanging"])
@pytest.mark.slow
def test_an_engine_ends_when_the_sdk_is_killed(beacon: socket.socket, hang: bool) -> None:
    options = {"hang_after": 0} if hang else {"delay": 0.02}
    argv = with_beacon(beacon, "ENDPOINT", **options)
    code = f"""
from f2p_sdk.bridge import open_engine
class Kind:
    game, kind = "demo", "hero"
    class layout:
        hash = "0"
    @staticmethod
    def engine(endpoint):
        return [a.replace("ENDPOINT", endpoint) for a in {argv!r}]
with open_engine(Kind(), heartbeat=0.1, silence=1.0) as host:
    print("ready", flush=True)
    while True:
        host.render({{"nose": 0.5}}, size=64, deadline=60)
"""
    sdk = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert sdk.stdout is not None
    try:
        assert sdk.stdout.readline().strip() == b"ready"
        connection = beacon.accept()[0]
        time.sleep(0.3)  # while it draws
    finally:
        sdk.kill()  # kill -9: it sends no GOODBYE
        sdk.wait()
        sdk.stdout.close()
    with connection:
        wait_for_end(connection, 10)


def test_the_end_of_an_engine_process_is_reported_at_once() -> None:
    with open_engine(fake_kind(die_after=1), heartbeat=0.1) as host:
        host.render(VALUES, size=8)
        started = time.monotonic()
        with pytest.raises(EngineLostError, match=r"ended \(exit code 9\)") as caught:
            host.render(VALUES, size=8, deadline=60)
        assert time.monotonic() - started < 10  # not after the deadline
        assert caught.value.remedy


@pytest.mark.slow
def test_an_ended_engine_is_restarted() -> None:
    with open_engine(fake_kind(die_after=3), heartbeat=0.1, restarts=5) as host:
        # One at a time: an engine that ends loses its unsent pictures, and a picture that is lost
        # with three engines fails.
        renderings = dict(host.render_many([VALUES] * 8, size=8, window=1))
        assert sorted(renderings) == list(range(8))
        assert host.counts["lost"] >= 2


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["-c", "raise SystemExit('no graphics here')"], "no graphics here"),
        (["-c", "import os; os._exit(4)"], r"exit code 4"),
        (["-m", "no_such_module"], "No module named"),
    ],
)
def test_an_engine_that_does_not_start_is_reported_with_its_output(
    argv: list[str], text: str
) -> None:
    broken = FakeKind(lambda endpoint: [sys.executable, *argv])
    started = time.monotonic()
    with (
        pytest.raises(EngineLostError, match=text),
        open_engine(broken, heartbeat=0.1, connect_timeout=60),
    ):
        pass
    assert time.monotonic() - started < 20


def test_an_engine_of_another_layout_is_reported_with_both_hashes() -> None:
    with (
        pytest.raises(EngineLostError, match="layout 1, this side has layout 0"),
        open_engine(FakeKind(lambda e: FakeEngine.argv(e, kinds={"hero": "1"})), heartbeat=0.1),
    ):
        pass


def test_a_missing_program_and_a_kind_without_engine() -> None:
    missing = FakeKind(lambda endpoint: ["f2p-no-such-program", endpoint])
    with pytest.raises(BridgeError, match="could not be started"), open_engine(missing):
        pass
    with pytest.raises(BridgeError, match="has no engine"), open_engine(FakeKind(None)):
        pass


def test_listening_for_an_external_engine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        endpoint = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with (
        FakeEngine(endpoint) as engine,
        open_engine(FakeKind(None), listen=endpoint, connect_timeout=20) as host,
    ):
        assert host.render(VALUES, size=8).color.shape == (8, 8, 3)
        assert engine.process.poll() is None
