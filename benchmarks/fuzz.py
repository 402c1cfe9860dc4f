"""The bridge under fuzz: the wire, a live host and the clients in C and C# get hostile bytes.

    python benchmarks/fuzz.py --messages 10000 --seconds 60

*wire*: hypothesis makes messages: ``decode(encode(m))`` is ``m``, and ``encode`` refuses the others
with our error types. It mutates frames and makes random ones: ``decode`` and the checks of HELLO
and of answers raise only our error types.

*host*: eight connections send garbage (``garbage.py``) to a host while it captures with two
engines. All records must be right; the memory of the host's process must stay within 100 MB of its
start.

*c*, *csharp*: a hostile host sends garbage to the example engines of ``examples/``, the one in C
with the address and undefined-behaviour sanitizers. The engine must not crash, must stay within
100 MB of its start, and must draw a picture at the end. An engine that ends because the garbage
refuses it, or has another major version, starts again: the protocol demands that end.

Needs ``pip install hypothesis``, gcc, mono and Linux.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bench_kind import make_kind, python, start, start_engine
from garbage import ENGINE, HOST, Garbage, message, ready
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image
from sketch import LAYOUT, SANITIZED, SOURCE, Peak, compile_c, compile_csharp

from f2p_sdk import EngineInfo, F2PError
from f2p_sdk.bridge import Host
from f2p_sdk.bridge.messages import check_answer, check_credits
from f2p_sdk.bridge.wire import FIELDS, Buffer, MessageType, WireError, decode, encode
from f2p_sdk.capture import Job, read_records
from f2p_sdk.testing import pattern

MAX_GROWTH = 100.0  # MB
CONNECTIONS = 8
PLANE = 100_000  # bytes
SIZE = 64
CSHARP = SOURCE.parent / "engine_csharp"
_ANSWERS = (MessageType.PICTURE, MessageType.APPLIED, MessageType.MEASURED, MessageType.FAILED)

# ---- wire

_TEXTS = st.text(max_size=40) | st.sampled_from(("x" * 4096, "é" * 4096))
_INTEGERS = st.integers(-(2**63), 2**64 - 1)
_IDS = st.integers(0, 2**64 - 1)
# In a process with libraries that flush subnormal numbers to zero, hypothesis cannot make them.
_FINITE = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
_NUMBERS = _INTEGERS | st.floats(allow_subnormal=False)
_LEAVES = st.none() | st.booleans() | _NUMBERS | _TEXTS


def _nested(leaves: st.SearchStrategy[Any], levels: int = 6) -> st.SearchStrategy[Any]:
    """Values with at most ``levels`` of lists and maps; a header may have eight with itself."""
    value = leaves
    for _ in range(levels):
        lists, maps = st.lists(value, max_size=3), st.dictionaries(_TEXTS, value, max_size=3)
        value = leaves | lists | maps
    return value


_VALUES = _nested(_LEAVES)
_OF_TYPE: dict[tuple[type, ...], st.SearchStrategy[Any]] = {
    (str,): _TEXTS,
    (int,): _INTEGERS,
    (int, float): _INTEGERS | _FINITE,
    (list,): st.lists(_nested(_LEAVES), max_size=4) | st.just([0] * 8192),
    (dict,): st.dictionaries(_TEXTS, _VALUES, max_size=4),
}
_PLANE = {"pass": "color", "dtype": "u1", "shape": [2, 2, 3]}
_PLANES = st.lists(
    st.just(_PLANE) | st.fixed_dictionaries(dict.fromkeys(_PLANE, _nested(_LEAVES, 4))),
    min_size=1,
    max_size=3,
)


@st.composite
def messages(draw: st.DrawFn) -> tuple[MessageType, dict[str, Any], list[bytes]]:
    """Valid messages: type, header, planes."""
    type = draw(st.sampled_from(MessageType))
    header = {
        name: draw(_IDS if name == "id" else _OF_TYPE[kinds])
        for name, kinds in FIELDS[type].items()
    }
    others = draw(st.dictionaries(_TEXTS, _VALUES, max_size=3))
    planes = draw(st.lists(st.binary(max_size=20), max_size=8))
    if type is MessageType.PICTURE and draw(st.booleans()):
        # Otherwise right, so that the texts about the planes are read.
        header |= {"credits": 1, "seconds": 0.5, "planes": draw(_PLANES)}
        planes = [bytes(12) for _ in header["planes"]]
    return type, {**others, **header}, planes


class _Foreign:
    """A value of no plain type."""


_FOREIGN = st.one_of(
    st.binary(max_size=5),
    st.integers(2**64, 2**70),
    st.integers(-(2**70), -(2**63) - 1),
    st.just("x" * 4097),
    st.just("\ud800"),
    st.just([0] * 8193),
    st.builds(_Foreign),
    st.builds(set),
    st.just(np.float32(0.5)),
    st.just([[[[[[[[[0]]]]]]]]]),
    st.dictionaries(st.integers() | st.binary(), st.integers(), min_size=1, max_size=2),
)


def check_round_trip(sample: tuple[MessageType, dict[str, Any], list[bytes]]) -> None:
    """A valid message stays the same; its header may be too large in rare cases."""
    type, header, planes = sample
    try:
        frames = encode(type, header, planes)
    except WireError as error:
        if "header of" not in str(error):
            raise
        return
    got = decode(frames)
    assert got.type is type
    # By repr: NaN is equal to itself, True is not 1, and 1.0 is not 1.
    assert repr(got.header) == repr(header)
    assert [bytes(p) for p in got.planes] == planes
    read(frames)


def check_foreign(sample: tuple[MessageType, dict[str, Any], list[bytes]], value: Any) -> None:
    """``encode`` refuses values that a receiver would refuse, with our error type."""
    type, header, planes = sample
    try:
        frames = encode(type, {**header, "foreign": value}, planes)
    except WireError:
        return
    raise AssertionError(f"{value!r:.60} was encoded: {bytes(frames[1])!r:.60}")


_REQUEST = {"id": 1, "kind": "hero", "size": [2, 2], "passes": ["color"], "values": {}}
_APPLY = {"id": 1, "kind": "hero", "values": {}}


def read(frames: list[Buffer]) -> str:
    """Decode frames and read them as host and engine do; return the outcome."""
    try:
        got = decode(frames)
        if got.type is MessageType.HELLO:
            EngineInfo.from_hello(got.header)
        elif got.type in _ANSWERS:
            with contextlib.suppress(F2PError):
                check_credits(got)
            for type, request in (
                (MessageType.RENDER, _REQUEST),
                (MessageType.APPLY, _APPLY),
                (MessageType.MEASURE, _REQUEST),
            ):
                with contextlib.suppress(F2PError):
                    check_answer(type, request, got)
    except F2PError as error:
        str(error)
        return "refused"
    return "read"


def mutate(frames: list[bytes], rng: random.Random) -> list[Buffer]:
    """Change, remove or repeat bytes and frames."""
    changed = [bytearray(f) for f in frames]
    for _ in range(rng.randint(1, 4)):
        target = rng.choice(changed)
        action = rng.randrange(8)
        if action == 0 and len(changed) > 1:
            changed.pop(rng.randrange(len(changed)))
        elif action == 1:
            changed.insert(rng.randrange(len(changed) + 1), bytearray(target))
        elif action == 2 and target:
            del target[rng.randrange(len(target)) :]
        elif target:
            target[rng.randrange(len(target))] = rng.randrange(256)
    return [bytes(f) for f in changed]


def fuzz_wire(examples: int) -> dict[str, int]:
    """Run all checks of the wire; raise AssertionError, or whatever a check raises."""
    outcomes: Counter[str] = Counter()
    options = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )

    @options
    @given(messages())
    def round_trip(sample: Any) -> None:
        check_round_trip(sample)
        outcomes["round_trips"] += 1

    @options
    @given(messages(), _FOREIGN)
    def foreign(sample: Any, value: Any) -> None:
        check_foreign(sample, value)
        outcomes["foreign_values_refused"] += 1

    @options
    @given(messages(), st.integers(0, 2**32))
    def mutated(sample: Any, seed: int) -> None:
        type, header, planes = sample
        with contextlib.suppress(WireError):  # too large
            frames = [bytes(f) for f in encode(type, header, planes)]
            outcomes["mutated_" + read(mutate(frames, random.Random(seed)))] += 1

    @options
    @given(st.lists(st.binary(max_size=60), max_size=12), st.sampled_from((*MessageType, 99)))
    def random_bytes(parts: list[bytes], type: int) -> None:
        outcomes["random_" + read(list(parts))] += 1
        # Behind a valid preamble the header itself is read.
        outcomes["random_" + read([b"F2P\x01\x00" + bytes((type,)), *parts])] += 1

    for check in (round_trip, foreign, mutated, random_bytes):
        check()
    return dict(outcomes)


# ---- host


def read_some(link: socket.socket) -> bool:
    """Read bytes that have arrived; False if the other side has closed the connection."""
    # Python waits for the timeout of a socket even with MSG_DONTWAIT.
    return not select.select([link], [], [], 0)[0] or bool(link.recv(1 << 20))


def attack(
    endpoint: str, seconds: float, seed: int, connections: int, **options: Any
) -> Counter[str]:
    """Send garbage to a host from several connections at once; return what was sent."""
    host, port = endpoint.removeprefix("tcp://").split(":")
    sent: Counter[str] = Counter()
    lock = threading.Lock()
    end = time.monotonic() + seconds

    def run(number: int) -> None:
        source = Garbage(ENGINE, seed + number, **options)
        while time.monotonic() < end:
            count, size = 0, 0
            with (
                contextlib.suppress(OSError),
                socket.create_connection((host, int(port)), 2) as link,
            ):
                link.settimeout(0.5)
                reads = number % 4 > 0  # one of four never reads what the host answers
                for part in source.connection():
                    link.sendall(part)
                    count, size = count + 1, size + len(part)
                    if reads and not read_some(link):
                        break
                    if time.monotonic() >= end:
                        break
            with lock:
                sent.update(connections=1, parts=count, bytes=size)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sent


def fuzz_host(
    seconds: float, seed: int = 0, plane: int = PLANE, pings: bool = False
) -> dict[str, Any]:
    """Capture while garbage arrives; return figures and ``ok``."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kind = make_kind(folder)
        layout, data = kind.layout, folder / "data"
        engines: list[subprocess.Popen[str]] = []
        attackers: list[subprocess.Popen[str]] = []
        try:
            with Host(game=kind.game, layouts={kind.kind: layout.hash}) as host:
                engines = [start_engine(kind, host.endpoint, exit_with_host=True) for _ in range(2)]
                host.wait(30, engines=2)
                count = _capture(layout, host, data, 0, 2.0)
                quiet = count / 2.0
                argv = [*python(__file__, "--attack", host.endpoint), "--seconds", str(seconds)]
                argv += ["--plane", str(plane), *(["--pings"] if pings else [])]
                with Peak() as memory:
                    attackers = [start([*argv, "--seed", str(seed + 100 * i)]) for i in range(2)]
                    before, started = count, time.monotonic()
                    while any(process.poll() is None for process in attackers):
                        count = _capture(layout, host, data, count, 0.5)
                    took = time.monotonic() - started
                texts = [process.communicate()[1] for process in attackers]
                counts = dict(host.counts)
                alive = len(host.engines)
        finally:
            for process in (*engines, *attackers):
                process.kill()
                process.wait()
                if process.stderr is not None:
                    process.stderr.close()
        wrong = _wrong_records(layout, data, count)
    sent: Counter[str] = sum((Counter(json.loads(text)) for text in texts), Counter())
    growth = memory.peak - memory.start
    reached = all(counts.get(n) for n in ("malformed", "unknown_sender", "refused"))
    return {
        "seconds": round(took, 1),
        "connections_at_once": CONNECTIONS,
        "plane_bytes": plane,
        "sent": dict(sent),
        "host_counts": counts,
        "records": count - before,
        "wrong_records": wrong,
        "records_per_second": round((count - before) / took, 1),
        "quiet_records_per_second": round(quiet, 1),
        "start_mb": round(memory.start, 1),
        "growth_mb": round(growth, 1),
        "ok": reached and not wrong and count > before and alive == 2 and growth < MAX_GROWTH,
    }


