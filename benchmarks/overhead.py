"""Overhead of the bridge: pictures per second and latency of an engine that draws nothing.

    python benchmarks/overhead.py --size 512

A C engine (``overhead.c`` with ``examples/engine_c/f2p_engine.h``, compiled by this script) answers
with raw pictures on loopback. In the same run, in turn, a pair of plain pyzmq sockets in two
processes moves the same bytes with the same number of open requests. ``ratio`` is the bridge's rate
divided by the pair's, the median over the rounds. Latencies are those of single requests.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import zmq

from f2p_sdk.bridge import Host

HERE = Path(__file__).resolve().parent
LAYOUT = {"nothing": "0000000000000000"}
VALUES = {f"slider_{i}": 0.5 for i in range(60)}
OPEN_REQUESTS = 4  # the client's credits
PEER = """
import sys, zmq
socket = zmq.Context().socket(zmq.DEALER)
socket.connect(sys.argv[1])
picture = bytes(int(sys.argv[2]))
socket.send(b"")
while socket.recv():
    socket.send_multipart([b"header", picture], copy=False)
"""


def compile_engine(folder: Path) -> Path:
    engine = folder / "overhead"
    include = HERE.parent / "examples" / "engine_c"
    command = [
        "gcc",
        "-O2",
        "-std=c99",
        f"-I{include}",
        str(HERE / "overhead.c"),
        "-o",
        str(engine),
    ]
    subprocess.run([*command, "-lpthread", "-lm"], check=True)
    return engine


class Pair:
    """A ROUTER here and a DEALER in another process."""

    def __init__(self, size: int) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        port = self._router.bind_to_random_port("tcp://127.0.0.1")
        command = [sys.executable, "-c", PEER, f"tcp://127.0.0.1:{port}", str(3 * size * size)]
        self._process = subprocess.Popen(command)
        self._peer = self._router.recv_multipart()[0]

    def rate(self, count: int) -> float:
        """Messages per second with OPEN_REQUESTS open requests."""
        started = time.perf_counter()
        for _ in range(OPEN_REQUESTS):
            self._request()
        for i in range(count):
            self._router.recv_multipart(copy=False)
            if i < count - OPEN_REQUESTS:
                self._request()
        return count / (time.perf_counter() - started)

    def single(self) -> None:
        self._request()
        self._router.recv_multipart(copy=False)

    def _request(self) -> None:
        self._router.send_multipart([self._peer, bytes(1000)])

    def close(self) -> None:
        self._router.send_multipart([self._peer, b""])
        self._process.wait(10)
        self._router.close(0)
        self._context.term()


def bridge_rate(host: Host, count: int, size: int) -> float:
    started = time.perf_counter()
    values = (VALUES for _ in range(count))
    drawn = sum(1 for _ in host.render_many(values, kind="nothing", size=size, ordered=True))
    assert drawn == count
    return count / (time.perf_counter() - started)


def latencies(single: Callable[[], object], count: int) -> list[float]:
    """Milliseconds of single requests."""
    found = []
    for _ in range(count):
        started = time.perf_counter()
        single()
        found.append(1000 * (time.perf_counter() - started))
    return found


def percentiles(prefix: str, found: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(found, n=100)
    return {f"{prefix}_p50_ms": round(cuts[49], 3), f"{prefix}_p99_ms": round(cuts[98], 3)}


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=512, metavar="PIXELS", help="at most 2048")
    parser.add_argument("--pictures", type=int, default=1000, metavar="N", help="in each round")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    args = parser.parse_args()
    bridge, pair, single, bare = [], [], list[float](), list[float]()
    with tempfile.TemporaryDirectory() as folder, Host(game="overhead", layouts=LAYOUT) as host:
        plain = Pair(args.size)
        engine = subprocess.Popen([str(compile_engine(Path(folder))), host.endpoint])
        host.wait(20)
        for round_ in range(args.rounds + 1):
            rates = bridge_rate(host, args.pictures, args.size), plain.rate(args.pictures)
            count = max(2, args.pictures // 4)
            if round_:  # the first is a warm-up
                bridge.append(rates[0])
                pair.append(rates[1])
                single += latencies(
                    lambda: host.render(VALUES, kind="nothing", size=args.size), count
                )
                bare += latencies(plain.single, count)
        plain.close()
        host.close()
        engine.wait(10)
    ratios = [a / b for a, b in zip(bridge, pair, strict=True)]
    print(
        json.dumps(
            {
                "size": args.size,
                "pictures_per_round": args.pictures,
                "rounds": args.rounds,
                "pictures_per_second": round(statistics.median(bridge), 1),
                "bare_pair_per_second": round(statistics.median(pair), 1),
                "ratio": round(statistics.median(ratios), 3),
                "ratios": [round(ratio, 3) for ratio in ratios],
                **percentiles("latency", single),
                **percentiles("bare_pair_latency", bare),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
