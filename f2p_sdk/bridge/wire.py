"""Encoding of messages as frames, and decoding, without sockets.

A message is a list of frames. Frame 0 is the preamble, six bytes: ``F2P``, major, minor, type.
Frame 1 is the header, one msgpack map. The frames after it are planes: raw pixels or points,
little-endian, first row first, described by the header. ``docs/reference/protocol.md`` is the
specification; a test compares this module with it.

Input is not trusted: the number and the sizes of frames are checked before any byte is parsed, the
version before the header, and the header against :data:`FIELDS` before its values are used.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeAlias

import msgpack  # type: ignore[import-untyped]

from ..errors import ProtocolError

Buffer: TypeAlias = bytes | bytearray | memoryview

MAGIC = b"F2P"
MAJOR = 1
MINOR = 0

MAX_PLANES = 8
MAX_FRAMES = 2 + MAX_PLANES
MAX_HEADER_BYTES = 262_144
MAX_PLANE_BYTES = 67_108_864
MAX_DEPTH = 8
MAX_ITEMS = 8_192
MAX_TEXT = 4_096


class MessageType(IntEnum):
    """Type of a message; the last byte of the preamble."""

    HELLO = 1
    WELCOME = 2
    REFUSED = 3
    AGAIN = 4
    HEARTBEAT = 5
    GOODBYE = 6
    RENDER = 16
    PICTURE = 17
    APPLY = 18
    APPLIED = 19
    MEASURE = 20
    MEASURED = 21
    FAILED = 22


_KNOWN = frozenset(int(t) for t in MessageType)
_TEXT, _INTEGER, _NUMBER, _ARRAY, _MAP = (str,), (int,), (int, float), (list,), (dict,)
_DRAWING = {"id": _INTEGER, "kind": _TEXT, "size": _ARRAY, "passes": _ARRAY}
_ANSWER = {"id": _INTEGER, "credits": _INTEGER}

FIELDS: Mapping[MessageType, Mapping[str, tuple[type, ...]]] = {
    MessageType.HELLO: {
        **dict.fromkeys(("role", "game", "name", "version"), _TEXT),
        "kinds": _MAP,
        "max_size": _INTEGER,
        "passes": _ARRAY,
        "credits": _INTEGER,
    },
    MessageType.WELCOME: {"host": _TEXT, "heartbeat": _NUMBER, "silence": _NUMBER},
    MessageType.REFUSED: dict.fromkeys(("code", "message", "remedy"), _TEXT),
    MessageType.AGAIN: {},
    MessageType.HEARTBEAT: {},
    MessageType.GOODBYE: {"reason": _TEXT},
    MessageType.RENDER: {**_DRAWING, "values": _MAP},
    MessageType.PICTURE: {**_ANSWER, "seconds": _NUMBER, "planes": _ARRAY},
    MessageType.APPLY: {"id": _INTEGER, "kind": _TEXT, "values": _MAP},
    MessageType.APPLIED: _ANSWER,
    MessageType.MEASURE: {**_DRAWING, "characters": _ARRAY, "repeat": _INTEGER},
    MessageType.MEASURED: {**_ANSWER, "seconds": _NUMBER, "pictures": _INTEGER},
    MessageType.FAILED: {**_ANSWER, "message": _TEXT, "remedy": _TEXT},
}
"""Required fields of each message type. Other fields are allowed and ignored."""


class WireError(ProtocolError):
    """Bytes that are no message of this protocol; REFUSED answers them with ``code``.

    ``type`` and ``id`` are those of the message, where the rest of it can be read.
    """

    code = "malformed"
    type: int | None = None
    id: int | None = None


class VersionError(WireError):
    """A message of another major version; ``header`` is that of its REFUSED, if it is one."""

    code = "version"

    def __init__(self, major: int, minor: int, header: Mapping[str, Any] | None = None) -> None:
        super().__init__(
            f"the other side uses bridge protocol {major}.{minor}, this side {MAJOR}.{MINOR}",
            remedy="install releases of f2p-sdk with the same major protocol version on both sides",
        )
        self.header: Mapping[str, Any] = header or {}


@dataclass(frozen=True)
class Message:
    """A decoded message: type, header, planes (not copied), the sender's minor version."""

    type: MessageType | int
    header: Mapping[str, Any]
    planes: Sequence[Buffer] = field(default_factory=tuple)
    minor: int = MINOR


def encode(
    type: MessageType, header: Mapping[str, Any], planes: Sequence[Buffer] = ()
) -> list[Buffer]:
    """Return the frames of a message; planes are not copied.

    Raises:
        WireError: the message is too large, a field is missing or of a wrong type, or a receiver
            would refuse a value.
    """
    _check_header(type, header)
    plain = dict(header)
    _check_plain(plain, 1)
    try:
        packed = msgpack.packb(plain, use_bin_type=True)
    except (TypeError, ValueError, OverflowError) as error:
        raise WireError(f"header cannot be encoded: {error}") from None
    frames: list[Buffer] = [MAGIC + bytes((MAJOR, MINOR, type)), packed, *planes]
    _check_sizes([_size(f) for f in frames])
    return frames


