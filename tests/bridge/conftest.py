"""Engines in threads, raw sockets, and a check that no thread is left over."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zmq

from f2p_sdk.bridge import EngineHandler, serve_engine
from f2p_sdk.bridge.wire import Message, MessageType, decode, encode


@pytest.fixture(autouse=True)
def _no_threads_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    # pyzmq keeps one thread for the life of the process; the bridge's own threads must end.
    left = [t for t in threading.enumerate() if t not in before and t.name.startswith("f2p")]
    assert left == []


class EngineThread:
    """serve_engine in a thread; ``error`` is the exception that it raised."""

    def __init__(self, endpoint: str, handler: EngineHandler, **options: Any) -> None:
        self.stop = threading.Event()
        self.error: BaseException | None = None
        self.thread = threading.Thread(
            target=self._run, args=(endpoint, handler, options), name="f2p-test-engine"
        )
        self.thread.start()

    def _run(self, endpoint: str, handler: EngineHandler, options: dict[str, Any]) -> None:
        try:
            serve_engine(endpoint, handler, stop=self.stop, **options)
        except BaseException as error:
            self.error = error

    def join(self, timeout: float = 10) -> None:
        self.thread.join(timeout)
        assert not self.thread.is_alive()


@pytest.fixture
def start_engine() -> Iterator[Callable[..., EngineThread]]:
    engines: list[EngineThread] = []

    def start(endpoint: str, handler: EngineHandler, **options: Any) -> EngineThread:
        engines.append(EngineThread(endpoint, handler, **options))
        return engines[-1]

    yield start
    for engine in engines:
        engine.stop.set()
    for engine in engines:
        engine.join()


class Raw:
    """A bare DEALER or ROUTER for arbitrary messages."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self.socket = socket
        self.peer: list[bytes] = []

    def hello(self, credits: int = 2, **changes: Any) -> Message:
        self.send(MessageType.HELLO, {**HELLO, "credits": credits, **changes})
        return self.expect(MessageType.WELCOME)

    def send(self, type: MessageType, header: dict[str, Any], *planes: bytes) -> None:
        self.send_frames(*encode(type, header, planes))

    def send_frames(self, *frames: Any) -> None:
        self.socket.send_multipart([*self.peer, *frames])

    def receive(self, seconds: float = 10) -> Message | None:
        if not self.socket.poll(int(seconds * 1000)):
            return None
        frames = self.socket.recv_multipart()
        if self.socket.type == zmq.ROUTER:
            self.peer = [frames.pop(0)]
        return decode(frames)

    def expect(self, type: MessageType, seconds: float = 10) -> Message:
        """Return the next message except heartbeats, which must be of ``type``."""
        end = time.monotonic() + seconds
        while (message := self.receive(max(0, end - time.monotonic()))) is not None:
            if message.type == type:
                return message
            assert message.type == MessageType.HEARTBEAT, message
        raise AssertionError(f"no {type.name} within {seconds} s")

    def expect_nothing(self, seconds: float) -> None:
        """Fail if a message other than a heartbeat arrives."""
        end = time.monotonic() + seconds
        while (message := self.receive(max(0, end - time.monotonic()))) is not None:
            assert message.type == MessageType.HEARTBEAT, message


HELLO = {
    "role": "engine",
    "game": "demo",
    "name": "raw",
    "version": "1",
    "kinds": {"hero": "0"},
    "max_size": 64,
    "passes": ["color"],
}


@pytest.fixture
def raw_engine() -> Iterator[Callable[..., Raw]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with contextlib.ExitStack() as stack:
        stack.callback(context.term)

        def connect(endpoint: str) -> Raw:
            socket = context.socket(zmq.DEALER)
            socket.setsockopt(zmq.LINGER, 0)
            stack.callback(socket.close)
            socket.connect(endpoint)
            return Raw(socket)

        yield connect


@pytest.fixture
def raw_host() -> Iterator[tuple[Raw, str]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.ROUTER)
    socket.setsockopt(zmq.LINGER, 0)
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    yield Raw(socket), f"tcp://127.0.0.1:{port}"
    socket.close()
    context.term()
