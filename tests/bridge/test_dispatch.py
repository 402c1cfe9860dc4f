"""Engines, credits, deadlines and lost work, with a clock of the test's own and no sockets."""

from __future__ import annotations

from typing import Any

from f2p_sdk.bridge.dispatch import MAX_ATTEMPTS, Dispatcher, Ticket
from f2p_sdk.bridge.messages import EngineInfo
from f2p_sdk.bridge.wire import Message, MessageType
from f2p_sdk.errors import EngineError, EngineLostError, EngineTimeoutError, F2PError

INFO = EngineInfo("demo", {"hero": "0"}, "fake", "1", max_size=64)


class Desk:
    """A dispatcher and what it delivered."""

    def __init__(self) -> None:
        self.d = Dispatcher(first_id=100)
        self.got: dict[str, Any] = {}

    def submit(self, name: str, now: float = 0.0, **changes: Any) -> Ticket:
        def deliver(outcome: Message | F2PError, info: EngineInfo | None) -> None:
            assert name not in self.got, "delivered twice"
            self.got[name] = outcome

        header = {"kind": "hero", "size": [8, 8], "passes": ["color"], "name": name, **changes}
        ticket = Ticket(MessageType.RENDER, header, 10.0, deliver)
        self.d.submit(ticket, now)
        return ticket

    def assign(self, now: float = 0.0) -> list[tuple[bytes, int, str]]:
        return [(e.key, id, t.header["name"]) for e, id, t in self.d.assign(now)]


def test_an_engine_gets_as_many_requests_as_it_has_credits() -> None:
    desk = Desk()
    for name in "abcd":
        desk.submit(name)
    assert desk.assign() == []
    desk.d.join(b"1", INFO, 2, 0.0)
    assert desk.assign() == [(b"1", 100, "a"), (b"1", 101, "b")]
    assert desk.assign() == []
    ticket = desk.d.answer(b"1", 100, 1, 1.0)
    assert ticket is not None
    assert ticket.header["name"] == "a"
    assert desk.assign() == [(b"1", 102, "c")]


def test_work_is_spread_over_engines() -> None:
    desk = Desk()
    desk.d.join(b"1", INFO, 2, 0.0)
    desk.d.join(b"2", INFO, 2, 0.0)
    for name in "abc":
        desk.submit(name)
    assert [key for key, _, _ in desk.assign()] == [b"1", b"2", b"1"]
    assert desk.d.capacity == 4


def test_lost_work_goes_to_another_engine_first_and_in_order() -> None:
    desk = Desk()
    desk.d.join(b"1", INFO, 2, 0.0)
    for name in "abc":
        desk.submit(name)
    desk.assign()
    desk.d.join(b"2", INFO, 3, 0.0)
    desk.d.lose(b"1", "connection closed", 1.0)
    assert [(key, name) for key, _, name in desk.assign(1.0)] == [
        (b"2", "a"),
        (b"2", "b"),
        (b"2", "c"),
    ]
    assert desk.got == {}


def test_an_answer_under_an_old_id_is_dropped_and_its_credit_kept() -> None:
    desk = Desk()
    desk.d.join(b"1", INFO, 1, 0.0)
    desk.submit("a")
    ((_, id, _),) = desk.assign()
    desk.d.join(b"1", INFO, 1, 1.0)  # it started over
    assert desk.d.answer(b"1", id, 0, 1.0) is None
    ((_, again, name),) = desk.assign(1.0)
    assert name == "a"
    assert again != id


def test_a_request_that_kills_engines_is_given_up() -> None:
    desk = Desk()
    desk.submit("poison")
    desk.submit("good")
    for number in range(MAX_ATTEMPTS):
        key = bytes([number])
        desk.d.join(key, INFO, 2, 0.0)
        assert desk.assign()[0][2] == "poison"
        desk.d.lose(key, "it died", 0.0)
    assert isinstance(desk.got["poison"], EngineLostError)
    assert "good" not in desk.got  # it only waited behind
    desk.d.join(b"last", INFO, 2, 0.0)
    assert [name for _, _, name in desk.assign()] == ["good"]


def test_the_deadline_counts_from_when_the_engine_can_begin() -> None:
    desk = Desk()
    desk.d.join(b"1", INFO, 2, 0.0)
    desk.submit("a")
    desk.submit("b")
    (_, first, _), (_, second, _) = desk.assign(0.0)
    assert desk.d.next_deadline() == 10.0
    desk.d.answer(b"1", first, 1, 9.0)
    desk.d.expire(18.0)  # b was sent 18 seconds ago, but begun 9 seconds ago
    assert desk.got == {}
    assert desk.d.next_deadline() == 19.0
    desk.d.expire(19.0)
    assert isinstance(desk.got["b"], EngineTimeoutError)
    assert "fake 1 did not answer within 10 s" in desk.got["b"].message
    assert desk.got["b"].remedy
    assert desk.d.answer(b"1", second, 1, 20.0) is None


