"""Requests of the host: built from characters, handed to the hub, waited for."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from ..errors import CharacterError, EngineLostError, F2PError, UsageError
from .dispatch import Ticket
from .hub import Hub
from .messages import PASSES, EngineInfo, Picture, square, unpack_planes
from .wire import Message, MessageType

__all__ = ["CharacterLike", "Requests", "Values"]


class CharacterLike(Protocol):
    """What the bridge needs of a :class:`f2p_sdk.Character`."""

    @property
    def kind(self) -> str: ...
    @property
    def layout_hash(self) -> str: ...
    @property
    def values(self) -> Mapping[str, float | str]: ...


Values: TypeAlias = "Mapping[str, float | str] | CharacterLike"
"""A character, or its values by name in the game's own units."""

_Outcome: TypeAlias = "tuple[int, Message | F2PError, EngineInfo | None]"


class Requests:
    """The user's side of the hub; any number of threads may use it."""

    def __init__(self, hub: Hub, layouts: Mapping[str, str] | None) -> None:
        self._hub = hub
        self._layouts = layouts

    def character(self, values: Values, kind: str | None) -> tuple[str, Mapping[str, float | str]]:
        """Kind and plain values.

        Raises:
            UsageError: the kind is not said, and there is not just one.
            CharacterError: the character has another layout than the engines.
        """
        if isinstance(values, Mapping):
            if kind is None:
                known = list(self._layouts or {k: "" for e in self._hub.engines() for k in e.kinds})
                if len(known) != 1:
                    offers = ", ".join(known) or "no engine is connected"
                    raise UsageError(f"say which kind of character is meant ({offers})")
                kind = known[0]
            return kind, dict(values)
        wanted = (self._layouts or {}).get(values.kind, values.layout_hash)
        if wanted != values.layout_hash:
            raise CharacterError(
                f"the character has layout {values.layout_hash}, the engine's {values.kind!r} "
                f"layout is {wanted}",
                remedy="read it with Character.load(path, layout), which says what changed",
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
        """Header of a RENDER, all but its id."""
        kind, plain = self.character(values, kind)
        return {
            "kind": kind,
            "size": list(square(size)),
            "passes": list(passes),
            "values": plain,
            **({"scene": dict(scene)} if scene else {}),
        }

    def ask(
        self, type: MessageType, header: Mapping[str, Any], deadline: float
    ) -> tuple[Message, EngineInfo]:
        """Send one request and wait for its answer, or raise its error."""
        results: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()
        self._submit(type, header, deadline, results)
        _, outcome, info = self._next(results)
        if isinstance(outcome, F2PError):
            raise outcome
        assert info is not None  # an answer always comes from an engine
        return outcome, info

    def render(self, header: Mapping[str, Any], deadline: float) -> Picture:
        """One picture."""
        message, _ = self.ask(MessageType.RENDER, header, deadline)
        return _picture(message, header)

    def render_many(
        self,
        headers: Iterator[Mapping[str, Any]],
        deadline: float,
        *,
        ordered: bool,
        window: int | None,
    ) -> Iterator[tuple[int, Picture]]:
        """See :meth:`f2p_sdk.bridge.Host.render_many`."""
        source = enumerate(headers)
        results: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()
        open_: dict[int, Mapping[str, Any]] = {}
        ready: dict[int, Picture] = {}
        following = 0
        exhausted = False
        while True:
            room = window or max(4, 2 * self._hub.dispatcher.capacity)
            while not exhausted and len(open_) + len(ready) < room:
                try:
                    index, header = next(source)
                except StopIteration:
                    exhausted = True
                    break
                open_[index] = header
                self._submit(MessageType.RENDER, header, deadline, results, index)
            if not open_:
                return
            index, outcome, _ = self._next(results)
            header = open_.pop(index)
            if isinstance(outcome, F2PError):
                raise outcome
            ready[index] = _picture(outcome, header)
            while ready:
                index = following if ordered else next(iter(ready))
                if index not in ready:
                    break
                following = index + 1
                yield index, ready.pop(index)

    # ---- inside

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
        while True:
            try:
                # Short waits: on Windows only those let Ctrl-C through.
                return results.get(timeout=0.5)
            except queue.Empty:
                if not self._hub.is_alive() and results.empty():
                    raise EngineLostError("the bridge was closed while a request waited") from None


def _picture(message: Message, header: Mapping[str, Any]) -> Picture:
    planes = unpack_planes(
        message.header["planes"], message.planes, header["passes"], tuple(header["size"])
    )
    known = [name for name in PASSES if name in planes]
    return Picture(seconds=float(message.header["seconds"]), **{n: planes[n] for n in known})
