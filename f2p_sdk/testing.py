"""Test support for adapters and engines.

:class:`AdapterTests` checks an adapter in the adapter's own test suite:

    class TestHero(AdapterTests):
        kind = "mygame/hero"

:class:`FakeEngine` is a small engine on the real bridge, in its own process; its options make it
fail:

    with Host(game="demo", layouts={"hero": "0123"}) as host:
        with FakeEngine(host.endpoint, kinds={"hero": "0123"}):
            host.wait(30)
            host.render({"nose": 0.5}, size=64).color  # pattern({"nose": 0.5}, (64, 64))

As a program: ``python -m f2p_sdk.testing --connect ENDPOINT --exit-with-host --die-after 3``
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import numpy.typing as npt

from . import conformance, plugins
from .bridge.client import EngineClient
from .bridge.messages import LANDMARKS, PASSES, EngineInfo, Size, pack_planes
from .bridge.wire import Buffer, Message, MessageType, encode
from .errors import F2PError
from .findings import Finding

__all__ = ["SCENE", "AdapterTests", "FakeEngine", "PatternHandler", "digest", "main", "pattern"]

SCENE = frozenset(
    ("yaw", "pitch", "light_azimuth", "light_elevation", "light_strength", "light_color")
) | {"expression", "background"}
"""The scene settings of ``docs/reference/protocol.md``."""


class AdapterTests:
    """The checks of `f2p check` as tests. Set ``kind`` in a subclass, which pytest collects."""

    kind = ""

    def test_layout_and_framing(self) -> None:
        _assert_ok(conformance.check_adapter(plugins.game(self.kind)))

    def test_formats(self) -> None:
        """Checks the game's own file formats; passes if it has none."""
        _assert_ok(conformance.check_formats(plugins.game(self.kind)))

    def test_weights(self) -> None:
        _assert_ok(conformance.check_weights(plugins.game(self.kind)))

    def test_engine(self) -> None:
        """Checks the kind's own engine; passes if the kind has none to start."""
        _assert_ok(conformance.check_engine(plugins.game(self.kind)))

    def test_plugin_checks(self) -> None:
        _assert_ok(conformance.check_extra(plugins.game(self.kind)))


def _assert_ok(findings: Iterable[Finding]) -> None:
    """Raise AssertionError with every broken rule and its remedy."""
    broken = [f for f in findings if not f.ok]
    assert not broken, "\n".join(
        f"{f.subject}: {f.rule}: {f.value}. {f.remedy}".rstrip() for f in broken
    )


def digest(values: Mapping[str, float | str]) -> bytes:
    """SHA-256 of the values' JSON, with sorted names and numbers as floats."""
    plain = {k: v if isinstance(v, str) else float(v) for k, v in values.items()}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).digest()


def pattern(values: Mapping[str, float | str], size: Size) -> npt.NDArray[np.uint8]:
    """Picture uint8 (height, width, 3) that depends on every value of a character.

    With d the :func:`digest`, channel c of pixel (x, y) is (d[c] + x d[3+c] + y d[6+c]) mod 256.
    """
    d = np.frombuffer(digest(values), dtype=np.uint8)
    width, height = size
    x = np.arange(width, dtype=np.uint8)[None, :, None]  # uint8 arithmetic is modulo 256
    y = np.arange(height, dtype=np.uint8)[:, None, None]
    picture: npt.NDArray[np.uint8] = (d[None, None, 0:3] + x * d[3:6]) + y * d[6:9]
    return picture


class PatternHandler:
    """Engine handler that draws :func:`pattern`, and all other passes from the digest.

    In a scene with documented settings it draws another pattern; other settings are an error.

    Labels are the red channel modulo 11; depth is the green channel in decimetres; landmark k is at
    (d[k % 32] / 256, d[(k + 1) % 32] / 256) of the picture's size, every second one is not visible;
    the first six are the vertices of two triangles.

    Args:
        game, kinds, assets: contents of its :class:`EngineInfo`.
        delay: seconds that it sleeps for each picture.
        hang_after, die_after, fail_after: after this number of pictures it hangs, ends its process,
            or raises an error with a remedy.
    """

    def __init__(
        self,
        game: str = "demo",
        kinds: Mapping[str, str] | None = None,
        *,
        delay: float = 0.0,
        hang_after: int | None = None,
        die_after: int | None = None,
        fail_after: int | None = None,
        assets: str = "",
    ) -> None:
        kinds = dict(kinds or {"hero": "0"})
        self._info = EngineInfo(game, kinds, "fake", "1.0", 1024, tuple(PASSES), assets)
        self._delay = delay
        self._hang_after, self._die_after, self._fail_after = hang_after, die_after, fail_after
        self.drawn = 0
        self.applied: list[dict[str, float | str]] = []

    def info(self) -> EngineInfo:
        return self._info

    def render(
        self,
        kind: str,
        values: Mapping[str, float | str],
        size: Size,
        passes: Sequence[str],
        scene: Mapping[str, Any],
    ) -> Mapping[str, npt.NDArray[Any]]:
        if not set(scene) <= SCENE:
            raise ValueError(f"unknown scene {dict(scene)}")
        if scene:
            values = {**values, "scene": json.dumps(scene, sort_keys=True)}
        if self.drawn == self._die_after:
            os._exit(9)
        if self.drawn == self._hang_after:
            while True:
                time.sleep(1)
        if self.drawn == self._fail_after:
            raise EngineFailure("the hair shader does not compile", "update the graphics driver")
        if self._delay:
            time.sleep(self._delay)
        self.drawn += 1
        color = pattern(values, size)
        d = np.resize(np.frombuffer(digest(values), dtype=np.uint8), LANDMARKS + 1)
        points = np.stack([d[:-1], d[1:]], axis=1) / 256 * (np.array(size) - 1)
        visible = 1.0 - np.arange(LANDMARKS) % 2
        return {
            "color": color,
            "labels": color[:, :, 0] % 11,
            "landmarks": np.column_stack([points, visible]).astype(np.float32),
            "depth": color[:, :, 1].astype(np.float32),
            "vertices": np.column_stack([points[:6], 100 + d[:6], points[:6]]).astype(np.float32),
            "attributes": np.zeros((6, 6), np.float32),
            "triangles": np.array([[0, 1, 2], [3, 4, 5]], np.int32),
        }

    def apply(self, kind: str, values: Mapping[str, float | str]) -> None:
        self.applied.append(dict(values))


