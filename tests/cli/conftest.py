"""Layout and characters of the toy game, a free endpoint, and commands in their own processes."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from f2p_toy import HERO, Engine

from f2p_sdk.parameters import Layout

MAIN = "import sys; from f2p_sdk.cli import main; sys.argv[0] = 'f2p'; main()"


@pytest.fixture(scope="session")
def hero() -> Layout:
    """The layout of toy/hero."""
    return HERO


@pytest.fixture(scope="session")
def kinds(hero: Layout) -> dict[str, str]:
    """Kinds of the toy engine with the hashes of their layouts."""
    return {"hero": hero.hash}


@pytest.fixture
def character(hero: Layout, tmp_path: Path) -> Path:
    return hero.random(1).save(tmp_path / "character.json")


@pytest.fixture
def endpoint() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"tcp://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def start(toy: None) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command in its own process."""
    processes: list[subprocess.Popen[str]] = []

    def run(*arguments: object) -> subprocess.Popen[str]:
        argv = [sys.executable, "-c", MAIN, *map(str, arguments)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture
def expected(toy: None) -> Callable[..., Any]:
    """Function that returns the toy engine's picture without the bridge."""

    def draw(values: Mapping[str, Any], size: int) -> Any:
        return Engine().render("hero", values, (size, size), ["color"], {})["color"]

    return draw
