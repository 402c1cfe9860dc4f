"""The SDK's side of the bridge: the host listens, engines connect and draw.

with Host(layouts={"female": layout.hash}, game="justice") as host:
    host.wait(60)  # until an engine has connected to host.endpoint
    rendering = host.render(character, size=512)
    rendering.color  # uint8 (512, 512, 3)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import zmq

from ..errors import BridgeError, EngineTimeoutError, F2PError, UsageError
from .admission import Admission
from .hub import Hub
from .messages import EngineInfo, Rendering, parse_size
from .notices import waiting_log
from .requests import SHOW_AFTER, Requests, Values
from .sockets import ANY_PORT, bind_router
from .wire import MessageType

HEARTBEAT = 1.0
SILENCE = 10.0


class Host(AbstractContextManager["Host"]):
    """Listens for engines and sends them requests. Its methods may be called from any thread.

    Args:
        bind: address to listen on; port ``*`` takes a free one. See :attr:`endpoint`.
        layouts: layout hash of each kind that will be requested. An engine with another hash for
            one of them, or with none of them, is refused. None admits every engine.
        game: engines of another game are refused; None admits every game.
        keys: folder of CURVE keys (:func:`f2p_sdk.bridge.make_keys`). Off loopback, either keys or
            ``plaintext`` are required.
        plaintext: allow unencrypted connections off loopback.
        heartbeat: seconds between heartbeats, in both directions.
        silence: seconds without a heartbeat after which an idle engine counts as lost.

    Raises:
        UsageError: ``bind`` is no endpoint, or off loopback without keys.
        BridgeError: the port is in use.
    """

    def __init__(
        self,
        bind: str = ANY_PORT,
        *,
        layouts: Mapping[str, str] | None = None,
        game: str | None = None,
        keys: str | Path | None = None,
        plaintext: bool = False,
        heartbeat: float = HEARTBEAT,
        silence: float = SILENCE,
    ) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            router, self.endpoint, self._auth = bind_router(
                self._context,
                bind,
                keys=keys,
                plaintext=plaintext,
                silence_ms=int(silence * 1000),
            )
        except BaseException:
            self._context.term()
            raise
        admission = Admission(game, layouts)
        self._hub = Hub(self._context, router, admission, heartbeat=heartbeat, silence=silence)
        self._hub.start()
        self._requests = Requests(self._hub, layouts)

    @property
    def engines(self) -> list[EngineInfo]:
        """The connected engines."""
        return self._hub.engines()

    @property
    def counts(self) -> Mapping[str, int]:
        """Number of events so far: messages, malformed, unknown_sender, refused (answers REFUSED),
        lost, late, unrequested, ignored, handshakes_failed, flood."""
        return dict(self._hub.counts)

    def wait(
        self,
        timeout: float = 60.0,
        *,
        engines: int = 1,
    ) -> EngineInfo:
        """Wait up to ``timeout`` seconds for ``engines`` engines; return the first of them.

        After two seconds the logger ``f2p_sdk.waiting`` names what it waits for.

        Raises:
            EngineTimeoutError: too few engines connected; names the reason of the last refusal.
            ProtocolError: an engine was refused, and no other one connected within a second.
            EngineLostError: the engines that this process started have all ended.
        """
        hub = self._hub
        started = time.monotonic()
        end, shown = started + timeout, False
        with hub.changed:
            while len(connected := hub.engines()) < engines:
                if not hub.is_alive():
                    raise BridgeError("this host is closed", remedy="open another one")
                if hub.exit_report and not connected:
                    raise hub.ended_error()
                if (refused_error := hub.refused_error()) is not None:
                    raise refused_error
                if not shown and time.monotonic() - started >= SHOW_AFTER:
                    shown = True
                    waiting_log.info(
                        "waiting up to %g s for %d engine(s) at %s, %d connected",
                        *(timeout, engines, self.endpoint, len(connected)),
                    )
                left = end - time.monotonic()
                if left <= 0:
                    refused = (
                        f"; one was refused: {hub.notices.last_refusal}"
                        if hub.notices.last_refusal
                        else ""
                    )
                    raise EngineTimeoutError(
                        f"{len(connected)} of {engines} engines connected to {self.endpoint} "
                        f"within {timeout:g} s{refused}",
                        remedy=f"start one: f2p engine -g GAME --connect {self.endpoint}",
                    )
                hub.changed.wait(min(left, 0.5))
        return connected[0]

    @property
    def stalled(self) -> bool:
        """True if engines are connected and all of them have missed a deadline."""
        return self._hub.dispatcher.stalled

    def supervise(self, supervisor: Callable[[], str]) -> None:
        """Call ``supervisor`` at every heartbeat, on the host's thread.

        It returns a text once all engines that were started for this host have ended. Then, unless
        another engine is connected, open requests fail with that text.
        """
        self._hub.supervisor = supervisor

    def render(
        self,
        values: Values,
        *,
        kind: str | None = None,
        size: int | tuple[int, int] = 512,
        passes: Sequence[str] = ("color",),
        scene: Mapping[str, Any] | None = None,
        deadline: float = 30.0,
    ) -> Rendering:
        """Draw one character with an engine.

        Args:
            values: a character, or its values by name in the game's own units.
            kind: kind of character; needed only for plain values, if there are several kinds.
            size: side of a square picture, or (width, height), in pixels.
            passes: ``"color"``, and any of ``"labels"``, ``"landmarks"``, ``"depth"``,
                ``"vertices"``, ``"attributes"``, ``"triangles"`` that the engine offers.
            scene: settings of the scene; None for the standard portrait.
            deadline: seconds that the engine may take, from when it begins.

        Raises:
            EngineError: the engine reported an error, or no engine offers what is requested.
            EngineLostError: the engine was lost.
            EngineTimeoutError: the engine did not answer before the deadline.
            ProtocolError: the answer violates the protocol.
        """
        drawn = self.render_many(
            [values],
            kind=kind,
            size=size,
            passes=passes,
            scene=scene,
            deadline=deadline,
            label=lambda position: "",
        )
        return next(drawn)[1]

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
        label: Callable[[int], str] = "character {}".format,
        failed: Callable[[int, F2PError], None] | None = None,
    ) -> Iterator[tuple[int, Rendering]]:
        """Draw characters with all connected engines; yield (position, rendering).

        ``characters`` is read lazily: every engine always has a next request, and at most
        ``window`` renderings (default: twice the engines' credits) are ahead of the consumer. With
        ``ordered`` they come in the order of ``characters``, else as they are ready. Requests of a
        lost engine go to another. ``scene`` may be a function of the position. Errors begin with
        the ``label`` of the position, to name the character.

        With ``failed``, a character that an engine cannot draw does not end the iteration: one that
        the engine reports as failed, or with which engines repeatedly end or miss the deadline.
        ``failed`` is called with its position and error, in the order of the renderings.

        Raises:
            F2PError: as :meth:`render`, for the first request that fails.
        """
        requests = self._requests
        headers = (
            requests.render_header(c, kind, size, passes, scene(k) if callable(scene) else scene)
            for k, c in enumerate(characters)
        )
        yield from requests.render_many(
            headers, deadline, ordered=ordered, window=window, label=label, failed=failed
        )

    def apply(
        self, values: Values, *, kind: str | None = None, deadline: float = 30.0
    ) -> EngineInfo:
        """Put a character into the running game; return the engine that confirmed it.

        Raises:
            F2PError: as :meth:`render`.
        """
        kind, plain = self._requests.kind_and_values(values, kind)
        header = {"kind": kind, "values": plain}
        return self._requests.send(MessageType.APPLY, header, deadline)[1]

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
        """Pictures per second that an engine draws in its own process, without sending them.

        It draws the ``characters`` (together they must fit one header) ``repeat`` times.
        """
        if not characters:
            raise UsageError("measure needs at least one character")
        pairs = [self._requests.kind_and_values(c, kind) for c in characters]
        header = {
            "kind": pairs[0][0],
            "size": list(parse_size(size)),
            "passes": list(passes),
            "characters": [plain for _, plain in pairs],
            "repeat": repeat,
        }
        message, _ = self._requests.send(MessageType.MEASURE, header, deadline)
        return float(message.header["pictures"] / max(message.header["seconds"], 1e-9))

    def close(self) -> None:
        """Send GOODBYE to the engines and stop listening. Open requests fail."""
        self._hub.close()
        if self._auth is not None:
            self._auth.stop()
        self._context.term()

    def __exit__(self, *_: object) -> None:
        self.close()
