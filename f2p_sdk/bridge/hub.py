"""The host's thread: owns the ROUTER, admits engines, passes requests and answers, tracks time.

User threads do not use the socket: they put commands into a queue and wake the thread.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import zmq
from zmq.utils.monitor import recv_monitor_message

from .. import __version__
from ..errors import BridgeError, EngineError, EngineLostError, F2PError, ProtocolError
from .admission import Admission, Refusal
from .commands import Commands
from .dispatch import Dispatcher, Engine, Ticket
from .flood import FloodLimit
from .messages import EngineInfo, check_answer, check_credits
from .notices import DEFECT, ENGINE_REMEDY, HANDSHAKE_REMEDY, Notices
from .sockets import FAILED_HANDSHAKES, receive, send
from .wire import (
    Message,
    MessageType,
    VersionError,
    WireError,
    clean_text,
    decode,
    encode,
)

log = logging.getLogger(__name__)

_BATCH = 64  # messages received before other work is done
_GOODBYE_TIMEOUT = 0.5  # seconds
_ANSWERS = (MessageType.PICTURE, MessageType.APPLIED, MessageType.MEASURED, MessageType.FAILED)


class Hub(threading.Thread):
    """The host's thread. Other threads only read from its ``dispatcher``."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        router: zmq.Socket[bytes],
        admission: Admission,
        *,
        heartbeat: float,
        silence: float,
    ) -> None:
        super().__init__(name="f2p-host", daemon=True)
        # A random first id: a late answer to an earlier host must not match a new request.
        self.dispatcher = Dispatcher(first_id=secrets.randbits(48))
        self.changed = threading.Condition()
        self.counts: Counter[str] = Counter()
        self.notices = Notices()
        self.supervisor: Callable[[], str] | None = None
        self.exit_report = ""  # how the engines ended that were started for this host
        self._admission = admission
        self._heartbeat, self._silence = heartbeat, silence
        self._router = router
        self._monitor = router.get_monitor_socket(FAILED_HANDSHAKES)
        self._commands = Commands(context)
        self._closing = False
        self._flood = FloodLimit()

    # Called from user threads:

    def submit(self, ticket: Ticket) -> None:
        """Queue a request; BridgeError if the host is closed."""
        if self._closing or not self.is_alive():
            raise BridgeError("this host is closed", remedy="open another one")
        self._commands.put(ticket)

    def engines(self) -> list[EngineInfo]:
        """The connected engines."""
        return [e.info for e in list(self.dispatcher.engines.values())]

    def close(self) -> None:
        """Send GOODBYE to the engines and end the thread."""
        if not self._commands.closed:
            self._closing = True
            self._commands.put(None)
            self.join()
            self._commands.close()

    def ended_error(self) -> EngineLostError:
        """Error of requests after all engines that were started for this host have ended."""
        reason = f" (refused: {self.notices.last_refusal})" if self.notices.last_refusal else ""
        remedy = "read the engine's output above, then run this again"
        return EngineLostError(self.exit_report + reason, remedy=remedy)

    def refused_error(self) -> ProtocolError | None:
        """Error of all waits once an engine was refused and no other one is connected."""
        return None if self.dispatcher.engines else self.notices.refused_error()

    # Called from the thread itself:

    def run(self) -> None:
        error: F2PError = BridgeError("this host was closed")
        try:
            self._loop()
        except Exception as defect:  # callers must get an error, not wait forever
            log.exception("the bridge's thread failed")
            error = BridgeError(f"the bridge's thread failed: {defect!r}")
        finally:
            self._closing = True
            self._take_commands()
            self.dispatcher.fail_all(error)
            self._send_goodbyes()
            self._notify()
            self._router.disable_monitor()
            self._monitor.close(0)
            self._router.close()
            self._commands.socket.close(0)

    def _send_goodbyes(self) -> None:
        """Send GOODBYE and wait briefly for each engine's GOODBYE: when a connection closes,
        ZeroMQ drops unread messages, and the engine would not see that the host is gone."""
        goodbye = {"reason": "the host closes"}
        left = {k for k in self.dispatcher.engines if self._send(k, MessageType.GOODBYE, goodbye)}
        end = time.monotonic() + _GOODBYE_TIMEOUT
        while left and self._router.poll(int(max(0.0, end - time.monotonic()) * 1000)):
            key, frames = receive(self._router, addressed=True)
            with contextlib.suppress(WireError):
                if decode(frames).type is MessageType.GOODBYE:
                    left.discard(key)

    def _loop(self) -> None:
        poller = zmq.Poller()
        for socket in (self._router, self._commands.socket, self._monitor):
            poller.register(socket, zmq.POLLIN)
        next_heartbeat = time.monotonic()
        while True:
            now = time.monotonic()
            until = min(next_heartbeat, self.dispatcher.next_deadline()) - now
            ready = dict(poller.poll(max(0, int(until * 1000) + 1)))
            if not self._take_commands():
                return
            if self._router in ready:
                self._receive()
            if self._monitor in ready:
                while self._monitor.poll(0):
                    recv_monitor_message(self._monitor)
                    self.counts["handshakes_failed"] += 1
                    self.notices.warn_once("handshake", f"a connection failed: {HANDSHAKE_REMEDY}")
            now = time.monotonic()
            if now >= next_heartbeat:
                self._send_heartbeats(now)
                next_heartbeat = now + self._heartbeat
                self._flood.reset()
            self.dispatcher.expire(now)
            self._assign(now)

    def _take_commands(self) -> bool:
        """Submit the queued tickets; False when the host is to close."""
        tickets, more = self._commands.take()
        for ticket in tickets:
            self.dispatcher.submit(ticket, time.monotonic())
        return more

    def _send_heartbeats(self, now: float) -> None:
        for key, engine in list(self.dispatcher.engines.items()):
            if not self._send(key, MessageType.HEARTBEAT, {}):
                self._lose(key, "its connection closed")
            elif now - engine.last_received > self._silence and not engine.in_flight:
                # An engine with open requests may be too busy to send heartbeats: then the deadline
                # of the request decides, and the system detects a dead machine.
                self._lose(key, f"silent for {self._silence:g} s")
        if self.supervisor is not None:
            self.exit_report = self.supervisor()
            if self.exit_report and not self.dispatcher.engines:
                self.dispatcher.fail_all(self.ended_error())
                self._notify()
        if (refused := self.refused_error()) is not None:
            self.dispatcher.fail_all(refused)

    def _assign(self, now: float) -> None:
        for engine, id, ticket in self.dispatcher.assign(now):
            try:
                sent = self._send(engine.key, ticket.type, {"id": id, **ticket.header})
            except WireError as error:  # the caller's values are too large
                self.dispatcher.answer(engine.key, id, 1, now)
                ticket.deliver(error, None)
                continue
            if not sent:
                self._lose(engine.key, "its connection closed")
                # Its requests are queued again; the next iteration of the loop assigns them.
                self._commands.wake()
                return

    def _receive(self) -> None:
        for _ in range(_BATCH):
            try:
                key, frames = receive(self._router, addressed=True)
            except zmq.Again:
                return
            self.counts["messages"] += 1
            if key not in self.dispatcher.engines and self._flood.drops(frames):
                self.counts["flood"] += 1
                continue
            try:
                self._handle(key, decode(frames))
            except WireError as error:
                self._handle_malformed(key, error)

    def _handle(self, key: bytes, message: Message) -> None:
        now = time.monotonic()
        if message.type is MessageType.HELLO:
            self._handle_hello(key, message, now)
            return
        engine = self.dispatcher.engines.get(key)
        if engine is None:
            if message.type is not MessageType.GOODBYE:
                self.counts["unknown_sender"] += 1
                self._reply(key, MessageType.AGAIN, {})
            return
        engine.last_received = now
        if message.type in _ANSWERS:
            self._handle_answer(engine, message, now)
        elif message.type is MessageType.GOODBYE:
            self._lose(key, f"it sent GOODBYE: {message.header['reason']:.200}")
        elif message.type is not MessageType.HEARTBEAT:
            self.counts["ignored"] += 1  # a type of a later minor version

    def _handle_hello(self, key: bytes, message: Message, now: float) -> None:
        try:
            info = self._admission.admit(message, self.engines())
        except Refusal as refusal:
            self.dispatcher.lose(key, str(refusal), now)
            self.notices.refused(str(refusal), refusal.remedy, not self.dispatcher.engines)
            self._send_refused(key, refusal.code, str(refusal), refusal.remedy)
            return
        for warning in info.warnings:
            self.notices.warn_once(warning, warning)
        welcome: dict[str, Any] = {"heartbeat": self._heartbeat, "silence": self._silence}
        welcome |= {"host": f"f2p-sdk {__version__}", "warnings": list(info.warnings)}
        if self._send(key, MessageType.WELCOME, welcome):
            self.dispatcher.join(key, info, message.header["credits"], now)
            self.notices.admitted()
            self._notify()

    def _handle_answer(self, engine: Engine, message: Message, now: float) -> None:
        header = message.header
        ticket = engine.in_flight.get(header["id"])
        try:
            credits = check_credits(message)
            if ticket is not None and message.type is not MessageType.FAILED:
                check_answer(ticket.type, ticket.header, message)
        except WireError as error:
            error.id = header["id"]
            raise
        try:
            self.dispatcher.answer(engine.key, header["id"], credits, now)
        except KeyError:
            self.counts["unrequested"] += 1
            text = f"{engine.info} answers requests that are not open; {DEFECT}"
            self.notices.warn_once(f"unrequested {engine.info}", text)
            return
        if ticket is None:
            self.counts["late"] += 1
        elif message.type is MessageType.FAILED:
            text = f"{engine.info.name}: {header['message']}"
            remedy = header["remedy"] or ENGINE_REMEDY
            ticket.deliver(EngineError(text, remedy=remedy), engine.info)
        else:
            ticket.deliver(message, engine.info)

    def _handle_malformed(self, key: bytes, error: WireError) -> None:
        """Count and answer a malformed message; an engine that sent it is lost."""
        self.counts["malformed"] += 1
        engine = self.dispatcher.engines.get(key)
        if engine is not None:
            if error.id in engine.in_flight:  # another engine would only hide the defect
                ticket = self.dispatcher.answer(key, error.id, 0, time.monotonic())
                text = f"{engine.info} violated the protocol: {error.message}"
                if ticket is not None:
                    ticket.deliver(ProtocolError(text, remedy=DEFECT), engine.info)
            self._lose(key, f"it violated the protocol: {error.message}")
        if isinstance(error, VersionError) or error.message.startswith("HELLO"):
            remedy = error.remedy or DEFECT
            self.notices.refused(error.message, remedy, not self.dispatcher.engines)
        elif engine is None:
            # Only the first few are warnings, so that a flood does not fill the log.
            level = logging.WARNING if self.counts["malformed"] <= 5 else logging.DEBUG
            log.log(level, "a malformed message was ignored: %s", error.message)
        self._send_refused(key, error.code, error.message, error.remedy)

    def _send_refused(self, key: bytes, code: str, message: str, remedy: str) -> None:
        self.counts["refused"] += 1
        texts = {"message": clean_text(message), "remedy": clean_text(remedy)}
        self._reply(key, MessageType.REFUSED, {"code": code, **texts})

    def _reply(self, key: bytes, type: MessageType, header: dict[str, Any]) -> None:
        """Answer a peer that is not admitted, unless a flood of messages arrives."""
        if self._flood.allows_reply():
            self._send(key, type, header)

    def _lose(self, key: bytes, reason: str) -> None:
        engine = self.dispatcher.engines.get(key)
        if engine is not None:
            level = logging.WARNING if engine.in_flight else logging.INFO
            log.log(level, "%s was lost: %s", engine.info, reason)
            self.counts["lost"] += 1
            self.dispatcher.lose(key, reason, time.monotonic())
            self._notify()

    def _notify(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def _send(self, key: bytes, type: MessageType, header: dict[str, Any]) -> bool:
        return send(self._router, [key, *encode(type, header)])
