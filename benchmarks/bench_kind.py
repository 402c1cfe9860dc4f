"""A small kind of character, its engine, and figures of processes, for the benchmarks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from f2p_sdk import Kind
from f2p_sdk.testing import FakeEngine

LAYOUT = """
game = "bench"
kind = "hero"

[[continuous]]
name = "nose"
group = "face"
low = 0
high = 1
default = 0.5

[[continuous]]
name = "jaw"
group = "face"
low = -1
high = 1
default = 0

[[discrete]]
name = "hair"
group = "hair"
choices = ["bob", "long", "bald"]
default = "bob"
"""


def make_kind(folder: Path, engine: Callable[[str], list[str]] | None = None) -> Kind:
    """The kind ``bench/hero``, with its layout written to ``folder``."""
    path = folder / "hero.toml"
    path.write_text(LAYOUT, encoding="utf-8")
    return Kind("bench", "hero", path, engine=engine)


def start_engine(kind: Kind, endpoint: str, **options: float | bool | str) -> subprocess.Popen[str]:
    """Start the Python engine of ``f2p_sdk.testing``; its stderr is a pipe."""
    kinds = {kind.kind: kind.layout.hash}
    argv = FakeEngine.argv(endpoint, game=kind.game, **{"kinds": kinds, **options})  # type: ignore[arg-type]
    return start(argv)


def start(argv: list[str]) -> subprocess.Popen[str]:
    """Start a process; its stderr is a pipe."""
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def resident_mb() -> float:
    """Resident memory of this process in megabytes; 0 where /proc is missing."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def open_files() -> int:
    """Number of open files and sockets of this process; 0 where /proc is missing."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def python(*arguments: object) -> list[str]:
    """Command line of this Python."""
    return [sys.executable, *map(str, arguments)]
