"""f2p check: the table, the JSON, the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]


def test_what_needs_no_engine(f2p: Run) -> None:
    done = f2p("check", "-g", "toy", "--no-engine", "--json")
    assert done.code == 0, done.text
    document = json.loads(done.out)
    assert document["kinds"] == ["toy/hero", "toy/villain"]
    assert document["failed"] == 0
    assert {f["check"] for f in document["findings"]} == {"adapter", "weights"}


def test_a_broken_rule_is_exit_code_one(f2p: Run) -> None:
    done = f2p("check", "-g", "toy/hero")
    assert done.code == 1
    assert "✗" in done.out
    assert "looks as none does" in done.text
    assert "take one out of the layout" in done.text
    assert "2 broken" in done.text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-g", "nogame"], "there is no game named 'nogame'"),
        (["--no-engine", "--listen", "tcp://127.0.0.1:*"], "leave out --no-engine"),
        (["-g", "toy", "--listen", "tcp://127.0.0.1:*"], "name it: -g GAME/KIND"),
        (["-g", "toy", "--plaintext"], "are for --listen"),
    ],
)
def test_wrong_use(f2p: Run, options: list[str], said: str) -> None:
    done = f2p("check", *options)
    assert done.code in (1, 2)
    assert said in done.text
