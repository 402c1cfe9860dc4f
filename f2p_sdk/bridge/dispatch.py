"""Who draws what: engines, credits, deadlines and lost work, without a socket and without a clock.

The host's thread feeds this with events (an engine joined, answered, was lost; time passed) and
sends what :meth:`Dispatcher.assign` gives it. Each ticket is delivered exactly once, as a message
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

__all__ = ["MAX_ATTEMPTS", "Dispatcher", "Engine", "Ticket"]

MAX_ATTEMPTS = 3
"""A request that this many engines died or hung over is not given to another."""


@dataclass(eq=False)
class Ticket:
    """One request on its way. ``deliver`` is called once, on the host's thread."""

    type: MessageType
    header: Mapping[str, Any]
    deadline: float
    deliver: Callable[[Message | F2PError, EngineInfo | None], None]
    attempts: int = 0
    since: float = 0.0


@dataclass(eq=False)
class Engine:
    """One connected engine as the host sees it."""

    key: bytes
    info: EngineInfo
    credits: int
    heard: float
    in_flight: dict[int, Ticket] = field(default_factory=dict)  # in the order sent
    head_since: float = 0.0  # when the oldest in flight became the oldest
    stalled: bool = False
    answers: int = 0

    def can(self, ticket: Ticket) -> bool:
        header = ticket.header
        return (
            header["kind"] in self.info.kinds
            and max(header.get("size", (1,))) <= self.info.max_size
            and set(header.get("passes", ())) <= set(self.info.passes)
        )


