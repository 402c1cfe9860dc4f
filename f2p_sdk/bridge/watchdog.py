"""The leash between a command and the engine that it runs: when the one is gone, however it ended,
the other notices.

The command listens on a loopback port for as long as it lives, and tells the engine which one by
the environment; the engine connects, and holds the connection. Whatever ends the command, also
``kill -9``, the system closes the port and with it the connection, on every platform. Nothing is
ever sent, and standard input stays the engine's own.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

__all__ = ["VARIABLE", "Leash", "hold_leash"]

VARIABLE = "F2P_LEASH"
"""Environment variable: the loopback port to hold a connection to."""

_PATIENCE = 5.0  # seconds that a connection on one machine may take


@contextlib.contextmanager
def hold_leash() -> Iterator[dict[str, str]]:
    """An environment for engines that are to end with this process, or with the block."""
    # Nobody accepts: the system keeps the connections until the socket is closed.
    with socket.create_server(("127.0.0.1", 0)) as held:
        yield {**os.environ, VARIABLE: str(held.getsockname()[1])}


class Leash:
    """The engine's end; without the variable there is none, and it never breaks."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._broken = False
        port = os.environ.get(VARIABLE, "")
        if not port:
            return
        try:
            self._socket = socket.create_connection(("127.0.0.1", int(port)), _PATIENCE)
            self._socket.setblocking(False)
        except (OSError, ValueError, OverflowError):  # who was to hold it has ended already
            self._broken = True

    @property
    def broken(self) -> bool:
        """Whether who started this process is gone."""
        if self._socket is not None and not self._broken:
            try:
                self._broken = self._socket.recv(1) == b""
            except BlockingIOError:
                pass
            except OSError:  # reset: how Windows says it
                self._broken = True
        return self._broken

    def close(self) -> None:
        """Let go of it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
