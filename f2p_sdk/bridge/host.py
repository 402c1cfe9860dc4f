"""The SDK's side of the bridge: it listens, engines connect, requests are drawn wherever there is
room.

    with Host(layouts={"female": layout.hash}, game="justice") as host:
        host.wait(60)                                   # until an engine has connected to
        host.endpoint picture = host.render(character, size=512)      # picture.color: uint8 (512,
        512, 3)
"""

from __future__ import annotations

import queue
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, TypeAlias

import zmq

from ..errors import (
    BridgeError,
    CharacterError,
    EngineLostError,
    EngineTimeoutError,
    F2PError,
    UsageError,
)
from .dispatch import Ticket
from .hub import Hub, Refusal
from .messages import EngineInfo, Picture, square, unpack_planes
from .sockets import bind_router
from .wire import Message, MessageType

__all__ = ["Host", "Values"]

HEARTBEAT = 1.0
SILENCE = 10.0


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


class Host(AbstractContextManager["Host"]):
    """Listens for engines and hands them work. Its methods may be called from any thread.

    Args:
        bind: where to listen; port ``*`` takes a free one. See :attr:`endpoint`.
        layouts: hash of the layout of each kind that will be asked for; an engine with another hash
            for
            one of them, or with none of them, is refused. None admits every engine.
        game: engines of another game are refused; None admits every game.
        keys: folder of CURVE keys (:func:`f2p_sdk.bridge.make_keys`), required off loopback ...
        plaintext: ... unless plaintext is asked for by name.
        heartbeat: seconds between heartbeats, both ways.
        silence: seconds without one after which an idle peer is taken for dead.

    Raises:
        UsageError: ``bind`` is no endpoint, or off loopback without keys.
        BridgeError: the port is taken.
    """

    def __init__(
        self,
        bind: str = "tcp://127.0.0.1:*",
        *,
        layouts: Mapping[str, str] | None = None,
        game: str | None = None,
        keys: str | Path | None = None,
        plaintext: bool = False,
        heartbeat: float = HEARTBEAT,
        silence: float = SILENCE,
    ) -> None:
        from .. import __version__

        self._layouts = dict(layouts) if layouts is not None else None
        self._game = game
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            router, self.endpoint, self._auth = bind_router(
                self._context,
                bind,
                keys=keys,
                plaintext=plaintext,
                heartbeat_ms=int(heartbeat * 1000),
                silence_ms=int(silence * 1000),
            )
        except BaseException:
            self._context.term()
            raise
        self._hub = Hub(
            self._context,
            router,
            admit=self._admit,
            version=__version__,
            heartbeat=heartbeat,
            silence=silence,
            # Ids start anywhere, so that a late answer to an earlier host cannot be taken for ours.
            first_id=secrets.randbits(48),
        )
        self._hub.start()

    # ---- engines

    @property
    def engines(self) -> list[EngineInfo]:
        """The engines that are connected now."""
        return self._hub.engines()

    @property
    def counts(self) -> Mapping[str, int]:
        """What happened so far: messages, malformed, strangers, refused, lost, late,
        handshakes_failed."""
        return dict(self._hub.counts)

    def wait(self, timeout: float = 60.0, *, engines: int = 1) -> EngineInfo:
        """Wait until ``engines`` engines are connected; the first of them.

        Raises:
            EngineTimeoutError: they did not come in time; says whether one was refused, and why.
            EngineLostError: the engines that this process started have all ended.
        """
        hub = self._hub
        end = time.monotonic() + timeout
        with hub.changed:
            while len(connected := hub.engines()) < engines:
                if not hub.is_alive():
                    raise BridgeError("this host is closed", remedy="open another one")
                if hub.all_ended and not connected:
                    raise hub.ended_error()
                left = end - time.monotonic()
                if left <= 0:
                    refused = f"; one was refused: {hub.last_refusal}" if hub.last_refusal else ""
                    raise EngineTimeoutError(
                        f"{len(connected)} of {engines} engines connected to {self.endpoint} "
                        f"within {timeout:g} s{refused}",
                        remedy=f"start one: f2p engine -g GAME --connect {self.endpoint}",
                    )
                hub.changed.wait(min(left, 0.5))
        return connected[0]

    def supervise(self, watch: Callable[[], str]) -> None:
        """Have ``watch`` called every heartbeat, on the host's thread. When it returns a text (how
        the engines that were started for this host ended) and none is connected, waiting requests
        fail."""
        self._hub.supervisor = watch

    # ---- requests

    def render(
        self,
        values: Values,
        *,
        kind: str | None = None,
        size: int | tuple[int, int] = 512,
        passes: Sequence[str] = ("color",),
        scene: Mapping[str, Any] | None = None,
        deadline: float = 30.0,
    ) -> Picture:
        """Have an engine draw one character.

        Args:
            values: a character, or its values by name in the game's own units.
            kind: kind of character; needed only where ``values`` does not say and there are
            several. size: side of a square picture, or (width, height), in pixels.
            passes: ``"color"``, and ``"labels"``, ``"landmarks"`` where the engine offers them.
            scene: extras that this game's engine understands; none is its standard portrait.
            deadline: seconds that an engine has for it, from when it begins.

        Raises:
            EngineError: the engine reported an error, or no engine offers what is asked.
            EngineLostError, EngineTimeoutError: it died, or did not answer before the deadline.
            ProtocolError: it answered nonsense.
        """
        header = self._render_header(values, kind, size, passes, scene)
        message, _ = self._ask(MessageType.RENDER, header, deadline)
        return _picture(message, header)

    def render_many(
        self,
        characters: Iterable[Values],
        *,
        kind: str | None = None,
        size: int | tuple[int, int] = 512,
        passes: Sequence[str] = ("color",),
        scene: Mapping[str, Any] | None = None,
        deadline: float = 30.0,
        ordered: bool = False,
        window: int | None = None,
    ) -> Iterator[tuple[int, Picture]]:
        """Draw many characters on all connected engines; yields (position, picture) as they come.

        ``characters`` is read as far as there is room: every engine always has its next request,
        and no more than ``window`` pictures (default: what fits the engines' credits, twice) are
        ahead of the consumer. With ``ordered`` they come in the order asked. A lost engine's work
        goes to another.

        Raises:
            As :meth:`render`, at the first request that fails.
        """
        source = enumerate(characters)
        results: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()
        headers: dict[int, Mapping[str, Any]] = {}
        ready: dict[int, Picture] = {}
        following = 0
        exhausted = False
        while True:
            room = window or max(4, 2 * self._hub.dispatcher.capacity)
            while not exhausted and len(headers) + len(ready) < room:
                try:
                    index, values = next(source)
                except StopIteration:
                    exhausted = True
                    break
                headers[index] = self._render_header(values, kind, size, passes, scene)
                self._submit(MessageType.RENDER, headers[index], deadline, results, index)
            if not headers:
                return
            index, message, _ = self._next(results)
            header = headers.pop(index)
            if isinstance(message, F2PError):
                raise message
            ready[index] = _picture(message, header)
            while ready:
                index = following if ordered else next(iter(ready))
                if index not in ready:
                    break
                following = index + 1
                yield index, ready.pop(index)

    def apply(
        self, values: Values, *, kind: str | None = None, deadline: float = 30.0
    ) -> EngineInfo:
        """Put a character into the running game; which game confirmed it. Raises as
        :meth:`render`."""
        kind, plain = self._character(values, kind)
        _, info = self._ask(MessageType.APPLY, {"kind": kind, "values": plain}, deadline)
        return info

    def measure(
        self,
        characters: Sequence[Values],
        *,
        repeat: int = 1,
        kind: str | None = None,
        size: int | tuple[int, int] = 512,
        passes: Sequence[str] = ("color",),
        deadline: float = 600.0,
    ) -> float:
        """Pictures per second that an engine draws inside its own process, without sending them.

        It draws the few ``characters`` (together they must fit one header) ``repeat`` times over.
        """
        if not characters:
            raise UsageError("measure needs at least one character")
        pairs = [self._character(c, kind) for c in characters]
        header = {
            "kind": pairs[0][0],
            "size": list(square(size)),
            "passes": list(passes),
            "characters": [plain for _, plain in pairs],
            "repeat": repeat,
        }
        message, _ = self._ask(MessageType.MEASURE, header, deadline)
        return float(message.header["pictures"] / max(message.header["seconds"], 1e-9))

    def close(self) -> None:
        """Say goodbye to the engines and stop listening. Requests that wait fail."""
        self._hub.close()
        if self._auth is not None:
            self._auth.stop()
        self._context.term()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ---- inside

    def _admit(self, info: EngineInfo) -> list[str]:
        if self._game is not None and info.game != self._game:
            raise Refusal(
                "game", f"{info.name} is an engine of {info.game!r}, wanted is {self._game!r}"
            )
        if self._layouts is None:
            return []
        for kind, hash in info.kinds.items():
            wanted = self._layouts.get(kind)
            if wanted is not None and wanted != hash:
                raise Refusal(
                    "layout",
                    f"{info.name} draws {info.game}/{kind} with layout {hash}, "
                    f"this side has layout {wanted}",
                    "install the same version of the game's adapter on both sides",
                )
        missing = [k for k in self._layouts if k not in info.kinds]
        if len(missing) == len(self._layouts):
            raise Refusal(
                "kind", f"{info.name} draws {', '.join(info.kinds)}, wanted is {', '.join(missing)}"
            )
        return [f"{info.name} does not draw {info.game}/{kind}" for kind in missing]

    def _character(self, values: Values, kind: str | None) -> tuple[str, Mapping[str, float | str]]:
        if isinstance(values, Mapping):
            if kind is None:
                known = list(self._layouts or {k: "" for e in self.engines for k in e.kinds})
                if len(known) != 1:
                    raise UsageError(f"say which kind of character: one of {', '.join(known)}")
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

    def _render_header(
        self,
        values: Values,
        kind: str | None,
        size: int | tuple[int, int],
        passes: Sequence[str],
        scene: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        kind, plain = self._character(values, kind)
        return {
            "kind": kind,
            "size": list(square(size)),
            "passes": list(passes),
            "values": plain,
            **({"scene": dict(scene)} if scene else {}),
        }

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

    def _ask(
        self, type: MessageType, header: Mapping[str, Any], deadline: float
    ) -> tuple[Message, EngineInfo]:
        results: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()
        self._submit(type, header, deadline, results)
        _, outcome, info = self._next(results)
        if isinstance(outcome, F2PError):
            raise outcome
        assert info is not None  # an answer always comes from an engine
        return outcome, info

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
    return Picture(
        planes["color"],
        planes.get("labels"),
        planes.get("landmarks"),
        float(message.header["seconds"]),
    )
