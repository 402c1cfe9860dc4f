"""Texts about engines for people: refusals, and warnings that are logged once."""

from __future__ import annotations

import logging
import time

from ..errors import ProtocolError

log = logging.getLogger("f2p_sdk.bridge")
waiting_log = logging.getLogger("f2p_sdk.waiting")
"""Texts about what a call waits for, at the level INFO."""

DEFECT = "the engine's client has a defect: compare it with docs/reference/protocol.md"
HANDSHAKE_REMEDY = (
    "copy host.key and engine.key_secret from the folder of the host's --keys to the engine, and "
    "give both sides --keys or neither"
)
ENGINE_REMEDY = (
    "read the traceback in the engine's own output: start it with f2p engine, and run this command "
    "with --listen"
)
_MAX_WARNINGS = 100
_GRACE = 1.0  # seconds for other engines to connect after one was refused


class Notices:
    """Refusals and warnings of one host.

    Attributes:
        last_refusal: reason of the last refusal since an engine was admitted; empty if none.
    """

    def __init__(self) -> None:
        self.last_refusal = ""
        self._reason = self._remedy = ""
        self._refused_at: float | None = None
        self._warned: set[str] = set()

    def warn_once(self, key: str, text: str) -> None:
        """Log a warning, once for each ``key``."""
        if key not in self._warned and len(self._warned) < _MAX_WARNINGS:
            self._warned.add(key)
            log.warning("%s", text)

    def refused(self, reason: str, remedy: str, alone: bool) -> None:
        """Note that an engine was refused; ``alone``: no other one was connected."""
        self.last_refusal = reason + (f" ({remedy})" if remedy else "")
        self._reason, self._remedy = reason, remedy
        if alone and self._refused_at is None:  # engines that repeat HELLO do not extend the wait
            self._refused_at = time.monotonic()
        self.warn_once(reason, f"an engine was refused: {self.last_refusal}")

    def admitted(self) -> None:
        """Note that an engine was admitted: earlier refusals explain no later wait."""
        self.last_refusal, self._refused_at = "", None

    def refused_error(self) -> ProtocolError | None:
        """Error of all waits of a host without engines, a second after one was refused."""
        if self._refused_at is None or time.monotonic() - self._refused_at < _GRACE:
            return None
        return ProtocolError(
            f"no engine is connected, and one was refused: {self._reason}",
            remedy=self._remedy or "start an engine that fits, then run this again",
        )


def differing_assets(subject: str, made_with: str, other: str, owner: str = "the engine") -> str:
    """Text for people if the assets ``made_with`` of ``subject`` and ``other`` of ``owner`` are
    both given and differ, else an empty text."""
    if not made_with or not other or made_with == other:
        return ""
    return (
        f"{subject} was made with the assets {made_with!r}, {owner} has {other!r}: the same values "
        "may give another face"
    )


def warn_assets(
    subject: str, made_with: str, other: str, remedy: str, *, owner: str = "the engine"
) -> None:
    """Log :func:`differing_assets`, if any, with the next step."""
    if text := differing_assets(subject, made_with, other, owner):
        log.warning("%s; next: %s", text, remedy)