class EngineFailure(Exception):
    """An engine's own error with a remedy."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class FakeEngine(AbstractContextManager["FakeEngine"]):
    """The engine of this module in its own process, killed at the end of the block.

    Args:
        endpoint: the host's endpoint.
        options: ``game`` and ``kinds``, as for :class:`PatternHandler`, and the program's other
            options, e.g. ``delay=0.1, die_after=3, exit_with_host=True``.
    """

    def __init__(self, endpoint: str, **options: Any) -> None:
        self.process = subprocess.Popen(self.argv(endpoint, **options), stdin=subprocess.DEVNULL)

    @staticmethod
    def argv(
        endpoint: str,
        *,
        game: str = "demo",
        kinds: Mapping[str, str] | None = None,
        **options: float | bool | str,
    ) -> list[str]:
        """Command line of the engine, in the form that an adapter's ``Kind.engine`` returns."""
        argv = [sys.executable, "-m", "f2p_sdk.testing", "--connect", endpoint, "--game", game]
        for kind, layout in (kinds or {"hero": "0"}).items():
            argv += ["--kind", f"{kind}={layout}"]
        for name, value in options.items():
            flag = "--" + name.replace("_", "-")
            argv += [flag] if value is True else [] if value is False else [flag, str(value)]
        return argv

    def kill(self) -> None:
        """End the process at once, as ``kill -9`` does."""
        self.process.kill()
        self.process.wait(10)

    def __exit__(self, *_: object) -> None:
        self.kill()


class _ShortPlaneClient(EngineClient):
    """Describes a whole picture and sends half of it."""

    def _answer(self, message: Message) -> list[Buffer]:
        frames = super()._answer(message)
        if message.type is MessageType.RENDER:
            pixels = bytes(frames[2])
            frames[2] = pixels[: len(pixels) // 2]
        return frames


class _GarbageClient(EngineClient):
    """Answers with bytes that are no message."""

    def _answer(self, message: Message) -> list[Buffer]:
        return [b"\x00\xff" * 40, b"\xc1" * 100]


class _WrongSizeClient(EngineClient):
    """Draws and describes 8 x 8 pixels whatever the requested size."""

    def _answer(self, message: Message) -> list[Buffer]:
        header = {**message.header, "size": [8, 8]}
        frames = super()._answer(Message(message.type, header))
        described, _ = pack_planes({"color": np.zeros((8, 8, 3), np.uint8)}, ["color"], (8, 8))
        answer = {"id": header["id"], "credits": 1, "seconds": 0.0, "planes": described}
        return encode(MessageType.PICTURE, answer, frames[2:3])


_CLIENTS = {
    "short-plane": _ShortPlaneClient,
    "garbage": _GarbageClient,
    "wrong-size": _WrongSizeClient,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the fake engine."""
    parser = argparse.ArgumentParser(prog="python -m f2p_sdk.testing", description=main.__doc__)
    parser.add_argument("--connect", required=True, metavar="ENDPOINT")
    parser.add_argument("--exit-with-host", action="store_true")
    parser.add_argument("--keys", metavar="DIR")
    parser.add_argument("--game", default="demo")
    parser.add_argument("--assets", default="", metavar="TEXT")
    parser.add_argument("--kind", action="append", metavar="KIND=HASH", default=[])
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS")
    for name in ("hang", "die", "fail"):
        parser.add_argument(f"--{name}-after", type=int, metavar="N")
    parser.set_defaults(client=EngineClient)
    for name, client in _CLIENTS.items():
        parser.add_argument(f"--{name}", action="store_const", const=client, dest="client")
    args = parser.parse_args(arguments)
    kinds = dict(item.split("=", 1) for item in args.kind)
    failures = {name: getattr(args, name) for name in ("hang_after", "die_after", "fail_after")}
    handler = PatternHandler(args.game, kinds, delay=args.delay, assets=args.assets, **failures)
    options = {"exit_with_host": args.exit_with_host, "keys": args.keys}
    try:
        with args.client(args.connect, handler, **options) as client:
            while client.step(0.1):
                pass
    except F2PError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
