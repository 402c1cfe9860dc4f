"""Requests of the host: built from characters, passed to the hub, waited for."""

from __future__ import annotations

import math
import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import (
    CharacterError,
    EngineError,
    EngineLostError,
    EngineTimeoutError,
    F2PError,
    UsageError,
    error_prefix,
)
from .dispatch import Ticket
from .hub import Hub
from .messages import EngineInfo, Rendering, parse_size, unpack_planes
from .notices import waiting_log
from .wire import Message, MessageType

if TYPE_CHECKING:
    from ..parameters import Character

Values: TypeAlias = "Mapping[str, float | str] | Character"
"""A character, or its values by name in the game's own units."""

SHOW_AFTER = 2.0
"""Seconds after which a wait is shown (logger ``f2p_sdk.waiting``)."""
_SHOW_AGAIN = 30.0  # seconds between two lines about waits for answers

# Errors that another character need not have, if they come from an engine.
_OF_A_CHARACTER = (EngineError, EngineLostError, EngineTimeoutError)

_Outcome: TypeAlias = "tuple[int, Message | F2PError, EngineInfo | None]"


class Requests:
    """Interface of user threads to the hub; thread-safe."""

    def __init__(self, hub: Hub, layouts: Mapping[str, str] | None) -> None:
        self._hub, self._layouts = hub, layouts
        self._shown = -math.inf

    def kind_and_values(
        self, values: Values, kind: str | None
    ) -> tuple[str, Mapping[str, float | str]]:
        """Kind and plain values of a character.

        Raises:
            UsageError: plain values without a kind, and there is not exactly one kind.
            CharacterError: the character's layout is not the engines' layout.
        """
        if isinstance(values, Mapping):
            if kind is None:
                known = list(self._layouts or {k: "" for e in self._hub.engines() for k in e.kinds})
                if len(known) != 1:
                    offers = ", ".join(known) or "no engine is connected"
                    raise UsageError(f"give the kind of character ({offers})")
                kind = known[0]
            return kind, dict(values)
        required = (self._layouts or {}).get(values.kind, values.layout_hash)
        if required != values.layout_hash:
            raise CharacterError(
                f"the character has layout {values.layout_hash}, the engine's {values.kind!r} "
                f"layout is {required}",
                remedy="read it with Character.load(path, layout), which reports the differences",
            )
        return values.kind, dict(values.values)

    def render_header(
        self,
        values: Values,
        kind: str | None,
        size: int | tuple[int, int],
        passes: Sequence[str],
        scene: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        """Header of a RENDER without its id."""
        kind, plain = self.kind_and_values(values, kind)
        header = {"kind": kind, "size": list(parse_size(size)), "passes": list(passes)}
        return {**header, "values": plain, **({"scene": dict(scene)} if scene else {})}

    def send(
        self, type: MessageType, header: Mapping[str, Any], deadline: float
    ) -> tuple[Message, EngineInfo]:
        """Send one request; return its answer and the engine, or raise its error."""
        results: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()
        self._submit(type, header, deadline, results)
        _, outcome, info = self._next(results)
        if isinstance(outcome, F2PError):
            raise outcome
        assert info is not None  # an answer always comes from an engine
        return outcome, info

    def render_many(
        self,
        headers: Iterator[Mapping[str, Any]],
        deadline: float,
        *,
        ordered: bool,
        window: int | None,
        label: Callable[[int], str],
        failed: Callable[[int, F2PError], None] | None = None,
    ) -> Iterator[tuple[int, Rendering]]:
        """Renderings with their positions; see :meth:`f2p_sdk.bridge.Host.render_many`."""
        source = enumerate(headers)
        results: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()
        pending: dict[int, Mapping[str, Any]] = {}
        ready: dict[int, Rendering | F2PError] = {}
        next_index = 0
        exhausted = False
        while True:
            limit = window or max(4, 2 * self._hub.dispatcher.capacity)
            while not exhausted and len(pending) + len(ready) < limit:
                try:
                    index, header = next(source)
                except StopIteration:
                    exhausted = True
                    break
                pending[index] = header
                self._submit(MessageType.RENDER, header, deadline, results, index)
            if not pending:
                return
            index, outcome, info = self._next(results)
            header = pending.pop(index)
            if not isinstance(outcome, F2PError):
                ready[index] = _rendering(outcome, header)
            elif failed is not None and info is not None and isinstance(outcome, _OF_A_CHARACTER):
                ready[index] = outcome
            else:
                with error_prefix(label(index)) if label(index) else nullcontext():
                    raise outcome
            while ready:
                index = next_index if ordered else next(iter(ready))
                if index not in ready:
                    break
                next_index = index + 1
                result = ready.pop(index)
                if not isinstance(result, F2PError):
                    yield index, result
                elif failed is not None:
                    failed(index, result)

    def _submit(
        self,
        type: MessageType,
        header: Mapping[str, Any],
        deadline: float,
        results: queue.SimpleQueue[_Outcome],
        index: int = 0,
    ) -> None:
        def deliver(outcome: Message | F2PError, info: EngineInfo | None) -> None:
            results.put((index, outcome, info))

        self._hub.submit(Ticket(type, header, deadline, deliver))

    def _next(self, results: queue.SimpleQueue[_Outcome]) -> _Outcome:
        started = time.monotonic()
        while True:
            now = time.monotonic()
            if now - started >= SHOW_AFTER and now - self._shown >= _SHOW_AGAIN:
                self._shown = now
                waiting_log.info("waiting for %s", self._hub.dispatcher.status)
            try:
                # Windows delivers Ctrl-C only between waits, so they are short.
                return results.get(timeout=0.5)
            except queue.Empty:
                if not self._hub.is_alive() and results.empty():
                    raise EngineLostError("the bridge was closed while a request waited") from None


def _rendering(message: Message, header: Mapping[str, Any]) -> Rendering:
    planes = unpack_planes(
        message.header["planes"], message.planes, header["passes"], tuple(header["size"])
    )
    return Rendering(seconds=float(message.header["seconds"]), **planes)
