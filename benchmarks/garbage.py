"""Bytes that hostile peers send, for ``fuzz.py``: broken greetings, frames and messages."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgpack  # type: ignore[import-untyped]

from f2p_sdk.bridge.wire import MessageType, encode

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
ENGINE, HOST = b"DEALER", b"ROUTER"
"""Socket types of a peer that acts as an engine or as a host."""

_PLANE = {"pass": "color", "dtype": "u1", "shape": [8, 8, 3]}
_ANSWER = {"credits": 1, "seconds": 0.1}
_HELLO = {
    "role": "engine",
    "game": "hostile",
    "name": "garbage",
    "version": "1",
    "kinds": {"hero": "0"},
    "max_size": 64,
    "passes": ["color"],
    "credits": 4,
}
_DRAWING = {"kind": "face", "size": [16, 16], "passes": ["color"]}


def frame(body: bytes, flags: int = 0) -> bytes:
    """A long ZMTP frame; flags: 1 more frames follow, 4 command."""
    return struct.pack(">BQ", flags | 2, len(body)) + body


def ready(socket_type: bytes) -> bytes:
    """Greeting and READY of a peer."""
    body = b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(socket_type)) + socket_type
    return GREETING + frame(body, 4)


def join(frames: Sequence[bytes | bytearray | memoryview]) -> bytes:
    """A message as ZMTP sends it."""
    last = len(frames) - 1
    return b"".join(frame(bytes(f), int(i < last)) for i, f in enumerate(frames))


def message(type: MessageType, header: Mapping[str, Any], *planes: bytes) -> bytes:
    """A valid message as ZMTP sends it."""
    return join(encode(type, header, planes))


class Garbage:
    """Source of hostile bytes.

    Args:
        socket_type: ``ENGINE`` attacks a host, ``HOST`` attacks an engine.
        seed: same seed, same bytes.
        values: values of a character that a hostile host requests.
        plane: size of the largest planes, in bytes.
        pings: send pings to a host, too: libzmq 4.3.5 may abort its process.
    """

    def __init__(
        self,
        socket_type: bytes,
        seed: int,
        values: Mapping[str, float | str] | None = None,
        *,
        plane: int = 100_000,
        pings: bool = False,
    ) -> None:
        self._rng = random.Random(seed)
        self._type = socket_type
        self._values = dict(values or {})
        self._plane = bytes(plane)
        self._pings = pings or socket_type == HOST

    def connection(self) -> Iterator[bytes]:
        """The bytes of one connection, in parts."""
        if self._rng.random() < 0.15:
            yield self._broken_greeting()
            return
        yield ready(self._type)
        if self._type == HOST:  # a client that was welcomed connects again sooner
            welcome = {"host": "garbage", "heartbeat": 0.2, "silence": 2.0}
            yield message(MessageType.WELCOME, welcome)
        for _ in range(self._rng.choice((1, 30, 300))):
            yield self._rng.choice(self._PARTS)(self)
        yield self._rng.choice(self._LAST_PARTS)(self)

    def _id(self) -> int:
        return self._rng.choice((0, 1, self._rng.randrange(2**48), 2**64 - 1))

    def _valid(self) -> list[bytes]:
        """Frames of a valid message that the peer does not expect."""
        rng, id = self._rng, self._id()
        if self._type == HOST:
            welcome = {"host": "garbage", "heartbeat": 0.2, "silence": 2.0}
            unknown = {"id": id, **_DRAWING, "kind": "unknown", "characters": [{}], "repeat": 3}
            choices: list[tuple[MessageType, Mapping[str, Any], tuple[bytes, ...]]] = [
                (MessageType.WELCOME, welcome, ()),
                (MessageType.AGAIN, {}, ()),
                (MessageType.HEARTBEAT, {}, ()),
                (MessageType.RENDER, {"id": id, **_DRAWING, "values": self._values}, ()),
                (MessageType.APPLY, {"id": id, "kind": "face", "values": self._values}, ()),
                (MessageType.MEASURE, unknown, ()),
            ]
        else:
            choices = [
                (MessageType.HELLO, _HELLO, ()),
                (MessageType.HEARTBEAT, {"busy": 0.5}, ()),
                (MessageType.GOODBYE, {"reason": "garbage"}, ()),
                (MessageType.PICTURE, {"id": id, **_ANSWER, "planes": [_PLANE]}, (bytes(192),)),
                (MessageType.APPLIED, {"id": id, "credits": 1}, ()),
                (MessageType.MEASURED, {"id": id, **_ANSWER, "pictures": 3}, ()),
                (MessageType.FAILED, {"id": id, "credits": 1, "message": "m", "remedy": ""}, ()),
            ]
        type, header, planes = rng.choice(choices)
        return [bytes(f) for f in encode(type, header, planes)]

    def _broken_greeting(self) -> bytes:
        rng = self._rng
        body = b"\x05READY" + rng.randbytes(rng.choice((0, 4, 600)))
        mutated = bytearray(ready(self._type))
        for _ in range(rng.randint(1, 3)):
            mutated[rng.randrange(len(mutated))] = rng.randrange(256)
        return rng.choice(
            (
                rng.randbytes(rng.randint(1, 5000)),
                b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 10,
                GREETING[: rng.randint(1, 63)],
                GREETING[:10] + b"\x01" + GREETING[11:],  # ZMTP 1
                GREETING.replace(b"NULL\0", b"CURVE") + frame(body, 4),
                GREETING + frame(body, 4),
                GREETING + struct.pack(">BQ", 6, 2**63),  # a command of 8 exabytes
                bytes(mutated) + rng.randbytes(100),
            )
        )

    def _valid_part(self) -> bytes:
        return join(self._valid()) * self._rng.choice((1, 1, 50))

    def _mutated_part(self) -> bytes:
        """A message with changed, lost or repeated bytes and frames; its frame sizes are right."""
        rng = self._rng
        frames = [bytearray(f) for f in self._valid()]
        for _ in range(rng.randint(1, 6)):
            target = rng.choice(frames)
            # A client closes the connection at a wrong number of frames, so this is rare there.
            rare = self._type == HOST and rng.random() < 0.97
            action = rng.randrange(2 if rare else 0, 5)
            if action == 0 and len(frames) > 1:
                frames.pop(rng.randrange(len(frames)))
            elif action == 1:
                frames.insert(rng.randrange(len(frames) + 1), bytearray(target))
            elif action == 2 and target:
                del target[rng.randrange(len(target)) :]
            elif target:
                place = rng.randrange(len(target))
                if not (rare and target is frames[0] and place == 3):  # another major version
                    target[place] = rng.randrange(256)
        return join(frames)

    def _random_part(self) -> bytes:
        rng = self._rng
        count = 2 if self._type == HOST else rng.randint(1, 12)
        sizes = [rng.choice((0, 1, 6, 60, 3000)) for _ in range(count)]
        return join([rng.randbytes(size) for size in sizes])

    def _typed_part(self) -> bytes:
        """A header of random plain values for a random type."""
        rng = self._rng
        types = [*set(MessageType) - {MessageType.REFUSED}, 99]
        preamble = b"F2P\x01" + bytes((rng.choice((0, 0, 7)), rng.choice(types)))
        names = ("id", "credits", "values", "planes", "kind", "kinds", "passes", "size", "scene")
        header = {name: self._plain(3) for name in rng.sample(names, rng.randint(0, 9))}
        return join([preamble, msgpack.packb(header)])

    def _plain(self, depth: int) -> Any:
        rng = self._rng
        if depth and rng.random() < 0.4:
            items = [self._plain(depth - 1) for _ in range(rng.randint(0, 4))]
            return items if rng.random() < 0.5 else {str(i): item for i, item in enumerate(items)}
        return rng.choice((None, True, -1, 2**64 - 1, 0.5, float("nan"), float("inf"), "", "color"))

    def _bomb_part(self) -> bytes:
        """A small header that claims or unpacks to something large."""
        rng = self._rng
        preamble = b"F2P\x01\x00" + bytes((rng.choice(tuple(MessageType)),))
        header = rng.choice(
            (
                b"\x81\xa1a" * 80_000 + b"\x80",
                b"\xdf\xff\xff\xff\xff",
                b"\x81\xa1a\xdb\xff\xff\xff\xff",
                b"\x81\xa1a\xdd\xff\xff\xff\xff",
                msgpack.packb({"a": [0] * 8193}),
                msgpack.packb({"a": "x" * 4097}),
                msgpack.packb({"a": [[[[[[[[[]]]]]]]]]}),
            )
        )
        return join([preamble, header])

    def _frames_part(self) -> bytes:
        """One message of many frames."""
        return frame(b"F2P\x01\x00\x05", 1) * self._rng.choice((11, 100, 1000)) + frame(b"\x80")

    def _large_part(self) -> bytes:
        """A plane that nobody requested."""
        header = {"id": self._id(), **_ANSWER, "planes": [_PLANE]}
        return message(MessageType.PICTURE, header, self._plane)

    def _command_part(self) -> bytes:
        rng = self._rng
        ping = frame(b"\x04PING\x00\x0a" + b"y" * 16, 4) if self._pings else b""
        large = join([b"F2P\x01\x00\x05", b"\x80" * 262_145])
        return rng.choice((ping * 100, frame(rng.randbytes(40), 4), large))

    def _claim_part(self) -> bytes:
        """The start of a frame that never ends."""
        return struct.pack(">BQ", self._rng.choice((2, 3)), self._rng.choice((2**25, 2**40, 2**63)))

    _PARTS = (
        *(_valid_part, _valid_part, _mutated_part, _mutated_part, _mutated_part, _random_part),
        *(_typed_part, _typed_part, _bomb_part),
    )
    # A receiver may close the connection at these.
    _LAST_PARTS = (_frames_part, _large_part, _command_part, _claim_part, _random_part)
