"""Values that a receiver would refuse: the sender's error at once, and no effect on other calls."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from f2p_sdk.bridge import Host
from f2p_sdk.bridge.wire import MAX_TEXT, MessageType, WireError, clean_text, decode, encode
from f2p_sdk.errors import EngineError, ProtocolError
from f2p_sdk.testing import PatternHandler

FOREIGN: dict[str, Any] = {
    "float32": np.float32(0.5),
    "bytes": b"a",
    "a large integer": 2**64,
    "a long text": "x" * (MAX_TEXT + 1),
    "a lone surrogate": "\ud800",
    "a set": set(),
}


@pytest.mark.parametrize("value", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_value_is_not_encoded(value: Any) -> None:
    with pytest.raises(WireError):
        encode(MessageType.HEARTBEAT, {"a": [value]})


def test_subclasses_of_plain_types_are_encoded() -> None:
    header = {"a": np.float64(0.5), "b": (1, 2), "c": MessageType.HELLO}
    assert decode(encode(MessageType.HEARTBEAT, header)).header == {"a": 0.5, "b": [1, 2], "c": 1}


def test_a_foreign_value_fails_its_own_request_only(start_engine: Callable[..., Any]) -> None:
    with Host(game="demo", heartbeat=0.2, silence=5) as host:
        start_engine(host.endpoint, PatternHandler())
        host.wait(10)
        for value in FOREIGN.values():
            with pytest.raises(ProtocolError):
                host.render({"nose": value}, size=8, deadline=5)
        assert host.render({"nose": 0.5}, size=8, deadline=5).color.shape == (8, 8, 3)


def test_clean_text_has_a_length_and_is_utf_8() -> None:
    assert clean_text("a\udcffb") == "a?b"
    assert len(clean_text("é" * 5000)) == MAX_TEXT


def test_an_error_text_that_is_not_utf_8_reaches_the_caller(
    start_engine: Callable[..., Any],
) -> None:
    class Failing(PatternHandler):
        def render(self, *args: Any) -> Any:
            raise EngineError("cannot read face\udcff.png", remedy="rename it")

    with Host(game="demo", heartbeat=0.2, silence=5) as host:
        start_engine(host.endpoint, Failing())
        host.wait(10)
        with pytest.raises(EngineError, match=r"cannot read face\?\.png"):
            host.render({"nose": 0.5}, size=8, deadline=5)


@pytest.mark.parametrize("name", [[], {}, None, 1, "later"])
def test_a_plane_whose_pass_is_no_known_text_ends_no_host(
    raw_engine: Callable[..., Any], name: Any
) -> None:
    with Host(game="demo", heartbeat=0.2, silence=5) as host:
        engine = raw_engine(host.endpoint)
        engine.hello()
        host.wait(10)
        failed: list[BaseException] = []

        def render() -> None:
            try:
                host.render({"nose": 0.5}, size=2, deadline=5)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=render)
        thread.start()
        request = engine.expect(MessageType.RENDER).header
        plane = {"pass": name, "dtype": "u1", "shape": [2, 2, 3]}
        header = {"id": request["id"], "credits": 1, "seconds": 0.0, "planes": [plane]}
        engine.send(MessageType.PICTURE, header, bytes(12))
        thread.join(10)
        assert isinstance(failed[0], ProtocolError)
        assert "requested plane 'color' is missing" in failed[0].message
