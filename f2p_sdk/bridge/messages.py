"""Contents of messages: description of an engine, planes of a rendering, and their checks.

:mod:`f2p_sdk.bridge.wire` converts between messages and bytes; this module validates the contents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..errors import EngineError
from .wire import MAX_PLANES, Buffer, Message, MessageType, WireError

Size: TypeAlias = "tuple[int, int]"
"""Width and height in pixels."""

MAX_SIDE = 4096
"""Longest side of a picture, in pixels."""
MAX_CREDITS = 64
"""Maximum number of requests that one engine holds at a time."""
MAX_NAME = 200
"""Maximum length of the name of an engine, a game or a kind, in characters."""
MAX_ROWS = 1_048_576
"""Maximum number of points, vertices or triangles in a plane."""
LANDMARKS = 73
"""Points of the pass ``landmarks``: 68 of the face, then the five of the alignment."""

PASSES: Mapping[str, str] = {
    "color": "u1",
    "labels": "u1",
    "landmarks": "f4",
    "depth": "f4",
    "vertices": "f4",
    "attributes": "f4",
    "triangles": "i4",
}
"""Passes of version 1 and their dtypes; :class:`Rendering` has the shapes, and
``docs/reference/protocol.md`` defines classes, points and columns."""


@dataclass(frozen=True)
class EngineInfo:
    """Description of an engine, sent in HELLO.

    Args:
        game: name of the game, e.g. ``"justice"``.
        kinds: layout hash of each kind of character it draws, e.g. ``{"female": "8c1f..."}``.
        name: name of the program, e.g. ``"openhead"``.
        version: version of the program.
        max_size: longest side of a picture it can draw, in pixels.
        passes: passes it can draw; always contains ``"color"``.
        assets: hash or build number of its rig and art; empty if it gives none.
        warnings: the host's warnings from the handshake (filled by the host).
    """

    game: str
    kinds: Mapping[str, str]
    name: str
    version: str
    max_size: int = 1024
    passes: tuple[str, ...] = ("color",)
    assets: str = ""
    warnings: tuple[str, ...] = field(default=(), compare=False)

    def hello(self, *, credits: int) -> dict[str, Any]:
        """Header of this engine's HELLO."""
        return {
            "role": "engine",
            "game": self.game,
            "name": self.name,
            "version": self.version,
            "kinds": dict(self.kinds),
            "max_size": self.max_size,
            "passes": list(self.passes),
            "credits": credits,
            **({"assets": self.assets} if self.assets else {}),
        }

    @classmethod
    def from_hello(cls, header: Mapping[str, Any]) -> EngineInfo:
        """Read a HELLO header whose field types are already checked.

        Raises:
            WireError: a value is out of its range.
        """
        header = {"assets": "", **header}
        kinds = {k: v for k, v in header["kinds"].items() if isinstance(v, str)}
        if not isinstance(header["assets"], str):
            raise WireError(f"HELLO: 'assets' must be a text, got {header['assets']!r:.60}")
        for field_name in ("game", "name", "version", "assets"):
            if len(header[field_name]) > MAX_NAME:
                raise WireError(f"HELLO: {field_name!r} is longer than {MAX_NAME} characters")
        if len(kinds) > MAX_CREDITS or any(len(k) + len(v) > MAX_NAME for k, v in kinds.items()):
            raise WireError(
                f"HELLO: 'kinds' has more than {MAX_CREDITS} kinds or more than {MAX_NAME} "
                "characters for one"
            )
        if not kinds or len(kinds) != len(header["kinds"]):
            raise WireError("HELLO: 'kinds' must map at least one kind to its layout hash")
        passes = tuple(p for p in header["passes"] if isinstance(p, str))
        if "color" not in passes:
            raise WireError(f"HELLO: 'passes' must contain 'color', got {header['passes']!r:.60}")
        if header["max_size"] < 1:
            raise WireError(f"HELLO: 'max_size' must be at least 1, got {header['max_size']}")
        if not 1 <= header["credits"] <= MAX_CREDITS:
            raise WireError(f"HELLO: 'credits' must be 1 to {MAX_CREDITS}, got {header['credits']}")
        max_size = min(header["max_size"], MAX_SIDE)
        named = (header["game"], kinds, header["name"], header["version"])
        return cls(*named, max_size, passes, header["assets"])

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.game}: {', '.join(self.kinds)})"


@dataclass(frozen=True)
class Rendering:
    """Planes of one engine answer; a pass that was not requested is None.

    Args:
        color: uint8 (height, width, 3), sRGB.
        labels: uint8 (height, width), classes of the parser.
        landmarks: float32 (73, 3), x and y in pixels, and 1 for visible points, else 0.
        depth: float32 (height, width), decimetres from the camera's plane, 0 in the background.
        vertices: float32 (n, 5), x, y and depth in pixels of the vertices of the drawn meshes, and
            their position within a painted layer.
        attributes: float32 (n, 4 or more), attributes of the vertices.
        triangles: int32 (m, 3), rows of ``vertices``.
        seconds: time the engine took to draw.
    """

    color: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8] | None = None
    landmarks: npt.NDArray[np.float32] | None = None
    depth: npt.NDArray[np.float32] | None = None
    vertices: npt.NDArray[np.float32] | None = None
    attributes: npt.NDArray[np.float32] | None = None
    triangles: npt.NDArray[np.int32] | None = None
    seconds: float = 0.0


def parse_size(size: int | Sequence[int]) -> Size:
    """Return (width, height) of ``512`` (a square) or ``(width, height)``, in pixels.

    Raises:
        WireError: not one or two integers from 1 to :data:`MAX_SIDE`.
    """
    sides: list[Any] = [size, size] if isinstance(size, int) else list(size)
    if len(sides) != 2 or not all(_is_integer(s) and 1 <= s <= MAX_SIDE for s in sides):
        raise WireError(f"size must be width and height from 1 to {MAX_SIDE}, got {size!r:.40}")
    return sides[0], sides[1]


