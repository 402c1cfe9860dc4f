"""Options of sockets against floods, and engines with the key of another host."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
import zmq

from f2p_sdk.bridge import Host, make_keys, serve_engine
from f2p_sdk.bridge.sockets import ANY_PORT, bind_router
from f2p_sdk.errors import ProtocolError
from f2p_sdk.testing import PatternHandler


def test_the_router_uses_no_heartbeats_of_libzmq() -> None:
    """Their timer aborts the process after a flood (libzmq issue 4364); keepalive replaces them.

    ``benchmarks/fuzz.py --part host`` needs some seconds to cause the abort."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        router, _, _ = bind_router(context, ANY_PORT, silence_ms=8_000)
        with router:
            assert router.getsockopt(zmq.HEARTBEAT_IVL) == 0
            assert router.getsockopt(zmq.TCP_KEEPALIVE) == 1
            assert router.getsockopt(zmq.TCP_KEEPALIVE_IDLE) == 4
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
