"""The C client of examples/engine_c, with sanitizers, against real and hostile hosts."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from f2p_toy import ROOT

from f2p_sdk import Layout
from f2p_sdk.bridge import Host
from f2p_sdk.bridge.sockets import make_keys
from f2p_sdk.bridge.wire import MessageType, encode

SOURCE = ROOT / "examples" / "engine_c"
LAYOUT = Layout.load(SOURCE / "face.toml")
DOC = (ROOT / "docs" / "reference" / "protocol.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```frames\n(\w+)\n(\{.*?\})\n((?:[0-9a-f ]+\n)+)```", DOC, re.DOTALL)
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror"]
SANITIZED = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
STOP_SECONDS = 1.0
"""The time that f2p_engine_stop needs at most, in every state."""
MAX_MEMORY = 120  # MiB of a sanitized engine; its picture takes 4

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the tests use /proc and signals"),
    pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc: `make test-tools` installs it"),
]
Engine = subprocess.Popen[str]


def build(target: Path, source: Path, *options: str) -> Path:
    command = ["gcc", *STRICT, *options, "-I", str(SOURCE), str(source), "-o", str(target)]
    done = subprocess.run([*command, "-lpthread", "-lm"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="module")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the sanitized programs ``face`` and ``selftest``."""
    folder = tmp_path_factory.mktemp("engine c")
    build(folder / "face", SOURCE / "face.c", *SANITIZED)
    build(folder / "selftest", Path(__file__).parent / "selftest.c", *SANITIZED)
    return folder


@pytest.fixture
def start(binaries: Path) -> Iterator[Callable[..., Engine]]:
    """Function that starts the sanitized face program; at the end no sanitizer may report."""
    engines: list[Engine] = []

    def run(endpoint: str, *options: str, program: Path | None = None) -> Engine:
        command = [str(program or binaries / "face"), "--connect", endpoint, *options]
        engine = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        engines.append(engine)
        return engine

    yield run
    for engine in engines:
        if engine.poll() is None:
            engine.send_signal(signal.SIGTERM)
        try:
            output, _ = engine.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            engine.kill()
            raise
        assert "Sanitizer" not in output, output
        assert "runtime error" not in output, output
        assert engine.returncode in (0, 1, 3), output


def open_host(bind: str = "tcp://127.0.0.1:*") -> Host:
    return Host(bind, game="sketch", layouts={"face": LAYOUT.hash}, heartbeat=0.2, silence=1.0)


