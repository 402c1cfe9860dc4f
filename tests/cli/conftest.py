"""The toy game's character, a free endpoint, and the commands as processes of their own."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from f2p_sdk.parameters import Layout

MAIN = "import sys; from f2p_sdk.cli import main; sys.argv[0] = 'f2p'; main()"


@pytest.fixture(scope="session")
def hero() -> Layout:
    """The layout of toy/hero."""
    return Layout.load(Path(__file__).parents[1] / "toy" / "hero.toml")


@pytest.fixture(scope="session")
def kinds(hero: Layout) -> dict[str, str]:
    """What an engine of the toy game says that it draws."""
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
    """The command in a process of its own."""
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
    """What the toy engine draws, worked out here."""

    def draw(values: Mapping[str, Any], size: int) -> Any:
        from f2p_toy import Engine  # type: ignore[import-not-found]

        return Engine().render("hero", values, (size, size), ["color"], {})["color"]

    return draw
