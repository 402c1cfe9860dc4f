"""What a report says beside the numbers of the search: how long each stage took, and with what."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .. import __version__

__all__ = ["Clock", "Progress", "versions"]

#: Called as ``progress(stage, done, total)``; ``total`` is 0 where it is not known.
Progress = Callable[[str, int, int], object]


class Clock:
    """Times the stages and passes progress on."""

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress
        self._stage = ""
        self._begun = time.perf_counter()
        self._seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, total: int = 0) -> Iterator[Callable[[int], None]]:
        """Times what happens inside; what it yields is called with how much is done."""

        def tell(done: int) -> None:
            if self._progress is not None:
                self._progress(name, done, total)

        tell(0)
        begun = time.perf_counter()
        try:
            yield tell
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - begun

    def seconds(self) -> dict[str, float]:
        """Seconds per stage, and ``total`` since the clock was made."""
        total = time.perf_counter() - self._begun
        return {name: round(s, 3) for name, s in {**self._seconds, "total": total}.items()}


def versions(**others: str) -> dict[str, Any]:
    """Versions of what the result depends on; ``others`` are added by name."""
    import torch

    return {
        "f2p-sdk": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        **others,
    }