class RawHost:
    """A listening socket without a bridge behind it."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(10)
        self.endpoint = f"tcp://127.0.0.1:{self.server.getsockname()[1]}"

    def __enter__(self) -> RawHost:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()

    def accept(self) -> socket.socket:
        connection, _ = self.server.accept()
        connection.settimeout(10)
        return connection


GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x05READY\x0bSocket-Type\0\0\0\x06ROUTER"


def frame(flags: int, body: bytes) -> bytes:
    return struct.pack(">BQ", flags | 2, len(body)) + body


def packed(type: MessageType, header: dict[str, object]) -> bytes:
    """Bytes of a message as ZMTP frames."""
    first, second = (bytes(f) for f in encode(type, header))
    return frame(1, first) + frame(0, second)


WELCOME = packed(MessageType.WELCOME, {"host": "raw", "heartbeat": 0.2, "silence": 2.0})


def render(id: int, side: int = 64) -> bytes:
    values = dict(LAYOUT.default().values)
    header = {"id": id, "kind": "face", "size": [side, side], "passes": ["color"]}
    return packed(MessageType.RENDER, {**header, "values": values})


def handshake(connection: socket.socket) -> None:
    """Exchange greetings, and welcome the engine."""
    connection.sendall(GREETING + frame(4, READY))
    got = b""
    while b"HELLO" not in got and b"engine" not in got:
        got += connection.recv(4096)
    connection.sendall(WELCOME)


def received(connection: socket.socket, type: int) -> None:
    """Wait for a preamble of ``type``."""
    got = b""
    while b"F2P\x01\x00" + bytes((type,)) not in got:
        data = connection.recv(65536)
        assert data, "the engine closed the connection"
        got = got[-16:] + data


def memory(engine: Engine) -> float:
    """Resident memory in MiB."""
    status = Path(f"/proc/{engine.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


def terminate(engine: Engine) -> str:
    """Stop the engine within its bound; return its output."""
    begin = time.monotonic()
    engine.send_signal(signal.SIGTERM)
    output, _ = engine.communicate(timeout=20)
    assert time.monotonic() - begin < STOP_SECONDS + 1.0, output  # a sanitized process ends slowly
    assert engine.returncode == 0, output
    return str(output)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The face program, compiled in a folder with only the header and the program."""
    folder = tmp_path_factory.mktemp("alone")
    for name in ("face.c", "f2p_engine.h"):
        shutil.copy(SOURCE / name, folder)
    command = ["gcc", "-std=c99", "face.c", "-o", "face", "-lpthread", "-lm"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "face"


@pytest.mark.parametrize(
    "compiler",
    [
        "gcc -std=c99 -Wc++-compat -Wshadow",
        "g++ -x c++ -std=c++11",
        "x86_64-w64-mingw32-gcc -std=c99",
    ],
    ids=["C", "C++", "Windows"],
)
def test_the_client_compiles_without_warnings(tmp_path: Path, compiler: str) -> None:
    if not shutil.which(compiler.split()[0]):
        pytest.skip(f"no {compiler.split()[0]}")
    options = [
        "-Wall",
        "-Wextra",
        "-Werror",
        "-c",
        str(SOURCE / "face.c"),
        "-o",
        str(tmp_path / "o"),
    ]
    done = subprocess.run([*compiler.split(), *options], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_face_has_the_hash_of_its_layout() -> None:
    assert f'"{LAYOUT.hash}"' in (SOURCE / "face.c").read_text(encoding="utf-8")


def dump(example: tuple[str, str, str]) -> str:
    lines = example[2].strip().replace("\n  ", " ").split("\n")
    return " ".join(line.replace(" ", "") for line in lines)


def selftest(binaries: Path, *arguments: str, frames: str = "") -> list[str]:
    command = [str(binaries / "selftest"), *arguments]
    done = subprocess.run(command, input=frames, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout.splitlines()


SENT = ("HELLO", "HEARTBEAT", "GOODBYE", "PICTURE", "APPLIED", "MEASURED", "FAILED")
SEEN = {
    "WELCOME": "state serving: connected to f2p-sdk 0.1.0",
    "REFUSED": "state ended: the host refused this engine (version): speaks 0.9, wanted 1.0; "
    "next: update",
    "AGAIN": "state greeting: ",
    "GOODBYE": "state greeting: the host said goodbye: the host closes",
    "RENDER": "request 16 id 7 kind 0 size 2x1 passes 1 nose 0.5 hair 1 repeat 0",
    "APPLY": "request 18 id 8 kind 0 size 0x0 passes 0 nose 0.5 hair -1 repeat 0",
    "MEASURE": "request 20 id 9 kind 0 size 2x1 passes 1 nose 0.5 hair -1 repeat 10",
}


@pytest.mark.parametrize("example", EXAMPLES, ids=[e[0] for e in EXAMPLES])
def test_literal_frames_of_the_page(binaries: Path, example: tuple[str, str, str]) -> None:
    frames = dump(example)
    lines = selftest(binaries, "replay", frames=frames + "\n")
    assert f"decoded {frames.split()[1]}" in lines
    if example[0] in SENT:
        if example[0] == "HELLO":  # the self-test has the engine of the page's example
            assert json.loads(example[1])["credits"] == 4
        assert f"sent {frames}" in lines
    if example[0] in SEEN:
        assert SEEN[example[0]] in lines


def test_every_type_of_the_page_is_replayed() -> None:
    names = {example[0] for example in EXAMPLES}
    assert names == set(SENT) | set(SEEN) == {type.name for type in MessageType}


@pytest.mark.parametrize("integer", [0, 127, 128, 255, 256, 65535, 65536, 2**32, 2**48, 2**64 - 1])
def test_ids_have_64_bits(binaries: Path, integer: int) -> None:
    header = {"id": integer, "kind": "female", "values": {"a": 1.5, "b": "ü"}}
    frames = " ".join(bytes(f).hex() for f in encode(MessageType.APPLY, header))
    lines = selftest(binaries, "replay", frames=frames + "\n")
    assert f"decoded {frames.split()[1]}" in lines
    assert any(f" id {integer} kind 0 " in line for line in lines)


HOSTILE_HEADERS = {
    "empty": b"",
    "not a map": b"\x90",
    "bytes after the map": b"\x80\x80",
    "binary": b"\x81\xa1a\xc4\x01x",
    "extension": b"\x81\xa1a\xd4\x01x",
    "number as key": b"\x81\x01\x01",
    "deep": b"\x81\xa1a" + b"\x91" * 100_000,
    "deeper than allowed": b"\x81\xa1a" + b"\x91" * 7 + b"\x90",
    "4 billion items": b"\x81\xa1a\xdd\xff\xff\xff\xff",
    "4 billion pairs": b"\xdf\xff\xff\xff\xff",
    "text of 4 GB": b"\x81\xa1a\xdb\xff\xff\xff\xff",
    "8193 items": b"\x81\xa1a\xdc\x20\x01" + b"\xc0" * 8193,
    "text of 4097 characters": b"\x81\xa1a\xda\x10\x01" + b"x" * 4097,
    "not UTF-8": b"\x81\xa1a\xa2\xc0\x80",
    "surrogate": b"\x81\xa1a\xa3\xed\xa0\x80",
}


@pytest.mark.parametrize("header", HOSTILE_HEADERS.values(), ids=HOSTILE_HEADERS.keys())
def test_malformed_headers_are_ignored(binaries: Path, header: bytes) -> None:
    lines = selftest(binaries, "replay", frames=f"463250010010 {header.hex() or '-'}\n")
    assert lines[0] == "malformed"


def test_padded_and_turned_pictures(binaries: Path) -> None:
    lines = selftest(binaries, "planes")
    assert lines[0] == "result 1"
    assert lines[1].split()[3:] == ["0302010605040908070c0b0a", "01020304"]
    assert [line for line in lines if line.startswith("result")][1:] == [
        "result -1",
        "result -1",
        "result 0",
    ]
    texts = [bytes.fromhex(line.split()[2]) for line in lines[3::2] if line.startswith("sent")]
    assert b"shorter than its rows" in texts[0]
    assert b"no plane for a requested pass" in texts[1]


@pytest.mark.parametrize("seed", [1, 2])
def test_changed_messages_do_no_harm(binaries: Path, seed: int) -> None:
    frames = "".join(dump(example) + "\n" for example in EXAMPLES)
    lines = selftest(binaries, "fuzz", str(seed), "200000", frames=frames)
    requests, welcomes = re.findall(r"\d+", lines[-2])
    assert int(requests) > 100
    assert int(welcomes) > 100


def test_pictures_and_errors(start: Callable[..., Engine]) -> None:
    with open_host() as host:
        engine = start(host.endpoint, "--exit-with-host")
        host.wait(10)
        values = LAYOUT.default()
        picture = host.render(values, size=(96, 64), passes=("color", "labels", "landmarks"))
        assert picture.color.shape == (64, 96, 3)
        assert picture.color.std() > 20
        assert set(picture.labels.ravel()) >= {0, 1, 4, 5, 6, 10}  # type: ignore[union-attr]
        assert host.measure([values], repeat=3, size=32) > 0
        host.apply(values)
        with pytest.raises(Exception, match="hair must be none, short or long"):
            host.render({**values.values, "hair": "blue"}, kind="face", size=32)
        with pytest.raises(Exception, match="standard portrait"):
            host.render(values, size=32, scene={"yaw": 10})
        many = host.render_many([LAYOUT.random(i) for i in range(50)], size=64, ordered=True)
        assert len(list(many)) == 50
        assert engine.poll() is None
    output, _ = engine.communicate(timeout=10)
    assert engine.returncode == 0, output
    assert "connected to f2p-sdk" in output


@pytest.mark.slow
@pytest.mark.parametrize("sanitized", [True, False], ids=["sanitized", "alone"])
def test_f2p_check_passes(
    start: Callable[..., Engine], alone: Path, tmp_path: Path, sanitized: bool
) -> None:
    info = tmp_path / "f2p_sketch-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: f2p-sketch\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[f2p]\nsketch = f2p_sketch\n")
    path = os.pathsep.join([str(tmp_path), str(SOURCE), os.environ.get("PYTHONPATH", "")])
    with socket.create_server(("127.0.0.1", 0)) as free:
        endpoint = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    engine = start(endpoint, "--exit-with-host", program=None if sanitized else alone)
    code = "from f2p_sdk.cli import main; main()"
    command = [sys.executable, "-c", code, "check", "-g", "sketch", "--listen", endpoint, "--json"]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    findings = [str(finding) for finding in re.findall(r'"status": "(\w+)"', done.stdout)]
    assert len(findings) > 20, done.stdout
    assert set(findings) <= {"ok", "warning", "skipped"}
    engine.wait(10)


def test_a_refused_engine_tells_the_reason_and_ends(start: Callable[..., Engine]) -> None:
    with Host(game="sketch", layouts={"face": "0000000000000000"}) as host:
        engine = start(host.endpoint)
        output, _ = engine.communicate(timeout=10)
    assert engine.returncode == 1
    assert "ended: the host refused this engine (layout)" in output
    assert "next: install the same version of the game's adapter" in output


def test_another_major_version_ends_the_engine(start: Callable[..., Engine]) -> None:
    with RawHost() as host:
        engine = start(host.endpoint)
        with host.accept() as connection:
            handshake(connection)
            connection.sendall(frame(1, b"F2P\x02\x05\x05") + frame(0, b"\x80"))
            output, _ = engine.communicate(timeout=10)
    assert "the host uses bridge protocol 2.5, this engine 1.0" in output


def test_the_engine_connects_again_after_its_host_died(start: Callable[..., Engine]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        endpoint = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    engine = start(endpoint)
    code = (
        "import sys, time; from f2p_sdk.bridge import Host\n"
        f"host = Host({endpoint!r}, heartbeat=0.2, silence=1.0); host.wait(20)\n"
        "print('met', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "met\n"
        first.kill()
    with open_host(endpoint) as host:
        host.wait(10)
        assert host.render(LAYOUT.default(), size=32).color.shape == (32, 32, 3)
    assert "the host closed it" in terminate(engine)


@pytest.mark.slow
def test_a_hanging_game_ends_with_its_host(start: Callable[..., Engine]) -> None:
    with open_host() as host:
        engine = start(host.endpoint, "--exit-with-host")
        host.wait(10)
        with contextlib.suppress(Exception):
            host.measure([LAYOUT.default()], repeat=100_000, size=512, deadline=0.3)
    assert engine.wait(15) == 3


# States of the connection in which the engine is stopped: functions of a raw host.


def no_greeting(connection: socket.socket) -> None:
    connection.recv(64)


def half_a_greeting(connection: socket.socket) -> None:
    connection.sendall(GREETING[:40])


def no_ready(connection: socket.socket) -> None:
    connection.sendall(GREETING)


def serving(connection: socket.socket) -> None:
    handshake(connection)
    received(connection, MessageType.HEARTBEAT)


def half_a_frame(connection: socket.socket) -> None:
    serving(connection)
    connection.sendall(render(1)[:50])


def half_a_message(connection: socket.socket) -> None:
    serving(connection)
    connection.sendall(frame(1, b"F2P\x01\x00\x10"))


def answers_that_nobody_reads(connection: socket.socket) -> None:
    handshake(connection)
    for id in range(4):
        connection.sendall(render(id, 1024))
    time.sleep(0.6)  # 3 MB each: more than the buffers of a connection


STATES = [
    no_greeting,
    half_a_greeting,
    no_ready,
    serving,
    half_a_frame,
    half_a_message,
    answers_that_nobody_reads,
]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_the_engine_stops_from_every_state(
    start: Callable[..., Engine], state: Callable[[socket.socket], None]
) -> None:
    with RawHost() as host:
        engine = start(host.endpoint)
        with host.accept() as connection:
            state(connection)
            terminate(engine)


def test_the_engine_stops_without_a_host(start: Callable[..., Engine]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        endpoint = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    engine = start(endpoint)
    time.sleep(0.5)
    assert "is the host running?" in terminate(engine)


def test_the_engine_stops_while_it_connects(start: Callable[..., Engine]) -> None:
    with socket.socket() as full:  # its queue of connections is full: connecting waits
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        engine = start(f"tcp://127.0.0.1:{port}")
        time.sleep(0.4)
        terminate(engine)
        for filler in fillers:
            filler.close()


def test_stop_does_not_wait_for_the_drawing_thread(binaries: Path) -> None:
    with RawHost() as host:
        command = [str(binaries / "selftest"), "stop", host.endpoint]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as engine:
            with host.accept() as connection:
                handshake(connection)
                header = {"id": 2**63 + 5, "kind": "female", "values": {}}
                connection.sendall(packed(MessageType.APPLY, header))
                received(connection, MessageType.GOODBYE)
            output, _ = engine.communicate(timeout=10)
    assert engine.returncode == 0
    assert float(re.findall(r"stopped in (\S+)", output)[0]) < STOP_SECONDS
    assert "answer 0, poll -1" in output


def test_a_silent_host_is_left(start: Callable[..., Engine]) -> None:
    with RawHost() as host:
        engine = start(host.endpoint)
        with host.accept() as connection:
            handshake(connection)
            connection.sendall(render(1)[:50])  # and never the rest
            with host.accept() as again:  # after the silence of 2 seconds
                handshake(again)
                again.sendall(render(7))
                received(again, MessageType.PICTURE)
        assert "no message arrived in the host's time of silence" in terminate(engine)


def attacks(seed: int) -> Iterator[bytes]:
    """Bytes of hostile hosts, each for one connection."""
    random_ = random.Random(seed)
    ready = GREETING + frame(4, READY)
    yield b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10
    yield b"\xff" * 4096
    yield GREETING[:10] + b"\x01" + GREETING[11:]  # ZMTP 1
    yield GREETING.replace(b"NULL\0", b"CURVE") + frame(4, READY)
    yield GREETING + frame(4, READY.replace(b"ROUTER", b"DEALER"))
    yield GREETING + frame(4, b"\x05READY" + b"\xff" * 500)
    yield GREETING + frame(4, b"\x05READY\x0bSocket-Type\xff\xff\xff\xff")
    yield GREETING + struct.pack(">BQ", 6, 2**63)  # a command of 8 exabytes
    yield ready + struct.pack(">BQ", 2, 2**64 - 1)
    yield ready + frame(1, b"F2P\x01\x00\x10") + struct.pack(">BQ", 2, 2**40)
    yield ready + WELCOME + frame(1, b"x" * 6) * 100  # one message of many frames
    yield ready + frame(4, b"\x04PING\x00\x0a" + b"y" * 16) * 20_000
    yield ready + WELCOME + b"".join(render(i, 8) for i in range(3000))  # without credit
    yield ready + (frame(1, b"F2P\x01\x00\x04") + frame(0, b"\x80")) * 20_000  # AGAIN
    yield ready + WELCOME * 2000
    header = b"\x81\xa6values" + b"\x81\xa1a" * 80_000
    yield ready + WELCOME + (frame(1, b"F2P\x01\x00\x10") + frame(0, header)) * 20
    yield ready + frame(1, b"F2P\x01\x00\x63") + frame(1, b"\x80") + frame(0, bytes(50_000_000))
    for _ in range(20):
        changed = bytearray(render(1) + render(2))
        for _ in range(random_.randint(1, 8)):
            changed[random_.randrange(len(changed))] = random_.randrange(256)
        yield ready + WELCOME + bytes(changed[: random_.randrange(len(changed))])
    yield random_.randbytes(200_000)
    yield ready + WELCOME + random_.randbytes(200_000)


@pytest.mark.slow
def test_a_hostile_host_does_no_harm(start: Callable[..., Engine]) -> None:
    peak = 0.0
    with RawHost() as host:
        engine = start(host.endpoint)
        shuffled = list(attacks(seed=1))  # a WELCOME shortens the time to the next connection
        random.Random(2).shuffle(shuffled)
        for attack in shuffled:
            connection = host.accept()
            connection.settimeout(0.3)
            with contextlib.suppress(OSError):
                connection.sendall(attack)
                connection.settimeout(0.02)
                while connection.recv(1 << 20):  # a real host reads, too
                    pass
            assert engine.poll() is None, "the engine ended"
            peak = max(peak, memory(engine))
            connection.close()
        with host.accept() as connection:  # it still works
            handshake(connection)
            connection.sendall(render(7))
            received(connection, MessageType.PICTURE)
        assert peak < MAX_MEMORY
        terminate(engine)


def test_the_engine_answers_pings(start: Callable[..., Engine]) -> None:
    with RawHost() as host:
        start(host.endpoint)
        with host.accept() as connection:
            handshake(connection)
            connection.sendall(frame(4, b"\x04PING\x00\x64context"))
            got = b""
            while b"\x04PONGcontext" not in got:
                got += connection.recv(4096)


def answered(connection: socket.socket, count: int) -> list[int]:
    """The ids of the next answers, which are below 128."""
    ids: list[int] = []
    buffer = b""
    while len(ids) < count:
        data = connection.recv(1 << 20)
        assert data, "the engine closed the connection"
        buffer += data
        ids = [found[0] for found in re.findall(b"\xa2id([\x00-\x7f])\xa7credits", buffer)]
    return ids


def test_each_request_is_answered_once(start: Callable[..., Engine]) -> None:
    with RawHost() as host:
        start(host.endpoint)
        with host.accept() as connection:
            handshake(connection)
            unknown = {"id": 12, "kind": "no-such-kind", "values": {}}
            apply = packed(MessageType.APPLY, unknown)
            connection.sendall(render(11) + apply + render(13))
            ids = answered(connection, 3)
    assert sorted(ids) == [11, 12, 13]
    assert ids.index(11) < ids.index(13)


def test_planes_of_the_host_are_ignored(start: Callable[..., Engine]) -> None:
    with RawHost() as host:
        start(host.endpoint)
        with host.accept() as connection:
            handshake(connection)
            message = bytearray(render(5))
            message[15] |= 1  # flags of the header, after 9 + 6 bytes: a plane follows
            connection.sendall(bytes(message) + frame(0, bytes(300_000)) + render(6))
            assert answered(connection, 2) == [5, 6]


def test_a_pass_that_is_requested_twice_fails(start: Callable[..., Engine]) -> None:
    header = {"id": 3, "kind": "face", "size": [8, 8], "passes": ["color", "color"], "values": {}}
    with RawHost() as host:
        start(host.endpoint)
        with host.accept() as connection:
            handshake(connection)
            connection.sendall(packed(MessageType.RENDER, header))
            received(connection, MessageType.FAILED)


@pytest.mark.parametrize("heartbeat", [float("nan"), float("inf"), "soon"])
def test_a_welcome_without_a_finite_time_is_ignored(
    start: Callable[..., Engine], heartbeat: float | str
) -> None:
    broken = packed(MessageType.HEARTBEAT, {"host": "raw", "heartbeat": heartbeat, "silence": 2.0})
    with RawHost() as host:
        start(host.endpoint)
        with host.accept() as connection:
            connection.sendall(GREETING + frame(4, READY))
            connection.sendall(broken.replace(b"F2P\x01\x00\x05", b"F2P\x01\x00\x02"))
            connection.sendall(render(1) + WELCOME + render(2))
            assert answered(connection, 1) == [2]


def test_hello_is_sent_at_most_ten_times_a_second(start: Callable[..., Engine]) -> None:
    again = frame(1, b"F2P\x01\x00\x04") + frame(0, b"\x80")
    with RawHost() as host:
        start(host.endpoint)
        with host.accept() as connection:
            handshake(connection)
            connection.settimeout(0.01)
            got = b""
            end = time.monotonic() + 1
            while time.monotonic() < end:
                connection.sendall(again)
                with contextlib.suppress(TimeoutError):
                    got += connection.recv(65536)
    assert 4 <= got.count(b"F2P\x01\x00\x01") <= 11


def test_a_host_that_dies_before_it_reads_does_not_end_the_engine(
    start: Callable[..., Engine],
) -> None:
    with RawHost() as host:
        engine = start(host.endpoint)
        for _ in range(3):
            with host.accept() as connection:
                answers_that_nobody_reads(connection)  # then the engine sends to a closed socket
        assert engine.poll() is None
        terminate(engine)


def test_requests_beyond_the_credits_need_bounded_memory(start: Callable[..., Engine]) -> None:
    with RawHost() as host:
        engine = start(host.endpoint)
        with host.accept() as connection:
            handshake(connection)
            connection.sendall(b"".join(render(id, 512) for id in range(100)))
            time.sleep(1)  # the host does not read; each picture has 0.8 MB
            assert memory(engine) < MAX_MEMORY
            terminate(engine)


@pytest.fixture(scope="module")
def over_libzmq(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The face program over libzmq."""
    if not Path("/usr/include/zmq.h").is_file():
        pytest.skip("no libzmq3-dev: `make test-tools` installs it")
    target = tmp_path_factory.mktemp("libzmq") / "face"
    return build(target, SOURCE / "face.c", *SANITIZED, "-DF2P_ENGINE_LIBZMQ", "-lzmq")


def test_keys_over_libzmq(start: Callable[..., Engine], over_libzmq: Path, tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    with Host(game="sketch", layouts={"face": LAYOUT.hash}, keys=keys) as host:
        engine = start(host.endpoint, "--exit-with-host", "--keys", str(keys), program=over_libzmq)
        host.wait(10)
        many = host.render_many([LAYOUT.random(i) for i in range(20)], size=64, ordered=True)
        assert len(list(many)) == 20
    output, _ = engine.communicate(timeout=10)
    assert engine.returncode == 0, output


def test_a_plain_client_says_that_the_host_wants_keys(
    start: Callable[..., Engine], tmp_path: Path
) -> None:
    keys = make_keys(tmp_path / "keys")
    with Host(game="sketch", layouts={"face": LAYOUT.hash}, keys=keys) as host:
        engine = start(host.endpoint)
        time.sleep(0.5)
        text = terminate(engine)
    assert "does it require keys? Then build" in text
    assert "give the keys" in text


@pytest.mark.parametrize("stale", ["host.key", "engine.key_secret"])
def test_keys_that_do_not_fit_are_named(
    start: Callable[..., Engine], over_libzmq: Path, tmp_path: Path, stale: str
) -> None:
    keys, other = make_keys(tmp_path / "keys"), make_keys(tmp_path / "other")
    for name in {"host.key", "engine.key_secret"} - {stale}:
        shutil.copy(keys / name, other)
    with Host(game="sketch", layouts={"face": LAYOUT.hash}, keys=keys) as host:
        engine = start(host.endpoint, "--keys", str(other), program=over_libzmq)
        output, _ = engine.communicate(timeout=10)
    assert "the keys do not fit; next: copy host.key" in output
    assert engine.returncode == 1, output


def test_two_closed_handshakes_do_not_end_the_engine_over_libzmq(
    start: Callable[..., Engine], over_libzmq: Path
) -> None:
    with RawHost() as host:
        engine = start(host.endpoint, program=over_libzmq)
        for _ in range(2):
            for _ in range(2):
                with host.accept() as connection:
                    connection.recv(1)
            with host.accept() as connection:
                handshake(connection)
                connection.sendall(render(1))
                received(connection, MessageType.PICTURE)
        terminate(engine)


def test_libzmq_stops_without_a_host(start: Callable[..., Engine], over_libzmq: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        endpoint = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    engine = start(endpoint, program=over_libzmq)
    time.sleep(0.5)
    assert "is the host running, with the same keys?" in terminate(engine)


def test_the_engine_ends_with_its_command(
    start: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as command:
        monkeypatch.setenv("F2P_WATCHDOG", str(command.getsockname()[1]))
        engine = start("tcp://127.0.0.1:1")
        connection, _ = command.accept()
        connection.close()
        output, _ = engine.communicate(timeout=10)
    assert "the command that started this engine has ended" in output


def test_two_engines_draw_the_same_bytes(start: Callable[..., Engine]) -> None:
    with open_host() as host:
        engines = [start(host.endpoint, "--exit-with-host") for _ in range(2)]
        deadline = time.monotonic() + 10
        while len(host.engines) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        characters = [LAYOUT.random(i % 2) for i in range(40)]
        pictures = dict(host.render_many(characters, size=64))
        for i, picture in pictures.items():
            assert (picture.color == pictures[i % 2].color).all()
    for engine in engines:
        engine.wait(10)
