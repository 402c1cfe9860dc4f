"""The leash breaks when who holds it lets go, and only then. Killed commands: tests/cli."""

from __future__ import annotations

import time

import pytest

from f2p_sdk.bridge.watchdog import VARIABLE, Leash, hold_leash


def test_it_breaks_when_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    with hold_leash() as environment:
        monkeypatch.setenv(VARIABLE, environment[VARIABLE])
        first, second = Leash(), Leash()
        assert not first.broken
        first.close()
        assert not second.broken
    end = time.monotonic() + 5
    while not second.broken:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert second.broken
    second.close()
    assert Leash().broken  # nobody holds that port any more


def test_without_one_nothing_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    leash = Leash()
    assert not leash.broken
    leash.close()


@pytest.mark.parametrize("port", ["no port", "-1", "70000", "9" * 30])
def test_a_port_that_is_none_is_nobodys(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv(VARIABLE, port)
    assert Leash().broken
