"""f2p render and apply, with real engine processes of the toy game."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq

from f2p_sdk.images import load
from f2p_sdk.parameters import Character, Layout
from f2p_sdk.testing import FakeEngine, pattern

Run = Callable[..., Any]
Draw = Callable[..., Any]


# ---- render


def test_render_by_a_started_engine(
    f2p: Run, character: Path, tmp_path: Path, expected: Draw, hero: Layout
) -> None:
    out = tmp_path / "out.png"
    done = f2p("render", character, "-o", out, "--via", "engine", "--size", 40, "--json")
    assert done.code == 0
    document = json.loads(done.out)
    assert (document["kind"], document["via"], document["size"]) == ("toy/hero", "engine", [40, 40])
    assert np.array_equal(load(out), expected(hero.random(1).values, 40))


def test_render_by_the_imitator(f2p: Run, character: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    done = f2p("render", character, "-o", out)
    assert done.code == 0
    assert f"{out}: toy/hero drawn by the imitator" in done.text
    assert load(out).shape == (64, 64, 3)


def test_render_by_an_external_engine(
    f2p: Run, character: Path, tmp_path: Path, endpoint: str, hero: Layout, kinds: dict[str, str]
) -> None:
    out = tmp_path / "out.png"
    with FakeEngine(endpoint, game="toy", kinds=kinds):
        done = f2p(
            "render", character, "-o", out, "--via", "engine", "--size", 40, "--listen", endpoint
        )
    assert done.code == 0
    assert np.array_equal(load(out), pattern(hero.random(1).values, (40, 40)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"hang_after": 0}, "did not answer within 0.7 s"),
        ({"die_after": 0}, "was lost"),
        ({"fail_after": 0}, "the hair shader does not compile next: update the graphics driver"),
        ({"short_plane": True}, "violated the protocol"),
        ({"garbage": True}, "violated the protocol"),
    ],
)
def test_render_reports_a_failing_engine(
    f2p: Run,
    character: Path,
    tmp_path: Path,
    endpoint: str,
    options: dict[str, Any],
    text: str,
    kinds: dict[str, str],
) -> None:
    out = tmp_path / "out.png"
    # Long enough for the failure to occur before it on a slow machine.
    deadline = 0.7 if "hang_after" in options else 5
    with FakeEngine(endpoint, game="toy", kinds=kinds, **options):
        started = time.monotonic()
        done = f2p(
            "render",
            character,
            *("-o", out, "--via", "engine", "--listen", endpoint, "--deadline", deadline),
        )
    assert done.code == 1
    assert text in done.text
    assert "next:" in done.text
    assert not out.exists()
    assert time.monotonic() - started < 20


def test_usage_errors_of_render(f2p: Run, character: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert f2p("render", character, "-o", out, "--listen", "tcp://127.0.0.1:*").code == 2
    done = f2p("render", character, "-o", out, "--via", "engine", "--keys", tmp_path)
    assert done.code == 2
    assert "--keys and --plaintext need --listen" in done.text
    done = f2p("render", character, "-o", out, "--via", "engine", "--listen", "ipc:///tmp/x")
    assert done.code == 2
    assert "is not an endpoint" in done.text
    done = f2p("render", character, "-o", out, "--via", "engine", "--listen", "tcp://0.0.0.0:9")
    assert done.code == 2
    assert "--keys" in done.text


def test_render_reports_the_largest_size_of_the_engine(
    f2p: Run, character: Path, tmp_path: Path
) -> None:
    done = f2p("render", character, "-o", tmp_path / "o.png", "--via", "engine", "--size", 2000)
    assert done.code == 1
    assert "up to 1024 pixels" in done.text


# ---- apply


def test_apply_puts_the_character_into_the_game(
    f2p: Run, character: Path, endpoint: str, kinds: dict[str, str]
) -> None:
    with FakeEngine(endpoint, game="toy", kinds=kinds):
        done = f2p("apply", character, "--listen", endpoint, "--json")
    assert done.code == 0
    assert json.loads(done.out) == {
        "character": str(character),
        "kind": "toy/hero",
        "game": "fake",
        "version": "1.0",
    }


def test_apply_times_out_without_a_game(f2p: Run, character: Path, endpoint: str) -> None:
    done = f2p("apply", character, "--listen", endpoint, "--wait", 0.3)
    assert done.code == 1
    assert "0 of 1 engines connected" in done.text
    assert f"f2p engine -g GAME --connect {endpoint}" in done.text


def test_apply_reports_a_game_with_another_layout(
    f2p: Run, character: Path, endpoint: str, hero: Layout
) -> None:
    with FakeEngine(endpoint, game="toy", kinds={"hero": "0123"}):
        done = f2p("apply", character, "--listen", endpoint, "--wait", 2)
    assert done.code == 1
    assert "warning: an engine was refused" in done.text
    assert "0123" in done.text
    assert hero.hash in done.text


def test_malformed_messages_and_other_protocol_versions_do_not_disturb_apply(
    start: Callable[..., subprocess.Popen[str]],
    character: Path,
    endpoint: str,
    kinds: dict[str, str],
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
    with FakeEngine(endpoint, game="toy", kinds=kinds):
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "is in fake 1.0" in out
    assert "Traceback" not in err


@pytest.mark.parametrize(("assets", "warned"), [("build 8", True), ("build 7", False), ("", False)])
def test_apply_warns_of_other_assets(
    f2p: Run,
    character: Path,
    endpoint: str,
    kinds: dict[str, str],
    hero: Layout,
    assets: str,
    warned: bool,
) -> None:
    known = replace(Character.load(character, hero), assets="build 7")
    known.save(character)
    with FakeEngine(endpoint, game="toy", kinds=kinds, assets=assets):
        done = f2p("apply", character, "--listen", endpoint)
    assert done.code == 0
    assert ("made with the assets 'build 7', the engine has 'build 8'" in done.text) is warned
    assert ("fit the photo again" in done.text) is warned
