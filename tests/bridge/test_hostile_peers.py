"""Options of sockets against floods, and engines with the key of another host."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zmq

from f2p_sdk.bridge import Host, make_keys, serve_engine
from f2p_sdk.bridge.messages import MAX_CREDITS
from f2p_sdk.bridge.sockets import ANY_PORT, bind_router
from f2p_sdk.bridge.wire import MessageType
from f2p_sdk.errors import ProtocolError
from f2p_sdk.testing import PatternHandler


def test_the_router_has_a_short_queue_and_no_heartbeats_of_libzmq() -> None:
    """Their timer aborts the process after a flood (libzmq issue 4364); keepalive replaces them.

    ``benchmarks/fuzz.py --part host`` needs some seconds to cause the abort."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        router, _, _ = bind_router(context, ANY_PORT, silence_ms=8_000)
        with router:
            assert router.getsockopt(zmq.HEARTBEAT_IVL) == 0
            assert router.getsockopt(zmq.RCVHWM) == MAX_CREDITS
            assert router.getsockopt(zmq.TCP_KEEPALIVE) == 1
            assert router.getsockopt(zmq.TCP_KEEPALIVE_IDLE) == 8
            assert router.getsockopt(zmq.TCP_KEEPALIVE_INTVL) == 1
            assert router.getsockopt(zmq.TCP_MAXRT) == 8_000
    finally:
        context.term()


def test_an_engine_with_the_key_of_another_host_ends_with_the_reason(tmp_path: Path) -> None:
    keys, others = make_keys(tmp_path / "keys"), make_keys(tmp_path / "others")
    for name in ("engine.key", "engine.key_secret"):  # the host's key was made again
        shutil.copy(keys / name, others)
    with Host(keys=keys) as host:
        started = time.monotonic()
        with pytest.raises(ProtocolError, match="the keys do not fit") as caught:
            serve_engine(host.endpoint, PatternHandler(), keys=others, connect_timeout=20)
        assert time.monotonic() - started < 3
        assert "copy host.key" in caught.value.remedy


def test_a_flood_gets_few_answers_and_engines_are_admitted_in_it(
    raw_engine: Callable[..., Any],
) -> None:
    with Host(game="demo", heartbeat=30) as host:
        flood, engine = raw_engine(host.endpoint), raw_engine(host.endpoint)
        for _ in range(600):
            flood.send(MessageType.HEARTBEAT, {})
        engine.hello()
        end = time.monotonic() + 10
        while host.counts["messages"] < 601 and time.monotonic() < end:
            time.sleep(0.02)
        assert host.counts["unknown_sender"] + host.counts["flood"] == 600
        assert host.counts["flood"] == 600 - 256
        answers = 0
        while flood.receive(0.3) is not None:
            answers += 1
        assert answers == 256
        assert len(host.engines) == 1
