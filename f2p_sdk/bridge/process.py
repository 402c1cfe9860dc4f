"""Engine processes: started with a host, watched by it, ended with it, whatever happens to
either."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Protocol

from ..errors import BridgeError
from .host import HEARTBEAT, SILENCE, Host

__all__ = ["EngineGroup", "open_engine"]

_GRACE = 2.0  # seconds that an engine has to end by itself before it is made to


class HasHash(Protocol):
    @property
    def hash(self) -> str: ...


class EngineKind(Protocol):
    """What the bridge needs of a :class:`f2p_sdk.Kind`."""

    @property
    def game(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def layout(self) -> HasHash: ...
    @property
    def engine(self) -> Callable[[str], list[str]] | None: ...


class EngineGroup:
    """A number of engine processes with the same command line; dead ones are restarted a few times.

    What they print goes to a temporary file, whose end is quoted when they die.
    """

    def __init__(self, argv: Sequence[str], count: int, *, restarts: int = 0) -> None:
        self.argv = list(argv)
        self.restarts = restarts
        self._processes: list[subprocess.Popen[bytes]] = []
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed by stop()
        self._last = ""
        try:
            for _ in range(count):
                self._processes.append(self._start())
        except BaseException:
            self.stop()
            raise

    @property
    def processes(self) -> list[subprocess.Popen[bytes]]:
        return list(self._processes)

    def supervise(self) -> str:
        """Restart what died; how the last one ended if none is left, else empty."""
        for process in list(self._processes):
            code = process.poll()
            if code is None:
                continue
            self._processes.remove(process)
            how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
            self._last = f"the engine process ended ({how}){self._tail()}"
            if self.restarts > 0:
                self.restarts -= 1
                self._processes.append(self._start())
        return "" if self._processes else self._last

    def stop(self) -> None:
        """End them all: they are asked (the host said goodbye before), then made to."""
        end = time.monotonic() + _GRACE
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, end - time.monotonic()))
        for action in (subprocess.Popen.terminate, subprocess.Popen.kill):
            for process in self._processes:
                if process.poll() is None:
                    action(process)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(_GRACE)
        self._processes.clear()
        self._log.close()

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise BridgeError(
                f"the engine could not be started: {error}",
                remedy=f"try its command line by hand: {subprocess.list2cmdline(self.argv)}",
            ) from None

    def _tail(self) -> str:
        """The last lines that an engine printed."""
        size = self._log.seek(0, 2)
        self._log.seek(max(0, size - 1000))
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()[-5:]
        return ", its last words:\n" + "\n".join(f"    {line}" for line in lines) if lines else ""


@contextlib.contextmanager
def open_engine(
    kind: EngineKind,
    *,
    engines: int = 1,
    connect_timeout: float = 60.0,
    listen: str | None = None,
    keys: str | Path | None = None,
    plaintext: bool = False,
    restarts: int = 0,
    heartbeat: float = HEARTBEAT,
    silence: float = SILENCE,
    on_refusal: Callable[[str], None] | None = None,
) -> Iterator[Host]:
    """A host with engines that draw ``kind``: started here and ended with the block, or running
    elsewhere.

    Args:
        kind: the game's kind, as its adapter describes it.
        engines: how many to start, or, with ``listen``, to wait for.
        connect_timeout: seconds that they have to connect.
        listen: endpoint to listen on for engines elsewhere; None starts them here.
        keys, plaintext, heartbeat, silence: as for :class:`Host`.
        on_refusal: told, while waiting for engines elsewhere, why one was refused.
        restarts: how many times in all an engine that died is started again.

    The processes also end when this one is killed: they are started with ``--exit-with-host``,
    which makes them end when the connection is gone.

    Raises:
        BridgeError: the kind has no engine to start, or it does not start.
        EngineLostError, EngineTimeoutError: it ended at once, or did not connect in time.
    """
    layouts = {kind.kind: kind.layout.hash}
    if listen is not None:
        with Host(
            listen,
            layouts=layouts,
            game=kind.game,
            keys=keys,
            plaintext=plaintext,
            heartbeat=heartbeat,
            silence=silence,
        ) as host:
            host.wait(connect_timeout, engines=engines, on_refusal=on_refusal)
            yield host
        return
    if kind.engine is None:
        raise BridgeError(
            f"the adapter of {kind.game}/{kind.kind} brings no engine that can be started",
            remedy="start the game and let it connect: give an endpoint to listen on (--listen)",
        )
    group: EngineGroup | None = None
    try:
        with Host(layouts=layouts, game=kind.game, heartbeat=heartbeat, silence=silence) as host:
            argv = [*kind.engine(host.endpoint), "--exit-with-host"]
            group = EngineGroup(argv, engines, restarts=restarts)
            host.supervise(group.supervise)
            host.wait(connect_timeout, engines=engines)
            yield host
    finally:
        if group is not None:
            group.stop()
