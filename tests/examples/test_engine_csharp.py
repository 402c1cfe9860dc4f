"""The C# client: literal frames, `f2p check`, hostile hosts, lost hosts, bounded Dispose, Unity."""

from __future__ import annotations

import contextlib
import json
import math
import os
import queue
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from f2p_toy import ROOT

from f2p_sdk.bridge import Host, wire
from f2p_sdk.bridge.wire import MessageType, WireError, decode, encode
from f2p_sdk.errors import EngineError, F2PError
from f2p_sdk.parameters import Layout

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("mcs") and shutil.which("mono")),
        reason="needs Debian's packages mono-mcs and mono-runtime",
    ),
]

HERE = Path(__file__).parent
CSHARP = ROOT / "examples" / "engine_csharp"
SKETCH = ROOT / "examples" / "engine_c"
DOC = (ROOT / "docs" / "reference" / "protocol.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```frames\n(\w+)\n(\{.*?\})\n((?:[0-9a-f ]+\n)+)```", DOC, re.DOTALL)
MAIN = "import sys; from f2p_sdk.cli import main; sys.argv[0] = 'f2p'; main()"
DISPOSE_MS = 600  # the bound that F2PEngine.Dispose documents
HERO = {"nose": 3.0}


def compile_csharp(program: Path, *sources: Path) -> Path:
    # mcs knows C# up to 7.2, a subset of 7.3.
    command = ["mcs", "-langversion:7.2", "-warnaserror", "-warn:4", f"-out:{program}"]
    done = subprocess.run([*command, *map(str, sources)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return program


@pytest.fixture(scope="module")
def harness_exe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("csharp") / "harness.exe"
    sources = [HERE / "csharp_harness.cs", HERE / "unity_stub.cs"]
    return compile_csharp(program, *sources, CSHARP / "F2PEngine.cs", CSHARP / "F2PBehaviour.cs")


class Harness:
    """A running harness; its output lines are read by a thread."""

    def __init__(self, program: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            ["mono", str(program), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def tell(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def expect(self, start: str, seconds: float = 10) -> str:
        """Return the rest of the next line that begins with ``start``; skip others."""
        end = time.monotonic() + seconds
        skipped = []
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {start!r} within {seconds} s, but {skipped}") from None
            if line.startswith(start):
                return line[len(start) :]
            skipped.append(line)

    def dispose(self) -> str:
        """Dispose the engine, check the bound, return the last state."""
        self.tell("dispose")
        took, state = self.expect("disposed ").split()
        assert int(took) <= DISPOSE_MS
        return state

    def memory(self) -> float:
        """Resident memory in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024

    def stop(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(5)
        finally:
            self.process.kill()
            self.process.wait()
            self.reader.join(5)
            assert self.process.stdout is not None
            self.process.stdout.close()


@pytest.fixture
def start(harness_exe: Path) -> Iterator[Callable[..., Harness]]:
    running: list[Harness] = []

    def run(*arguments: str) -> Harness:
        running.append(Harness(harness_exe, *arguments))
        return running[-1]

    yield run
    for harness in running:
        harness.stop()


class RawHost:
    """A host that sends arbitrary bytes: TCP, and ZMTP by hand."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(10)
        self.address = f"tcp://127.0.0.1:{self.server.getsockname()[1]}"
        self.peer = socket.socket()

    def accept(
        self, greet: bool = True, ready: bytes = b"\x05READY\x0bSocket-Type\0\0\0\x06ROUTER"
    ) -> None:
        self.peer.close()
        self.peer = self.server.accept()[0]
        self.peer.settimeout(10)
        if greet:
            self.peer.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(52, b"\0"))
            self.peer.sendall(bytes([4, len(ready)]) + ready)
            assert self._read(64)[10:12] == b"\x03\x00"
            self._read(self._read(2)[1])

    def welcome(self, heartbeat: float = 0.2, silence: float = 5.0) -> None:
        header = {"host": "raw", "heartbeat": heartbeat, "silence": silence}
        self.send(encode(MessageType.WELCOME, header))

    def send(self, frames: Sequence[bytes | bytearray | memoryview]) -> None:
        self.peer.sendall(zmtp(frames))

    def receive(self, type: MessageType) -> wire.Message:
        """The next message of a type; others are skipped."""
        while True:
            frames, more = [], True
            while more:
                flags = self._read(1)[0]
                size = int.from_bytes(self._read(8 if flags & 2 else 1), "big")
                frames.append(self._read(size))
                more = bool(flags & 1)
            if flags & 4:
                continue
            message = decode(frames)
            if message.type is type:
                return message

    def receive_command(self) -> bytes:
        """The next ZMTP command; messages are skipped."""
        while True:
            flags = self._read(1)[0]
            data = self._read(int.from_bytes(self._read(8 if flags & 2 else 1), "big"))
            if flags & 4:
                return data

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.peer.recv(count - len(data))
            assert part, "the engine closed the connection"
            data += part
        return data

    def close(self) -> None:
        self.peer.close()
        self.server.close()


def zmtp(frames: Sequence[bytes | bytearray | memoryview]) -> bytes:
    data = b""
    for number, frame in enumerate(frames):
        more = int(number + 1 < len(frames))
        long = len(frame) > 255
        data += bytes([more | 2 * long]) + len(frame).to_bytes(8 if long else 1, "big") + frame
    return data


@pytest.fixture
def raw() -> Iterator[RawHost]:
    host = RawHost()
    yield host
    host.close()


def render(id: int, **changes: object) -> list[wire.Buffer]:
    header = {"id": id, "kind": "hero", "size": [4, 2], "passes": ["color"], "values": HERO}
    return encode(MessageType.RENDER, {**header, **changes})


def test_the_code_of_the_page_compiles(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "use-the-csharp-client.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```csharp\n(.*?)```", page, re.DOTALL)
    game = (
        "static void PutOnScreen(F2PMap values) { }"
        "static byte[] Draw(F2PMap values, int width, int height) { return null; }"
    )
    program = f"using System; using F2P; class Game {{ {game} static void Main() {{ {code} }} }}"
    (tmp_path / "page.cs").write_text(program)
    compile_csharp(tmp_path / "page.exe", tmp_path / "page.cs", CSHARP / "F2PEngine.cs")


def literal(dump: str) -> list[bytes]:
    return [bytes.fromhex(line) for line in dump.strip().replace("\n  ", " ").split("\n")]


def test_literal_frames(start: Callable[..., Harness]) -> None:
    harness = start("frames")
    for _, text, dump in EXAMPLES:
        header = literal(dump)[1]
        harness.tell(header.hex())
        packed, document = harness.expect("").split(" ", 1)
        assert bytes.fromhex(packed) == header
        assert json.loads(document) == json.loads(text)
    assert len(EXAMPLES) == len(MessageType)


def test_own_messages_are_the_literal_frames(start: Callable[..., Harness]) -> None:
    harness = start("own")
    literals = {name: literal(dump) for name, _, dump in EXAMPLES}
    for name in ("HELLO", "HEARTBEAT", "FAILED", "APPLIED", "MEASURED"):
        assert bytes.fromhex(harness.expect(name + " ")) == zmtp(literals[name])


def test_reads_the_headers_that_python_reads(start: Callable[..., Harness]) -> None:
    rng = random.Random(4)
    headers = [literal(dump)[1] for _, _, dump in EXAMPLES]
    deep = b"\x81\xa1a" + 6 * b"\x91"
    headers += [deep + b"\xc0", deep + b"\x91\xc0", deep + b"\x91\x91\xc0"]
    headers += [b"\x81\xa1a\xdc" + n.to_bytes(2, "big") + n * b"\x01" for n in (8192, 8193)]
    headers += [b"\x81\xa1a\xda" + n.to_bytes(2, "big") + n * b"x" for n in (4096, 4097)]
    headers += [b"\x81\xa1a\xda\x40\x00" + 4096 * "\U0001f600".encode()]
    headers += [b"\x81\xa1a\xcf" + 8 * b"\xff", b"\x81\xa1a\xd3\x80" + 7 * b"\0"]
    headers += [
        b"\xdf" + 4 * b"\xff",
        b"\x81\xa1a\xdd" + 4 * b"\xff",
        b"\x81\xa1a\xdb" + 4 * b"\xff",
    ]
    for _ in range(3000):
        mutated = bytearray(rng.choice(headers[: len(EXAMPLES)]))
        for _ in range(rng.randint(1, 3)):
            mutated[rng.randrange(len(mutated))] = rng.randrange(256)
        headers.append(bytes(mutated[: rng.choice([len(mutated), rng.randint(1, len(mutated))])]))
    harness = start("frames")
    for header in headers:
        harness.tell(header.hex())
    for header in headers:
        line = harness.expect("")
        try:
            expected = wire._unpack(header)
        except WireError:
            assert line.startswith("error "), (header.hex(), line)
            continue
        assert not line.startswith("error "), (header.hex(), line)
        assert repr(json.loads(line.split(" ", 1)[1])) == repr(expected), header.hex()


@pytest.fixture(scope="module")
def face_exe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The face program, compiled in a folder with only the client and the program."""
    folder = tmp_path_factory.mktemp("face")
    for name in ("Face.cs", "F2PEngine.cs"):
        shutil.copy(CSHARP / name, folder)
    return compile_csharp(folder / "Face.exe", folder / "Face.cs", folder / "F2PEngine.cs")


def test_the_example_has_the_hash_of_its_layout() -> None:
    assert f'"{Layout.load(SKETCH / "face.toml").hash}"' in (CSHARP / "Face.cs").read_text()


@pytest.mark.slow
def test_f2p_check_passes(face_exe: Path, tmp_path: Path) -> None:
    info = tmp_path / "f2p_sketch-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: f2p-sketch\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[f2p]\nsketch = f2p_sketch\n")
    paths = [str(SKETCH), str(tmp_path), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with socket.create_server(("127.0.0.1", 0)) as free:
        endpoint = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    engine = ["mono", str(face_exe), "--connect", endpoint, "--exit-with-host"]
    with subprocess.Popen(engine, stderr=subprocess.PIPE, text=True) as process:
        done = subprocess.run(
            [sys.executable, "-c", MAIN, "check", "-g", "sketch", "--listen", endpoint],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        _, shown = process.communicate(timeout=5)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout
    assert process.returncode == 0
    assert "Ended: the host closed" in shown


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
def test_the_example_draws_the_bytes_of_the_c_example(face_exe: Path, tmp_path: Path) -> None:
    face = tmp_path / "face"
    compiler = ["gcc", "-std=c99", "-O1", SKETCH / "face.c", "-o", face, "-lpthread", "-lm"]
    subprocess.run(compiler, check=True)
    characters = [dict(Layout.load(SKETCH / "face.toml").random(i).values) for i in range(20)]
    passes, pictures = ("color", "labels"), []
    for program in ([face], ["mono", face_exe]):
        with Host(game="sketch") as host:
            options = ["--connect", host.endpoint, "--exit-with-host"]
            process = subprocess.Popen([*program, *options], stderr=subprocess.DEVNULL)
            host.wait(10)
            drawn = host.render_many(
                characters, kind="face", size=(96, 80), passes=passes, ordered=True
            )
            pictures.append([(r.color.tobytes(), r.labels.tobytes()) for _, r in drawn])
        process.wait(10)
    assert pictures[0] == pictures[1]


def test_refused_engine_shows_the_reason_and_ends(face_exe: Path) -> None:
    with Host(game="sketch", layouts={"face": "another"}) as host:
        command = ["mono", str(face_exe), "--connect", host.endpoint]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    assert done.returncode == 1
    assert "Refused: the host refused this engine (layout)" in done.stderr
    assert "next: install the same version" in done.stderr


def test_requests_of_every_type(start: Callable[..., Harness]) -> None:
    with Host(game="demo") as host:
        harness = start("hold", host.endpoint)
        info = host.wait(10)
        assert (info.name, info.max_size) == ("harness", 4096)
        assert getattr(info, "assets", "rig-7") == "rig-7"
        many = [({"nose": float(n)}, n) for n in range(40)]
        drawn = host.render_many([v for v, _ in many], kind="hero", size=16, ordered=True)
        assert [int(r.color[0, 0, 0]) for _, r in drawn] == [n for _, n in many]
        assert host.render(HERO, kind="hero", size=4096).color.nbytes == 3 * 4096**2
        host.apply(HERO, kind="hero")
        assert host.measure([HERO] * 3, kind="hero", size=16, repeat=5) is not None
        for values, text in [
            ({}, "'nose' is missing"),
            ({"nose": 200}, "has 5 bytes, its shape needs 768"),
            ({"nose": True}, "not a finite number"),
        ]:
            with pytest.raises(EngineError, match=text):
                host.render(values, kind="hero", size=16)
        with pytest.raises(EngineError, match="does not support 'yaw'"):
            host.render(HERO, kind="hero", size=16, scene={"yaw": 5})
        assert harness.dispose() == "Ended"


def test_connects_again_after_the_host_died(start: Callable[..., Harness], raw: RawHost) -> None:
    harness = start("hold", raw.address)
    for _ in range(3):
        raw.accept()
        assert raw.receive(MessageType.HELLO).header["assets"] == "rig-7"
        raw.welcome()
        harness.expect("state Connected")
        raw.send(render(7))
        assert bytes(raw.receive(MessageType.PICTURE).planes[0]) == 24 * b"\3"
        raw.peer.close()
        harness.expect("state Lost|", 2)
    raw.accept()
    raw.receive(MessageType.HELLO)
    raw.welcome(silence=0.5)
    harness.expect("state Connected")
    harness.expect("state Lost|the host is silent", 2)
    port = int(raw.address.rpartition(":")[2])
    raw.close()
    with Host(f"tcp://127.0.0.1:{port}", game="demo") as host:
        host.wait(5)
    harness.expect("state Lost|the host closed")
    assert harness.dispose() == "Ended"


def test_answers_are_sent_once_in_order_and_not_after_a_new_welcome(
    start: Callable[..., Harness], raw: RawHost
) -> None:
    harness = start("hold", raw.address)
    raw.accept()
    raw.receive(MessageType.HELLO)
    raw.welcome()
    harness.tell("order")
    harness.expect("mode order")
    ids = [2**64 - 1, 5, 0]
    for id in ids:
        raw.send(render(id))
    assert [raw.receive(MessageType.PICTURE).header["id"] for _ in ids] == ids
    assert [harness.expect("again ") for _ in ids] == ["False False"] * 3
    raw.send(render(1))
    harness.expect("taken")
    assert raw.receive(MessageType.HEARTBEAT).header["busy"] >= 0
    raw.welcome()  # the open request is dropped
    for id in (2, 3):
        raw.send(render(id))
    assert [raw.receive(MessageType.PICTURE).header["id"] for _ in (2, 3)] == [2, 3]
    harness.tell("draw")
    raw.send(render(9, size=[0, 2]))
    assert "0x2 is not 1 to 4096" in raw.receive(MessageType.FAILED).header["message"]
    raw.send(render(10, kind="villain"))
    assert "no kind" in raw.receive(MessageType.FAILED).header["message"]
    raw.peer.sendall(b"\x04\x09\x04PING\0\x0aab")
    assert raw.receive_command() == b"\x04PONGab"
    raw.send(encode(MessageType.GOODBYE, {"reason": "bye"}))
    assert raw.receive(MessageType.GOODBYE)
    raw.receive(MessageType.HELLO)


def test_another_major_version_and_curve_are_explained(
    start: Callable[..., Harness], raw: RawHost
) -> None:
    harness = start("hold", raw.address)
    raw.accept(greet=False)
    raw.peer.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"CURVE".ljust(52, b"\0"))
    harness.expect("state Connecting|the host requires the mechanism CURVE")
    raw.accept()
    raw.receive(MessageType.HELLO)
    refused = encode(MessageType.REFUSED, {"code": "version", "message": "no", "remedy": "update"})
    raw.send([b"F2P\x02\x00\x03", refused[1]])
    text = harness.expect("state Refused|")
    assert text.startswith("the host refused this engine (version): no; ")
    assert "2.0, this engine 1.0" in text
    assert text.endswith("|update")
    assert harness.dispose() == "Refused"


def test_hello_is_rare_and_the_peer_must_be_a_router(
    start: Callable[..., Harness], raw: RawHost
) -> None:
    harness = start("hold", raw.address)
    raw.accept()
    raw.peer.settimeout(0.01)
    got = b""
    end = time.monotonic() + 1
    while time.monotonic() < end:
        raw.send(encode(MessageType.AGAIN, {}))
        with contextlib.suppress(TimeoutError):
            got += raw.peer.recv(65536)
    assert 4 <= got.count(b"F2P\x01\x00\x01") <= 11
    raw.accept(ready=b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER")
    harness.expect(f"state Connecting|{raw.address} is another type of socket than ROUTER")
    raw.accept()
    raw.receive(MessageType.HELLO)
    header = {"host": "raw", "heartbeat": 0.25, "silence": 5.0}
    frames = [bytes(frame) for frame in encode(MessageType.WELCOME, header)]
    raw.send(
        [frame.replace(struct.pack(">d", 0.25), struct.pack(">d", math.nan)) for frame in frames]
    )
    raw.welcome()
    raw.send(render(9, passes=["color", "color"]))
    assert "requested twice" in raw.receive(MessageType.FAILED).header["message"]
    assert harness.dispose() == "Ended"


def garbage(rng: random.Random, number: int) -> bytes:
    """Bytes of a hostile host: random, mutated, truncated, or with giant lengths."""
    messages = [literal(dump) for name, _, dump in EXAMPLES if name != "REFUSED"]
    messages.append([bytes(frame) for frame in render(3)])
    kind = number % 5
    if kind == 0:
        return rng.randbytes(rng.randint(1, 3000))
    if kind == 1:  # valid framing, mutated contents
        frames = [bytearray(f) for f in rng.choice(messages)]
        for frame in frames:
            for _ in range(rng.randint(0, 2)):
                frame[rng.randrange(len(frame))] = rng.randrange(256)
        frames[0][3] = wire.MAJOR  # REFUSED and another version would end the engine
        return zmtp(frames)
    if kind == 2:
        data = zmtp(rng.choice(messages))
        return data[: rng.randint(1, len(data))]
    if kind == 3:  # a frame or a text of a giant length
        size = rng.choice([2**63, 2**40, 2**26 + 1, 2**26])
        big = b"\x02" + size.to_bytes(8, "big")
        text = zmtp([b"F2P\x01\0\x02", b"\xdf\xff\xff\xff\xff\xa1a\xdb\xff\xff\xff\xff"])
        return rng.choice([big, b"\x06" + big[1:], text])
    # Large frames, too many frames, headers that need much memory for their size.
    header = b"\x81\xa1a" + b"\xdc\x20\x00" + 8192 * b"\xdc\x00\x0f" + 100 * b"\x80"
    return zmtp([b"F2P\x01\0\x10", rng.choice([header, bytes(262144), bytes(262145)])]) * 10


@pytest.mark.slow
def test_hostile_hosts_neither_crash_nor_fill_the_memory(
    start: Callable[..., Harness], raw: RawHost
) -> None:
    harness = start("hold", raw.address)
    rng = random.Random(7)
    raw.accept()
    raw.receive(MessageType.HELLO)
    raw.welcome()
    harness.expect("state Connected")
    before, most = harness.memory(), 0.0
    for number in range(24):
        with contextlib.suppress(OSError):  # the engine closes connections that are not ZMTP
            for part in range(10):
                raw.peer.sendall(garbage(rng, number + part))
            raw.peer.sendall(zmtp(12 * [bytes(2**20)]))
        most = max(most, harness.memory())
        if number % 4 == 3:
            harness.expect("state ")
            raw.accept(greet=number % 8 == 7)
    assert most - before < 60, f"{before:.0f} MB, then {most:.0f} MB"
    assert harness.process.poll() is None
    # A host that behaves is served again.
    raw.accept()
    raw.receive(MessageType.HELLO)
    raw.welcome()
    raw.send(render(1))
    assert raw.receive(MessageType.PICTURE).header["id"] == 1
    for _ in range(5000):
        raw.send(render(2, values={}))
    harness.tell("ignored")
    assert int(harness.expect("ignored ")) > 10
    assert harness.dispose() == "Ended"


def test_a_host_that_does_not_read_cannot_fill_the_memory(
    start: Callable[..., Harness], raw: RawHost
) -> None:
    harness = start("hold", raw.address)
    raw.accept()
    raw.receive(MessageType.HELLO)
    raw.welcome()
    harness.expect("state Connected")
    for id in range(100):  # each picture has 3 MB
        raw.send(render(id, size=[1024, 1024]))
        time.sleep(0.01)
    time.sleep(0.5)
    harness.tell("ignored")
    assert int(harness.expect("ignored ")) > 80
    assert harness.memory() < 150
    assert harness.dispose() == "Ended"


@pytest.mark.parametrize("state", ["connecting", "silent", "greeting", "idle", "taken", "unread"])
def test_dispose_is_bounded(start: Callable[..., Harness], raw: RawHost, state: str) -> None:
    if state == "connecting":
        raw.close()
        harness = start("hold", raw.address)
        harness.expect("state Connecting|no host at")
        assert harness.dispose() == "Ended"
        return
    harness = start("hold", raw.address)
    raw.accept(greet=state != "silent")
    if state != "silent":
        raw.receive(MessageType.HELLO)
    if state not in ("silent", "greeting"):
        raw.welcome()
        harness.expect("state Connected")
    if state == "taken":
        harness.tell("pause")
        harness.expect("mode pause")
        raw.send(render(1))
        harness.expect("taken")
    if state == "unread":  # the picture fills the buffers of TCP, as the host does not read
        raw.send(render(1, size=[4096, 4096]))
        raw.peer.recv(100_000)
        time.sleep(0.3)
    assert harness.dispose() == "Ended"
    if state in ("idle", "taken"):
        assert raw.receive(MessageType.GOODBYE)


@pytest.mark.parametrize("alive", [True, False])
def test_ends_with_the_command_that_started_it(
    start: Callable[..., Harness], monkeypatch: pytest.MonkeyPatch, raw: RawHost, alive: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as watchdog:
        monkeypatch.setenv("F2P_WATCHDOG", str(watchdog.getsockname()[1]))
        if not alive:
            watchdog.close()
        harness = start("hold", raw.address)
        if alive:
            raw.accept()
            raw.receive(MessageType.HELLO)
            raw.welcome()
            harness.expect("state Connected")
            watchdog.close()
    harness.expect("state Ended|the command that started this engine has ended")
    assert harness.dispose() == "Ended"


def test_the_component_of_unity_draws_and_stops(start: Callable[..., Harness]) -> None:
    with Host(game="demo", layouts={"hero": "0"}) as host:
        harness = start("unity", host.endpoint)
        y, x = np.mgrid[:6, :8]
        expected = np.stack([y, x, np.full_like(x, 7)], -1)
        for asynchronous in (True, False):
            harness.tell("draw")
            host.wait(10)
            for _ in range(3):
                color = host.render(HERO, kind="hero", size=(8, 6)).color
                assert (color == expected).all(), asynchronous
            host.apply(HERO, kind="hero")
            with pytest.raises(EngineError, match="'nose' is missing"):
                host.render({}, kind="hero", size=8)
            harness.expect("applied")
            harness.tell("stop")
            took, rest = harness.expect("disabled ").split(" ", 1)
            assert int(took) <= DISPOSE_MS
            assert rest == "held 0 background True"
            while host.engines:
                time.sleep(0.01)
        # The third round: the component is disabled before the GPU returns the picture.
        harness.tell("draw")
        host.wait(10)
        with pytest.raises(F2PError):
            host.render(HERO, kind="hero", size=8, deadline=1)
        harness.tell("stop")
        took, rest = harness.expect("disabled ").split(" ", 1)
        assert int(took) <= DISPOSE_MS
        assert rest == "held 0 background True"
    assert "exception" not in "".join(harness.lines.queue)
