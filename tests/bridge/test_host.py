"""Host and engines on real sockets: renderings, failures, and their error texts."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from f2p_sdk.bridge import Host, serve_engine
from f2p_sdk.bridge.wire import MessageType
from f2p_sdk.errors import (
    BridgeError,
    EngineError,
    EngineLostError,
    EngineTimeoutError,
    ProtocolError,
    UsageError,
)
from f2p_sdk.testing import FakeEngine, PatternHandler, digest, pattern

QUICK = {"heartbeat": 0.1, "silence": 1.0}


def open_host(bind: str = "tcp://127.0.0.1:*", **changes: Any) -> Host:
    options: dict[str, Any] = {"game": "demo", "layouts": {"hero": "0"}, **QUICK, **changes}
    return Host(bind, **options)


def values(i: int) -> dict[str, float | str]:
    return {"nose": i / 8, "hair": f"style{i}"}


def test_the_pattern_follows_its_formula() -> None:
    picture = pattern({"nose": 0.5}, (300, 5))
    d = digest({"nose": 0.5})
    assert picture.shape == (5, 300, 3)
    for x, y, c in [(0, 0, 0), (299, 4, 2), (17, 3, 1)]:
        assert picture[y, x, c] == (d[c] + x * d[3 + c] + y * d[6 + c]) % 256


def test_render_returns_the_requested_passes_and_shapes(start_engine: Callable[..., Any]) -> None:
    with open_host() as host:
        start_engine(host.endpoint, PatternHandler())
        info = host.wait(10)
        assert (info.name, info.kinds, info.warnings) == ("fake", {"hero": "0"}, ())
        passes = ("landmarks", "color", "triangles", "vertices", "labels", "depth")
        picture = host.render(values(1), size=(33, 17), passes=passes)
        assert np.array_equal(picture.color, pattern(values(1), (33, 17)))
        assert picture.labels is not None
        assert np.array_equal(picture.labels, picture.color[:, :, 0] % 11)
        assert picture.landmarks is not None
        assert picture.landmarks.shape == (73, 3)
        assert set(picture.landmarks[:, 2]) == {0.0, 1.0}
        assert picture.depth is not None
        assert np.array_equal(picture.depth, picture.color[:, :, 1])
        assert picture.vertices is not None
        assert np.array_equal(picture.vertices[:5, :2], picture.landmarks[:5, :2])
        assert picture.triangles is not None
        assert picture.triangles.tolist() == [[0, 1, 2], [3, 4, 5]]
        assert picture.seconds >= 0
        assert host.render(values(2), size=64).labels is None
        assert host.render(values(2), size=1024).color.shape == (1024, 1024, 3)


def test_apply_reaches_the_handler(start_engine: Callable[..., Any]) -> None:
    handler = PatternHandler()
    with open_host() as host:
        start_engine(host.endpoint, handler)
        assert host.apply(values(3)).name == "fake"
        assert handler.applied == [values(3)]


def test_render_many_yields_each_once_and_in_order_if_requested(
    start_engine: Callable[..., Any],
) -> None:
    with open_host() as host:
        start_engine(host.endpoint, PatternHandler())
        start_engine(host.endpoint, PatternHandler(delay=0.01))
        host.wait(10, engines=2)
        for ordered in (False, True):
            results = list(host.render_many(map(values, range(40)), size=16, ordered=ordered))
            positions = [i for i, _ in results]
            assert sorted(positions) == list(range(40))
            assert not ordered or positions == list(range(40))
            for i, picture in results:
                assert np.array_equal(picture.color, pattern(values(i), (16, 16)))
        assert list(host.render_many([])) == []


def test_at_most_a_window_of_renderings_is_drawn_ahead(start_engine: Callable[..., Any]) -> None:
    handler = PatternHandler()
    with open_host() as host:
        start_engine(host.endpoint, handler)
        host.wait(10)
        results = host.render_many(map(values, range(50)), size=8, window=5)
        next(results)
        time.sleep(0.3)
        assert handler.drawn == 5
        results.close()


def test_measure_draws_in_the_engine_and_returns_the_rate(start_engine: Callable[..., Any]) -> None:
    handler = PatternHandler(delay=0.01)
    with open_host() as host:
        start_engine(host.endpoint, handler)
        host.wait(10)
        rate = host.measure([values(1), values(2)], repeat=5, size=8)
        assert handler.drawn == 2 + 10
        assert 20 < rate <= 100


def test_requests_from_several_threads(start_engine: Callable[..., Any]) -> None:
    with open_host() as host:
        start_engine(host.endpoint, PatternHandler())
        host.wait(10)
        wrong: list[int] = []

        def render(start: int) -> None:
            for i in range(start, start + 20):
                picture = host.render(values(i), size=8).color
                if not np.array_equal(picture, pattern(values(i), (8, 8))):
                    wrong.append(i)

        threads = [threading.Thread(target=render, args=(k * 100,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


def test_all_credits_are_used_and_never_exceeded(raw_engine: Callable[..., Any]) -> None:
    with open_host() as host:
        engine = raw_engine(host.endpoint)
        engine.hello(credits=3)
        thread = threading.Thread(
            target=lambda: list(host.render_many(map(values, range(5)), size=2))
        )
        thread.start()
        ids = [engine.expect(MessageType.RENDER).header["id"] for _ in range(3)]
        engine.expect_nothing(0.3)
        plane = {"pass": "color", "dtype": "u1", "shape": [2, 2, 3]}
        done = {"seconds": 0.0, "planes": [plane]}
        engine.send(MessageType.PICTURE, {"id": ids[0], "credits": 2, **done}, bytes(12))
        ids += [engine.expect(MessageType.RENDER).header["id"] for _ in range(2)]
        for id in ids[1:]:
            engine.send(MessageType.PICTURE, {"id": id, "credits": 1, **done}, bytes(12))
        thread.join(10)
        assert not thread.is_alive()
        assert len(set(ids)) == 5


# ---- failures in the engine


class FixedHandler(PatternHandler):
    """Returns the given planes."""

    def __init__(self, planes: Any) -> None:
        super().__init__()
        self._planes = planes

    def render(self, *args: Any) -> Any:
        return self._planes


@pytest.mark.parametrize(
    ("planes", "text"),
    [
        ({}, "returned no 'color' plane"),
        ({"color": np.zeros((8, 8, 3))}, "plane is float64, it must be uint8"),
        ({"color": np.zeros((9, 8, 3), np.uint8)}, r"\(9, 8, 3\), it must be \(8, 8, 3\)"),
        ({"color": np.zeros((8, 8), np.uint8)}, r"\(8, 8\), it must be \(8, 8, 3\)"),
        (None, "returned NoneType, it must return a map"),
        ({"color": np.zeros((8, 8, 4), np.uint8)}, r"\(8, 8, 4\), it must be \(8, 8, 3\)"),
        ([np.zeros((8, 8, 3), np.uint8)], "returned list, it must return a map"),
    ],
)
def test_an_invalid_result_of_the_handler_is_an_engine_error(
    start_engine: Callable[..., Any], planes: Any, text: str
) -> None:
    with open_host() as host:
        start_engine(host.endpoint, FixedHandler(planes))
        host.wait(10)
        with pytest.raises(EngineError, match=text):
            host.render(values(1), size=8)


def test_an_engine_error_has_the_remedy_of_the_exception(start_engine: Callable[..., Any]) -> None:
    with open_host() as host:
        start_engine(host.endpoint, PatternHandler(fail_after=1))
        host.wait(10)
        host.render(values(0), size=8)
        with pytest.raises(EngineError, match="EngineFailure: the hair shader") as caught:
            host.render(values(1), size=8)
        assert caught.value.remedy == "update the graphics driver"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"size": 1025}, "no connected engine draws kind 'hero' at 1025x1025 with color"),
        ({"kind": "villain"}, "kind 'villain'"),
        ({"passes": ("color", "warmth")}, "color, warmth"),
        ({"scene": {"moon": 1}}, "unknown scene"),
    ],
)
def test_unsupported_requests_are_engine_errors(
    start_engine: Callable[..., Any], changes: dict[str, Any], text: str
) -> None:
    with open_host() as host:
        start_engine(host.endpoint, PatternHandler())
        host.wait(10)
        with pytest.raises(EngineError, match=text):
            host.render(values(1), **{"kind": "hero", "size": 8, **changes})


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), None, [1], {"a": 1}, True])
def test_an_invalid_value_never_reaches_the_handler(
    start_engine: Callable[..., Any], bad: Any
) -> None:
    handler = PatternHandler()
    with open_host() as host:
        start_engine(host.endpoint, handler)
        host.wait(10)
        with pytest.raises(EngineError, match="'nose'"):
            host.render({"nose": bad}, size=8)
        assert handler.drawn == 0


def test_too_large_values_fail_without_effect_on_other_requests(
    start_engine: Callable[..., Any],
) -> None:
    with open_host() as host:
        start_engine(host.endpoint, PatternHandler())
        host.wait(10)
        with pytest.raises(ProtocolError, match="header of"):
            host.render({f"p{i}": "x" * 4000 for i in range(100)}, size=8)
        assert host.render(values(1), size=8).color.shape == (8, 8, 3)


def test_a_request_fails_when_its_only_engine_ends_and_a_new_engine_is_admitted(
    start_engine: Callable[..., Any],
) -> None:
    with open_host() as host, FakeEngine(host.endpoint, die_after=1) as engine:
        host.wait(20)
        host.render(values(0), size=8)
        started = time.monotonic()
        with pytest.raises(EngineLostError, match=r"fake .* was lost") as caught:
            host.render(values(1), size=8, deadline=0.8)
        assert time.monotonic() - started < 5
        assert "no other connected within 0.8 s" in caught.value.message
        assert caught.value.remedy
        assert engine.process.wait(5) == 9
        start_engine(host.endpoint, PatternHandler())  # a restarted engine connects again
        assert np.array_equal(host.render(values(1), size=8).color, pattern(values(1), (8, 8)))


def test_requests_of_a_killed_engine_go_to_another(start_engine: Callable[..., Any]) -> None:
    with open_host() as host, FakeEngine(host.endpoint, delay=0.05) as killed:
        start_engine(host.endpoint, PatternHandler(delay=0.02))
        host.wait(20, engines=2)
        colors = {}
        for i, picture in host.render_many(map(values, range(30)), size=8):
            assert i not in colors
            colors[i] = picture.color
            if len(colors) == 8:
                killed.kill()
        assert sorted(colors) == list(range(30))
        assert all(np.array_equal(c, pattern(values(i), (8, 8))) for i, c in colors.items())
        assert host.counts["lost"] == 1


def test_a_hanging_engine_times_out_and_stays_connected() -> None:
    with open_host() as host, FakeEngine(host.endpoint, hang_after=0):
        host.wait(20)
        started = time.monotonic()
        with pytest.raises(EngineTimeoutError, match=r"did not answer within 1\.5 s") as caught:
            host.render(values(0), size=8, deadline=1.5)
        assert 1.4 < time.monotonic() - started < 5
        assert caught.value.remedy
        # It sent heartbeats while it hung, for longer than the allowed silence.
        assert len(host.engines) == 1
        assert host.counts.get("lost", 0) == 0


def test_requests_of_a_hanging_engine_go_to_another(start_engine: Callable[..., Any]) -> None:
    with open_host() as host, FakeEngine(host.endpoint, hang_after=3):
        start_engine(host.endpoint, PatternHandler(delay=0.02))
        host.wait(20, engines=2)
        renderings = dict(host.render_many(map(values, range(24)), size=8, deadline=0.6))
        assert sorted(renderings) == list(range(24))


def test_a_slow_engine_is_not_lost(start_engine: Callable[..., Any]) -> None:
    with open_host(heartbeat=0.05, silence=0.3) as host:
        start_engine(host.endpoint, PatternHandler(delay=1.0))
        host.wait(10)
        assert host.render(values(1), size=8).color.shape == (8, 8, 3)
        assert host.counts.get("lost", 0) == 0


def test_an_idle_silent_engine_is_lost_and_may_send_hello_again(
    raw_engine: Callable[..., Any],
) -> None:
    with open_host(heartbeat=0.05, silence=0.3) as host:
        engine = raw_engine(host.endpoint)
        engine.hello()
        host.wait(5)
        time.sleep(0.8)
        assert host.engines == []
        engine.send(MessageType.HEARTBEAT, {})
        engine.expect(MessageType.AGAIN)
        engine.hello()
        host.wait(5)


# ---- invalid messages


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("short_plane", r"plane 'color' has 96 bytes, \(8, 8, 3\) needs 192"),
        ("wrong_size", r"plane 'color' is \(8, 8, 3\), requested \(9, 9, 3\)"),
    ],
)
def test_planes_that_do_not_match_their_description_are_an_error(fault: str, text: str) -> None:
    size = 8 if fault == "short_plane" else 9
    with open_host() as host, FakeEngine(host.endpoint, **{fault: True}) as engine:
        host.wait(20)
        with pytest.raises(
            ProtocolError, match=f"fake 1.0 .* violated the protocol.*{text}"
        ) as caught:
            host.render(values(0), size=size)
        assert caught.value.remedy
        assert engine.process.wait(10) != 0  # it was refused and ended
        assert host.engines == []


def test_an_engine_that_answers_garbage_is_lost_and_another_is_admitted(
    start_engine: Callable[..., Any],
) -> None:
    with open_host() as host, FakeEngine(host.endpoint, garbage=True) as engine:
        host.wait(20)
        with pytest.raises(EngineLostError, match="violated the protocol: frame 0 of 80 bytes"):
            host.render(values(0), size=8, deadline=0.5)
        assert engine.process.wait(10) != 0
        assert host.counts["malformed"] >= 1
        start_engine(host.endpoint, PatternHandler())
        assert host.render(values(0), size=8).color.shape == (8, 8, 3)


def test_malformed_messages_are_answered_and_counted(
    raw_engine: Callable[..., Any], start_engine: Callable[..., Any]
) -> None:
    with open_host() as host:
        start_engine(host.endpoint, PatternHandler())
        host.wait(10)
        sender = raw_engine(host.endpoint)
        for frames in (
            [b"GET / HTTP/1.1\r\n"],
            [b""] * 2,
            [b"\x00"] * 500,
            [b"F2P\x01\x00\x01", b"\xc1"],
            [b"F2P\x01\x00\x01", b"\x80"],
            [b"F2P\x01\x00\x11", b"\x80"],
        ):
            sender.send_frames(*frames)
            refused = sender.expect(MessageType.REFUSED)
            assert refused.header["code"] == "malformed"
            assert refused.header["message"]
        assert host.counts["malformed"] == 6
        assert host.render(values(1), size=8).color.shape == (8, 8, 3)


def test_another_protocol_version_is_refused_with_both_versions(
    raw_engine: Callable[..., Any],
) -> None:
    with open_host() as host:
        sender = raw_engine(host.endpoint)
        sender.send_frames(b"F2P\x00\x09\x01", b"\x80")
        refused = sender.expect(MessageType.REFUSED)
        assert refused.header["code"] == "version"
        assert "0.9, this side 1.0" in refused.header["message"]
        assert refused.header["remedy"]
        with pytest.raises(EngineTimeoutError, match=r"one was refused: .* protocol 0\.9"):
            host.wait(0.3)


def test_raw_bytes_on_the_port_do_not_disturb_engines(start_engine: Callable[..., Any]) -> None:
    with open_host() as host:
        start_engine(host.endpoint, PatternHandler())
        host.wait(10)
        address = ("127.0.0.1", int(host.endpoint.rpartition(":")[2]))
        greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48)
        for data in (
            b"GET / HTTP/1.1\r\n\r\n",
            bytes(range(256)) * 40,
            b"\xff" * 100,
            greeting + b"\x04\x05READY" + b"\xff" * 1000,
            greeting + b"\x02" + (2**62).to_bytes(8, "big") + b"x" * 1000,
        ):
            with socket.create_connection(address, 5) as bare, contextlib.suppress(OSError):
                bare.sendall(data)
                bare.settimeout(0.2)
                bare.recv(100)
        assert host.render(values(1), size=8).color.shape == (8, 8, 3)
        assert host.counts["handshakes_failed"] + host.counts.get("malformed", 0) >= 1


def test_a_frame_above_the_limit_ends_the_connection(raw_engine: Callable[..., Any]) -> None:
    with open_host() as host:
        engine = raw_engine(host.endpoint)
        engine.hello()
        engine.send_frames(b"F2P\x01\x00\x11", b"\x80", bytes(67_108_865))
        for _ in range(100):
            if not host.engines:
                break
            time.sleep(0.05)
        assert host.engines == []
        assert host.counts.get("malformed", 0) == 0  # ZeroMQ refused it


def test_unrequested_answers_and_unknown_types_are_counted_and_ignored(
    raw_engine: Callable[..., Any],
) -> None:
    with open_host() as host:
        engine = raw_engine(host.endpoint)
        engine.hello()
        engine.send(MessageType.APPLIED, {"id": 12345, "credits": 1})
        engine.send_frames(b"F2P\x01\x00\xc8", b"\x80")  # a type of a later minor version
        result: list[Any] = []
        thread = threading.Thread(target=lambda: result.append(host.apply(values(1))))
        thread.start()
        id = engine.expect(MessageType.APPLY).header["id"]
        engine.send(MessageType.APPLIED, {"id": id, "credits": 1})
        thread.join(10)
        assert result[0].name == "raw"
        assert (host.counts["unrequested"], host.counts["ignored"]) == (1, 1)


# ---- handshake


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"role": "game"}, "role", "role 'game' is not supported here"),
        ({"game": "other"}, "game", "engine of 'other', the host needs 'demo'"),
        ({"kinds": {"villain": "0"}}, "kind", "draws villain, the host needs hero"),
        ({"kinds": {"hero": "f00"}}, "layout", "with layout f00, this side has layout 0"),
        ({"kinds": {}}, "malformed", "'kinds'"),
        ({"kinds": {"hero": 5}}, "malformed", "'kinds'"),
        ({"passes": ["labels"]}, "malformed", "must contain 'color'"),
        ({"max_size": 0}, "malformed", "'max_size'"),
        ({"credits": 0}, "malformed", "'credits'"),
        ({"credits": 65}, "malformed", "'credits'"),
        ({"name": "x" * 201}, "malformed", "'name'"),
        ({"assets": "x" * 201}, "malformed", "'assets'"),
        ({"assets": 7}, "malformed", "'assets'"),
    ],
)
def test_a_hello_with_wrong_fields_is_refused(
    raw_engine: Callable[..., Any], changes: dict[str, Any], code: str, text: str
) -> None:
    from .conftest import HELLO

    with open_host() as host:
        engine = raw_engine(host.endpoint)
        engine.send(MessageType.HELLO, {**HELLO, "credits": 2, **changes})
        refused = engine.expect(MessageType.REFUSED)
        assert refused.header["code"] == code
        assert text in refused.header["message"]
        assert host.engines == []


def test_engine_and_host_report_the_reason_of_a_refusal(
    start_engine: Callable[..., Any],
) -> None:
    with open_host(layouts={"hero": "abc"}) as host:
        engine = start_engine(host.endpoint, PatternHandler(kinds={"hero": "def"}))
        started = time.monotonic()
        with pytest.raises(ProtocolError, match="layout def, this side has layout abc"):
            host.wait(20)
        assert time.monotonic() - started < 10
        engine.join()
        assert isinstance(engine.error, ProtocolError)
        assert "refused this engine (layout)" in engine.error.message
        assert "same version of the game's adapter" in engine.error.remedy


def test_a_newer_minor_version_is_admitted_with_a_warning(raw_engine: Callable[..., Any]) -> None:
    import msgpack

    from .conftest import HELLO

    with open_host() as host:
        engine = raw_engine(host.endpoint)
        hello = {**HELLO, "credits": 2, "unknown": "x"}
        engine.send_frames(b"F2P\x01\x07\x01", msgpack.packb(hello))
        welcome = engine.expect(MessageType.WELCOME)
        assert "uses bridge protocol 1.7, this side 1.0" in welcome.header["warnings"][0]
        assert host.wait(5).warnings == tuple(welcome.header["warnings"])


def test_two_engines_with_different_assets_cause_a_warning(
    start_engine: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with open_host() as host:
        start_engine(host.endpoint, PatternHandler(assets="build 7"))
        assert host.wait(10).assets == "build 7"
        start_engine(host.endpoint, PatternHandler(assets="build 8"))
        start_engine(host.endpoint, PatternHandler())  # gives none: no warning
        host.wait(10, engines=3)
        (warning,) = [text for engine in host.engines for text in engine.warnings]
        assert "build 7" in warning
        assert "build 8" in warning
        assert "update the older engine" in warning
        assert warning in caplog.text


def test_an_engine_ends_when_the_host_has_another_major_version(
    raw_host: tuple[Any, str], start_engine: Callable[..., Any]
) -> None:
    host, endpoint = raw_host
    engine = start_engine(endpoint, PatternHandler())
    host.expect(MessageType.HELLO)
    host.send_frames(b"F2P\x02\x01\x02", b"\x80")
    engine.join()
    assert isinstance(engine.error, ProtocolError)
    assert "protocol 2.1, this side 1.0" in engine.error.message


def test_an_engine_ignores_malformed_messages(
    raw_host: tuple[Any, str], start_engine: Callable[..., Any]
) -> None:
    host, endpoint = raw_host
    engine = start_engine(endpoint, PatternHandler())
    host.expect(MessageType.HELLO)
    for frames in ([b"x"], [b"\x00"] * 50, [b"F2P\x01\x00\x10", b"\xc1"]):
        host.send_frames(*frames)
    host.send(MessageType.WELCOME, {"host": "raw", "heartbeat": 0.05, "silence": 5.0})
    size = {"size": [-1, 10**9], "passes": [], "values": {}}
    host.send(MessageType.RENDER, {"id": 1, "kind": "hero", **size})
    failed = host.expect(MessageType.FAILED)
    assert (failed.header["id"], failed.header["credits"]) == (1, 1)
    assert "size must be" in failed.header["message"]
    engine.stop.set()
    engine.join()
    assert engine.error is None
    assert host.expect(MessageType.GOODBYE).header["reason"] == "the engine closes"


def test_an_engine_answers_malformed_requests_whose_id_can_be_read(
    raw_host: tuple[Any, str], start_engine: Callable[..., Any]
) -> None:
    import msgpack

    host, endpoint = raw_host
    start_engine(endpoint, PatternHandler())
    host.expect(MessageType.HELLO)
    host.send(MessageType.WELCOME, {"host": "raw", "heartbeat": 0.05, "silence": 5.0})
    for id in (-1, 2.0, 2**64 - 1):  # the first two cannot be read
        host.send_frames(b"F2P\x01\x00\x12", msgpack.packb({"id": id, "kind": "hero"}))
    failed = host.expect(MessageType.FAILED)
    assert (failed.header["id"], failed.header["credits"]) == (2**64 - 1, 1)
    assert failed.header["message"] == "APPLY: field 'values' is missing"


def test_an_engine_drops_its_requests_and_sends_hello_after_again(
    raw_host: tuple[Any, str], start_engine: Callable[..., Any]
) -> None:
    host, endpoint = raw_host
    start_engine(endpoint, PatternHandler(delay=0.3))
    host.expect(MessageType.HELLO)
    welcome = {"host": "raw", "heartbeat": 0.1, "silence": 5.0}
    host.send(MessageType.WELCOME, welcome)
    request = {"kind": "hero", "size": [2, 2], "passes": ["color"], "values": {}}
    host.send(MessageType.RENDER, {"id": 1, **request})
    host.send(MessageType.RENDER, {"id": 2, **request})
    time.sleep(0.1)
    host.send(MessageType.AGAIN, {})  # it draws 1 and holds 2: both are dropped
    host.expect(MessageType.HELLO)
    host.send(MessageType.WELCOME, welcome)
    host.send(MessageType.RENDER, {"id": 3, **request})
    assert host.expect(MessageType.PICTURE).header["id"] == 3


def test_an_engine_connects_to_a_restarted_host(start_engine: Callable[..., Any]) -> None:
    with open_host() as host:
        endpoint = host.endpoint
        start_engine(endpoint, PatternHandler())
        host.wait(10)
    for _ in range(50):
        try:
            host = open_host(endpoint)
            break
        except BridgeError:  # until the system frees the port
            time.sleep(0.1)
    with host:
        host.wait(10)
        assert host.render(values(1), size=8).color.shape == (8, 8, 3)


def test_an_engine_ends_without_a_host_after_its_timeout() -> None:
    with pytest.raises(EngineTimeoutError, match="no welcome from tcp://"):
        serve_engine("tcp://127.0.0.1:9", PatternHandler(), connect_timeout=0.3)


# ---- closing, endpoints, keys


def test_closing_the_host_fails_open_requests() -> None:
    errors: list[BaseException] = []

    def render(host: Host) -> None:
        try:
            host.render(values(1), size=8)
        except BaseException as error:
            errors.append(error)

    with open_host() as host:
        thread = threading.Thread(target=render, args=(host,))
        thread.start()
        time.sleep(0.2)
    thread.join(5)
    assert isinstance(errors[0], BridgeError)
    assert "closed" in errors[0].message
    with pytest.raises(BridgeError, match="closed"):
        host.render(values(1), size=8)
    host.close()  # closing twice is allowed


@pytest.mark.parametrize("bind", ["tcp://0.0.0.0:*", "tcp://*:5555", "tcp://192.0.2.1:5555"])
def test_off_loopback_keys_or_plaintext_are_required(bind: str) -> None:
    with pytest.raises(UsageError, match="can be reached from other machines") as caught:
        Host(bind)
    assert "--keys" in caught.value.remedy
    assert "--plaintext" in caught.value.remedy


def test_plaintext_off_loopback_is_an_explicit_option() -> None:
    with Host("tcp://0.0.0.0:*", plaintext=True) as host:
        assert host.endpoint.startswith("tcp://0.0.0.0:")


@pytest.mark.parametrize("bind", ["ipc:///tmp/x", "tcp://nowhere", "127.0.0.1:5", "tcp://a:99999"])
def test_invalid_endpoints(bind: str) -> None:
    with pytest.raises(UsageError, match="is not an endpoint"):
        Host(bind)


def test_a_port_in_use() -> None:
    with Host() as host, pytest.raises(BridgeError, match="cannot listen on") as caught:
        Host(host.endpoint)
    assert caught.value.remedy


def test_only_engines_with_admitted_keys_connect(
    tmp_path: Any, start_engine: Callable[..., Any], raw_engine: Callable[..., Any]
) -> None:
    from f2p_sdk.bridge import make_keys

    keys = make_keys(tmp_path / "keys")
    secret = (keys / "host.key_secret").read_bytes()
    assert make_keys(keys) == keys
    assert (keys / "host.key_secret").read_bytes() == secret  # existing keys are kept
    others = make_keys(tmp_path / "others")
    (others / "host.key").write_bytes((keys / "host.key").read_bytes())
    with open_host("tcp://0.0.0.0:*", keys=keys) as host:
        endpoint = host.endpoint.replace("0.0.0.0", "127.0.0.1")
        engine = raw_engine(endpoint)  # without keys
        from .conftest import HELLO

        engine.send(MessageType.HELLO, {**HELLO, "credits": 2})
        start_engine(endpoint, PatternHandler(), keys=others)  # with keys that are not admitted
        with pytest.raises(EngineTimeoutError):
            host.wait(1)
        assert host.counts["handshakes_failed"] >= 1
        start_engine(endpoint, PatternHandler(), keys=keys)
        host.wait(10)
        assert host.render(values(1), size=8).color.shape == (8, 8, 3)
    with pytest.raises(BridgeError, match="no usable key in"):
        Host(keys=tmp_path / "nothing")


def test_waits_are_shown_after_two_seconds(
    start_engine: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "f2p_sdk.waiting")
    with open_host() as host:
        with pytest.raises(EngineTimeoutError):
            host.wait(2.6)
        assert f"waiting up to 2.6 s for 1 engine(s) at {host.endpoint}" in caplog.text
        start_engine(host.endpoint, PatternHandler(delay=2.8))
        host.wait(10)
        host.render(values(1), size=8)
        assert "waiting for fake 1.0 (demo: hero) to answer (1 requests)" in caplog.text


def test_a_refusal_while_an_engine_is_connected_does_not_end_later_waits(
    raw_engine: Callable[..., Any],
) -> None:
    from .conftest import HELLO

    with open_host() as host:
        engine, other = raw_engine(host.endpoint), raw_engine(host.endpoint)
        engine.hello()
        other.send(MessageType.HELLO, {**HELLO, "kinds": {"hero": "f00"}, "credits": 2})
        other.expect(MessageType.REFUSED)
        engine.send(MessageType.GOODBYE, {"reason": "restart"})
        while host.engines:
            time.sleep(0.01)
        with pytest.raises(EngineTimeoutError, match=r"one was refused: .*layout f00"):
            host.wait(1.6)  # longer than the wait after a refusal


def test_requests_fail_with_the_reason_when_the_only_engine_is_refused(
    raw_engine: Callable[..., Any],
) -> None:
    from .conftest import HELLO

    with open_host() as host:
        engine = raw_engine(host.endpoint)
        hello = {**HELLO, "kinds": {"hero": "f00"}, "credits": 2}
        engine.send(MessageType.HELLO, hello)
        started = time.monotonic()
        with pytest.raises(ProtocolError, match=r"one was refused: .*layout f00") as caught:
            host.render(values(1), size=8, deadline=60)
        assert time.monotonic() - started < 3
        assert "same version of the game's adapter" in caught.value.remedy
