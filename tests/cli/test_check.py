"""f2p check: the table, the JSON, the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]


def test_check_without_engine(f2p: Run) -> None:
    done = f2p("check", "-g", "toy", "--no-engine", "--json")
    assert done.code == 0, done.text
    document = json.loads(done.out)
    assert document["kinds"] == ["toy/hero", "toy/villain"]
    assert document["failed"] == 0
    assert {f["check"] for f in document["findings"]} == {"plugins", "adapter", "weights"}


def test_a_broken_rule_gives_exit_code_one(f2p: Run) -> None:
    done = f2p("check", "-g", "toy/hero")
    assert done.code == 1
    assert "✗" in done.out
    assert "looks like none" in done.text
    assert "remove one from the layout" in done.text
    assert "2 broken" in done.text


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (["-g", "nogame"], 1, "there is no game named 'nogame'"),
        (["--no-engine", "--listen", "tcp://127.0.0.1:*"], 2, "leave out --no-engine"),
        (["-g", "toy", "--listen", "tcp://127.0.0.1:*"], 2, "name it: -g GAME/KIND"),
        (["-g", "toy", "--plaintext"], 2, "need --listen"),
    ],
)
def test_usage_errors(f2p: Run, options: list[str], code: int, text: str) -> None:
    done = f2p("check", *options)
    assert done.code == code
    assert text in done.text
