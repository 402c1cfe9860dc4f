"""Assignment of requests to engines: credits, deadlines and lost work, without sockets or clocks.

The host's thread reports events (an engine joined, answered, was lost; time passed) and sends the
requests that :meth:`Dispatcher.assign` yields. Each ticket is delivered exactly once, as a message
or as an error.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import EngineError, EngineLostError, EngineTimeoutError, F2PError
from .messages import MAX_CREDITS, EngineInfo
from .wire import Message, MessageType

MAX_ATTEMPTS = 3
"""A request fails after this many engines were lost or stalled while drawing it."""


@dataclass(eq=False)
class Ticket:
    """One open request. ``deliver`` is called once, on the host's thread."""

    type: MessageType
    header: Mapping[str, Any]
    deadline: float
    deliver: Callable[[Message | F2PError, EngineInfo | None], None]
    attempts: int = 0
    since: float = 0.0


@dataclass(eq=False)
class Engine:
    """Host's state of one connected engine."""

    key: bytes
    info: EngineInfo
    credits: int
    last_received: float
    in_flight: dict[int, Ticket] = field(default_factory=dict)  # in the order sent
    head_since: float = 0.0  # when the oldest in flight became the oldest
    stalled: bool = False
    answers: int = 0
    overdue: set[int] = field(default_factory=set)  # ids that were taken from it after a deadline

    def supports(self, ticket: Ticket) -> bool:
        """True if the engine offers the kind, size and passes of the request."""
        header = ticket.header
        return (
            header["kind"] in self.info.kinds
            and max(header.get("size", (1,))) <= self.info.max_size
            and set(header.get("passes", ())) <= set(self.info.passes)
        )


