"""Engines that must not be admitted: seconds and the messages on both sides.

    python benchmarks/security.py

An engine without keys, with a key that is not admitted, with the key of another host, of another
major version and of a foreign layout: each is refused within two seconds, and both sides say what
to do. Off loopback a host without keys does not bind.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zmq
from bench_kind import make_kind, python, start, start_engine

from f2p_sdk import F2PError, Kind, UsageError
from f2p_sdk.bridge import Host, make_keys
from f2p_sdk.bridge.link import Link
from f2p_sdk.bridge.messages import EngineInfo

LIMIT = 2.0  # seconds

CASES: Mapping[str, tuple[str, str]] = {
    "no key": ("copy host.key", "copy host.key"),
    "wrong key": ("copy host.key", "copy host.key"),
    "another host's key": ("copy host.key", "copy host.key"),
    "another major version": ("same major protocol version", "same major protocol version"),
    "foreign layout": ("same version of the game's adapter", "same version of the game's adapter"),
}
"""Case -> text that the host must show, text that the engine must show."""


def run_old_version(endpoint: str) -> None:
    """Engine of the major version 2; ends with the text of REFUSED."""
    Link.__init__.__doc__  # noqa: B018
    dealer = zmq.Context().socket(zmq.DEALER)
    dealer.setsockopt(zmq.LINGER, 0)
    dealer.connect(endpoint)
    dealer.send_multipart([b"F2P\x02\x00\x01", b"\x80"])
    if dealer.poll(10_000):
        raise SystemExit(dealer.recv_multipart()[1].decode("utf-8", "replace"))


class _Texts(logging.Handler):
    """Collects warnings of the SDK."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


def measure(case: str) -> dict[str, Any]:
    """Connect one engine; return the seconds until it has ended and both texts."""
    texts = _Texts()
    logging.getLogger("f2p_sdk").addHandler(texts)
    try:
        with tempfile.TemporaryDirectory() as name:
            return _measure(case, Path(name), texts)
    finally:
        logging.getLogger("f2p_sdk").removeHandler(texts)


def _measure(case: str, folder: Path, texts: _Texts) -> dict[str, Any]:
    kind = make_kind(folder)
    encrypted = "key" in case
    keys = make_keys(folder / "keys") if encrypted else None
    with Host(game=kind.game, layouts={kind.kind: kind.layout.hash}, keys=keys) as host:
        process = _start(case, kind, host.endpoint, folder)
        started = time.monotonic()
        error = ""
        while process.poll() is None and time.monotonic() - started < 20:
            if not host.counts and not error:
                started = time.monotonic() if not _connected(host) else started
            time.sleep(0.01)
        seconds = time.monotonic() - started
        try:
            host.wait(1.5)
        except F2PError as problem:
            error = str(problem)
    process.kill()
    engine = process.communicate()[1]
    says = "; ".join([*texts.texts, error])
    host_text, engine_text = CASES[case]
    return {
        "case": case,
        "seconds": round(seconds, 2),
        "host": says,
        "engine": engine.strip(),
        "ok": seconds < LIMIT
        and re.search(host_text, says) is not None
        and re.search(engine_text, engine) is not None,
    }
