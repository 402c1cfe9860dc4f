"""Encoding and decoding: valid messages, invalid frames, and limits checked before parsing."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Callable
from typing import Any

import msgpack
import pytest

from f2p_sdk.bridge import wire
from f2p_sdk.bridge.wire import MessageType, VersionError, WireError, decode, encode

HEARTBEAT = b"F2P\x01\x00\x05"


def test_encoded_bytes() -> None:
    frames = encode(MessageType.GOODBYE, {"reason": "x"})
    assert frames == [b"F2P\x01\x00\x06", b"\x81\xa6reason\xa1x"]


def test_round_trip() -> None:
    header = {
        "id": 2**62,
        "credits": 1,
        "seconds": 0.25,
        "planes": [{"pass": "color", "dtype": "u1", "shape": [1, 1, 3]}],
        "later": {"nested": [1, None, True, "é"]},
    }
    message = decode(encode(MessageType.PICTURE, header, [b"abc"]))
    assert message.type is MessageType.PICTURE
    assert message.header == header
    assert message.planes == (b"abc",)


def test_planes_are_not_copied() -> None:
    plane = memoryview(bytearray(100))
    frames = encode(MessageType.HEARTBEAT, {}, [plane])
    assert frames[2] is plane
    assert decode(frames).planes[0] is plane


def test_unknown_fields_and_types_of_a_later_minor_version_are_accepted() -> None:
    message = decode([b"F2P\x01\x07\x05", msgpack.packb({"unknown": "x"})])
    assert (message.type, message.minor) == (MessageType.HEARTBEAT, 7)
    assert decode([b"F2P\x01\x07\xc8", b"\x80"]).type == 0xC8


@pytest.mark.parametrize(("major", "minor"), [(0, 9), (2, 0), (255, 255)])
def test_another_major_version_raises_an_error_with_both_versions(major: int, minor: int) -> None:
    with pytest.raises(VersionError, match=f"{major}\\.{minor}, this side 1\\.0") as caught:
        decode([bytes((*b"F2P", major, minor, 1)), b"\xc1 not even msgpack"])
    assert caught.value.code == "version"
    assert caught.value.remedy


def test_refused_of_another_major_version_can_be_read() -> None:
    header = {"code": "version", "message": "version 2.0", "remedy": "update"}
    with pytest.raises(VersionError) as caught:
        decode([b"F2P\x02\x00\x03", msgpack.packb(header)])
    assert caught.value.header == header


DEEP = b"\x81\xa1a" * 8 + b"\x80"

INVALID = {
    "no frames": ([], "message of 0 frames"),
    "one frame": ([HEARTBEAT], "message of 1 frames"),
    "eleven frames": ([HEARTBEAT, b"\x80", *[b""] * 9], "message of 11 frames"),
    "empty preamble": ([b"", b"\x80"], "preamble"),
    "short preamble": ([b"F2P\x01\x00", b"\x80"], "preamble"),
    "long preamble": ([HEARTBEAT + b"x", b"\x80"], "preamble"),
    "huge preamble": ([b"F2P" * 1000, b"\x80"], "frame 0 of 3000 bytes"),
    "another protocol": ([b"MDPC01", b"\x80"], "MDPC01"),
    "huge header": ([HEARTBEAT, b"\x80" * (wire.MAX_HEADER_BYTES + 1)], "header of 262145 bytes"),
    "empty header": ([HEARTBEAT, b""], "not msgpack"),
    "cut header": ([HEARTBEAT, b"\x82\xa1a\x01"], "not msgpack"),
    "two headers": ([HEARTBEAT, b"\x80\x80"], "not msgpack"),
    "reserved byte": ([HEARTBEAT, b"\xc1"], "not msgpack"),
    "header an array": ([HEARTBEAT, b"\x90"], "list, not a map"),
    "header nil": ([HEARTBEAT, b"\xc0"], "not a map"),
    "number as key": ([HEARTBEAT, b"\x81\x01\x02"], "not msgpack"),
    "bytes as key": ([HEARTBEAT, b"\x81\xc4\x01a\x02"], "is not a text, or is too long"),
    "bytes as value": ([HEARTBEAT, b"\x81\xa1a\xc4\x01b"], "bytes values are not allowed"),
    "timestamp": ([HEARTBEAT, b"\x81\xa1a\xd6\xff\0\0\0\0"], "Timestamp values are not allowed"),
    "extension": ([HEARTBEAT, b"\x81\xa1a\xd4\x05\0"], "ExtType values are not allowed"),
    "not UTF-8": ([HEARTBEAT, b"\x81\xa1a\xa1\xff"], "not msgpack"),
    "claims 4 GB of text": ([HEARTBEAT, b"\x81\xa1a\xdb\xff\xff\xff\xff"], "not msgpack"),
    "claims 4 G items": ([HEARTBEAT, b"\x81\xa1a\xdd\xff\xff\xff\xff"], "not msgpack"),
    "nested nine deep": ([HEARTBEAT, DEEP], "nested deeper than 8"),
    "nested ten thousand deep": ([HEARTBEAT, b"\x81\xa1a" * 10_000 + b"\x80"], "header"),
    "long text": ([HEARTBEAT, msgpack.packb({"a": "x" * 4097})], "text of 4097"),
    "long key": ([HEARTBEAT, msgpack.packb({"x" * 4097: 1})], "is not a text, or is too long"),
    "many items": ([HEARTBEAT, msgpack.packb({"a": [0] * 8193})], "8193 items"),
    "missing field": ([b"F2P\x01\x00\x06", b"\x80"], "GOODBYE: field 'reason' is missing"),
    "field of a wrong type": (
        [b"F2P\x01\x00\x06", b"\x81\xa6reason\x01"],
        "GOODBYE: field 'reason' must be str, got 1",
    ),
    "negative id": (
        [b"F2P\x01\x00\x13", msgpack.packb({"id": -1, "credits": 1})],
        "APPLIED: field 'id' must be 0 to",
    ),
    "number that is not finite": (
        [b"F2P\x01\x00\x02", msgpack.packb({"host": "h", "heartbeat": 1, "silence": math.inf})],
        "'silence' must be finite, got inf",
    ),
    "bool for a number": (
        [b"F2P\x01\x00\x13", msgpack.packb({"id": True, "credits": 1})],
        "'id' must be int, got True",
    ),
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_frames_raise_an_error(name: str) -> None:
    frames, text = INVALID[name]
    with pytest.raises(WireError, match=text.replace(".", r"\.")) as caught:
        decode(frames)
    assert caught.value.code == "malformed"


class TooLong(bytes):
    """Bytes that report a length above the limit."""

    def __len__(self) -> int:
        return wire.MAX_PLANE_BYTES + 1


def test_sizes_are_checked_before_anything_is_parsed() -> None:
    with pytest.raises(WireError, match="plane 0 of 67108865 bytes"):
        decode([b"not a preamble", b"not msgpack \xc1", TooLong()])


def test_invalid_messages_are_not_encoded() -> None:
    with pytest.raises(WireError, match="field 'reason' is missing"):
        encode(MessageType.GOODBYE, {})
    with pytest.raises(WireError, match="header of"):
        encode(MessageType.HEARTBEAT, {str(i): "x" * 1000 for i in range(300)})
    with pytest.raises(WireError, match="11 frames"):
        encode(MessageType.HEARTBEAT, {}, [b""] * 9)


def test_random_bytes_raise_no_other_error() -> None:
    rng = random.Random(0)
    valid = [bytes(f) for f in encode(MessageType.GOODBYE, {"reason": "closing"})]
    for _ in range(5000):
        frames = [bytearray(f) for f in valid]
        for _ in range(rng.randint(1, 4)):
            frame = rng.choice(frames)
            frame[rng.randrange(len(frame))] = rng.randrange(256)
        with contextlib.suppress(WireError):
            decode([bytes(f) for f in frames])
        with contextlib.suppress(WireError):
            decode([rng.randbytes(6), rng.randbytes(rng.randrange(60))])


def any_value(rng: random.Random, depth: int = 0) -> Any:
    """A random value that headers allow."""
    text: Callable[[], str] = lambda: "".join(  # noqa: E731
        rng.choice("az \u00e9\u4e2d\U0001f600\0") for _ in range(rng.randrange(5))
    )
    makers: list[Callable[[], Any]] = [
        text,
        lambda: rng.randrange(2**64) >> rng.randrange(64),
        lambda: -(rng.randrange(2**63) >> rng.randrange(63)),
        lambda: rng.uniform(-1e300, 1e300),
        lambda: rng.choice([None, True, False, 0.0, -0.0]),
    ]
    if depth < 4:
        makers += [
            lambda: [any_value(rng, depth + 1) for _ in range(rng.randrange(4))],
            lambda: {text(): any_value(rng, depth + 1) for _ in range(rng.randrange(4))},
        ]
    return rng.choice(makers)()


def any_of(rng: random.Random, kinds: tuple[type, ...]) -> Any:
    """A random value of a field."""
    while True:
        value = any_value(rng)
        if isinstance(value, kinds) and type(value) is not bool:
            return abs(value) if isinstance(value, int) else value


def test_ten_thousand_random_messages_are_decoded_as_encoded() -> None:
    rng = random.Random(0)
    for _ in range(10_000):
        type = rng.choice(list(MessageType))
        header = {name: any_of(rng, kinds) for name, kinds in wire.FIELDS[type].items()}
        planes = [rng.randbytes(rng.randrange(9)) for _ in range(rng.randrange(9))]
        message = decode(encode(type, {**header, "later": any_value(rng)}, planes))
        assert message.type is type
        assert {name: message.header[name] for name in header} == header
        assert list(message.planes) == planes
