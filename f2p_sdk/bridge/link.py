"""The engine's connection: greets the host, takes requests, keeps heartbeats going while it draws.

The drawing thread uses the socket directly, so that no picture waits for a second thread. While it
draws, which may take long, a pulse thread does what cannot wait. A lock says whose turn it is.
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

from ..errors import EngineTimeoutError, F2PError, ProtocolError
from .messages import MAX_CREDITS, EngineInfo
from .sockets import connect_dealer, receive, send
from .watchdog import Leash
from .wire import (
    Buffer,
    Message,
    MessageType,
    VersionError,
    WireError,
    decode,
    encode,
)

__all__ = ["EXIT_HOST_GONE", "Link", "Request"]

EXIT_HOST_GONE = 3
"""Exit code of an engine that had to end itself while drawing, as nobody was left to end it."""

_REQUESTS = (MessageType.RENDER, MessageType.APPLY, MessageType.MEASURE)
_PATIENCE = 0.05  # seconds that the drawing thread waits at a time with the lock held


@dataclass(frozen=True)
class Request:
    """A request, and the welcome under which it came: answers to an earlier one are dropped."""

    epoch: int
    message: Message


class Link:
    """See the module. Arguments are those of :class:`f2p_sdk.bridge.EngineClient`."""

    def __init__(
        self,
        endpoint: str,
        info: EngineInfo,
        *,
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
        self._leash = Leash()
        self._connect_timeout = connect_timeout
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._dealer = connect_dealer(self._context, endpoint, keys=keys)
        except BaseException:
            self._context.term()
            self._leash.close()
            raise
        self._inbox: deque[Request] = deque()
        self._epoch = 0
        self._heartbeat = 1.0
        self._silence = 10.0
        self._serving = False
        now = time.monotonic()
        self._heard = now
        self._next_send = now
        self._gone_since: float | None = now
        self._ended_at = 0.0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._pulse = threading.Thread(target=self._beat, name="f2p-engine", daemon=True)
        self._pulse.start()

    # ---- called from the drawing thread

    def take(self, timeout: float) -> Request | None:
        """The next request, or None when none came in ``timeout`` seconds or the link has ended."""
        until = time.monotonic() + timeout
        while True:
            with self._lock:
                self._turn()
                if self._inbox:
                    return self._inbox.popleft()
                left = until - time.monotonic()
                if self.ended or left <= 0:
                    return None
                self._dealer.poll(int(min(left, _PATIENCE) * 1000) + 1)

    def answer(self, epoch: int, frames: Sequence[Buffer]) -> None:
        """Send an answer, planes from where they lie, unless the host has forgotten who asked."""
        with self._lock:
            if self._serving and epoch == self._epoch:
                send(self._dealer, frames)

    def close(self) -> None:
        """Say goodbye and disconnect."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._pulse.join()
        if self._serving:
            send(self._dealer, encode(MessageType.GOODBYE, {"reason": "the engine closes"}))
        self._dealer.close()
        self._context.term()
        self._leash.close()

    # ---- the pulse thread

    def _beat(self) -> None:
        while not self._closing.wait(min(0.1, self._heartbeat / 2)):
            # Where the drawing thread has the lock, it is taking its turns itself.
            if self._lock.acquire(blocking=False):
                try:
                    self._turn()
                finally:
                    self._lock.release()
            late = time.monotonic() - self._ended_at
            alone = self._exit_with_host or self._leash.broken
            if self.ended and alone and late > 5 * self._heartbeat:
                # The drawing thread was told to stop and hangs in a render: nobody but us can end
                # this process, as its host, or who started it, is gone.
                os._exit(EXIT_HOST_GONE)

    # ---- with the lock held

    def _turn(self) -> None:
        """Take what came, send what is due, notice what has changed."""
        if self.ended:
            return
        if self._leash.broken:
            self._end(None)
            return
        self._receive()
        now = time.monotonic()
        reachable = bool(self._dealer.poll(0, zmq.POLLOUT))
        if self._serving and (not reachable or now - self._heard > self._silence):
            self._forget()
        if self._serving:
            self._gone_since = None
        elif self._gone_since is None:
            self._gone_since = now
        if self._gone_since is not None:
            self._give_up(now - self._gone_since, reachable)
        if reachable and now >= self._next_send and not self.ended:
            if self._serving:
                busy = 0.0 if self.busy_since is None else now - self.busy_since
                send(self._dealer, encode(MessageType.HEARTBEAT, {"busy": busy}))
            else:
                send(self._dealer, self._hello)
            self._next_send = now + self._heartbeat

    def _receive(self) -> None:
        while True:
            try:
                _, frames = receive(self._dealer, addressed=False)
            except zmq.Again:
                return
            try:
                if isinstance(frames, WireError):
                    raise frames
                message = decode(frames)
            except VersionError as error:
                said = str(error.header.get("message", "")) or error.message
                self._end(ProtocolError(f"{self.endpoint}: {said}", remedy=error.remedy))
                return
            except WireError:
                continue  # what is no message is ignored
            self._heard = time.monotonic()
            self._handle(message)

    def _handle(self, message: Message) -> None:
        header = message.header
        if message.type in _REQUESTS:
            # More than any credit allows is dropped, as is what comes before the welcome.
            if self._serving and len(self._inbox) < 2 * MAX_CREDITS:
                self._inbox.append(Request(self._epoch, message))
        elif message.type is MessageType.WELCOME:
            self._forget()
            self._heartbeat = min(60.0, max(0.02, float(header["heartbeat"])))
            self._silence = min(600.0, max(0.1, float(header["silence"])))
            self._epoch += 1
            self._serving = True
        elif message.type is MessageType.AGAIN:
            self._forget()
        elif message.type is MessageType.REFUSED:
            self._end(
                ProtocolError(
                    f"the host refused this engine ({header['code']}): {header['message']}",
                    remedy=header["remedy"],
                )
            )
        elif message.type is MessageType.GOODBYE:
            self._forget()
            send(self._dealer, encode(MessageType.GOODBYE, {"reason": "so do I"}))
            if self._exit_with_host:
                self._end(None)

    def _forget(self) -> None:
        """The host has forgotten us, or is gone: so are its requests. Greet it at the next turn."""
        self._serving = False
        self._inbox.clear()
        self._next_send = 0.0

    def _give_up(self, seconds: float, reachable: bool) -> None:
        """Whether to end, after so many seconds without a host."""
        if self._epoch:
            # It was there. Gone for good if nothing listens; if something does, it may be busy.
            patience = self._silence if reachable else 3 * self._heartbeat
            if self._exit_with_host and seconds > patience:
                self._end(None)
        elif self._connect_timeout is not None and seconds > self._connect_timeout:
            self._end(
                EngineTimeoutError(
                    f"no welcome from {self.endpoint} within {self._connect_timeout:g} s",
                    remedy="is the host running there, on that port, with the same keys?",
                )
            )

    def _end(self, error: F2PError | None) -> None:
        if not self.ended:
            self.error = error
            self.ended = True
            self._ended_at = time.monotonic()
