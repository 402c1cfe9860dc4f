"""The dispatcher: engines, credits, deadlines and lost work, with simulated time."""

from __future__ import annotations

from typing import Any

import pytest

from f2p_sdk.bridge.dispatch import MAX_ATTEMPTS, Dispatcher, Ticket
from f2p_sdk.bridge.messages import EngineInfo
from f2p_sdk.bridge.wire import Message, MessageType
from f2p_sdk.errors import EngineError, EngineLostError, EngineTimeoutError, F2PError

INFO = EngineInfo("demo", {"hero": "0"}, "fake", "1", max_size=64)


class Harness:
    """A dispatcher and the outcomes that it delivered."""

    def __init__(self) -> None:
        self.dispatcher = Dispatcher(first_id=100)
        self.delivered: dict[str, Any] = {}

    def submit(self, name: str, now: float = 0.0, **changes: Any) -> Ticket:
        def deliver(outcome: Message | F2PError, info: EngineInfo | None) -> None:
            assert name not in self.delivered, "delivered twice"
            self.delivered[name] = outcome

        header = {"kind": "hero", "size": [8, 8], "passes": ["color"], "name": name, **changes}
        ticket = Ticket(MessageType.RENDER, header, 10.0, deliver)
        self.dispatcher.submit(ticket, now)
        return ticket

    def assign(self, now: float = 0.0) -> list[tuple[bytes, int, str]]:
        return [(e.key, id, t.header["name"]) for e, id, t in self.dispatcher.assign(now)]


def test_an_engine_gets_as_many_requests_as_it_has_credits() -> None:
    harness = Harness()
    for name in "abcd":
        harness.submit(name)
    assert harness.assign() == []
    harness.dispatcher.join(b"1", INFO, 2, 0.0)
    assert harness.assign() == [(b"1", 100, "a"), (b"1", 101, "b")]
    assert harness.assign() == []
    ticket = harness.dispatcher.answer(b"1", 100, 1, 1.0)
    assert ticket is not None
    assert ticket.header["name"] == "a"
    assert harness.assign() == [(b"1", 102, "c")]


def test_requests_are_distributed_over_the_engines() -> None:
    harness = Harness()
    harness.dispatcher.join(b"1", INFO, 2, 0.0)
    harness.dispatcher.join(b"2", INFO, 2, 0.0)
    for name in "abc":
        harness.submit(name)
    assert [key for key, _, _ in harness.assign()] == [b"1", b"2", b"1"]
    assert harness.dispatcher.capacity == 4


def test_requests_of_a_lost_engine_go_to_another_one_first_and_in_order() -> None:
    harness = Harness()
    harness.dispatcher.join(b"1", INFO, 2, 0.0)
    for name in "abc":
        harness.submit(name)
    harness.assign()
    harness.dispatcher.join(b"2", INFO, 3, 0.0)
    harness.dispatcher.lose(b"1", "its connection closed", 1.0)
    assert [(key, name) for key, _, name in harness.assign(1.0)] == [
        (b"2", "a"),
        (b"2", "b"),
        (b"2", "c"),
    ]
    assert harness.delivered == {}


def test_an_answer_with_an_old_id_is_dropped() -> None:
    harness = Harness()
    harness.dispatcher.join(b"1", INFO, 1, 0.0)
    harness.submit("a")
    ((_, id, _),) = harness.assign()
    harness.dispatcher.join(b"1", INFO, 1, 1.0)  # the engine restarted
    with pytest.raises(KeyError):
        harness.dispatcher.answer(b"1", id, 0, 1.0)
    ((_, again, name),) = harness.assign(1.0)
    assert name == "a"
    assert again != id


