"""The watchdog expires when the command ends, and only then. Killed commands: tests/cli."""

from __future__ import annotations

import time

import pytest

from f2p_sdk.bridge.watchdog import VARIABLE, Watchdog, start_watchdog


def test_expires_when_the_command_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with start_watchdog() as environment:
        monkeypatch.setenv(VARIABLE, environment[VARIABLE])
        first, second = Watchdog(), Watchdog()
        assert not first.expired
        first.close()
        assert not second.expired
    end = time.monotonic() + 5
    while not second.expired:
        assert time.monotonic() < end
        time.sleep(0.01)
    second.close()
    assert Watchdog().expired  # nothing listens on that port any more


def test_never_expires_without_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    watchdog = Watchdog()
    assert not watchdog.expired
    watchdog.close()


@pytest.mark.parametrize("port", ["no port", "-1", "70000", "9" * 30])
def test_an_invalid_port_counts_as_expired(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv(VARIABLE, port)
    assert Watchdog().expired
