"""Engines with faults: text, exit code and seconds of the SDK for each.

    python benchmarks/faults.py

Each engine runs in its own process and connects to a host in this one, which requests six pictures.
Most engines use pyzmq and msgpack only. The seconds count from the first bytes of the engine to the
result. No fault may take longer than the deadline of a picture plus two seconds.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import re
import socket
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]
import numpy as np
import zmq
from bench_kind import make_kind, python, start

from f2p_sdk import EngineInfo, F2PError, Kind, serve_engine
from f2p_sdk.bridge import Host, open_engine

PICTURES = 6
SIZE = 16
HELLO, HEARTBEAT, RENDER, PICTURE = 1, 5, 16, 17

FAULTS: Mapping[str, tuple[str, str]] = {
    "hello-credits-0": ("HELLO with `credits: 0`", "'credits' must be 1 to 64, got 0"),
    "hello-credits--1": ("HELLO with negative `credits`", "'credits' must be 1 to 64, got -1"),
    "hello-credits-99": ("HELLO with `credits: 99`", "'credits' must be 1 to 64, got 99"),
    "layout": ("every engine is refused", "one was refused: .* with layout another"),
    "credits-0": ("answers with `credits: 0`", ""),
    "credits--1": ("answer with negative `credits`", "'credits' must be 0 to 64, got -1"),
    "credits-99": ("answer with `credits: 99`", "'credits' must be 0 to 64, got 99"),
    "seconds-nan": ("answer with `seconds` NaN", "'seconds' must be finite, got nan"),
    "seconds--1": ("answer with negative `seconds`", "seconds -1.0, which must be >= 0"),
    "unrequested": ("answers that were not requested", "warning: .*requests that are not open"),
    "twice": ("every answer twice", "warning: .*requests that are not open"),
    "minor": ("newer minor version", r"warning: .*protocol 1\.7, this side 1\.\d"),
    "ignores": ("heartbeats, but no answer", "did not answer within"),
    "silent": ("no answer, no heartbeat, socket open", "did not answer within"),
    "idle": ("no heartbeat before the first request", "was lost"),
    "half": ("half a message, then nothing", "was lost|did not answer"),
    "raises": ("`render` raises an exception", "ValueError: no such hair"),
    "none": ("`render` returns None", "render returned NoneType"),
    "list": ("`render` returns a list", "render returned list"),
    "floats": ("`render` returns floats", "is float64, it must be uint8"),
    "rgba": ("`render` returns RGBA", r"\(16, 16, 4\), it must be \(16, 16, 3\)"),
    "size": ("`render` returns another size", r"\(8, 16, 3\), it must be \(16, 16, 3\)"),
    "command": ("the engine command is one text", "must be a list of texts"),
}
"""Fault -> its description, and the text that the SDK must show."""


class _Handler:
    """Engine with a defect in ``render``."""

    def __init__(self, fault: str, layout: str) -> None:
        self.fault, self.layout = fault, layout

    def info(self) -> EngineInfo:
        return EngineInfo("bench", {"hero": self.layout}, "faulty", "1")

    def render(self, kind: str, values: Any, size: Any, passes: Any, scene: Any) -> Any:
        picture = np.zeros((size[1], size[0], 3), np.uint8)
        if self.fault == "raises":
            raise ValueError("no such hair")
        planes: dict[str, Any] = {
            "none": None,
            "list": [picture],
            "floats": {"color": picture / 255},
            "rgba": {"color": np.zeros((size[1], size[0], 4), np.uint8)},
            "size": {"color": picture[::2]},
        }
        return planes[self.fault]

    def apply(self, kind: str, values: Any) -> None: ...


def _pack(type: int, header: Mapping[str, Any], minor: int = 0) -> list[bytes]:
    return [b"F2P" + bytes((1, minor, type)), msgpack.packb(header)]


def _hello(fault: str, layout: str) -> list[bytes]:
    kinds = {"hero": "another" if fault == "layout" else layout}
    credits = int(fault.removeprefix("hello-credits-")) if fault.startswith("hello") else 2
    fixed = {"role": "engine", "game": "bench", "name": "raw", "version": "1"}
    fixed |= {"max_size": 64, "passes": ["color"], "credits": credits}  # type: ignore[dict-item]
    return _pack(HELLO, {**fixed, "kinds": kinds}, 7 if fault == "minor" else 0)


def _answers(fault: str, id: int) -> list[list[bytes]]:
    """The messages that answer a RENDER."""
    credits = int(fault.removeprefix("credits-")) if fault.startswith("credits") else 1
    seconds = {"seconds-nan": math.nan, "seconds--1": -1.0}.get(fault, 0.0)
    plane = {"pass": "color", "dtype": "u1", "shape": [SIZE, SIZE, 3]}
    header = {"id": id, "credits": credits, "seconds": seconds, "planes": [plane]}
    pixels = bytes(SIZE * SIZE * 3)
    answer = [*_pack(PICTURE, header), pixels]
    stray = [*_pack(PICTURE, {**header, "id": id + 2**60}), pixels]
    found: dict[str, list[list[bytes]]] = {
        "twice": [answer, answer],
        "unrequested": [stray, answer],
        "ignores": [],
    }
    return found.get(fault, [answer])


def run_raw(fault: str, endpoint: str, layout: str) -> None:
    """Engine with pyzmq and msgpack only; it never ends by itself."""
    dealer = zmq.Context().socket(zmq.DEALER)
    dealer.connect(endpoint)
    dealer.send_multipart(_hello(fault, layout))
    serving = False
    while True:
        if serving and fault not in ("silent", "idle"):
            dealer.send_multipart(_pack(HEARTBEAT, {}))
        if not dealer.poll(200):
            continue
        frames = dealer.recv_multipart()
        serving = True
        if frames[0][5] == RENDER and fault in ("silent", "idle"):
            time.sleep(3600)
        elif frames[0][5] == RENDER:
            for answer in _answers(fault, msgpack.unpackb(frames[1])["id"]):
                dealer.send_multipart(answer)


def run_half(endpoint: str, layout: str) -> None:
    """Engine on a plain socket that stops in the middle of its first answer."""

    def frame(data: bytes, more: bool) -> bytes:
        return bytes((2 | more,)) + len(data).to_bytes(8, "big") + data

    ready = b"\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"
    address = endpoint.removeprefix("tcp://").split(":")
    with socket.create_connection((address[0], int(address[1]))) as link:
        link.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16 + 32))
        received = b""
        while len(received) < 64:
            received += link.recv(64 - len(received))
        link.sendall(bytes((4, len(ready))) + ready)
        preamble, header = _hello("half", layout)
        link.sendall(frame(preamble, True) + frame(header, False))
        while b"F2P\x01\x00\x10" not in received:
            data = link.recv(65536)
            if not data:
                raise ConnectionError(f"the host closed the connection after {received!r}")
            received += data
        preamble, header, _ = _answers("half", 1)[0]
        link.sendall(frame(preamble, True) + frame(header, True)[:20])
        time.sleep(3600)


def run_engine(fault: str, endpoint: str, layout: str) -> None:
    """The engine's process."""
    if fault == "half":
        run_half(endpoint, layout)
    elif fault in ("raises", "none", "list", "floats", "rgba", "size"):
        serve_engine(endpoint, _Handler(fault, layout))
    else:
        run_raw(fault, endpoint, layout)


