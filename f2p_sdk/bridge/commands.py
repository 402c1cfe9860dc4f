"""Queue of requests from user threads to the host's thread, which waits on a socket."""

from __future__ import annotations

import queue
import threading

import zmq

from .dispatch import Ticket
from .sockets import send

__all__ = ["Commands"]


class Commands:
    """Requests of other threads for the host's thread.

    Attributes:
        socket: readable when there may be something to take; the host's thread polls it.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._queue: queue.SimpleQueue[Ticket | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self.socket: zmq.Socket[bytes] = context.socket(zmq.PAIR)
        self._sender: zmq.Socket[bytes] = context.socket(zmq.PAIR)
        self.socket.bind("inproc://f2p-host-wake")
        self._sender.connect("inproc://f2p-host-wake")

    @property
    def closed(self) -> bool:
        """True after :meth:`close`."""
        return bool(self._sender.closed)

    def put(self, ticket: Ticket | None) -> None:
        """Queue a request and wake the host's thread; None ends it. Any thread may call this."""
        self._queue.put(ticket)
        self.wake()

    def wake(self) -> None:
        """Make the socket readable."""
        with self._lock:
            send(self._sender, [b""])

    def take(self) -> tuple[list[Ticket], bool]:
        """Return the queued requests, and False if the host's thread is to end after them."""
        while self.socket.poll(0):
            self.socket.recv()
        tickets: list[Ticket] = []
        while True:
            try:
                ticket = self._queue.get_nowait()
            except queue.Empty:
                return tickets, True
            if ticket is None:
                return tickets, False
            tickets.append(ticket)

    def close(self) -> None:
        """Close the sender's side, after the host's thread has ended."""
        self._sender.close(0)