def test_a_stalled_engine_gets_nothing_until_it_answers() -> None:
    desk = Desk()
    desk.d.join(b"1", INFO, 2, 0.0)
    desk.submit("a")
    ((_, id, _),) = desk.assign(0.0)
    desk.d.join(b"2", INFO, 1, 0.0)
    desk.d.expire(10.0)
    assert [key for key, _, _ in desk.assign(10.0)] == [b"2"]  # a moved to the other one
    desk.submit("b", 11.0)
    assert desk.assign(11.0) == []
    assert desk.d.answer(b"1", id, 1, 12.0) is None
    assert [(key, name) for key, _, name in desk.assign(12.0)] == [(b"1", "b")]


def test_waiting_without_an_engine_ends() -> None:
    desk = Desk()
    desk.submit("a", 5.0)
    desk.d.expire(14.9)
    assert desk.got == {}
    desk.d.expire(15.0)
    assert isinstance(desk.got["a"], EngineTimeoutError)
    assert "no engine connected within 10 s" in desk.got["a"].message

    desk.d.join(b"1", INFO, 1, 20.0)
    desk.submit("b", 20.0)
    desk.assign(20.0)
    desk.d.lose(b"1", "its connection closed", 25.0)
    desk.d.expire(34.0)
    assert "b" not in desk.got
    desk.d.expire(35.0)
    assert isinstance(desk.got["b"], EngineLostError)
    assert "its connection closed" in desk.got["b"].message


def test_what_no_engine_offers_fails_at_once_and_blocks_nobody() -> None:
    desk = Desk()
    desk.d.join(b"1", INFO, 4, 0.0)
    desk.submit("large", size=[65, 8])
    desk.submit("other kind", kind="villain")
    desk.submit("other pass", passes=["color", "labels"])
    desk.submit("fine")
    assert [name for _, _, name in desk.assign()] == ["fine"]
    for name in ("large", "other kind", "other pass"):
        assert isinstance(desk.got[name], EngineError)
        assert "fake: hero, up to 64 pixels, color" in desk.got[name].message


def test_engines_of_different_kinds_each_get_theirs() -> None:
    desk = Desk()
    desk.d.join(b"1", INFO, 1, 0.0)
    desk.d.join(b"2", EngineInfo("demo", {"villain": "1"}, "fake", "1"), 1, 0.0)
    for name, kind in (("a", "hero"), ("b", "hero"), ("c", "villain")):
        desk.submit(name, kind=kind)
    assert [(key, name) for key, _, name in desk.assign()] == [(b"1", "a"), (b"2", "c")]
    assert [t.header["name"] for t in desk.d.waiting] == ["b"]


def test_nothing_is_forgotten_when_sending_stops_in_the_middle() -> None:
    desk = Desk()
    desk.d.join(b"1", INFO, 1, 0.0)
    desk.d.join(b"2", EngineInfo("demo", {"villain": "1"}, "fake", "1"), 1, 0.0)
    for name, kind in (("a", "hero"), ("b", "hero"), ("c", "villain"), ("d", "villain")):
        desk.submit(name, kind=kind)
    for engine, _, ticket in desk.d.assign(0.0):
        if ticket.header["name"] == "c":  # b is held for engine 1; the way to engine 2 breaks here
            desk.d.lose(engine.key, "its connection closed", 0.0)
            break
    assert [t.header["name"] for t in desk.d.waiting] == ["b", "c", "d"]


def test_credits_stay_within_their_limit() -> None:
    desk = Desk()
    desk.d.join(b"1", INFO, 1, 0.0)
    desk.d.answer(b"1", 1, 10**9, 0.0)
    assert desk.d.engines[b"1"].credits == 64
    desk.d.answer(b"1", 1, -(10**9), 0.0)
    assert desk.d.engines[b"1"].credits == 0


def test_fail_all_reaches_everyone_once() -> None:
    desk = Desk()
    desk.d.join(b"1", INFO, 1, 0.0)
    desk.submit("a")
    desk.submit("b")
    desk.assign()
    desk.d.fail_all(EngineLostError("over"))
    assert set(desk.got) == {"a", "b"}
    assert desk.d.next_deadline() == float("inf")