def _capture(layout: Any, host: Host, data: Path, count: int, seconds: float) -> int:
    """Extend the data set for a time; return its number of records."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        count += 20
        with Job(layout, count, data, size=SIZE) as job:
            job.run(host)
    return count


def _wrong_records(layout: Any, data: Path, count: int) -> int:
    """Number of missing, repeated and wrong records."""
    right = 0
    for number, values, png in read_records(data):
        expected = layout.random(number, 0).values
        picture = np.asarray(Image.open(io.BytesIO(png)))
        same = values == expected and np.array_equal(picture, pattern(expected, (SIZE, SIZE)))
        right += same and number == right
    return count - right


# ---- clients


class HostileHost:
    """Sends garbage to one engine, connection after connection."""

    def __init__(self, command: list[str], folder: Path, seed: int) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(0.2)
        endpoint = f"tcp://127.0.0.1:{self.server.getsockname()[1]}"
        self.command = [*command, "--connect", endpoint]
        self.source = Garbage(HOST, seed, LAYOUT.default().values)
        self.counts: Counter[str] = Counter()
        self.log = folder / "engine.log"
        self.growth = 0.0
        self.engine = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        # Freed memory that the sanitizer keeps would hide the client's own.
        environment = {**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=8"}
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )

    def feed(self, seconds: float) -> None:
        """Send garbage for a time; engines that end are started again."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with self._accept() as link, Peak(self.engine.pid) as memory:
                if not self.counts["started"]:
                    self.base = memory.start
                    self.counts["started"] = 1
                self._attack(link)
                memory.sample()
                self.growth = max(self.growth, memory.peak - self.base)

    def _accept(self) -> socket.socket:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            self._restart_if_ended()
            with contextlib.suppress(TimeoutError):
                link, _ = self.server.accept()
                self.counts["connections"] += 1
                return link
        raise AssertionError(f"the engine does not connect again: {self.text()}")

    def _attack(self, link: socket.socket) -> None:
        link.settimeout(0.3)
        with contextlib.suppress(OSError):
            for part in self.source.connection():
                link.sendall(part)
                self.counts["parts"] += 1
                self.counts["bytes"] += len(part)
                if not read_some(link):
                    return
            link.settimeout(0.02)
            end = time.monotonic() + 0.05  # a mutated WELCOME may ask for many heartbeats
            while time.monotonic() < end and link.recv(1 << 20):
                pass

    def _restart_if_ended(self) -> None:
        code = self.engine.poll()
        if code is None:
            return
        assert code == 1, f"the engine ended with {code}: {self.text()}"
        self.counts["ended_by_refusal"] += 1
        self.engine = self._start()

    def text(self) -> str:
        """The end of the engine's output."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-3000:]

    def draws(self) -> bool:
        """True if the engine answers a RENDER now."""
        welcome = {"host": "garbage", "heartbeat": 0.2, "silence": 5.0}
        header = {"id": 7, "kind": "face", "size": [16, 16], "passes": ["color"]}
        render = {**header, "values": dict(LAYOUT.default().values)}
        for _ in range(5):
            with self._accept() as link, contextlib.suppress(OSError):
                link.settimeout(10)
                link.sendall(ready(HOST))
                got = b""
                while b"F2P\x01\x00\x01" not in got:  # its HELLO
                    got += (part := link.recv(4096))
                    if not part:
                        raise ConnectionError("the engine closed the connection")
                link.sendall(message(MessageType.WELCOME, welcome))
                link.sendall(message(MessageType.RENDER, render))
                while b"F2P\x01\x00\x11" not in got:
                    got += (part := link.recv(65536))
                    if not part:
                        raise ConnectionError("the engine closed the connection")
                return True
        return False

    def close(self) -> int:
        """Stop the engine; return its exit code."""
        self.engine.terminate()
        try:
            return self.engine.wait(20)
        finally:
            self.engine.kill()
            self.engine.wait()
            self.server.close()


def fuzz_client(language: str, seconds: float, seed: int = 0) -> dict[str, Any]:
    """Feed garbage to an example engine; return figures and ``ok``."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if language == "c":
            command = [str(compile_c(SOURCE / "face.c", folder / "face", *SANITIZED))]
        else:
            command = ["mono", str(compile_csharp(CSHARP / "Face.cs", folder / "Face.exe"))]
        host = HostileHost(command, folder, seed)
        try:
            host.feed(seconds)
            draws = host.draws()
        finally:
            code = host.close()
        text = host.text()
    clean = "Sanitizer" not in text and "runtime error" not in text
    # mono ends by the signal itself.
    ended = code == 0 if language == "c" else code in (0, -15, 143)
    return {
        "seconds": seconds,
        **host.counts,
        "start_mb": round(host.base, 1),
        "growth_mb": round(host.growth, 1),
        "exit_code": code,
        "ok": draws and clean and ended and host.growth < MAX_GROWTH,
        **({} if draws and clean and ended else {"output": text}),
    }


PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "wire": lambda args: {**fuzz_wire(args.messages), "ok": True},
    "host": lambda args: fuzz_host(args.seconds, args.seed, args.plane, args.pings),
    "c": lambda args: fuzz_client("c", args.seconds, args.seed),
    "csharp": lambda args: fuzz_client("csharp", args.seconds, args.seed),
}


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=10_000, metavar="N", help="of each check")
    parser.add_argument("--seconds", type=float, default=60.0, help="of garbage for each part")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument(
        "--plane",
        type=int,
        default=PLANE,
        metavar="BYTES",
        help="planes that a host did not request",
    )
    parser.add_argument(
        "--pings", action="store_true", help="also pings, with which libzmq may abort the host"
    )
    parser.add_argument("--part", choices=PARTS, action="append", help="default: all")
    parser.add_argument("--attack", metavar="ENDPOINT", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.attack:
        sent = attack(
            *(args.attack, args.seconds, args.seed, CONNECTIONS // 2),
            plane=args.plane,
            pings=args.pings,
        )
        print(json.dumps(sent), file=sys.stderr)
        return
    report = {part: PARTS[part](args) for part in args.part or PARTS}
    print(json.dumps(report, indent=2))
    if not all(row["ok"] for row in report.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