def test_a_request_fails_after_it_has_ended_several_engines() -> None:
    harness = Harness()
    harness.submit("fatal")
    harness.submit("good")
    for number in range(MAX_ATTEMPTS):
        key = bytes([number])
        harness.dispatcher.join(key, INFO, 2, 0.0)
        assert harness.assign()[0][2] == "fatal"
        harness.dispatcher.lose(key, "it died", 0.0)
    assert isinstance(harness.delivered["fatal"], EngineLostError)
    assert "good" not in harness.delivered  # it was not being drawn
    harness.dispatcher.join(b"last", INFO, 2, 0.0)
    assert [name for _, _, name in harness.assign()] == ["good"]


def test_the_deadline_counts_from_when_a_request_is_the_oldest_of_its_engine() -> None:
    harness = Harness()
    harness.dispatcher.join(b"1", INFO, 2, 0.0)
    harness.submit("a")
    harness.submit("b")
    (_, first, _), (_, second, _) = harness.assign(0.0)
    assert harness.dispatcher.next_deadline() == 10.0
    harness.dispatcher.answer(b"1", first, 1, 9.0)
    harness.dispatcher.expire(18.0)  # b was sent 18 seconds ago and begun 9 seconds ago
    assert harness.delivered == {}
    assert harness.dispatcher.next_deadline() == 19.0
    harness.dispatcher.expire(19.0)
    assert isinstance(harness.delivered["b"], EngineTimeoutError)
    assert "fake 1 did not answer within 10 s" in harness.delivered["b"].message
    assert harness.delivered["b"].remedy
    assert harness.dispatcher.answer(b"1", second, 1, 20.0) is None


def test_a_stalled_engine_gets_no_request_until_it_answers() -> None:
    harness = Harness()
    harness.dispatcher.join(b"1", INFO, 2, 0.0)
    harness.submit("a")
    ((_, id, _),) = harness.assign(0.0)
    harness.dispatcher.join(b"2", INFO, 1, 0.0)
    harness.dispatcher.expire(10.0)
    assert [key for key, _, _ in harness.assign(10.0)] == [b"2"]  # a has moved to the other engine
    harness.submit("b", 11.0)
    assert harness.assign(11.0) == []
    assert harness.dispatcher.answer(b"1", id, 1, 12.0) is None
    assert [(key, name) for key, _, name in harness.assign(12.0)] == [(b"1", "b")]


def test_requests_fail_at_their_deadline_if_no_engine_is_connected() -> None:
    harness = Harness()
    harness.submit("a", 5.0)
    harness.dispatcher.expire(14.9)
    assert harness.delivered == {}
    harness.dispatcher.expire(15.0)
    assert isinstance(harness.delivered["a"], EngineTimeoutError)
    assert "no engine connected within 10 s" in harness.delivered["a"].message

    harness.dispatcher.join(b"1", INFO, 1, 20.0)
    harness.submit("b", 20.0)
    harness.assign(20.0)
    harness.dispatcher.lose(b"1", "its connection closed", 25.0)
    harness.dispatcher.expire(29.0)
    assert "b" not in harness.delivered
    harness.dispatcher.expire(30.0)  # the time at the lost engine counts
    assert isinstance(harness.delivered["b"], EngineLostError)
    assert "its connection closed" in harness.delivered["b"].message


def test_a_request_that_no_engine_supports_fails_at_once_and_blocks_no_other() -> None:
    harness = Harness()
    harness.dispatcher.join(b"1", INFO, 4, 0.0)
    harness.submit("large", size=[65, 8])
    harness.submit("other kind", kind="villain")
    harness.submit("other pass", passes=["color", "labels"])
    harness.submit("fine")
    assert [name for _, _, name in harness.assign()] == ["fine"]
    for name in ("large", "other kind", "other pass"):
        assert isinstance(harness.delivered[name], EngineError)
        assert "fake: hero, up to 64 pixels, color" in harness.delivered[name].message