class Dispatcher:
    """Queue of tickets and state of engines. All times are seconds of one monotonic clock."""

    def __init__(self, *, first_id: int = 1) -> None:
        self.engines: dict[bytes, Engine] = {}
        self.waiting: deque[Ticket] = deque()
        self.joined = 0
        self._ids = itertools.count(first_id)
        self._last_loss = ""

    def submit(self, ticket: Ticket, now: float) -> None:
        ticket.since = now
        self.waiting.append(ticket)

    def join(self, key: bytes, info: EngineInfo, credits: int, now: float) -> None:
        """Add an admitted engine. A known key means that the engine restarted."""
        if key in self.engines:
            self.lose(key, "it sent HELLO again", now)
        self.engines[key] = Engine(key, info, credits, last_received=now)
        self.joined += 1

    def answer(self, key: bytes, id: int, credits: int, now: float) -> Ticket | None:
        """Take an engine's answer; return its ticket, or None if it comes after the deadline.

        Raises:
            KeyError: the engine has no request with this id, or has answered it already.
        """
        engine = self.engines[key]
        first = next(iter(engine.in_flight), None)
        if id in engine.overdue:
            engine.overdue.discard(id)
            ticket = None
        else:
            ticket = engine.in_flight.pop(id)
        engine.credits = min(engine.credits + credits, MAX_CREDITS)
        if not engine.in_flight:
            # Credits come with answers only: without this one the engine would never work again.
            engine.credits = max(1, engine.credits)
        engine.stalled = False
        engine.answers += 1
        if id == first:
            engine.head_since = now
        return ticket

    def lose(self, key: bytes, reason: str, now: float) -> None:
        """Remove an engine; its requests return to the front of the queue, in order."""
        if key not in self.engines:
            return
        self._refresh(now)
        engine = self.engines.pop(key)
        self._last_loss = f"{engine.info.name} {engine.info.version} was lost ({reason})"
        self._requeue(engine, now, EngineLostError)

    def expire(self, now: float) -> None:
        """Fail or reassign the requests whose deadline has passed."""
        for engine in list(self.engines.values()):
            head = next(iter(engine.in_flight.values()), None)
            if head is None or now - engine.head_since < head.deadline:
                continue
            self._refresh(now)
            engine.stalled = True
            engine.overdue |= engine.in_flight.keys()
            self._last_loss = (
                f"{engine.info.name} {engine.info.version} did not answer within "
                f"{head.deadline:g} s"
            )
            if not self._has_engine(head):
                head.attempts = MAX_ATTEMPTS  # no other engine can try it
            self._requeue(engine, now, EngineTimeoutError)
        self._refresh(now)
        for ticket in [t for t in self.waiting if now - t.since >= t.deadline]:
            self.waiting.remove(ticket)
            ticket.deliver(self._no_engine_error(ticket), None)

    def fail_all(self, error: F2PError) -> None:
        """Deliver ``error`` to all open requests."""
        tickets = [t for e in self.engines.values() for t in e.in_flight.values()]
        for engine in self.engines.values():
            engine.in_flight.clear()
        tickets += self.waiting
        self.waiting.clear()
        for ticket in tickets:
            ticket.deliver(error, None)

    def assign(self, now: float) -> Iterator[tuple[Engine, int, Ticket]]:
        """Yield the requests to send now. The least busy engine takes the oldest ticket."""
        blocked: list[Ticket] = []
        try:
            while self.waiting:
                ticket = self.waiting.popleft()
                able = [e for e in self.engines.values() if e.supports(ticket)]
                if self.engines and not able:
                    ticket.deliver(self._unsupported_error(ticket), None)
                    continue
                free = [e for e in able if e.credits > 0 and not e.stalled]
                if not free:
                    blocked.append(ticket)
                    if not any(e.credits > 0 and not e.stalled for e in self.engines.values()):
                        return
                    continue
                engine = min(free, key=lambda e: (len(e.in_flight), e.answers))
                id = next(self._ids)
                engine.credits -= 1
                if not engine.in_flight:
                    engine.head_since = now
                engine.in_flight[id] = ticket
                yield engine, id, ticket
        finally:  # also when the caller stops the iteration
            self.waiting.extendleft(reversed(blocked))

    def next_deadline(self) -> float:
        """Earliest time at which a deadline passes; infinity if there is none."""
        times = [
            e.head_since + next(iter(e.in_flight.values())).deadline
            for e in self.engines.values()
            if e.in_flight
        ]
        times += [t.since + t.deadline for t in self.waiting]
        return min(times, default=math.inf)

    @property
    def stalled(self) -> bool:
        """True if there are engines, and all have missed a deadline. Any thread may read it."""
        engines = list(self.engines.values())
        return bool(engines) and all(e.stalled for e in engines)

    @property
    def capacity(self) -> int:
        """Requests that the engines hold or have credits for. Any thread may read it."""
        engines = list(self.engines.values())
        return sum(len(e.in_flight) + e.credits for e in engines if not e.stalled)

    @property
    def status(self) -> str:
        """Text: the answers or engines that the open requests wait for. Any thread may read it."""
        engines = list(self.engines.values())
        busy = [e for e in engines if e.in_flight]
        if busy:
            count = sum(len(e.in_flight) for e in busy)
            return f"{', '.join(sorted({str(e.info) for e in busy}))} to answer ({count} requests)"
        if engines:
            return f"an engine that answers: {self._last_loss}"
        return f"an engine to connect{': ' * bool(self._last_loss)}{self._last_loss}"

    def _has_engine(self, ticket: Ticket) -> bool:
        """True if an engine that offers what is requested is connected and not stalled."""
        return any(not e.stalled and e.supports(ticket) for e in self.engines.values())

    def _refresh(self, now: float) -> None:
        """The deadline of a waiting request counts from when no engine was there to take it."""
        for ticket in self.waiting:
            if self._has_engine(ticket):
                ticket.since = now

    def _requeue(self, engine: Engine, now: float, error: type[F2PError]) -> None:
        tickets = list(engine.in_flight.values())
        engine.in_flight.clear()
        for ticket in tickets:
            ticket.since = now
        if tickets:
            # Only the oldest was being drawn, so only it can have caused the loss.
            tickets[0].since = engine.head_since
            tickets[0].attempts += 1
            if tickets[0].attempts >= MAX_ATTEMPTS:
                tickets.pop(0).deliver(self._attempts_error(error), engine.info)
        self.waiting.extendleft(reversed(tickets))

    def _attempts_error(self, error: type[F2PError]) -> F2PError:
        if error is EngineTimeoutError:
            return EngineTimeoutError(
                f"the request failed: {self._last_loss}",
                remedy="read the engine's log, restart the engine, or set a longer deadline",
            )
        return EngineLostError(
            f"the request failed with {MAX_ATTEMPTS} engines: {self._last_loss}",
            remedy="this character may crash the engine: read the engine's log",
        )

    def _no_engine_error(self, ticket: Ticket) -> F2PError:
        if not self.joined:
            return EngineTimeoutError(
                f"no engine connected within {ticket.deadline:g} s",
                remedy="start an engine: f2p engine -g GAME --connect ENDPOINT",
            )
        return EngineLostError(
            f"{self._last_loss} and no other connected within {ticket.deadline:g} s",
            remedy="restart the engine and run the command again",
        )

    def _unsupported_error(self, ticket: Ticket) -> F2PError:
        request = f"kind {ticket.header['kind']!r}"
        if "size" in ticket.header:
            size = ticket.header["size"]
            request += f" at {size[0]}x{size[1]} with {', '.join(ticket.header['passes'])}"
        offers = "; ".join(
            f"{e.info.name}: {', '.join(e.info.kinds)}, up to {e.info.max_size} pixels, "
            f"{', '.join(e.info.passes)}"
            for e in self.engines.values()
        )
        return EngineError(
            f"no connected engine draws {request} (connected: {offers})",
            remedy="request what an engine offers, or connect an engine that offers this",
        )
