"""Garbage from several connections at a live host, while a capture runs.

    python benchmarks/fuzz.py --seconds 60

Four connections of another process send random bytes, broken ZMTP, random multipart messages and
mutated valid messages. An engine draws meanwhile. The capture must finish, and the memory of the
host's process may grow by at most 100 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import zmq
from bench_kind import make_kind, python, resident_mb, start_engine

from f2p_sdk.bridge import Host
from f2p_sdk.bridge.wire import MessageType, encode
from f2p_sdk.capture import Job

RECORDS = 200  # of one capture
MAX_GROWTH_MB = 100.0
_PLANE = {"pass": "color", "dtype": "u1", "shape": [4, 4, 3]}
_VALID: tuple[tuple[MessageType, dict[str, Any]], ...] = (
    (
        MessageType.HELLO,
        {"role": "engine", "game": "other", "name": "noise", "version": "1", "kinds": {"a": "b"}}
        | {"max_size": 64, "passes": ["color"], "credits": 2},
    ),
    (MessageType.HEARTBEAT, {"busy": 0.5}),
    (MessageType.GOODBYE, {"reason": "noise"}),
    (MessageType.PICTURE, {"id": 7, "credits": 1, "seconds": 0.0, "planes": [_PLANE]}),
    (MessageType.FAILED, {"id": 7, "credits": 1, "message": "noise", "remedy": ""}),
)


def _bytes(host: str, port: int, rng: random.Random, end: float) -> None:
    """Random bytes, and a valid greeting with random bytes after it."""
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48)
    while time.monotonic() < end:
        with (
            contextlib.suppress(OSError),
            socket.create_connection((host, port), 1) as link,
        ):
            link.settimeout(0.2)
            start = rng.choice([b"", greeting, greeting + b"\x04\x05READY"])
            link.sendall(start + rng.randbytes(rng.randrange(1, 65536)))
            link.recv(1000)


def _messages(host: str, port: int, rng: random.Random, end: float, mutate: bool) -> None:
    """Multipart messages over ZeroMQ: random frames, or valid messages with changed bytes."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.setsockopt(zmq.SNDTIMEO, 100)
        dealer.connect(f"tcp://{host}:{port}")
        while time.monotonic() < end:
            if mutate:
                frames = [bytearray(f) for f in encode(*rng.choice(_VALID))]
                for _ in range(rng.randrange(4)):
                    frame = rng.choice(frames)
                    frame[rng.randrange(len(frame))] = rng.randrange(256)
            else:
                sizes = [rng.choice([0, 6, 100, 100_000]) for _ in range(rng.randrange(1, 15))]
                frames = [bytearray(rng.randbytes(size)) for size in sizes]
            with contextlib.suppress(zmq.Again):
                dealer.send_multipart([bytes(f) for f in frames])
            while dealer.poll(0):
                dealer.recv_multipart()
            time.sleep(0.0005)


def attack(endpoint: str, seconds: float, seed: int) -> None:
    """The hostile process."""
    host, port = endpoint.removeprefix("tcp://").split(":")
    end = time.monotonic() + seconds
    rngs = [random.Random(seed + n) for n in range(4)]
    address = (host, int(port))
    threads = [
        threading.Thread(target=_bytes, args=(*address, rngs[0], end)),
        threading.Thread(target=_bytes, args=(*address, rngs[1], end)),
        threading.Thread(target=_messages, args=(*address, rngs[2], end, False)),
        threading.Thread(target=_messages, args=(*address, rngs[3], end, True)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def run(seconds: float, seed: int = 0, records: int = RECORDS) -> dict[str, Any]:
    """Capture for ``seconds`` under attack; return counts and memory."""
    written = captures = 0
    with tempfile.TemporaryDirectory() as name:
        kind = make_kind(Path(name))
        with Host(game=kind.game, layouts={kind.kind: kind.layout.hash}) as host:
            engine = start_engine(kind, host.endpoint, exit_with_host=True)
            host.wait(60)

            def capture() -> int:
                with (
                    tempfile.TemporaryDirectory() as folder,
                    Job(kind.layout, records, folder, size=64) as job,
                ):
                    return job.run(host)

            capture()  # warm-up
            before, started = resident_mb(), time.monotonic()
            argv = python(__file__, "--attack", host.endpoint, seconds, seed)
            hostile = subprocess.Popen(argv)
            try:
                while hostile.poll() is None or not captures:
                    written += capture()
                    captures += 1
            finally:
                hostile.kill()
                hostile.wait()
            took = time.monotonic() - started
            growth = resident_mb() - before
            counts = dict(host.counts)
        engine.kill()
        engine.communicate()
    return {
        "seconds": round(took, 1),
        "records": written,
        "captures": captures,
        "counts": counts,
        "growth_mb": round(growth, 1),
        "ok": written == captures * records and growth < MAX_GROWTH_MB,
    }


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--attack", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.attack:
        attack(args.attack[0], float(args.attack[1]), int(args.attack[2]))
        return
    report = run(args.seconds, args.seed)
    print(json.dumps(report, indent=2))
    raise SystemExit(not report["ok"])


if __name__ == "__main__":
    main()
