"""Engines that a host must not admit: seconds, and the texts on both sides.

    python benchmarks/security.py

An engine without keys, with keys that the host does not admit, with the keys of another host, of
another major version of the protocol, and with another layout. Each must end within two seconds,
and both sides must say what to do.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zmq
from bench_kind import make_kind, python, start

from f2p_sdk import F2PError, Kind
from f2p_sdk.bridge import Host, make_keys
from f2p_sdk.bridge.wire import Message, VersionError, decode
from f2p_sdk.testing import FakeEngine

LIMIT = 2.0  # seconds
COPY, SAME = "copy host.key and engine.key_secret", "same major protocol version"
CASES: Mapping[str, str] = {
    "no keys": COPY,
    "keys that are not admitted": COPY,
    "keys of another host": COPY,
    "another major version": SAME,
    "another layout": "same version of the game's adapter",
}
"""Engine -> what both sides must say."""


def run_old_engine(endpoint: str) -> None:
    """Engine of version 2 of the protocol; it ends with the text of REFUSED."""
    dealer = zmq.Context().socket(zmq.DEALER)
    dealer.setsockopt(zmq.LINGER, 0)
    dealer.connect(endpoint)
    dealer.send_multipart([b"F2P\x02\x00\x01", b"\x80"])
    if not dealer.poll(10_000):
        raise SystemExit("no answer")
    try:
        answer: Message = decode(dealer.recv_multipart())
    except VersionError as error:
        raise SystemExit(str(error)) from None
    raise SystemExit(f"{answer.header['message']}; {answer.header['remedy']}")


class _Texts(logging.Handler):
    """Collects warnings of the SDK."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


def measure(case: str) -> dict[str, Any]:
    """Start one engine; return the seconds until it has ended, and the texts of both sides."""
    handler = _Texts()
    texts = handler.texts
    logging.getLogger("f2p_sdk").addHandler(handler)
    try:
        with tempfile.TemporaryDirectory() as folder:
            seconds, engine = _measure(case, Path(folder), texts)
    finally:
        logging.getLogger("f2p_sdk").removeHandler(handler)
    host = "; ".join(texts)
    ok = seconds < LIMIT and CASES[case] in host and CASES[case] in engine
    return {"case": case, "seconds": round(seconds, 2), "host": host, "engine": engine, "ok": ok}


def _measure(case: str, folder: Path, texts: list[str]) -> tuple[float, str]:
    kind = make_kind(folder)
    keys = make_keys(folder / "host") if "keys" in case else None
    with Host(game=kind.game, layouts={kind.kind: kind.layout.hash}, keys=keys) as host:
        started = time.monotonic()
        engine = start(_command(case, kind, host.endpoint, folder))
        # Without the start of the interpreter: until the first message, or the first failure.
        while not host.counts and engine.poll() is None:
            started = time.monotonic()
            time.sleep(0.005)
        output = engine.communicate(timeout=60)[1]
        seconds = time.monotonic() - started
        try:
            host.wait(1.5)
        except F2PError as error:
            texts.append(str(error))
    return seconds, " ".join(output.split())


def _command(case: str, kind: Kind, endpoint: str, folder: Path) -> list[str]:
    """Command line of the engine of a case."""
    if case == "another major version":
        return python(__file__, "--old-engine", endpoint)
    options: dict[str, Any] = {"exit_with_host": True, "game": kind.game}
    layout = "another" if case == "another layout" else kind.layout.hash
    if case in ("keys that are not admitted", "keys of another host"):
        options["keys"] = str(make_keys(folder / "engine"))
    if case == "keys that are not admitted":
        shutil.copy(folder / "host" / "host.key", folder / "engine")
    return FakeEngine.argv(endpoint, kinds={kind.kind: layout}, **options)


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--old-engine", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.old_engine:
        run_old_engine(args.old_engine)
        return
    rows = [measure(case) for case in CASES]
    print(json.dumps(rows, indent=2))
    raise SystemExit(not all(row["ok"] for row in rows))


if __name__ == "__main__":
    main()