class _Collected(logging.Handler):
    """Collects warnings of the SDK."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(f"warning: {record.getMessage()}")


def measure(fault: str, deadline: float) -> dict[str, Any]:
    """Run one engine; return the texts of the SDK, its exit code and the seconds."""
    collected = _Collected()
    logging.getLogger("f2p_sdk").addHandler(collected)
    try:
        with tempfile.TemporaryDirectory() as folder:
            row = _measure(fault, deadline, Path(folder))
    finally:
        logging.getLogger("f2p_sdk").removeHandler(collected)
    says = [*collected.texts, *([row["error"]] if row["error"] else [])]
    description, expected = FAULTS[fault]
    shown = any(re.search(expected, text) for text in says) if expected else not row["error"]
    on_time = row["seconds"] <= deadline + 2
    return {"fault": fault, "is": description, **row, "says": says, "ok": shown and on_time}


def _measure(fault: str, deadline: float, folder: Path) -> dict[str, Any]:
    kind = make_kind(folder)
    row: dict[str, Any] = {"error": "", "remedy": "", "exit_code": 0, "drawn": 0, "stderr": ""}
    started = time.monotonic()
    if fault == "command":
        bad: Any = lambda endpoint: f"mygame --connect {endpoint}"  # noqa: E731
        try:
            with open_engine(make_kind(folder, bad)):
                pass
        except F2PError as error:
            row |= {"error": error.message, "remedy": error.remedy, "exit_code": error.exit_code}
        return {**row, "seconds": round(time.monotonic() - started, 2)}
    process = None
    try:
        layouts = {kind.kind: kind.layout.hash}
        with Host(game=kind.game, layouts=layouts, heartbeat=0.5, silence=deadline / 3) as host:
            argv = python(__file__, "--engine", fault, host.endpoint, kind.layout.hash)
            process = start(argv)
            while not host.counts.get("messages") and process.poll() is None:
                time.sleep(0.01)
            started = time.monotonic()
            row["drawn"] = _draw(kind, host, fault, deadline)
    except F2PError as error:
        row |= {"error": error.message, "remedy": error.remedy, "exit_code": error.exit_code}
    row["seconds"] = round(time.monotonic() - started, 2)
    if process is not None:
        process.kill()
        row["stderr"] = process.communicate()[1]
    return row


def _draw(kind: Kind, host: Host, fault: str, deadline: float) -> int:
    host.wait(60)
    if fault == "idle":  # until the host counts it as lost
        while host.engines:
            time.sleep(0.05)
    characters = [kind.layout.random(i) for i in range(PICTURES)]
    return len(list(host.render_many(characters, size=SIZE, deadline=deadline)))


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown; of several texts the last, which is the error if there is one."""
    lines = ["| fault | the SDK says | exit code | seconds |", "|---|---|---|---|"]
    for row in rows:
        says = " ".join(row["says"][-1].split()) if row["says"] else "nothing: all are drawn"
        lines.append(f"| {row['is']} | {says} | {row['exit_code']} | {row['seconds']:.1f} |")
    return "\n".join(lines)


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--deadline", type=float, default=3.0, metavar="SECONDS")
    parser.add_argument("--fault", choices=FAULTS, action="append", help="default: all")
    parser.add_argument("--json", action="store_true", help="all texts, in place of the table")
    parser.add_argument("--engine", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.engine:
        run_engine(*args.engine)
        return
    rows = [measure(fault, args.deadline) for fault in args.fault or FAULTS]
    print(json.dumps(rows, indent=2) if args.json else _table(rows))
    if not all(row["ok"] for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
