"""The recognizer whose distances reports give."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from f2p_sdk import hookimpl, plugins
from f2p_sdk.hookspecs import RecognizerSpec
from f2p_sdk.plugins import PluginInfo, PluginManager


def _spec(name: str, measures: bool, reason: str | None = None) -> RecognizerSpec:
    def load() -> Any:
        return SimpleNamespace(name=name)

    return RecognizerSpec(name, name, 4, load, available=lambda: reason, measures_likeness=measures)


@pytest.mark.parametrize(
    ("specs", "expected"),
    [
        ([_spec("a", False), _spec("b", True, "no weights"), _spec("c", True)], "c"),
        ([_spec("a", True), _spec("b", True)], "a"),
        ([_spec("a", False), _spec("b", True, "no weights")], None),
        ([], None),
    ],
)
def test_the_first_usable_one_that_measures_likeness(
    specs: list[RecognizerSpec], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Plugin:
        @hookimpl
        def f2p_recognizers(self) -> list[RecognizerSpec]:
            return specs

    manager = PluginManager()
    manager.register(Plugin(), PluginInfo("test"))
    monkeypatch.setattr(plugins, "manager", lambda: manager)
    found = plugins.likeness_recognizer()
    assert (None if found is None else found.name) == expected
