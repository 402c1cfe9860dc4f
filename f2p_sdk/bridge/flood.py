"""Limit of the work that peers cause that are not admitted."""

from __future__ import annotations

from collections.abc import Sequence

from .wire import Buffer, MessageType

__all__ = ["FloodLimit"]

_MAX_REPLIES = 256  # between two heartbeats
_HELLO = bytes((MessageType.HELLO,))  # the last byte of the preamble, in every major version


class FloodLimit:
    """Counts replies to peers that are not admitted.

    Answers take most of the time of a flood, and engines repeat their messages anyway.
    """

    def __init__(self) -> None:
        self._replies = 0

    def reset(self) -> None:
        """Start the next interval."""
        self._replies = 0

    def allows_reply(self) -> bool:
        """Count a reply; False if there were too many in this interval."""
        self._replies += 1
        return self._replies <= _MAX_REPLIES

    def drops(self, frames: Sequence[Buffer]) -> bool:
        """True for a message to drop before it is parsed: in a flood only HELLO matters."""
        if self._replies < _MAX_REPLIES:
            return False
        return not frames or frames[0][5:6] != _HELLO
