"""The engine's side of the bridge. The game implements a handler; this module does the rest.

    class Handler:
        def info(self):
            return EngineInfo("mygame", {"hero": layout_hash}, "myengine", "1.0")

        def render(self, kind, values, size, passes, scene):
            return {"color": draw(values, size)}

        def apply(self, kind, values):
            put_on_screen(values)


    serve_engine("tcp://127.0.0.1:15702", Handler())

A game with its own main loop uses :class:`EngineClient` and calls :meth:`EngineClient.step` once
per frame.
"""

from __future__ import annotations

import math
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt

from ..errors import EngineError, F2PError, UsageError
from .link import Link, Request
from .messages import MAX_CREDITS, PASSES, EngineInfo, Size, pack_planes, parse_size
from .wire import Buffer, Message, MessageType, clean_text, encode

CREDITS = 4
"""Requests that an engine holds at a time: one to draw, the others hide the transfer time."""


class EngineHandler(Protocol):
    """Interface that a game implements. All calls come on the thread that called
    :func:`serve_engine`."""

    def info(self) -> EngineInfo:
        """Return the description of this engine; called once."""
        ...

    def render(
        self,
        kind: str,
        values: Mapping[str, float | str],
        size: Size,
        passes: Sequence[str],
        scene: Mapping[str, Any],
    ) -> Mapping[str, npt.NDArray[Any]]:
        """Draw a character.

        Args:
            kind: one of ``info().kinds``.
            values: every parameter of the layout by name, numbers in the game's own units.
            size: (width, height) in pixels, each at most ``info().max_size``.
            passes: names of the planes to return, a subset of ``info().passes``.
            scene: settings; empty for the standard portrait. Raise for unknown settings.

        Returns:
            One array per pass: ``color`` uint8 (height, width, 3) sRGB, first row on top;
            ``labels`` uint8 (height, width); ``landmarks`` float32 (73, 3); ``depth`` float32
            (height, width); ``vertices`` float32 (n, 5). ``docs/reference/protocol.md`` defines
            their contents. The arrays are sent without a copy: do not write to them again.

        Raises:
            Exception: any exception reaches the caller as an EngineError, with the exception's
                ``remedy`` attribute if it has one.
        """
        ...

    def apply(self, kind: str, values: Mapping[str, float | str]) -> None:
        """Put a character on the player's screen; raise an exception if that is not possible."""
        ...