def decode(frames: Sequence[Buffer]) -> Message:
    """Return the message in ``frames``; its planes are the given buffers.

    An unknown type becomes a plain ``int``, its header is not checked: a later minor version may
    send it, and receivers ignore it.

    Raises:
        VersionError: another major version.
        WireError: the frames are no message for any other reason.
    """
    _check_sizes([_size(f) for f in frames])
    preamble = bytes(frames[0])
    if len(preamble) != 6 or preamble[:3] != MAGIC:
        raise WireError(f"frame 0 starts with {preamble[:16]!r}, not with a preamble F2P")
    major, minor, code = preamble[3], preamble[4], preamble[5]
    if major != MAJOR:
        # REFUSED has the same number and fields in every major version.
        header = None
        with contextlib.suppress(WireError):
            header = _unpack(frames[1]) if code == MessageType.REFUSED else None
        raise VersionError(major, minor, header)
    header = _unpack(frames[1])
    if code not in _KNOWN:
        return Message(code, header, tuple(frames[2:]), minor)
    try:
        _check_header(MessageType(code), header)
    except WireError as error:
        id = header.get("id")
        error.type, error.id = code, id if _is_id(id) else None
        raise
    return Message(MessageType(code), header, tuple(frames[2:]), minor)


def _size(frame: Buffer) -> int:
    return frame.nbytes if isinstance(frame, memoryview) else len(frame)


def _check_sizes(sizes: Sequence[int]) -> None:
    if not 2 <= len(sizes) <= MAX_FRAMES:
        raise WireError(f"message of {len(sizes)} frames: 2 to {MAX_FRAMES} are allowed")
    if sizes[0] > 64:
        raise WireError(f"frame 0 of {sizes[0]} bytes: the preamble has 6")
    if sizes[1] > MAX_HEADER_BYTES:
        raise WireError(f"header of {sizes[1]} bytes: at most {MAX_HEADER_BYTES} are allowed")
    for number, size in enumerate(sizes[2:]):
        if size > MAX_PLANE_BYTES:
            raise WireError(
                f"plane {number} of {size} bytes: at most {MAX_PLANE_BYTES} are allowed"
            )


def _unpack(frame: Buffer) -> dict[str, Any]:
    try:
        header = msgpack.unpackb(frame, raw=False, strict_map_key=True, use_list=True)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise WireError(f"header is not msgpack: {str(error) or type(error).__name__}") from None
    if not isinstance(header, dict):
        raise WireError(f"header is a msgpack {type(header).__name__}, not a map")
    _check_plain(header, 1)
    return header


_LEAVES = frozenset((int, float, bool, type(None)))


def clean_text(text: str) -> str:
    """The text within ``MAX_TEXT``; what UTF-8 cannot encode becomes question marks."""
    return text[:MAX_TEXT].encode("utf-8", "replace").decode("utf-8")


def _check_plain(value: dict[Any, Any] | list[Any] | tuple[Any, ...], depth: int) -> None:
    """Allow only maps with text keys, arrays, text, numbers, booleans and nil, within limits."""
    if depth > MAX_DEPTH:
        raise WireError(f"header is nested deeper than {MAX_DEPTH}")
    if len(value) > MAX_ITEMS:
        raise WireError(f"header has {len(value)} items in one place, at most {MAX_ITEMS}")
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str) or len(key) > MAX_TEXT:
                raise WireError(f"header: key {str(key)[:40]!r} is not a text, or is too long")
    for item in value.values() if isinstance(value, dict) else value:
        # Most frequent types first: this runs for several hundred values per message.
        if type(item) in _LEAVES:
            continue
        if isinstance(item, str):
            if len(item) > MAX_TEXT:
                raise WireError(f"header: text of {len(item)} characters, at most {MAX_TEXT}")
        elif isinstance(item, (dict, list)) or type(item) is tuple:  # an ExtType is a tuple, too
            _check_plain(item, depth + 1)
        elif not isinstance(item, (int, float)):  # a subclass, e.g. numpy.float64
            raise WireError(f"header: {type(item).__name__} values are not allowed")


def _check_header(type: MessageType, header: Mapping[str, Any]) -> None:
    for name, kinds in FIELDS[type].items():
        if name not in header:
            raise WireError(f"{type.name}: field {name!r} is missing")
        value = header[name]
        # In Python bool is an int; in the protocol it is not.
        if not isinstance(value, kinds) or isinstance(value, bool):
            expected = " or ".join(k.__name__ for k in kinds)
            raise WireError(f"{type.name}: field {name!r} must be {expected}, got {value!r:.60}")
        if isinstance(value, float) and not math.isfinite(value):
            raise WireError(f"{type.name}: field {name!r} must be finite, got {value}")
        if name == "id" and not _is_id(value):
            raise WireError(f"{type.name}: field 'id' must be 0 to 2^64 - 1, got {value}")


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64
