"""The host's thread: it owns the ROUTER, admits engines, moves requests and answers, keeps time.

User threads never touch the socket: they put commands in a queue and wake the thread.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import zmq
from zmq.utils.monitor import recv_monitor_message

from ..errors import BridgeError, EngineError, EngineLostError, F2PError, ProtocolError
from .admission import Admission, Refusal
from .dispatch import Dispatcher, Engine, Ticket
from .messages import EngineInfo, check_answer
from .sockets import receive, send
from .wire import (
    Message,
    MessageType,
    VersionError,
    WireError,
    decode,
    encode,
)

__all__ = ["Hub"]

log = logging.getLogger(__name__)

_BATCH = 64
_FAREWELL = 0.5  # seconds
_DEFECT = "the engine's client has a defect: compare it with docs/reference/protocol.md"
_FAILED_HANDSHAKES = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
_ANSWERS = (
    MessageType.PICTURE,
    MessageType.APPLIED,
    MessageType.MEASURED,
    MessageType.FAILED,
)


class Hub(threading.Thread):
    """See the module. Its dispatcher is its own: other threads only read from it."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        router: zmq.Socket[bytes],
        *,
        admission: Admission,
        version: str,
        heartbeat: float,
        silence: float,
        first_id: int,
    ) -> None:
        super().__init__(name="f2p-host", daemon=True)
        self.dispatcher = Dispatcher(first_id=first_id)
        self.changed = threading.Condition()
        self.counts: Counter[str] = Counter()
        self.last_refusal = ""
        self.supervisor: Callable[[], str] | None = None
        self.all_ended = ""  # how the engines that were started for this host ended, all of them
        self._admission = admission
        self._version = version
        self._heartbeat = heartbeat
        self._silence = silence
        self._router = router
        self._monitor = router.get_monitor_socket(_FAILED_HANDSHAKES)
        self._commands: queue.SimpleQueue[Ticket | None] = queue.SimpleQueue()
        self._wake_lock = threading.Lock()
        self._wake_in: zmq.Socket[bytes] = context.socket(zmq.PAIR)
        self._wake_out: zmq.Socket[bytes] = context.socket(zmq.PAIR)
        self._wake_in.bind("inproc://f2p-host-wake")
        self._wake_out.connect("inproc://f2p-host-wake")
        self._closing = False

    # ---- called from user threads

    def submit(self, ticket: Ticket) -> None:
        if self._closing or not self.is_alive():
            raise BridgeError("this host is closed", remedy="open another one")
        self._commands.put(ticket)
        self._wake()

    def engines(self) -> list[EngineInfo]:
        """The engines that are connected now."""
        return [e.info for e in list(self.dispatcher.engines.values())]

    def close(self) -> None:
        """Say goodbye to the engines and end the thread."""
        if not self._wake_out.closed:
            self._closing = True
            self._commands.put(None)
            self._wake()
            self.join()
            self._wake_out.close(0)

    def _wake(self) -> None:
        with self._wake_lock:
            send(self._wake_out, [b""])

    def ended_error(self) -> EngineLostError:
        """The error of work that nobody can do, as all engines that were started have ended."""
        why = f" (refused: {self.last_refusal})" if self.last_refusal else ""
        remedy = "read its last words above, then run this again"
        return EngineLostError(self.all_ended + why, remedy=remedy)

    # ---- the thread

    def run(self) -> None:
        error: F2PError = BridgeError("this host was closed")
        try:
            self._loop()
        except Exception as defect:  # the callers must hear of it, not hang
            log.exception("the bridge's thread failed")
            error = BridgeError(f"the bridge's thread failed: {defect!r}")
        finally:
            self._closing = True
            self._drain()
            self.dispatcher.fail_all(error)
            self._farewell()
            self._notify()
            self._router.disable_monitor()
            self._monitor.close(0)
            self._router.close()
            self._wake_in.close(0)

    def _farewell(self) -> None:
        """Say goodbye, and wait a moment for the echo: ZeroMQ throws unread messages away when a
        connection closes, and an engine that missed it would wait for a host in vain."""
        goodbye = {"reason": "the host closes"}
        left = {k for k in self.dispatcher.engines if self._send(k, MessageType.GOODBYE, goodbye)}
        end = time.monotonic() + _FAREWELL
        while left and self._router.poll(int(max(0.0, end - time.monotonic()) * 1000)):
            key, frames = receive(self._router, addressed=True)
            with contextlib.suppress(WireError):
                if isinstance(frames, WireError) or decode(frames).type is MessageType.GOODBYE:
                    left.discard(key)

    def _loop(self) -> None:
        poller = zmq.Poller()
        for socket in (self._router, self._wake_in, self._monitor):
            poller.register(socket, zmq.POLLIN)
        beat = time.monotonic()
        while True:
            now = time.monotonic()
            until = min(beat, self.dispatcher.next_deadline()) - now
            ready = dict(poller.poll(max(0, int(until * 1000) + 1)))
            if self._wake_in in ready:
                while self._wake_in.poll(0):
                    self._wake_in.recv()
            if not self._drain():
                return
            if self._router in ready:
                self._receive()
            if self._monitor in ready:
                while self._monitor.poll(0):
                    recv_monitor_message(self._monitor)
                    self.counts["handshakes_failed"] += 1
            now = time.monotonic()
            if now >= beat:
                self._beat(now)
                beat = now + self._heartbeat
            self.dispatcher.expire(now)
            self._assign(now)

    def _drain(self) -> bool:
        """Take the commands; False when one of them is to close."""
        while True:
            try:
                ticket = self._commands.get_nowait()
            except queue.Empty:
                return True
            if ticket is None:
                return False
            self.dispatcher.submit(ticket, time.monotonic())

    def _beat(self, now: float) -> None:
        for key, engine in list(self.dispatcher.engines.items()):
            if not self._send(key, MessageType.HEARTBEAT, {}):
                self._lose(key, "its connection closed")
            elif now - engine.heard > self._silence and not engine.in_flight:
                # With work in flight it may be busy in a way that stops its threads: the request's
                # deadline decides then, and ZeroMQ's own pings notice a dead machine.
                self._lose(key, f"silent for {self._silence:g} s")
        if self.supervisor is not None:
            self.all_ended = self.supervisor()
            if self.all_ended and not self.dispatcher.engines:
                self.dispatcher.fail_all(self.ended_error())
                self._notify()

    def _assign(self, now: float) -> None:
        for engine, id, ticket in self.dispatcher.assign(now):
            try:
                sent = self._send(engine.key, ticket.type, {"id": id, **ticket.header})
            except WireError as error:  # the caller's values are too large: nobody else's fault
                self.dispatcher.answer(engine.key, id, 1, now)
                ticket.deliver(error, None)
                continue
            if not sent:
                self._lose(engine.key, "its connection closed")
                # What was lost is waiting again: the next turn of the loop gives it away.
                self._wake()
                return

    def _receive(self) -> None:
        for _ in range(_BATCH):
            try:
                key, frames = receive(self._router, addressed=True)
            except zmq.Again:
                return
            self.counts["messages"] += 1
            try:
                if isinstance(frames, WireError):
                    raise frames
                self._handle(key, decode(frames))
            except WireError as error:
                self._malformed(key, error)

    def _handle(self, key: bytes, message: Message) -> None:
        now = time.monotonic()
        if message.type is MessageType.HELLO:
            self._hello(key, message, now)
            return
        engine = self.dispatcher.engines.get(key)
        if engine is None:
            if message.type is not MessageType.GOODBYE:
                self.counts["strangers"] += 1
                self._send(key, MessageType.AGAIN, {})
            return
        engine.heard = now
        if message.type in _ANSWERS:
            self._answer(engine, message, now)
        elif message.type is MessageType.GOODBYE:
            self._lose(key, f"it said goodbye: {message.header['reason']:.200}")
        elif message.type is not MessageType.HEARTBEAT:
            self.counts["ignored"] += 1  # a type of a later minor version

    def _hello(self, key: bytes, message: Message, now: float) -> None:
        try:
            info = self._admission.admit(message, len(self.dispatcher.engines))
        except Refusal as refusal:
            self.counts["refused"] += 1
            self.last_refusal = f"{refusal}" + (f" ({refusal.remedy})" if refusal.remedy else "")
            log.warning("refused an engine: %s", self.last_refusal)
            self.dispatcher.lose(key, str(refusal), now)
            self._refuse(key, refusal.code, str(refusal), refusal.remedy)
            return
        for warning in info.warnings:
            log.warning("%s", warning)
        welcome: dict[str, Any] = {
            "host": f"f2p-sdk {self._version}",
            "heartbeat": self._heartbeat,
            "silence": self._silence,
            "warnings": list(info.warnings),
        }
        if self._send(key, MessageType.WELCOME, welcome):
            self.dispatcher.join(key, info, message.header["credits"], now)
            self._notify()

    def _answer(self, engine: Engine, message: Message, now: float) -> None:
        header = message.header
        ticket = self.dispatcher.answer(engine.key, header["id"], header["credits"], now)
        if ticket is None:
            self.counts["late"] += 1
            return
        if message.type is MessageType.FAILED:
            said = f"{engine.info.name}: {header['message']}"
            ticket.deliver(EngineError(said, remedy=header["remedy"]), engine.info)
            return
        try:
            check_answer(ticket.type, ticket.header, message)
        except WireError as error:
            said = f"{engine.info} broke the protocol: {error.message}"
            ticket.deliver(ProtocolError(said, remedy=_DEFECT), engine.info)
            raise
        ticket.deliver(message, engine.info)

    def _malformed(self, key: bytes, error: WireError) -> None:
        """Count, answer, and drop the sender: what it holds goes to another engine."""
        self.counts["malformed"] += 1
        # A few are worth a warning; a flood must not fill the disk.
        level = logging.WARNING if self.counts["malformed"] <= 5 else logging.DEBUG
        log.log(level, "malformed message ignored: %s", error.message)
        if isinstance(error, VersionError):
            self.last_refusal = error.message
        if key in self.dispatcher.engines:
            self._lose(key, f"it broke the protocol: {error.message}")
        self._refuse(key, error.code, error.message, error.remedy)

    def _refuse(self, key: bytes, code: str, message: str, remedy: str) -> None:
        self._send(key, MessageType.REFUSED, {"code": code, "message": message, "remedy": remedy})

    def _lose(self, key: bytes, why: str) -> None:
        engine = self.dispatcher.engines.get(key)
        if engine is not None:
            level = logging.WARNING if engine.in_flight else logging.INFO
            log.log(level, "%s was lost: %s", engine.info, why)
            self.counts["lost"] += 1
            self.dispatcher.lose(key, why, time.monotonic())
            self._notify()

    def _notify(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def _send(self, key: bytes, type: MessageType, header: dict[str, Any]) -> bool:
        return send(self._router, [key, *encode(type, header)])
