"""The engine's connection: sends HELLO, receives requests, sends heartbeats also during drawing.

The drawing thread uses the socket directly, so that a rendering is not handed to another thread.
During a long drawing, the heartbeat thread uses the socket. A lock protects the socket.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import zmq
from zmq.utils.monitor import recv_monitor_message

from ..errors import EngineTimeoutError, F2PError, ProtocolError
from .messages import MAX_CREDITS, EngineInfo
from .notices import HANDSHAKE_REMEDY
from .sockets import FAILED_HANDSHAKES, REFUSED_HANDSHAKES, connect_dealer, receive, send
from .watchdog import Watchdog
from .wire import Buffer, Message, MessageType, VersionError, WireError, decode, encode

EXIT_HOST_GONE = 3
"""Exit code of an engine whose host has gone while its handler hangs."""

_REQUESTS = (MessageType.RENDER, MessageType.APPLY, MessageType.MEASURE)
_HELLO_INTERVAL = 0.1  # seconds between two HELLOs at least
_MAX_FAILURES = 3  # handshakes in a row; a host that ends may cause one
_POLL_SECONDS = 0.05  # time that the drawing thread waits with the lock held


@dataclass(frozen=True)
class Request:
    """A request and the number of the WELCOME before it; answers after another one are dropped."""

    epoch: int
    message: Message


class Link:
    """Connection to a host. Arguments are those of :class:`f2p_sdk.bridge.EngineClient`."""

    def __init__(
        self,
        endpoint: str,
        info: EngineInfo,
        credits: int,
        exit_with_host: bool,
        connect_timeout: float | None,
        keys: str | Path | None,
    ) -> None:
        self.endpoint = endpoint
        self.ended = False
        self.error: F2PError | None = None
        self.busy_since: float | None = None  # set by the drawing thread
        self._hello = encode(MessageType.HELLO, info.hello(credits=credits))
        self._exit_with_host = exit_with_host
        self._watchdog = Watchdog()
        self._connect_timeout = connect_timeout
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._dealer = connect_dealer(self._context, endpoint, keys=keys)
        except BaseException:
            self._context.term()
            self._watchdog.close()
            raise
        events = FAILED_HANDSHAKES | zmq.EVENT_HANDSHAKE_SUCCEEDED
        self._monitor = self._dealer.get_monitor_socket(events)
        self._failures = 0
        self._last_hello = 0.0
        self._inbox: deque[Request] = deque()
        self._epoch = 0
        self._heartbeat, self._silence = 1.0, 10.0
        self._serving = False
        self._last_received = self._next_send = time.monotonic()
        self._absent_since: float | None = self._next_send
        self._ended_at = 0.0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._heartbeats = threading.Thread(
            target=self._run_heartbeats, name="f2p-engine", daemon=True
        )
        self._heartbeats.start()

    # Called from the drawing thread:

    def next_request(self, timeout: float) -> Request | None:
        """The next request; None if none came in ``timeout`` seconds or the link has ended."""
        until = time.monotonic() + timeout
        while True:
            with self._lock:
                self._update()
                if self._inbox:
                    return self._inbox.popleft()
                left = until - time.monotonic()
                if self.ended or left <= 0:
                    return None
                self._dealer.poll(int(min(left, _POLL_SECONDS) * 1000) + 1)

    def answer(self, epoch: int, frames: Sequence[Buffer]) -> None:
        """Send an answer without copying planes, unless the request's epoch has ended."""
        with self._lock:
            if self._serving and epoch == self._epoch:
                send(self._dealer, frames)

    def close(self) -> None:
        """Send GOODBYE and disconnect."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._heartbeats.join()
        if self._serving:
            send(self._dealer, encode(MessageType.GOODBYE, {"reason": "the engine closes"}))
        self._dealer.disable_monitor()
        self._monitor.close(0)
        self._dealer.close()
        self._context.term()
        self._watchdog.close()

    # Called from the heartbeat thread:

    def _run_heartbeats(self) -> None:
        while not self._closing.wait(min(0.1, self._heartbeat / 2)):
            # If the drawing thread holds the lock, it calls _update itself.
            if self._lock.acquire(blocking=False):
                try:
                    self._update()
                finally:
                    self._lock.release()
            overdue = time.monotonic() - self._ended_at
            unattended = self._exit_with_host or self._watchdog.expired
            if self.ended and unattended and overdue > 5 * self._heartbeat:
                # The handler hangs, and no other process is left to end this one.
                os._exit(EXIT_HOST_GONE)

    # Called with the lock held:

    def _update(self) -> None:
        """Receive messages, send the messages that are due, update the state."""
        if self.ended:
            return
        if self._watchdog.expired:
            self._end(None)
            return
        self._receive()
        if not self._watch_handshakes():
            return
        now = time.monotonic()
        reachable = bool(self._dealer.poll(0, zmq.POLLOUT))
        if self._serving and (not reachable or now - self._last_received > self._silence):
            self._reset()
        if self._serving:
            self._absent_since = None
        elif self._absent_since is None:
            self._absent_since = now
        if self._absent_since is not None:
            self._check_absence(now - self._absent_since, reachable)
        if reachable and now >= self._next_send and not self.ended:
            if self._serving:
                busy = 0.0 if self.busy_since is None else now - self.busy_since
                send(self._dealer, encode(MessageType.HEARTBEAT, {"busy": busy}))
            else:
                send(self._dealer, self._hello)
                self._last_hello = now
            self._next_send = now + max(self._heartbeat, 0.0 if self._serving else _HELLO_INTERVAL)

    def _watch_handshakes(self) -> bool:
        """End the link if the host refuses its keys, or closes several connections in a row.

        False if the link has ended."""
        while self._monitor.poll(0) and not self.ended:
            event = recv_monitor_message(self._monitor)["event"]
            self._failures = 0 if event == zmq.EVENT_HANDSHAKE_SUCCEEDED else self._failures + 1
            if event & REFUSED_HANDSHAKES or self._failures >= _MAX_FAILURES:
                text = f"{self.endpoint}: the host refused the connection: the keys do not fit"
                self._end(ProtocolError(text, remedy=HANDSHAKE_REMEDY))
        return not self.ended

    def _receive(self) -> None:
        while True:
            try:
                message = decode(receive(self._dealer, addressed=False)[1])
            except zmq.Again:
                return
            except VersionError as error:
                text = str(error.header.get("message", "")) or error.message
                self._end(ProtocolError(f"{self.endpoint}: {text}", remedy=error.remedy))
                return
            except WireError as error:
                self._answer_malformed(error)
                continue
            self._last_received = time.monotonic()
            self._handle(message)

    def _answer_malformed(self, error: WireError) -> None:
        """Answer a request with FAILED if its id can be read; ignore other malformed messages."""
        if self._serving and error.type in _REQUESTS and error.id is not None:
            answer = {"id": error.id, "credits": 1, "message": error.message, "remedy": ""}
            send(self._dealer, encode(MessageType.FAILED, answer))

    def _handle(self, message: Message) -> None:
        header = message.header
        if message.type in _REQUESTS:
            # Requests beyond any credit or before the WELCOME are dropped.
            if self._serving and len(self._inbox) < 2 * MAX_CREDITS:
                self._inbox.append(Request(self._epoch, message))
        elif message.type is MessageType.WELCOME:
            self._reset()
            self._heartbeat = min(60.0, max(0.02, float(header["heartbeat"])))
            self._silence = min(600.0, max(0.1, float(header["silence"])))
            self._epoch += 1
            self._serving = True
        elif message.type is MessageType.AGAIN:
            self._reset()
        elif message.type is MessageType.REFUSED:
            text = f"the host refused this engine ({header['code']}): {header['message']}"
            self._end(ProtocolError(text, remedy=header["remedy"]))
        elif message.type is MessageType.GOODBYE:
            self._reset()
            self._next_send = time.monotonic() + self._heartbeat  # the host closes its socket
            send(self._dealer, encode(MessageType.GOODBYE, {"reason": "answer to the host's"}))
            if self._exit_with_host:
                self._end(None)

    def _reset(self) -> None:
        """Drop the host's requests; the next update sends HELLO."""
        self._serving = False
        self._inbox.clear()
        self._next_send = self._last_hello + _HELLO_INTERVAL

    def _check_absence(self, seconds: float, reachable: bool) -> None:
        """End the link if the host has been absent for too long."""
        if self._epoch:
            # A host that still accepts connections may be busy; else it is gone.
            limit = self._silence if reachable else 3 * self._heartbeat
            if self._exit_with_host and seconds > limit:
                self._end(None)
        elif self._connect_timeout is not None and seconds > self._connect_timeout:
            text = f"no welcome from {self.endpoint} within {self._connect_timeout:g} s"
            remedy = "check that the host runs there, with the same port and keys"
            self._end(EngineTimeoutError(text, remedy=remedy))

    def _end(self, error: F2PError | None) -> None:
        if not self.ended:
            self.error = error
            self.ended = True
            self._ended_at = time.monotonic()
