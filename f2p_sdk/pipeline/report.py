"""Times and versions for a report."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from .. import __version__

__all__ = ["Clock", "Progress", "versions"]

#: Called as ``progress(stage, done, total)``; ``total`` is 0 where it is unknown.
Progress = Callable[[str, int, int], object]


class Clock:
    """Measures the time of each stage and reports progress."""

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress
        self._begun = time.perf_counter()
        self._seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, total: int = 0) -> Iterator[Callable[[int], None]]:
        """Time a block; it yields a function to call with the amount done."""

        def report(done: int) -> None:
            if self._progress is not None:
                self._progress(name, done, total)

        report(0)
        begun = time.perf_counter()
        try:
            yield report
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - begun

    def seconds(self) -> dict[str, float]:
        """Return seconds per stage, and ``total`` since the clock was made."""
        total = time.perf_counter() - self._begun
        return {name: round(s, 3) for name, s in {**self._seconds, "total": total}.items()}


def versions(**others: str) -> dict[str, Any]:
    """Return the versions of SDK, torch and Python, and ``others`` by name."""
    return {
        "f2p-sdk": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        **others,
    }