def test_engines_get_only_requests_of_their_kinds() -> None:
    harness = Harness()
    harness.dispatcher.join(b"1", INFO, 1, 0.0)
    harness.dispatcher.join(b"2", EngineInfo("demo", {"villain": "1"}, "fake", "1"), 1, 0.0)
    for name, kind in (("a", "hero"), ("b", "hero"), ("c", "villain")):
        harness.submit(name, kind=kind)
    assert [(key, name) for key, _, name in harness.assign()] == [(b"1", "a"), (b"2", "c")]
    assert [t.header["name"] for t in harness.dispatcher.waiting] == ["b"]


def test_no_request_is_lost_when_sending_stops_in_the_middle() -> None:
    harness = Harness()
    harness.dispatcher.join(b"1", INFO, 1, 0.0)
    harness.dispatcher.join(b"2", EngineInfo("demo", {"villain": "1"}, "fake", "1"), 1, 0.0)
    for name, kind in (("a", "hero"), ("b", "hero"), ("c", "villain"), ("d", "villain")):
        harness.submit(name, kind=kind)
    for engine, _, ticket in harness.dispatcher.assign(0.0):
        if ticket.header["name"] == "c":  # b waits for engine 1; engine 2 is lost here
            harness.dispatcher.lose(engine.key, "its connection closed", 0.0)
            break
    assert [t.header["name"] for t in harness.dispatcher.waiting] == ["b", "c", "d"]


def test_an_engine_keeps_at_most_64_credits_and_at_least_one_when_idle() -> None:
    harness = Harness()
    harness.dispatcher.join(b"1", INFO, 2, 0.0)
    for name in "abc":
        harness.submit(name)
    (_, first, _), (_, second, _) = harness.assign()
    engine = harness.dispatcher.engines[b"1"]
    harness.dispatcher.answer(b"1", first, 0, 0.0)
    assert engine.credits == 0
    harness.dispatcher.answer(b"1", second, 0, 0.0)
    assert engine.credits == 1
    ((_, third, _),) = harness.assign()
    harness.dispatcher.answer(b"1", third, 64, 0.0)
    harness.submit("d")
    ((_, fourth, _),) = harness.assign()
    harness.dispatcher.answer(b"1", fourth, 64, 0.0)
    assert engine.credits == 64


def test_an_engine_that_answers_late_without_credits_gets_requests_again() -> None:
    harness = Harness()
    harness.dispatcher.join(b"1", INFO, 2, 0.0)
    harness.submit("a")
    harness.submit("b")
    (_, first, _), _ = harness.assign()
    harness.dispatcher.expire(10.0)  # it answers one of the two, and never the other
    assert isinstance(harness.delivered["a"], EngineTimeoutError)
    assert harness.dispatcher.answer(b"1", first, 0, 11.0) is None
    assert [name for _, _, name in harness.assign(11.0)] == ["b"]


def test_an_unrequested_answer_gives_no_credit() -> None:
    harness = Harness()
    harness.dispatcher.join(b"1", INFO, 1, 0.0)
    with pytest.raises(KeyError):
        harness.dispatcher.answer(b"1", 5, 9, 0.0)
    assert harness.dispatcher.engines[b"1"].credits == 1


def test_a_request_that_only_a_stalled_engine_supports_fails_at_its_deadline() -> None:
    harness = Harness()
    harness.dispatcher.join(b"1", INFO, 1, 0.0)
    harness.dispatcher.join(b"2", EngineInfo("demo", {"villain": "1"}, "fake", "1"), 1, 0.0)
    harness.submit("a")
    harness.submit("b")
    harness.assign()
    harness.dispatcher.expire(10.0)
    assert isinstance(harness.delivered["a"], EngineTimeoutError)
    harness.dispatcher.expire(20.0)
    assert isinstance(harness.delivered["b"], EngineLostError)


def test_fail_all_delivers_to_every_request_once() -> None:
    harness = Harness()
    harness.dispatcher.join(b"1", INFO, 1, 0.0)
    harness.submit("a")
    harness.submit("b")
    harness.assign()
    harness.dispatcher.fail_all(EngineLostError("over"))
    assert set(harness.delivered) == {"a", "b"}
    assert harness.dispatcher.next_deadline() == float("inf")
