"""A peer that fills the host's queue and disconnects: libzmq must not end the host's process."""

from __future__ import annotations

import zmq

from f2p_sdk.bridge.sockets import ANY_PORT, bind_router


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
