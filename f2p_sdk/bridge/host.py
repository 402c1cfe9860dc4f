"""The SDK's side of the bridge: it listens, engines connect, requests are drawn wherever there is
room.

    with Host(layouts={"female": layout.hash}, game="justice") as host:
        host.wait(60)                                   # until an engine has connected to
        host.endpoint picture = host.render(character, size=512)      # picture.color: uint8 (512,
        512, 3)
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

import zmq

from ..errors import BridgeError, EngineTimeoutError, UsageError
from .admission import Admission
from .hub import Hub
from .messages import EngineInfo, Picture, square
from .requests import Requests, Values
from .sockets import bind_router
from .wire import MessageType

__all__ = ["Host", "Values"]

HEARTBEAT = 1.0
SILENCE = 10.0


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
            admission=Admission(game, layouts),
            version=__version__,
            heartbeat=heartbeat,
            silence=silence,
            # Ids start anywhere, so that a late answer to an earlier host cannot be taken for ours.
            first_id=secrets.randbits(48),
        )
        self._hub.start()
        self._requests = Requests(self._hub, layouts)

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

    def wait(
        self,
        timeout: float = 60.0,
        *,
        engines: int = 1,
        on_refusal: Callable[[str], None] | None = None,
    ) -> EngineInfo:
        """Wait until ``engines`` engines are connected; the first of them.

        ``on_refusal`` is told, while it waits, why an engine was refused.

        Raises:
            EngineTimeoutError: they did not come in time; says whether one was refused, and why.
            EngineLostError: the engines that this process started have all ended.
        """
        hub = self._hub
        end = time.monotonic() + timeout
        told = ""
        with hub.changed:
            while len(connected := hub.engines()) < engines:
                if on_refusal is not None and hub.last_refusal != told:
                    told = hub.last_refusal
                    on_refusal(told)
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
            passes: ``"color"``, and ``"labels"``, ``"landmarks"``, ``"depth"``, ``"vertices"``,
                ``"attributes"``, ``"triangles"`` where the engine offers them.
            scene: extras that this game's engine understands; none is its standard portrait.
            deadline: seconds that an engine has for it, from when it begins.

        Raises:
            EngineError: the engine reported an error, or no engine offers what is asked.
            EngineLostError, EngineTimeoutError: it died, or did not answer before the deadline.
            ProtocolError: it answered nonsense.
        """
        header = self._requests.render_header(values, kind, size, passes, scene)
        return self._requests.render(header, deadline)

    def render_many(
        self,
        characters: Iterable[Values],
        *,
        kind: str | None = None,
        size: int | tuple[int, int] = 512,
        passes: Sequence[str] = ("color",),
        scene: Mapping[str, Any] | Callable[[int], Mapping[str, Any]] | None = None,
        deadline: float = 30.0,
        ordered: bool = False,
        window: int | None = None,
    ) -> Iterator[tuple[int, Picture]]:
        """Draw many characters on all connected engines; yields (position, picture) as they come.

        ``characters`` is read as far as there is room: every engine always has its next request,
        and no more than ``window`` pictures (default: what fits the engines' credits, twice) are
        ahead of the consumer. With ``ordered`` they come in the order asked. A lost engine's work
        goes to another. ``scene`` may be a function of the position.

        Raises:
            As :meth:`render`, at the first request that fails.
        """
        requests = self._requests
        headers = (
            requests.render_header(c, kind, size, passes, scene(k) if callable(scene) else scene)
            for k, c in enumerate(characters)
        )
        yield from requests.render_many(headers, deadline, ordered=ordered, window=window)

    def apply(
        self, values: Values, *, kind: str | None = None, deadline: float = 30.0
    ) -> EngineInfo:
        """Put a character into the running game; which game confirmed it. Raises as
        :meth:`render`."""
        kind, plain = self._requests.character(values, kind)
        _, info = self._requests.ask(MessageType.APPLY, {"kind": kind, "values": plain}, deadline)
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
        pairs = [self._requests.character(c, kind) for c in characters]
        header = {
            "kind": pairs[0][0],
            "size": list(square(size)),
            "passes": list(passes),
            "characters": [plain for _, plain in pairs],
            "repeat": repeat,
        }
        message, _ = self._requests.ask(MessageType.MEASURE, header, deadline)
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