def pack_planes(
    planes: Mapping[str, npt.NDArray[Any]], passes: Sequence[str], size: Size
) -> tuple[list[dict[str, Any]], list[Buffer]]:
    """Descriptions and buffers of a handler's planes, in the order of ``passes``.

    Contiguous arrays of the pass's type are not copied.

    Raises:
        EngineError: a requested plane is missing or has another type or shape.
    """
    if not isinstance(planes, Mapping):
        raise EngineError(
            f"render returned {type(planes).__name__}, it must return a map of planes",
            remedy='return {"color": picture} from render',
        )
    described: list[dict[str, Any]] = []
    buffers: list[Buffer] = []
    for name in passes:
        dtype = PASSES[name]
        if name not in planes:
            raise EngineError(
                f"the engine's handler returned no {name!r} plane",
                remedy="return every requested pass from render",
            )
        given = np.asarray(planes[name])
        if dtype == "u1" and given.dtype != np.uint8:
            raise EngineError(
                f"the handler's {name!r} plane is {given.dtype}, it must be uint8",
                remedy="scale it to 0 to 255 and convert it: plane.astype(numpy.uint8)",
            )
        array = np.ascontiguousarray(given, dtype=np.dtype(dtype).newbyteorder("<"))
        shape = plane_shape(name, size, array.shape)
        if array.shape != shape:
            alpha = name == "color" and array.shape == (*shape[:2], 4)
            raise EngineError(
                f"the handler's {name!r} plane is {array.shape}, it must be {shape}",
                remedy="remove the alpha channel: picture[:, :, :3]"
                if alpha
                else "return height x width of the requested size, which is (width, height)",
            )
        described.append({"pass": name, "dtype": dtype, "shape": list(array.shape)})
        buffers.append(array.data)
    return described, buffers


def unpack_planes(
    described: Sequence[Any], buffers: Sequence[Buffer], passes: Sequence[str], size: Size
) -> dict[str, npt.NDArray[Any]]:
    """Arrays that view the received buffers (no copy), by pass.

    Raises:
        WireError: a requested plane is missing, or number, type, shape or length is wrong.
    """
    if len(described) != len(buffers) or len(buffers) > MAX_PLANES:
        raise WireError(f"PICTURE describes {len(described)} planes and carries {len(buffers)}")
    arrays: dict[str, npt.NDArray[Any]] = {}
    for plane, buffer in zip(described, buffers, strict=True):
        name = plane.get("pass") if isinstance(plane, dict) else None
        if not isinstance(name, str) or name not in PASSES:
            continue  # a pass of a later minor version
        dtype = np.dtype(PASSES[name]).newbyteorder("<")
        shape = _read_shape(plane.get("shape"))
        expected = plane_shape(name, size, shape)
        if plane.get("dtype") != PASSES[name]:
            raise WireError(f"PICTURE: plane {name!r} has dtype {plane.get('dtype')!r:.20}")
        if shape != expected:
            raise WireError(f"PICTURE: plane {name!r} is {shape}, requested {expected}")
        length = int(np.prod(expected)) * dtype.itemsize
        array = np.frombuffer(buffer, dtype=np.uint8)
        if array.nbytes != length:
            raise WireError(
                f"PICTURE: plane {name!r} has {array.nbytes} bytes, {expected} needs {length}"
            )
        arrays[name] = array.view(dtype).reshape(expected)
    missing = [p for p in passes if p not in arrays]
    if missing:
        raise WireError(f"PICTURE: requested plane {missing[0]!r} is missing")
    return arrays


def check_answer(type: MessageType, request: Mapping[str, Any], answer: Message) -> None:
    """Check ``answer`` against a request of ``type`` with header ``request``.

    Raises:
        WireError: its type does not fit, or its planes are not the requested ones.
    """
    if answer.type != type + 1:
        raise WireError(f"{type.name} was answered with type {int(answer.type)}")
    seconds = answer.header.get("seconds", 0.0)
    if seconds < 0:
        raise WireError(f"{type.name} was answered with seconds {seconds}, which must be >= 0")
    if answer.header.get("pictures", 1) < 1:
        raise WireError(f"{type.name} was answered with {answer.header['pictures']} pictures")
    if answer.type is MessageType.PICTURE:
        planes = answer.header["planes"]
        unpack_planes(planes, answer.planes, request["passes"], request["size"])


def check_credits(answer: Message) -> int:
    """Return the credits of an answer; WireError unless they are 0 to ``MAX_CREDITS``."""
    credits: int = answer.header["credits"]
    if not 0 <= credits <= MAX_CREDITS:
        raise WireError(f"an answer's 'credits' must be 0 to {MAX_CREDITS}, got {credits}")
    return credits


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _read_shape(value: object) -> tuple[int, ...]:
    shape = value if isinstance(value, list) else []
    return tuple(s for s in shape if _is_integer(s) and 0 <= s <= MAX_ROWS)


def plane_shape(name: str, size: Size, given: tuple[int, ...]) -> tuple[int, ...]:
    """Required shape of a plane; variable numbers of rows and columns are those of ``given``."""
    width, height = size
    rows, columns = (given[0], given[1]) if len(given) == 2 else (0, 0)
    shapes: dict[str, tuple[int, ...]] = {
        "color": (height, width, 3),
        "labels": (height, width),
        "landmarks": (LANDMARKS, 3),
        "depth": (height, width),
        "vertices": (rows, 5),
        "attributes": (rows, max(4, columns)),
        "triangles": (rows, 3),
    }
    return shapes[name]
