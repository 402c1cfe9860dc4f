"""Report of a fit: circumstances, times and versions."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from .. import __version__
from .hints import landmark_hints, method_hints

if TYPE_CHECKING:
    from ..parameters import Layout
    from .fitting import Fitter
    from .method import Context, Method, State
    from .result import Subject
    from .verification import Verified

__all__ = ["Clock", "Progress", "circumstances", "outcome", "versions"]

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


def circumstances(fitter: Fitter, plan: Method, subject: Subject) -> dict[str, Any]:
    """Return the part of a report that does not depend on the search."""
    engine = None if fitter.engine is None else fitter.engine.info
    return {
        "game": fitter.kind.name,
        "layout_hash": fitter.layout.hash,
        "method": plan.name,
        "own_picture": subject.own,
        "face": {
            "found": subject.picked.count,
            "taken": subject.picked.number,
            "box": [round(float(edge), 1) for edge in subject.picked.face.box],
            "message": subject.picked.message,
            "hints": [
                *subject.hints,
                *subject.aligned.hints,
                *method_hints(plan, subject),
                *landmark_hints(plan, fitter.kind, fitter.locate),
            ],
        },
        "versions": versions(
            recognizer=fitter.recognizer.name,
            measure=fitter.measure.name,
            parser="" if fitter.reader is None else fitter.reader.parser.name,
            detector=fitter.detector.name,
            landmarker="" if fitter.locate is None else fitter.locate.landmarker.name,
            **({} if engine is None else {"engine": f"{engine.name} {engine.version}"}),
        ),
        "imitator": dict(fitter.card),
    }


def outcome(context: Context, state: State, verified: Verified, layout: Layout) -> dict[str, Any]:
    """Return the part of a report about the search and its verification."""
    values = layout.decode(state.candidates[verified.chosen].numpy()).values
    return {
        "shown": {p.name: p.text(float(values[p.name])) for p in layout.continuous if p.display},
        "scene": dict(state.scene),
        "blur": context.blur.sigma,
        "chosen": verified.chosen,
        "verified": verified.terms,
        "losses": {name: [dict(row) for row in rows] for name, rows in state.losses.items()},
        "weights_of_terms": {
            name: weight for name, (weight, _) in context.objective({}).parts.items()
        },
    }
