"""f2p engine, with real engine processes of the toy game."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from f2p_sdk.bridge import Host
from f2p_sdk.errors import EngineTimeoutError
from f2p_sdk.parameters import Layout

Run = Callable[..., Any]
Draw = Callable[..., Any]


@pytest.mark.slow
def test_engine_connects_and_ends_with_the_host(
    start: Callable[..., subprocess.Popen[str]],
    endpoint: str,
    expected: Draw,
    hero: Layout,
    kinds: dict[str, str],
) -> None:
    options = {"game": "toy", "layouts": kinds, "heartbeat": 0.1, "silence": 1.0}
    with Host(endpoint, **options) as host:  # type: ignore[arg-type]
        process = start("engine", "-g", "toy", "--connect", endpoint, "--exit-with-host", "--json")
        assert host.wait(30).name == "toy-engine"
        character = hero.random(2)
        assert np.array_equal(host.render(character, size=32).color, expected(character.values, 32))
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert json.loads(out) == {"kind": "toy/hero", "endpoint": endpoint, "exit_code": 0}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_ending_the_command_ends_the_engine(
    start: Callable[..., subprocess.Popen[str]], endpoint: str, kinds: dict[str, str]
) -> None:
    options = {"game": "toy", "layouts": kinds, "heartbeat": 0.1, "silence": 1.0}
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


@pytest.mark.parametrize("state", ["waiting", "serving", "hanging"])
@pytest.mark.slow
def test_killing_the_command_ends_the_engine(
    start: Callable[..., subprocess.Popen[str]],
    endpoint: str,
    hero: Layout,
    kinds: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    state: str,
) -> None:
    monkeypatch.setenv("F2P_TOY_ENGINE", "hangs" if state == "hanging" else "")
    options = {"game": "toy", "layouts": kinds, "heartbeat": 0.1, "silence": 1.0}
    with ExitStack() as stack:
        host = stack.enter_context(Host(endpoint, **options))  # type: ignore[arg-type]
        process = start("engine", "-g", "toy", "--connect", endpoint)
        host.wait(30)
        if state == "waiting":
            stack.close()
        if state == "hanging":
            with pytest.raises(EngineTimeoutError):
                list(host.render_many([hero.default()] * 3, size=16, deadline=0.5))
        assert process.poll() is None
        process.kill()  # kill -9: the command cannot end the engine
        # The engine inherits the pipes: they close when both processes have ended.
        process.communicate(timeout=10)


def test_an_invalid_endpoint_is_a_usage_error(f2p: Run) -> None:
    done = f2p("engine", "-g", "toy", "--connect", "nowhere")
    assert done.code == 2
    assert "is not an endpoint" in done.text


@pytest.mark.slow
def test_a_refused_engine_reports_the_reason(
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    with Host(game="chess", heartbeat=0.1) as host:
        process = start("engine", "-g", "toy", "--connect", host.endpoint)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "an engine of 'toy', the host needs 'chess'" in err
    assert "the engine of toy/hero ended with exit code 1" in err
