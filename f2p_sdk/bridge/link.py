"""The engine's thread: it owns the DEALER, greets the host, keeps heartbeats going while the engine
draws.

The engine draws on its own main thread (graphics libraries insist on it), which may be busy for
seconds. So this thread answers for the process, and hands requests over through a queue.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import zmq

from ..errors import EngineTimeoutError, F2PError, ProtocolError
from .messages import MAX_CREDITS, EngineInfo
from .sockets import connect_dealer, receive, send
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
"""Exit code of an engine that had to end itself in the middle of drawing, as its host was gone."""

_REQUESTS = (MessageType.RENDER, MessageType.APPLY, MessageType.MEASURE)


@dataclass(frozen=True)
class Request:
    """A request, and the welcome under which it came: answers to an earlier one are dropped."""

    epoch: int
    message: Message


class Link(threading.Thread):
    """See the module. ``inbox`` carries requests and, once, the end: an error, or None for a clean
    one."""

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
        super().__init__(name="f2p-engine", daemon=True)
        self.endpoint = endpoint
        self.inbox: queue.SimpleQueue[Request | F2PError | None] = queue.SimpleQueue()
        self.epoch = 0
        self.busy_since: float | None = None  # set by the drawing thread
        self._hello = encode(MessageType.HELLO, info.hello(credits=credits))
        self._exit_with_host = exit_with_host
        self._connect_timeout = connect_timeout
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._dealer = connect_dealer(self._context, endpoint, keys=keys)
        except BaseException:
            self._context.term()
            raise
        self._inner: zmq.Socket[bytes] = self._context.socket(zmq.PAIR)
        self._inner.bind("inproc://f2p-engine-results")
        self._results: zmq.Socket[bytes] = self._context.socket(zmq.PAIR)
        self._results.connect("inproc://f2p-engine-results")
        self._heartbeat = 1.0
        self._silence = 10.0
        self._serving = False
        self._ended_at: float | None = None
        self._stopping = False

    # ---- called from the drawing thread

    def answer(self, epoch: int, frames: Sequence[Buffer]) -> None:
        """Hand an answer over; its planes are sent from where they lie."""
        send(self._results, [epoch.to_bytes(8, "little"), *frames])

    def close(self) -> None:
        """Say goodbye and end the thread."""
        if not self._stopping:
            self._stopping = True
            send(self._results, [b""])
            self.join()
            self._results.close(0)
            self._context.term()

    # ---- the thread

    def run(self) -> None:
        try:
            self._loop()
            if self._serving:
                send(self._dealer, encode(MessageType.GOODBYE, {"reason": "the engine closes"}))
        except Exception as defect:  # the drawing thread must hear of it, not wait for ever
            self.inbox.put(ProtocolError(f"the engine's bridge thread failed: {defect!r}"))
        finally:
            self._stop_sockets()

    def _stop_sockets(self) -> None:
        self._dealer.close()
        self._inner.close(0)

    def _loop(self) -> None:
        poller = zmq.Poller()
        poller.register(self._dealer, zmq.POLLIN)
        poller.register(self._inner, zmq.POLLIN)
        started = time.monotonic()
        next_send = started
        self._heard = started
        gone_since: float | None = started
        while not self._stopping:
            now = time.monotonic()
            ready = dict(poller.poll(max(0, min(100, int((next_send - now) * 1000) + 1))))
            if self._inner in ready:
                self._forward()
            if self._dealer in ready and self._receive():
                next_send = 0.0  # the host does not know us: greet it at once
            now = time.monotonic()
            if self._ended_at is not None:
                # The drawing thread was told to stop. If it hangs in a render nobody else can end
                # this process, as the host is gone.
                if self._exit_with_host and now - self._ended_at > 5 * self._heartbeat:
                    os._exit(EXIT_HOST_GONE)
                continue
            reachable = bool(self._dealer.poll(0, zmq.POLLOUT))
            if self._serving and (not reachable or now - self._heard > self._silence):
                self._serving = False
                next_send = 0.0
            if self._serving:
                gone_since = None
            elif gone_since is None:
                gone_since = now
            if gone_since is not None and self._gave_up(now - gone_since, reachable):
                continue
            if now >= next_send and reachable:
                if self._serving:
                    busy = 0.0 if self.busy_since is None else now - self.busy_since
                    send(self._dealer, encode(MessageType.HEARTBEAT, {"busy": busy}))
                else:
                    send(self._dealer, self._hello)
                next_send = now + self._heartbeat
            elif now >= next_send:
                next_send = now + 0.05

    def _gave_up(self, seconds: float, reachable: bool) -> bool:
        """Whether to end, after so many seconds without a host."""
        if self.epoch:
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
        return self._ended_at is not None

    def _end(self, error: F2PError | None) -> None:
        if self._ended_at is None:
            self._ended_at = time.monotonic()
            self.inbox.put(error)

    def _forward(self) -> None:
        while self._inner.poll(0):
            parts = self._inner.recv_multipart(copy=False)
            epoch = int.from_bytes(bytes(parts[0].buffer), "little")
            if self._serving and epoch == self.epoch:
                send(self._dealer, parts[1:])

    def _receive(self) -> bool:
        """Take what came; True when the host asks who we are."""
        greet = False
        while True:
            try:
                _, frames = receive(self._dealer, addressed=False)
            except zmq.Again:
                return greet
            try:
                if isinstance(frames, WireError):
                    raise frames
                message = decode(frames)
            except VersionError as error:
                said = str(error.header.get("message", "")) or error.message
                self._end(ProtocolError(f"{self.endpoint}: {said}", remedy=error.remedy))
                return False
            except WireError:
                continue  # what is no message is ignored
            self._heard = time.monotonic()
            if message.type is MessageType.WELCOME:
                self._heartbeat = min(60.0, max(0.02, float(message.header["heartbeat"])))
                self._silence = min(600.0, max(0.1, float(message.header["silence"])))
                self.epoch += 1
                self._serving = True
            elif message.type is MessageType.AGAIN:
                self._serving = False
                greet = True
            elif message.type is MessageType.REFUSED:
                code = message.header["code"]
                self._end(
                    ProtocolError(
                        f"the host refused this engine ({code}): {message.header['message']}",
                        remedy=message.header["remedy"],
                    )
                )
            elif message.type is MessageType.GOODBYE:
                self._serving = False
                if self._exit_with_host:
                    self._end(None)
            elif (
                message.type in _REQUESTS
                and self._serving
                and self.inbox.qsize() < 2 * MAX_CREDITS  # more than any credit allows is dropped
            ):
                self.inbox.put(Request(self.epoch, message))