class EngineClient(AbstractContextManager["EngineClient"]):
    """Connection of an engine to a host, for games with their own main loop.

    Args:
        endpoint: address of the host, e.g. ``tcp://127.0.0.1:15702``.
        handler: the game's implementation.
        exit_with_host: end when the host is gone. Then a handler that hangs is also ended: the
            process exits with code 3. If False, wait until a host is there again.
        connect_timeout: seconds to wait for the first welcome; None waits without limit.
        keys: folder with ``host.key`` and ``engine.key_secret``, for hosts off loopback.
        credits: requests to hold at a time, 1 to 64.
    """

    def __init__(
        self,
        endpoint: str,
        handler: EngineHandler,
        *,
        exit_with_host: bool = False,
        connect_timeout: float | None = None,
        keys: str | Path | None = None,
        credits: int = CREDITS,
    ) -> None:
        if not 1 <= credits <= MAX_CREDITS:
            raise UsageError(f"credits must be 1 to {MAX_CREDITS}, got {credits}")
        self._handler = handler
        self._info = handler.info()
        self._closed = False
        if connect_timeout is None and exit_with_host:
            connect_timeout = 60.0  # the host may have ended before this process was ready
        self._link = Link(endpoint, self._info, credits, exit_with_host, connect_timeout, keys)

    def step(self, timeout: float = 0.0) -> bool:
        """Answer one request if one arrives within ``timeout`` seconds; False once closed.

        Raises:
            ProtocolError: the host refused this engine; the text gives the reason.
            EngineTimeoutError: no host welcomed it within ``connect_timeout``.
        """
        if self._closed:
            return False
        request = self._link.next_request(timeout)
        if request is not None:
            self._serve(request)
        elif self._link.ended:
            self.close()
            if self._link.error is not None:
                raise self._link.error
        return not self._closed

    def close(self) -> None:
        """Send GOODBYE and disconnect."""
        self._closed = True
        self._link.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self, request: Request) -> None:
        self._link.busy_since = time.monotonic()
        try:
            frames = self._answer(request.message)
        except Exception as error:  # a handler's defect must reach the caller, not end the engine
            message = f"{type(error).__name__}: {error}"
            if isinstance(error, F2PError):
                message = error.message
            remedy = str(getattr(error, "remedy", ""))
            if not remedy and not isinstance(error, F2PError):
                traceback.print_exc()  # on the engine's own stderr
            answer = {"id": request.message.header["id"], "credits": 1}
            texts = {"message": clean_text(message), "remedy": clean_text(remedy)}
            frames = encode(MessageType.FAILED, {**answer, **texts})
        finally:
            self._link.busy_since = None
        self._link.answer(request.epoch, frames)

    def _answer(self, message: Message) -> list[Buffer]:
        """Frames of the answer to a request; raises what the handler raises."""
        header = message.header
        answer: dict[str, Any] = {"id": header["id"], "credits": 1}
        kind = header["kind"]
        if kind not in self._info.kinds:
            raise EngineError(f"kind {kind!r:.60} is not drawn here")
        if message.type is MessageType.APPLY:
            self._handler.apply(kind, _check_values(header["values"]))
            return encode(MessageType.APPLIED, answer)
        size = parse_size(header["size"])
        passes = header["passes"]
        if max(size) > self._info.max_size:
            raise EngineError(f"{size[0]}x{size[1]} is larger than {self._info.max_size} pixels")
        for name in passes:
            if name not in self._info.passes or name not in PASSES:
                raise EngineError(f"pass {name!r:.60} is not drawn here")
        scene = header.get("scene") or {}
        if message.type is MessageType.RENDER:
            started = time.perf_counter()
            planes = self._handler.render(
                kind, _check_values(header["values"]), size, passes, scene
            )
            answer["seconds"] = time.perf_counter() - started
            answer["planes"], buffers = pack_planes(planes, passes, size)
            return encode(MessageType.PICTURE, answer, buffers)
        characters = [_check_values(values) for values in header["characters"]]
        if not characters or not 1 <= header["repeat"] <= 100_000:
            raise EngineError("MEASURE needs at least one character and repeat from 1 to 100000")
        for values in characters:  # data that is loaded on first use is not measured
            self._handler.render(kind, values, size, passes, scene)
        started = time.perf_counter()
        for _ in range(header["repeat"]):
            for values in characters:
                self._handler.render(kind, values, size, passes, scene)
        answer["seconds"] = time.perf_counter() - started
        answer["pictures"] = header["repeat"] * len(characters)
        return encode(MessageType.MEASURED, answer)


def serve_engine(
    endpoint: str,
    handler: EngineHandler,
    *,
    exit_with_host: bool = False,
    connect_timeout: float | None = None,
    keys: str | Path | None = None,
    credits: int = CREDITS,
    stop: threading.Event | None = None,
) -> None:
    """Connect to a host and answer its requests.

    Returns when ``stop`` is set or, with ``exit_with_host``, when the host is gone. The other
    arguments are those of :class:`EngineClient`.

    Raises:
        ProtocolError: the host refused this engine; the text gives the reason.
        EngineTimeoutError: no host welcomed it within ``connect_timeout``.
    """
    with EngineClient(
        endpoint,
        handler,
        exit_with_host=exit_with_host,
        connect_timeout=connect_timeout,
        keys=keys,
        credits=credits,
    ) as client:
        # Windows delivers Ctrl-C only between waits, so they are short.
        while (stop is None or not stop.is_set()) and client.step(0.1):
            pass


def _check_values(values: Mapping[str, Any]) -> dict[str, float | str]:
    """The values with every number as a finite float."""
    checked: dict[str, float | str] = {}
    for name, value in values.items():
        if isinstance(value, str):
            checked[name] = value
        elif type(value) in (float, int) and math.isfinite(value):  # bool is not a number here
            checked[name] = float(value)
        else:
            raise EngineError(
                f"value of {name!r:.60} is {value!r:.40}, it must be a finite number or a text"
            )
    return checked
