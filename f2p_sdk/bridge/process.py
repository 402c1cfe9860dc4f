"""Engine processes: started with a host, monitored by it, and ended with it in every case."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ..errors import BridgeError, PluginError
from .host import HEARTBEAT, SILENCE, Host
from .sockets import ANY_PORT

if TYPE_CHECKING:
    from ..kinds import Kind

_GRACE = 0.7  # seconds to end after GOODBYE, and after each signal


class EngineGroup:
    """Engine processes with one command line; processes that end are restarted a few times.

    Their output goes to a temporary file; the error of a process quotes the last lines.
    """

    def __init__(self, argv: Sequence[str], count: int, *, restarts: int = 0) -> None:
        self.argv = list(argv)
        self.restarts = restarts
        self._processes: list[subprocess.Popen[bytes]] = []
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed by stop()
        self._last_exit = ""
        self._stalled = False
        try:
            for _ in range(count):
                self._processes.append(self._start())
        except BaseException:
            self.stop()
            raise

    def supervise(self, stalled: bool = False) -> str:
        """Restart ended processes; if none is left, return how the last one ended, else "".

        When all engines have become ``stalled``, their processes are ended first, if they can be
        started again.
        """
        if stalled and not self._stalled and self.restarts > 0:
            for process in self._processes:
                process.kill()
                process.wait()
        self._stalled = stalled
        for process in list(self._processes):
            code = process.poll()
            if code is None:
                continue
            self._processes.remove(process)
            cause = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
            self._last_exit = f"the engine process ended ({cause}){self._log_tail()}"
            if self.restarts > 0:
                self.restarts -= 1
                self._processes.append(self._start())
        return "" if self._processes else self._last_exit

    def stop(self) -> None:
        """End all processes: wait (the host has sent GOODBYE), then terminate, then kill."""
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
                self.argv, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT
            )
        except OSError as error:
            raise BridgeError(
                f"the engine could not be started: {error}",
                remedy=f"run its command line: {subprocess.list2cmdline(self.argv)}",
            ) from None

    def _log_tail(self) -> str:
        """The last lines of the engines' output."""
        size = self._log.seek(0, 2)
        self._log.seek(max(0, size - 1000))
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()[-5:]
        return ", its last output:\n" + "\n".join(f"    {line}" for line in lines) if lines else ""


def engine_command(kind: Kind, endpoint: str) -> list[str]:
    """Command line of the kind's engine (not None), for ``endpoint``.

    Raises:
        PluginError: the command is not a list of texts.
    """
    assert kind.engine is not None
    argv: object = kind.engine(endpoint)
    if isinstance(argv, (list, tuple)) and argv and all(isinstance(a, str) for a in argv):
        return list(argv)
    raise PluginError(
        f"the engine command of {kind.game}/{kind.kind} must be a list of texts, got {argv!r:.99}",
        remedy='return a list with one text per argument: ["mygame", "--connect", endpoint]',
    )


@contextlib.contextmanager
def open_engine(
    kind: Kind,
    *,
    engines: int = 1,
    connect_timeout: float = 60.0,
    listen: str | None = None,
    keys: str | Path | None = None,
    plaintext: bool = False,
    restarts: int = 0,
    heartbeat: float = HEARTBEAT,
    silence: float = SILENCE,
) -> Iterator[Host]:
    """Yield a host with engines of ``kind``: started here and ended with the block, or external.

    Args:
        kind: the game's kind, from its adapter.
        engines: number of engines to start or, with ``listen``, to wait for.
        connect_timeout: seconds to wait until they are connected.
        listen: endpoint to listen on for external engines; None starts engines here.
        keys, plaintext: as for :class:`Host`; only with ``listen``.
        restarts: how often, in total, an engine that ended is started again.
        heartbeat, silence: as for :class:`Host`.

    Engines also end when this process is killed: they are started with ``--exit-with-host``.

    Raises:
        BridgeError: the kind has no engine to start, or it cannot be started.
        EngineLostError: the engines ended at once.
        EngineTimeoutError: the engines did not connect in time.
    """
    external = listen is not None
    if kind.engine is None and not external:
        raise BridgeError(
            f"the adapter of {kind.game}/{kind.kind} has no engine that can be started",
            remedy="start the game and let it connect: give an endpoint to listen on (--listen)",
        )
    group: EngineGroup | None = None
    try:
        with Host(
            listen or ANY_PORT,
            layouts={kind.kind: kind.layout.hash},
            game=kind.game,
            keys=keys if external else None,
            plaintext=plaintext,
            heartbeat=heartbeat,
            silence=silence,
        ) as host:
            if kind.engine is not None and not external:
                argv = [*engine_command(kind, host.endpoint), "--exit-with-host"]
                group = EngineGroup(argv, engines, restarts=restarts)
                started = group
                host.supervise(lambda: started.supervise(host.stalled))
            host.wait(connect_timeout, engines=engines)
            yield host
    finally:
        if group is not None:
            group.stop()
