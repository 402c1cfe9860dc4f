"""End an engine when the command that started it has ended, for whatever reason.

The command listens on a loopback port while it runs and names the port in the engine's environment.
The engine connects and keeps the connection. When the command ends, even by ``kill -9``, the
operating system closes the port and the connection, on every platform. No data is sent, and the
engine keeps its own standard input.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

VARIABLE = "F2P_WATCHDOG"
"""Environment variable with the loopback port that the engine keeps a connection to."""

_CONNECT_TIMEOUT = 5.0  # seconds


@contextlib.contextmanager
def start_watchdog() -> Iterator[dict[str, str]]:
    """Listen while the block runs; yield the environment for the engines to watch."""
    # Nothing accepts: the system keeps the connections until the socket is closed.
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield {**os.environ, VARIABLE: str(server.getsockname()[1])}


class Watchdog:
    """The engine's connection to its command; without the variable it never expires."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._expired = False
        port = os.environ.get(VARIABLE, "")
        if not port:
            return
        try:
            self._socket = socket.create_connection(("127.0.0.1", int(port)), _CONNECT_TIMEOUT)
            self._socket.setblocking(False)
        except (OSError, ValueError, OverflowError):  # the command has ended already
            self._expired = True

    @property
    def expired(self) -> bool:
        """True once the command has ended."""
        if self._socket is not None and not self._expired:
            try:
                self._expired = self._socket.recv(1) == b""
            except BlockingIOError:
                pass
            except OSError:  # Windows reports a reset
                self._expired = True
        return self._expired

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