class Dispatcher:
    """Tickets in, assignments out. All times are seconds of one monotonic clock, passed in."""

    def __init__(self, *, first_id: int = 1) -> None:
        self.engines: dict[bytes, Engine] = {}
        self.waiting: deque[Ticket] = deque()
        self.joined = 0
        self._ids = itertools.count(first_id)
        self._idle_since = 0.0  # since when no engine can take work
        self._last_loss = ""

    # ---- events

    def submit(self, ticket: Ticket, now: float) -> None:
        ticket.since = now
        self.waiting.append(ticket)

    def join(self, key: bytes, info: EngineInfo, credits: int, now: float) -> None:
        """A HELLO was accepted. The same engine again means that it started over."""
        if key in self.engines:
            self.lose(key, "it said hello again", now)
        self.engines[key] = Engine(key, info, credits, heard=now)
        self.joined += 1

    def answer(self, key: bytes, id: int, credits: int, now: float) -> Ticket | None:
        """An engine answered; its ticket, or None when the answer comes too late to be of use."""
        engine = self.engines[key]
        engine.credits = max(0, min(engine.credits + credits, MAX_CREDITS))
        engine.stalled = False
        engine.answers += 1
        first = next(iter(engine.in_flight), None)
        ticket = engine.in_flight.pop(id, None)
        if id == first:
            engine.head_since = now
        return ticket

    def lose(self, key: bytes, why: str, now: float) -> None:
        """An engine is gone: its work goes back to the front of the queue, in order."""
        engine = self.engines.pop(key, None)
        if engine is None:
            return
        self._last_loss = f"{engine.info.name} {engine.info.version} was lost ({why})"
        if not self._usable():
            self._idle_since = now
        self._requeue(engine, now, EngineLostError)

    def expire(self, now: float) -> None:
        """Fail or move what has run out of time."""
        for engine in list(self.engines.values()):
            head = next(iter(engine.in_flight.values()), None)
            if head is None or now - engine.head_since < head.deadline:
                continue
            engine.stalled = True
            self._last_loss = (
                f"{engine.info.name} {engine.info.version} did not answer within "
                f"{head.deadline:g} s"
            )
            if not self._usable():
                self._idle_since = now
                head.attempts = MAX_ATTEMPTS  # nobody else to try
            self._requeue(engine, now, EngineTimeoutError)
        if not self._usable():
            for ticket in list(self.waiting):
                if now - max(ticket.since, self._idle_since) >= ticket.deadline:
                    self.waiting.remove(ticket)
                    ticket.deliver(self._no_engine(ticket), None)

    def fail_all(self, error: F2PError) -> None:
        """Deliver ``error`` to everything that waits or is in flight."""
        tickets = [t for e in self.engines.values() for t in e.in_flight.values()]
        for engine in self.engines.values():
            engine.in_flight.clear()
        tickets += self.waiting
        self.waiting.clear()
        for ticket in tickets:
            ticket.deliver(error, None)

    # ---- decisions

    def assign(self, now: float) -> Iterator[tuple[Engine, int, Ticket]]:
        """Requests to send now. The least busy engine that can do it takes the oldest ticket."""
        held: list[Ticket] = []
        try:
            while self.waiting:
                ticket = self.waiting.popleft()
                able = [e for e in self.engines.values() if e.can(ticket)]
                if self.engines and not able:
                    ticket.deliver(self._unable(ticket), None)
                    continue
                free = [e for e in able if e.credits > 0 and not e.stalled]
                if not free:
                    held.append(ticket)
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
        finally:  # also when the caller stops in the middle
            self.waiting.extendleft(reversed(held))

    def next_deadline(self) -> float:
        """The earliest time at which :meth:`expire` has something to do; infinity for never."""
        times = [
            e.head_since + next(iter(e.in_flight.values())).deadline
            for e in self.engines.values()
            if e.in_flight
        ]
        if not self._usable():
            times += [max(t.since, self._idle_since) + t.deadline for t in self.waiting]
        return min(times, default=math.inf)

    @property
    def capacity(self) -> int:
        """Requests that the connected engines hold or could hold now. Any thread may ask."""
        engines = list(self.engines.values())
        return sum(len(e.in_flight) + e.credits for e in engines if not e.stalled)

    # ---- inside

    def _usable(self) -> bool:
        return any(not e.stalled for e in self.engines.values())

    def _requeue(self, engine: Engine, now: float, why: type[F2PError]) -> None:
        tickets = list(engine.in_flight.values())
        engine.in_flight.clear()
        if tickets:
            # Only the oldest was being drawn: the others bear no blame for the loss.
            tickets[0].attempts += 1
            if tickets[0].attempts >= MAX_ATTEMPTS:
                tickets.pop(0).deliver(self._gave_up(why), engine.info)
        for ticket in tickets:
            ticket.since = now
        self.waiting.extendleft(reversed(tickets))

    def _gave_up(self, why: type[F2PError]) -> F2PError:
        if why is EngineTimeoutError:
            return EngineTimeoutError(
                f"the request failed: {self._last_loss}",
                remedy="look at the engine's own log, restart it, or allow more time",
            )
        return EngineLostError(
            f"the request failed with {MAX_ATTEMPTS} engines: {self._last_loss}",
            remedy="this character may crash the engine: look at the engine's own log",
        )

    def _no_engine(self, ticket: Ticket) -> F2PError:
        if not self.joined:
            return EngineTimeoutError(
                f"no engine connected within {ticket.deadline:g} s",
                remedy="start one: f2p engine -g GAME --connect ENDPOINT",
            )
        return EngineLostError(
            f"{self._last_loss} and no other came within {ticket.deadline:g} s",
            remedy="restart the engine and run the command again",
        )

    def _unable(self, ticket: Ticket) -> F2PError:
        wanted = f"kind {ticket.header['kind']!r}"
        if "size" in ticket.header:
            size = ticket.header["size"]
            wanted += f" at {size[0]}x{size[1]} with {', '.join(ticket.header['passes'])}"
        offers = "; ".join(
            f"{e.info.name}: {', '.join(e.info.kinds)}, up to {e.info.max_size} pixels, "
            f"{', '.join(e.info.passes)}"
            for e in self.engines.values()
        )
        return EngineError(
            f"no connected engine draws {wanted} (connected: {offers})",
            remedy="ask for what an engine offers, or connect one that offers it",
        )
